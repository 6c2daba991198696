// `fastcollect-meta check`: which records are stale, and the dependency that made each so.
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "log.h"
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

static int check_all(struct fcm_store *s, bool quiet) {
    size_t stale = 0, native = 0, folders = 0, unkept = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct fcm_entry e;
        struct fcm_dependency_state was;
        uint32_t dependency;
        enum fcm_dependency_change change;
        const char *path;
        fcm_manifest_entry(s->manifest, s->entries[i], &e);
        if (fcm_store_unkept(&e)) {
            unkept++;
            if (!quiet) printf("%s: no record was kept\n", e.path);
            continue;
        }
        native += e.raw_length == 0;
        if (fcm_manifest_valid(s->manifest, s->entries[i], &dependency, &change)) continue;
        stale++;
        if (quiet) continue;
        fcm_manifest_dependency(s->manifest, dependency, &was, &path);
        printf("%s: stale: %s: %s\n", e.path, path, fcm_dependency_change_text(change));
    }
    for (size_t i = 0; i < s->folder_count; i++) {
        struct fcm_entry e;
        if (fcm_store_folder_known(s, s->folders[i])) continue;
        folders++;
        fcm_manifest_entry(s->manifest, s->folders[i], &e);
        if (!quiet) printf("%s: other entries than when pytest walked it\n", e.path);
    }
    if (!quiet) {
        printf("%zu of %zu files are valid", s->count - stale - unkept, s->count);
        if (native) printf(", %zu of all are collected natively", native);
        printf("\n");
        if (folders) {
            printf("%zu folder%s other entries: new test files are not in the manifest\n", folders,
                   folders == 1 ? " has" : "s have");
        }
    }
    if (fflush(stdout) != 0) {
        fcm_log("the list can't be written");
        return FCM_EXIT_FAILED;
    }
    return stale || folders || unkept ? FCM_EXIT_STALE : FCM_EXIT_OK;
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
