// `fastcollect-meta show`: all that the manifest holds of one file, or of one test.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "item_json.h"
#include "log.h"
#include "store.h"

static const char help[] =
    "usage: fastcollect-meta show [OPTION]... PATH[::NAME...]\n"
    "\n"
    "Prints what the manifest holds of a file and what that depends on, or of a test.\n"
    "\n"
    "options:\n"
    "  --manifest FILE  the manifest; else the newest of the pytest cache here or above\n"
    "  --section KEY    records made under other options: how their key begins (see export)\n"
    "\n"
    "exit status: 0 found; 1 the manifest can't be used or doesn't hold it; 2 usage\n";

struct showing {
    struct fcm_store *store;
    struct fcm_wanted wanted;
    struct fcm_buffer bytes, out;
    size_t shown;
};

static int on_dependency(void *context, uint32_t dependency) {
    static const char *const kinds[] = {"file", "directory", "absent", "env"};
    struct showing *s = context;
    struct fcm_dependency_state state;
    const char *path;
    fcm_manifest_dependency(s->store->manifest, dependency, &state, &path);
    printf("  %s %s\n", kinds[state.kind], path);
    return 0;
}

static void show_entry(struct showing *s, uint32_t entry, const struct fcm_entry *e) {
    uint32_t dependency;
    enum fcm_dependency_change change;
    printf("%s\n  collector %s\n  tests %u\n  duration %.3f s\n", e->path, e->collector, e->tests,
           (double)e->duration);
    if (e->reason) printf("  collected natively: %s\n", e->reason);
    if (fcm_manifest_valid(s->store->manifest, entry, &dependency, &change)) {
        printf("  valid\n");
    } else {
        struct fcm_dependency_state state;
        const char *path;
        fcm_manifest_dependency(s->store->manifest, dependency, &state, &path);
        printf("  stale: %s: %s\n", path, fcm_dependency_change_text(change));
    }
    printf("depends on\n");
    if (e->set != FCM_NO_SET) {
        fcm_manifest_each_dependency(s->store->manifest, e->set, on_dependency, s);
    }
}

static void show_items(struct showing *s, const Fcm__Record *r, const struct fcm_node_ids *ids) {
    struct fcm_slice base = fcm_node_id(ids, 0);
    if (!s->wanted.names) printf("tests\n");
    for (size_t i = 0; i < r->n_item_node; i++) {
        struct fcm_slice id = fcm_node_id(ids, r->item_node[i]);
        size_t skip = base.size + 2 < id.size ? base.size + 2 : id.size;
        if (!fcm_wanted_has_names(&s->wanted, fcm_slice_of(id.data + skip, id.size - skip)))
            continue;
        s->shown++;
        if (!s->wanted.names) {
            printf("  %.*s\n", (int)id.size, (const char *)id.data);
            continue;
        }
        s->out.size = 0;
        fcm_item_add_json(&s->out, r, ids, i);
        printf("%.*s\n", (int)s->out.size, (const char *)s->out.data);
    }
}

static int show_file(struct showing *s, uint32_t entry) {
    struct fcm_entry e;
    fcm_manifest_entry(s->store->manifest, entry, &e);
    if (strcmp(e.path, s->wanted.path) != 0) return 0;
    if (!s->wanted.names) {
        s->shown++;
        show_entry(s, entry, &e);
    }
    if (e.raw_length == 0) return 0;
    const char *base = fcm_store_base(s->store->manifest, s->store->section, e.path);
    FCM_AUTO_RECORD *r = NULL;
    FCM_AUTO_NODE_IDS ids = {0};
    int result = fcm_store_record(s->store, entry, &s->bytes, &r);
    if (result == 0) result = fcm_node_ids_init(&ids, r, base, e.path);
    if (result == 0) show_items(s, r, &ids);
    return result;
}

static int show(struct fcm_store *store, const char *what) {
    struct showing s = {.store = store};
    int result = fcm_wanted_init(&s.wanted, what);
    for (size_t i = 0; result == 0 && i < store->count; i++) {
        result = show_file(&s, store->entries[i]);
    }
    if (result == 0 && s.out.failed) result = -ENOMEM;
    if (result == -ENOMEM) fcm_log("out of memory");
    if (result == 0 && s.shown == 0) fcm_log("%s: the manifest holds nothing of it", what);
    fcm_buffer_done(&s.bytes);
    fcm_buffer_done(&s.out);
    fcm_wanted_done(&s.wanted);
    return result == 0 && s.shown > 0 && fflush(stdout) == 0 ? FCM_EXIT_OK : FCM_EXIT_FAILED;
}

int fcm_command_show(int argc, char **argv) {
    static const struct option known[] = {{"help", no_argument, NULL, 'h'},
                                          {"manifest", required_argument, NULL, 'f'},
                                          {"section", required_argument, NULL, 's'},
                                          {0}};
    const char *path = NULL, *section = NULL;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
        switch (c) {
        case 'h': fputs(help, stdout); return FCM_EXIT_OK;
        case 'f': path = optarg; break;
        case 's': section = optarg; break;
        default: return FCM_EXIT_USAGE;
        }
    }
    if (optind + 1 != argc) {
        fcm_log("show takes one file or id; see show --help");
        return FCM_EXIT_USAGE;
    }
    FCM_AUTO_STORE store = {0};
    int status = fcm_store_open(&store, path, section);
    return status == FCM_EXIT_OK ? show(&store, argv[optind]) : status;
}
