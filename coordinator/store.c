#include "store.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "commands.h"
#include "log.h"
#include "node_id.h"
#include "util.h"

#define CACHE_FOLDER ".pytest_cache/d/fastcollect-meta"
#define SUFFIX ".manifest"

static bool has_suffix(const char *name) {
    size_t n = strlen(name);
    return n > strlen(SUFFIX) && strcmp(name + n - strlen(SUFFIX), SUFFIX) == 0;
}

/* A manifest that was found, and when it was written. */
struct found {
    char *path;
    struct timespec time;
};

static bool is_newer(const struct timespec *a, const struct timespec *b) {
    return a->tv_sec > b->tv_sec || (a->tv_sec == b->tv_sec && a->tv_nsec > b->tv_nsec);
}

static int consider(DIR *dir, const char *folder, const char *name, struct found *found) {
    struct stat st;
    char *path;
    if (!has_suffix(name)) return 0;
    if (fstatat(dirfd(dir), name, &st, 0) < 0) return errno == ENOENT ? 0 : -errno;
    if (found->path && !is_newer(&st.st_mtim, &found->time)) return 0;
    if (asprintf(&path, "%s/%s", folder, name) < 0) return -ENOMEM;
    free(found->path);
    *found = (struct found){path, st.st_mtim};
    return 0;
}

/* The newest manifest in a folder; NULL: none, or a folder that isn't there. The caller frees. */
static int newest_in(const char *folder, char **ret) {
    struct found found = {0};
    DIR *dir = opendir(folder);
    if (!dir && errno != ENOENT && errno != ENOTDIR && errno != EACCES) return -errno;
    int r = 0;
    while (dir && r == 0) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            r = -errno;
            break;
        }
        r = consider(dir, folder, e->d_name, &found);
    }
    if (dir) closedir(dir);
    if (r < 0)
        free(found.path);
    else
        *ret = found.path;
    return r;
}

/* The newest manifest of the cache here or in the nearest folder above that has one; NULL: none. */
static int find_manifest(char **ret) {
    FCM_AUTO_FREE char *folder = realpath(".", NULL);
    if (!folder) return -errno;
    for (;;) {
        FCM_AUTO_FREE char *cache = NULL;
        char *found = NULL;
        if (asprintf(&cache, "%s/%s", folder, CACHE_FOLDER) < 0) {
            cache = NULL;
            return -ENOMEM;
        }
        int r = newest_in(cache, &found);
        if (r < 0) return r;
        char *slash = strrchr(folder, '/');
        if (found || !slash || slash[1] == 0) {
            *ret = found;
            return 0;
        }
        if (slash == folder) slash++;
        *slash = 0;
    }
}

static void hex(struct fcm_slice key, char *ret, size_t size) {
    size_t at = 0;
    for (size_t i = 0; i < key.size && at + 3 <= size; i++) {
        at += (size_t)snprintf(ret + at, size - at, "%02x", key.data[i]);
    }
    ret[at] = 0;
}

static int choose_section(struct fcm_store *s, const char *key) {
    struct fcm_manifest_info info;
    bool found = false;
    fcm_manifest_info(s->manifest, &info);
    for (uint32_t i = 0; i < info.sections; i++) {
        struct fcm_section section;
        char text[129];
        fcm_manifest_section(s->manifest, i, &section);
        hex(section.options_key, text, sizeof(text));
        if (key && strncmp(text, key, strlen(key)) != 0) continue;
        if (found && section.written < s->info.written) continue;
        s->section = i;
        s->info = section;
        found = true;
    }
    if (found) return FCM_EXIT_OK;
    if (key)
        fcm_log("%s: no section has an options key that begins with %s", s->path, key);
    else
        fcm_log("%s: the manifest holds nothing", s->path);
    return FCM_EXIT_FAILED;
}

static int compare_entries(const void *a, const void *b, void *context) {
    const struct fcm_manifest *m = context;
    struct fcm_entry x, y;
    fcm_manifest_entry(m, *(const uint32_t *)a, &x);
    fcm_manifest_entry(m, *(const uint32_t *)b, &y);
    int order = fcm_path_compare(x.path, y.path);
    return order ? order : (x.sequence > y.sequence) - (x.sequence < y.sequence);
}

static int sort_entries(struct fcm_store *s) {
    struct fcm_manifest_info info;
    fcm_manifest_info(s->manifest, &info);
    s->entries = calloc((size_t)info.entries + 1, sizeof(*s->entries));
    s->folders = calloc((size_t)info.entries + 1, sizeof(*s->folders));
    if (!s->entries || !s->folders) {
        fcm_log("out of memory");
        return FCM_EXIT_FAILED;
    }
    for (uint32_t i = 0; i < info.entries; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(s->manifest, i, &e);
        bool folder = strcmp(e.collector, FCM_WALKED) == 0;
        if (folder && e.section == s->section) s->folders[s->folder_count++] = i;
        if (folder || e.section != s->section) continue;
        s->entries[s->count++] = i;
    }
    qsort_r(s->entries, s->count, sizeof(*s->entries), compare_entries, s->manifest);
    return FCM_EXIT_OK;
}

/* Says so where the section written last, which nobody has asked for, is not the largest one. */
static int tell_of_larger_section(const struct fcm_store *s) {
    struct fcm_manifest_info info;
    fcm_manifest_info(s->manifest, &info);
    if (info.sections < 2) return FCM_EXIT_OK;
    size_t *counts = calloc(info.sections, sizeof(*counts));
    if (!counts) {
        fcm_log("out of memory");
        return FCM_EXIT_FAILED;
    }
    for (uint32_t i = 0; i < info.entries; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(s->manifest, i, &e);
        if (strcmp(e.collector, FCM_WALKED) != 0) counts[e.section]++;
    }
    uint32_t largest = s->section;
    for (uint32_t i = 0; i < info.sections; i++) {
        if (counts[i] > counts[largest]) largest = i;
    }
    if (largest != s->section) {
        struct fcm_section section;
        char text[129];
        fcm_manifest_section(s->manifest, largest, &section);
        hex(section.options_key, text, sizeof(text));
        fcm_log("these are the %zu files collected last; with other options or another root folder "
                "%zu are known: --section %.8s",
                s->count, counts[largest], text);
    }
    free(counts);
    return FCM_EXIT_OK;
}

int fcm_store_open(struct fcm_store *s, const char *path, const char *key) {
    *s = (struct fcm_store){.path = path ? strdup(path) : NULL};
    int r = path ? (s->path ? 0 : -ENOMEM) : find_manifest(&s->path);
    if (r < 0) {
        fcm_log("the manifest can't be looked for (%s)", strerror(-r));
        return FCM_EXIT_FAILED;
    }
    if (!s->path) {
        fcm_log("there is no manifest in " CACHE_FOLDER " here or above; name one with --manifest");
        return FCM_EXIT_FAILED;
    }
    const char *why;
    r = fcm_manifest_open(s->path, NULL, &s->manifest, &why);
    if (r == -EBADMSG || r == -EPROTONOSUPPORT || r == -ENOEXEC) {
        fcm_log("%s: %s; the manifest can't be used", s->path, why);
    } else if (r < 0) {
        fcm_log("%s: %s (%s)", s->path, why, strerror(-r));
    }
    if (r < 0) return FCM_EXIT_FAILED;
    int status = choose_section(s, key);
    if (status == FCM_EXIT_OK) status = sort_entries(s);
    if (status == FCM_EXIT_OK && !key) status = tell_of_larger_section(s);
    return status;
}

void fcm_store_done(struct fcm_store *s) {
    fcm_manifest_free(s->manifest);
    free(s->path);
    free(s->entries);
    free(s->folders);
    *s = (struct fcm_store){0};
}

bool fcm_store_folder_known(const struct fcm_store *s, uint32_t folder) {
    struct fcm_entry e;
    uint32_t dependency;
    enum fcm_dependency_change change;
    fcm_manifest_entry(s->manifest, folder, &e);
    return e.set != FCM_NO_SET && fcm_manifest_valid(s->manifest, folder, &dependency, &change);
}

bool fcm_path_lies_in(const char *path, const char *folder) {
    size_t n = strlen(folder);
    while (n > 0 && folder[n - 1] == '/') n--;
    return strncmp(path, folder, n) == 0 && path[n] == '/';
}

bool fcm_store_unkept(const struct fcm_entry *e) {
    static const char *const unkept[] = {FCM_UNKNOWN, FCM_DEADLY, FCM_FAILED};
    if (e->raw_length > 0) return false;
    if (!e->reason) return true;
    for (size_t i = 0; i < FCM_COUNT(unkept); i++)
        if (strcmp(e->reason, unkept[i]) == 0) return true;
    return false;
}

const char *fcm_store_base(const struct fcm_manifest *m, uint32_t section, const char *path) {
    struct fcm_section info;
    fcm_manifest_section(m, section, &info);
    if (fcm_path_lies_in(path, info.rootdir)) return info.rootdir;
    const char *base = info.rootdir;
    size_t nearest = 0;
    struct fcm_manifest_info all;
    fcm_manifest_info(m, &all);
    for (uint32_t i = 0; i < all.entries; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(m, i, &e);
        if (e.section != section || !e.reason || strcmp(e.collector, FCM_WALKED) != 0) continue;
        if (strlen(e.path) < nearest || !fcm_path_lies_in(path, e.path)) continue;
        base = e.path;
        nearest = strlen(e.path);
    }
    return base;
}

int fcm_store_record(struct fcm_store *s, uint32_t entry, struct fcm_buffer *buffer,
                     Fcm__Record **ret) {
    struct fcm_entry e;
    fcm_manifest_entry(s->manifest, entry, &e);
    buffer->size = 0;
    int r = fcm_manifest_read_record(s->manifest, entry, buffer);
    if (r == 0) r = fcm_record_unpack(buffer->data, buffer->size, ret);
    if (r < 0 && r != -ENOMEM && s->damaged++ == 0)
        fcm_log("the record of %s is damaged (%s); it is left out", e.path, strerror(-r));
    return r;
}

/* Takes "." , ".." and doubled slashes out of an absolute path, in place. */
static void normalize(char *path) {
    char *out = path;
    for (const char *at = path; *at;) {
        while (*at == '/') at++;
        size_t n = strcspn(at, "/");
        if (n == 0) break;
        if (n == 2 && at[0] == '.' && at[1] == '.') {
            while (out > path && *--out != '/') continue;
        } else if (n != 1 || at[0] != '.') {
            *out++ = '/';
            memmove(out, at, n);
            out += n;
        }
        at += n;
    }
    if (out == path) *out++ = '/';
    *out = 0;
}

int fcm_wanted_init(struct fcm_wanted *w, const char *argument) {
    *w = (struct fcm_wanted){.text = strdup(argument)};
    if (!w->text) return -ENOMEM;
    char *names = strstr(w->text, "::");
    if (names) {
        *names = 0;
        w->names = names + 2;
    }
    FCM_AUTO_FREE char *here = w->text[0] == '/' ? strdup("") : realpath(".", NULL);
    if (!here || asprintf(&w->path, "%s/%s", here, w->text) < 0) {
        w->path = NULL;
        return -ENOMEM;
    }
    normalize(w->path);
    return 0;
}

void fcm_wanted_done(struct fcm_wanted *w) {
    free(w->path);
    free(w->text);
    *w = (struct fcm_wanted){0};
}

bool fcm_wanted_has_file(const struct fcm_wanted *w, const char *path) {
    size_t n = strlen(w->path);
    if (strcmp(w->path, "/") == 0) return true;
    return strncmp(path, w->path, n) == 0 && (path[n] == 0 || (path[n] == '/' && !w->names));
}

bool fcm_wanted_has_names(const struct fcm_wanted *w, struct fcm_slice names) {
    if (!w->names) return true;
    size_t n = strlen(w->names);
    if (names.size < n || memcmp(names.data, w->names, n) != 0) return false;
    if (names.size == n || names.data[n] == '[') return true;
    return names.size > n + 1 && names.data[n] == ':' && names.data[n + 1] == ':';
}
