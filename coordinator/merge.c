// `fastcollect-meta merge`: one manifest out of several, and one file of durations out of those of
// all shards.
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

#include "commands.h"
#include "log.h"
#include "manifest.h"
#include "util.h"

static const char help[] =
    "usage: fastcollect-meta merge -o FILE [MANIFEST]...\n"
    "\n"
    "Adds to the manifest FILE what the others hold, and to FILE.durations the durations of tests "
    "that\n"
    "lie beside FILE and beside each MANIFEST: MANIFEST.durations and MANIFEST.durations.I-of-N, "
    "which\n"
    "runs of shards write. Later ones count where two know of the same. Files are taken as they "
    "are:\n"
    "none is removed.\n"
    "\n"
    "exit status: 0 merged; 1 a file can't be used, FILE is as it was; 2 usage\n";

#define DURATIONS ".durations"

struct paths {
    char **items;
    size_t count;
};

static void paths_done(struct paths *p) {
    for (size_t i = 0; i < p->count; i++) free(p->items[i]);
    free(p->items);
}

/* Takes over `path`. */
static int paths_add(struct paths *p, char *path) {
    char **grown = path ? reallocarray(p->items, p->count + 1, sizeof(*grown)) : NULL;
    if (!grown) {
        free(path);
        return -ENOMEM;
    }
    p->items = grown;
    p->items[p->count++] = path;
    return 0;
}

static int compare_paths(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_shard(const char *name, const char *base) {
    unsigned index, count;
    int end = -1;
    size_t n = strlen(base);
    if (strncmp(name, base, n) != 0) return false;
    return sscanf(name + n, DURATIONS ".%5u-of-%5u%n", &index, &count, &end) == 2 &&
           name[n + (size_t)end] == 0;
}

/* The files of durations of shards that a folder holds; it needn't be there. */
static int add_shards(struct paths *p, const char *folder, const char *base) {
    DIR *dir = opendir(folder);
    if (!dir) return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    int r = 0;
    while (r == 0) {
        char *path;
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            r = -errno;
            break;
        }
        if (!is_shard(e->d_name, base)) continue;
        r = paths_add(p, asprintf(&path, "%s%s", folder, e->d_name) < 0 ? NULL : path);
    }
    closedir(dir);
    return r;
}

/* The files of durations beside a manifest, those of shards in the order of their names. */
static int add_beside(struct paths *p, const char *manifest, bool own) {
    FCM_AUTO_FREE char *whole = NULL;
    const char *slash = strrchr(manifest, '/');
    const char *name = slash ? slash + 1 : manifest;
    FCM_AUTO_FREE char *folder =
        slash ? strndup(manifest, (size_t)(slash - manifest) + 1) : strdup("./");
    if (asprintf(&whole, "%s" DURATIONS, manifest) < 0) {
        whole = NULL;
        return -ENOMEM;
    }
    if (!folder) return -ENOMEM;
    int r = own && access(whole, F_OK) == 0 ? paths_add(p, strdup(whole)) : 0;
    size_t first = p->count;
    if (r == 0) r = add_shards(p, folder, name);
    if (p->count > first)
        qsort(p->items + first, p->count - first, sizeof(*p->items), compare_paths);
    return r;
}

static int merge(const char *path, const struct paths *inputs) {
    const char *why, *which;
    int r =
        fcm_manifest_merge(path, (const char *const *)inputs->items, inputs->count, &why, &which);
    if (r == 0) return FCM_EXIT_OK;
    fcm_log("%s: %s (%s); nothing was merged into %s", which, why, strerror(-r), path);
    return FCM_EXIT_FAILED;
}

static int merge_all(const char *output, char **inputs, size_t count) {
    __attribute__((cleanup(paths_done))) struct paths manifests = {0};
    __attribute__((cleanup(paths_done))) struct paths durations = {0};
    FCM_AUTO_FREE char *beside = NULL;
    if (asprintf(&beside, "%s" DURATIONS, output) < 0) {
        beside = NULL;
        fcm_log("out of memory");
        return FCM_EXIT_FAILED;
    }
    int r = add_beside(&durations, output, false);
    for (size_t i = 0; i < count && r == 0; i++) {
        r = paths_add(&manifests, strdup(inputs[i]));
        if (r == 0) r = add_beside(&durations, inputs[i], true);
    }
    if (r < 0) {
        fcm_log("what there is to merge can't be looked for (%s)", strerror(-r));
        return FCM_EXIT_FAILED;
    }
    int status = manifests.count > 0 ? merge(output, &manifests) : FCM_EXIT_OK;
    if (status == FCM_EXIT_OK && durations.count > 0) status = merge(beside, &durations);
    if (manifests.count + durations.count > 0) return status;
    fcm_log("there is nothing to merge: no manifest was named, and no shard has written durations");
    return FCM_EXIT_FAILED;
}

int fcm_command_merge(int argc, char **argv) {
    static const struct option known[] = {
        {"help", no_argument, NULL, 'h'}, {"output", required_argument, NULL, 'o'}, {0}};
    const char *output = NULL;
    optind = 0;
    for (int c; (c = getopt_long(argc, argv, "ho:", known, NULL)) != -1;) {
        switch (c) {
        case 'h': fputs(help, stdout); return FCM_EXIT_OK;
        case 'o': output = optarg; break;
        default: return FCM_EXIT_USAGE;
        }
    }
    if (!output) {
        fcm_log("merge needs -o FILE; see merge --help");
        return FCM_EXIT_USAGE;
    }
    return merge_all(output, argv + optind, (size_t)(argc - optind));
}
