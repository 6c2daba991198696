// `fastcollect-meta check`: which records are stale, and the dependency that made each so.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "log.h"
#include "import_order.h"
#include "store.h"

static const char help[] =
    "usage: fastcollect-meta check [OPTION]...\n"
    "\n"
    "Prints each stale file of the manifest with the dependency that changed, and folders that "
    "have got\n"
    "or lost entries since pytest walked them.\n"
    "\n"
    "options:\n"
    "  --manifest FILE  the manifest; else the newest of the pytest cache here or above\n"
    "  --section KEY    records made under other options: how their key begins (see export)\n"
    "  -q, --quiet      print nothing, tell by the exit status\n"
    "\n"
    "exit status: 0 all is valid; 1 the manifest can't be used; 2 usage; 3 something is stale,\n"
    "has no record, or\n"
    "a folder has other entries\n";

struct checking {
    struct fcm_store *store;
    struct fcm_import_order order;
    struct fcm_buffer bytes;
    bool quiet;
    size_t stale, native, folders, unkept;
};

static void checking_done(struct checking *c) {
    fcm_import_order_done(&c->order);
    fcm_buffer_done(&c->bytes);
}

/* Whether a record holds after the registrars before it; says so where it doesn't. -ENOMEM. */
static int check_order(struct checking *c, uint32_t entry, const struct fcm_entry *e, bool say) {
    FCM_AUTO_RECORD *record = NULL;
    int r = fcm_store_record(c->store, entry, &c->bytes, &record);
    if (r == -ENOMEM) return r;
    const char *why = r < 0 ? "its record is damaged" : NULL;
    if (r == 0 && !fcm_import_order_holds(&c->order, record))
        why = "import order: other files that change registries or filters of warnings come before "
              "it now";
    c->stale += say && why != NULL;
    if (say && why && !c->quiet) printf("%s: stale: %s\n", e->path, why);
    return r < 0 ? 0 : fcm_import_order_pass(&c->order, record, c->store->info.rootdir, e->path);
}

static int check_file(struct checking *c, uint32_t entry) {
    struct fcm_entry e;
    struct fcm_dependency_state was;
    uint32_t dependency;
    enum fcm_dependency_change change;
    const char *path;
    fcm_manifest_entry(c->store->manifest, entry, &e);
    if (fcm_store_unkept(&e)) {
        c->unkept++;
        if (!c->quiet) printf("%s: no record was kept\n", e.path);
        return 0;
    }
    c->native += e.raw_length == 0;
    bool valid = fcm_manifest_valid(c->store->manifest, entry, &dependency, &change);
    if (!valid) {
        c->stale++;
        fcm_manifest_dependency(c->store->manifest, dependency, &was, &path);
        if (!c->quiet)
            printf("%s: stale: %s: %s\n", e.path, path, fcm_dependency_change_text(change));
    }
    return e.raw_length > 0 ? check_order(c, entry, &e, valid) : 0;
}

static void check_folder(struct checking *c, uint32_t folder) {
    struct fcm_entry e;
    if (fcm_store_folder_known(c->store, folder)) return;
    c->folders++;
    fcm_manifest_entry(c->store->manifest, folder, &e);
    if (c->quiet) return;
    uint32_t dependency;
    enum fcm_dependency_change change = FCM_CHANGE_LISTING;
    if (e.set != FCM_NO_SET) {
        fcm_manifest_valid(c->store->manifest, folder, &dependency, &change);
    }
    if (change == FCM_CHANGE_LISTING)
        printf("%s: other entries than when pytest walked it\n", e.path);
    else
        printf("%s: stale: %s\n", e.path, fcm_dependency_change_text(change));
}

static void print_counts(const struct checking *c) {
    size_t count = c->store->count;
    printf("%zu of %zu files are valid", count - c->stale - c->unkept, count);
    if (c->native) printf(", %zu of all are collected natively", c->native);
    printf("\n");
    if (c->folders) {
        printf("%zu folder%s other entries: new test files are not in the manifest\n", c->folders,
               c->folders == 1 ? " has" : "s have");
    }
}

static int check_all(struct fcm_store *s, bool quiet) {
    __attribute__((cleanup(checking_done))) struct checking c = {.store = s, .quiet = quiet};
    int r = 0;
    for (size_t i = 0; i < s->count && r == 0; i++) r = check_file(&c, s->entries[i]);
    if (r < 0) {
        fcm_log("out of memory");
        return FCM_EXIT_FAILED;
    }
    for (size_t i = 0; i < s->folder_count; i++) check_folder(&c, s->folders[i]);
    if (!quiet) print_counts(&c);
    if (fflush(stdout) != 0) {
        fcm_log("the list can't be written");
        return FCM_EXIT_FAILED;
    }
    return c.stale || c.folders || c.unkept ? FCM_EXIT_STALE : FCM_EXIT_OK;
}

int fcm_command_check(int argc, char **argv) {
    static const struct option known[] = {{"help", no_argument, NULL, 'h'},
                                          {"manifest", required_argument, NULL, 'f'},
                                          {"section", required_argument, NULL, 's'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {0}};
    const char *path = NULL, *section = NULL;
    bool quiet = false;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "hq", known, NULL)) != -1;) {
        switch (c) {
        case 'h': fputs(help, stdout); return FCM_EXIT_OK;
        case 'f': path = optarg; break;
        case 's': section = optarg; break;
        case 'q': quiet = true; break;
        default: return FCM_EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fcm_log("check takes no arguments; see check --help");
        return FCM_EXIT_USAGE;
    }
    FCM_AUTO_STORE store = {0};
    int status = fcm_store_open(&store, path, section);
    return status == FCM_EXIT_OK ? check_all(&store, quiet) : status;
}
