// `fastcollect-meta list`: the ids of the tests in the manifest, by path, -k and -m, without any
// Python.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "io.h"
#include "item_json.h"
#include "log.h"
#include "selection.h"
#include "store.h"

static const char help[] =
    "usage: fastcollect-meta list [OPTION]... [PATH[::NAME...]]...\n"
    "\n"
    "Prints the ids of the tests in the manifest, one a line, in the order of pytest's folders and "
    "files.\n"
    "\n"
    "options:\n"
    "  --manifest FILE  the manifest; else the newest of the pytest cache here or above\n"
    "  --section KEY    records made under other options: how their key begins (see export)\n"
    "  -k EXPRESSION    tests whose names match, with pytest's grammar\n"
    "  -m EXPRESSION    tests whose markers match, with pytest's grammar\n"
    "  --json           an array of objects with names, lines, markers and parameters\n"
    "  --no-check       list stale files too\n"
    "\n"
    "exit status: 0 all; 1 the manifest can't be used; 2 usage; 3 something was left out (said on "
    "stderr)\n";

enum { FLUSH_AT = 1 << 18 };

struct listing {
    struct fcm_store store;
    struct fcm_selection selection;
    struct fcm_wanted *wanted;
    size_t wanted_count;
    bool json, check;
    struct fcm_buffer out, bytes;
    uint64_t printed;
    uint64_t stale, native, damaged;
    int error; // of writing
};

static void flush(struct listing *l, size_t least) {
    if (l->out.size < least || l->error < 0) return;
    l->error = fcm_io_write_full(STDOUT_FILENO, l->out.data, l->out.size);
    l->out.size = 0;
}

static bool file_wanted(struct listing *l, const char *path) {
    if (l->wanted_count == 0) return true;
    bool wanted = false;
    for (size_t i = 0; i < l->wanted_count; i++) {
        if (!fcm_wanted_has_file(&l->wanted[i], path)) continue;
        if (!l->wanted[i].names) l->wanted[i].found = true;
        wanted = true;
    }
    return wanted;
}

static bool item_wanted(struct listing *l, const char *path, struct fcm_slice names) {
    if (l->wanted_count == 0) return true;
    bool wanted = false;
    for (size_t i = 0; i < l->wanted_count; i++) {
        struct fcm_wanted *w = &l->wanted[i];
        if (!fcm_wanted_has_file(w, path) || !fcm_wanted_has_names(w, names)) continue;
        w->found = true;
        wanted = true;
    }
    return wanted;
}

static void print_item(struct listing *l, const Fcm__Record *r, const struct fcm_node_ids *ids,
                       size_t item) {
    if (l->json) {
        fcm_buffer_add_text(&l->out, l->printed ? ",\n" : "");
        fcm_item_add_json(&l->out, r, ids, item);
    } else {
        fcm_buffer_add_slice(&l->out, fcm_node_id(ids, r->item_node[item]));
        fcm_buffer_add_byte(&l->out, '\n');
    }
    l->printed++;
    flush(l, FLUSH_AT);
}

static int print_record(struct listing *l, const Fcm__Record *r, const char *path) {
    FCM_AUTO_NODE_IDS ids = {0};
    int result = fcm_node_ids_init(&ids, r, l->store.info.rootdir, path);
    if (result < 0) return result;
    struct fcm_slice base = fcm_node_id(&ids, 0);
    FCM_AUTO_FREE bool *selected = NULL;
    if (l->selection.keyword || l->selection.mark) {
        selected = calloc(r->n_item_node + 1, sizeof(*selected));
        if (!selected) return -ENOMEM;
        result = fcm_selection_apply(&l->selection, r, base, selected);
        if (result < 0) return result;
    }
    for (size_t i = 0; i < r->n_item_node; i++) {
        struct fcm_slice id = fcm_node_id(&ids, r->item_node[i]);
        size_t skip = base.size + 2 < id.size ? base.size + 2 : id.size;
        if (!item_wanted(l, path, fcm_slice_of(id.data + skip, id.size - skip))) continue;
        if (selected && !selected[i]) continue;
        print_item(l, r, &ids, i);
    }
    return 0;
}

static int list_entry(struct listing *l, uint32_t entry) {
    struct fcm_entry e;
    uint32_t dependency;
    enum fcm_dependency_change change;
    fcm_manifest_entry(l->store.manifest, entry, &e);
    if (!file_wanted(l, e.path)) return 0;
    bool valid = !l->check || fcm_manifest_valid(l->store.manifest, entry, &dependency, &change);
    if (e.raw_length == 0) {
        l->native += valid;
        l->stale += !valid;
        return 0;
    }
    if (!valid) {
        l->stale++;
        return 0;
    }
    FCM_AUTO_RECORD *r = NULL;
    int result = fcm_store_record(&l->store, entry, &l->bytes, &r);
    if (result == 0) result = print_record(l, r, e.path);
    if (result == -ENOMEM) return result;
    l->damaged += result < 0;
    return 0;
}

static bool say_left_out(const struct listing *l) {
    if (l->stale > 0) {
        fcm_log("%llu stale file%s left out; `fastcollect-meta check` says why",
                (unsigned long long)l->stale, l->stale == 1 ? "" : "s");
    }
    if (l->native > 0) {
        fcm_log("%llu file%s can only be collected by pytest itself and %s left out",
                (unsigned long long)l->native, l->native == 1 ? "" : "s",
                l->native == 1 ? "is" : "are");
    }
    if (l->selection.undecided > 0) {
        fcm_log("-m asks for arguments of markers that only an import would show; some tests may "
                "be left out");
    }
    bool missing = false;
    for (size_t i = 0; i < l->wanted_count; i++) {
        if (l->wanted[i].found) continue;
        fcm_log("%s%s%s: nothing of it was listed", l->wanted[i].text,
                l->wanted[i].names ? "::" : "", l->wanted[i].names ? l->wanted[i].names : "");
        missing = true;
    }
    return missing || l->stale || l->native || l->damaged || l->selection.undecided;
}

static int list_all(struct listing *l) {
    if (l->json) fcm_buffer_add_text(&l->out, "[\n");
    for (size_t i = 0; i < l->store.count && l->error == 0; i++) {
        int r = list_entry(l, l->store.entries[i]);
        if (r == 0 && l->out.failed) r = -ENOMEM;
        if (r < 0) {
            fcm_log("out of memory");
            return FCM_EXIT_FAILED;
        }
    }
    if (l->json) fcm_buffer_add_text(&l->out, l->printed ? "\n]\n" : "]\n");
    flush(l, 0);
    if (l->error < 0) {
        if (l->error != -EPIPE) fcm_log("the list can't be written (%s)", strerror(-l->error));
        return FCM_EXIT_FAILED;
    }
    return say_left_out(l) ? FCM_EXIT_STALE : FCM_EXIT_OK;
}

// Exit status; what is wrong is said with pytest's words.
static int compile(const char *option, const char *text, struct fcm_expression **ret) {
    struct fcm_expression_error error = {0};
    int r = fcm_expression_compile(text, ret, &error);
    if (r == -EINVAL) {
        fcm_log("Wrong expression passed to '%s': %s: at column %zu: %s", option, text,
                error.column, error.text);
    }
    return r < 0 ? FCM_EXIT_USAGE : FCM_EXIT_OK;
}

static int compile_keyword(const char *text, struct fcm_expression **ret) {
    text += strspn(text, " \t\r\n\f\v");
    if (!*text) return FCM_EXIT_OK; // selects all
    int status = compile("-k", text, ret);
    for (size_t i = 0; status == FCM_EXIT_OK && i < fcm_expression_leaf_count(*ret); i++) {
        if (fcm_expression_leaf(*ret, i)->argument_count == 0) continue;
        fcm_log("Keyword expressions do not support call parameters.");
        return FCM_EXIT_USAGE;
    }
    return status;
}

static void listing_done(struct listing *l) {
    for (size_t i = 0; i < l->wanted_count; i++) fcm_wanted_done(&l->wanted[i]);
    free(l->wanted);
    fcm_buffer_done(&l->out);
    fcm_buffer_done(&l->bytes);
    fcm_store_done(&l->store);
}

static int take_paths(struct listing *l, char **arguments, size_t count) {
    l->wanted = calloc(count + 1, sizeof(*l->wanted));
    if (!l->wanted) return FCM_EXIT_FAILED;
    for (size_t i = 0; i < count; i++) {
        l->wanted_count++;
        if (fcm_wanted_init(&l->wanted[i], arguments[i]) < 0) return FCM_EXIT_FAILED;
    }
    return FCM_EXIT_OK;
}

int fcm_command_list(int argc, char **argv) {
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'},          {"manifest", required_argument, NULL, 'f'},
        {"section", required_argument, NULL, 's'}, {"json", no_argument, NULL, 'j'},
        {"no-check", no_argument, NULL, 'n'},      {0}};
    const char *path = NULL, *section = NULL, *keyword = NULL, *mark = NULL;
    __attribute__((cleanup(listing_done))) struct listing l = {.check = true};
    FCM_AUTO(fcm_expression) *keyword_expression = NULL;
    FCM_AUTO(fcm_expression) *mark_expression = NULL;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "hk:m:", known, NULL)) != -1;) {
        switch (c) {
        case 'h': fputs(help, stdout); return FCM_EXIT_OK;
        case 'f': path = optarg; break;
        case 's': section = optarg; break;
        case 'k': keyword = optarg; break;
        case 'm': mark = optarg; break;
        case 'j': l.json = true; break;
        case 'n': l.check = false; break;
        default: return FCM_EXIT_USAGE;
        }
    }
    int status = FCM_EXIT_OK;
    if (keyword) status = compile_keyword(keyword, &keyword_expression);
    if (status == FCM_EXIT_OK && mark && *mark) status = compile("-m", mark, &mark_expression);
    if (status == FCM_EXIT_OK) status = take_paths(&l, argv + optind, (size_t)(argc - optind));
    if (status == FCM_EXIT_OK) status = fcm_store_open(&l.store, path, section);
    if (status != FCM_EXIT_OK) return status;
    l.selection.keyword = keyword_expression;
    l.selection.mark = mark_expression;
    return list_all(&l);
}
