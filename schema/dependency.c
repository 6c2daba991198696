#include "dependency.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "environment.h"
#include "util.h"

/* Longer than a tick of any kernel's clock, in nanoseconds. */
#define FCM_CLOCK_TICK 50000000

const char *fcm_dependency_change_text(enum fcm_dependency_change c) {
    switch (c) {
    case FCM_CHANGE_NONE: return "unchanged";
    case FCM_CHANGE_TOUCHED: return "touched";
    case FCM_CHANGE_CONTENT: return "content changed";
    case FCM_CHANGE_LISTING: return "an entry was added or removed";
    case FCM_CHANGE_GONE: return "is gone";
    case FCM_CHANGE_APPEARED: return "has appeared";
    case FCM_CHANGE_TYPE: return "is of another type";
    case FCM_CHANGE_VALUE: return "environment variable changed";
    case FCM_CHANGE_UNREADABLE: return "can't be read";
    }
    return "changed";
}

static int64_t nanoseconds(struct timespec t) {
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_nsec;
}

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text), tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

/* The folder that a listing is of; the caller frees. NULL: no memory. */
static char *listed_folder(const char *path) {
    size_t size = strlen(path);
    if (ends_with(path, FCM_METADATA_LISTING)) size -= strlen(FCM_METADATA_LISTING);
    return size > 0 ? strndup(path, size) : strdup("/");
}

static void probe_stat(struct fcm_probe *p, const char *path) {
    if (p->stated) return;
    p->stated = true;
    struct stat st;
    FCM_AUTO_FREE char *folder = NULL;
    if (ends_with(path, FCM_METADATA_LISTING)) path = folder = listed_folder(path);
    if (!path) {
        p->error = ENOMEM;
        return;
    }
    if (stat(path, &st) < 0) {
        p->error = errno;
        return;
    }
    p->mode = st.st_mode;
    p->size = (uint64_t)st.st_size;
    p->mtime = nanoseconds(st.st_mtim);
    p->ctime = nanoseconds(st.st_ctim);
}

static void store_hash(XXH128_hash_t h, uint8_t hash[FCM_HASH_SIZE]) {
    XXH128_canonical_t c;
    XXH128_canonicalFromHash(&c, h);
    memcpy(hash, c.digest, FCM_HASH_SIZE);
}

/* The file must still be what stat saw when its end has been read. */
static bool file_same(int fd, const struct fcm_probe *p) {
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == p->size &&
           nanoseconds(st.st_mtim) == p->mtime && nanoseconds(st.st_ctim) == p->ctime;
}

static int hash_file(const char *path, const struct fcm_probe *p, uint8_t hash[FCM_HASH_SIZE]) {
    FCM_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return -errno;
    XXH3_state_t *state = XXH3_createState();
    if (!state) return -ENOMEM;
    int r = 0;
    XXH3_128bits_reset(state);
    for (;;) {
        uint8_t bytes[65536];
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) r = -errno;
        if (n <= 0) break;
        XXH3_128bits_update(state, bytes, (size_t)n);
    }
    if (r == 0 && !file_same(fd, p)) r = -EAGAIN;
    if (r == 0) store_hash(XXH3_128bits_digest(state), hash);
    XXH3_freeState(state);
    return r;
}

struct listed {
    char *name;
    uint8_t type;
};

static int compare_listed(const void *a, const void *b) {
    return strcmp(((const struct listed *)a)->name, ((const struct listed *)b)->name);
}

static uint8_t entry_type(DIR *dir, const struct dirent *e) {
    struct stat st;
    if (e->d_type != DT_UNKNOWN) return e->d_type;
    if (fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) return DT_UNKNOWN;
    return (uint8_t)IFTODT(st.st_mode);
}

/* What Python, pytest and hypothesis write beside what they read: no listing is about it. */
static bool entry_ignored(const char *name) {
    return strcmp(name, "__pycache__") == 0 || strcmp(name, ".pytest_cache") == 0 ||
           strcmp(name, ".hypothesis") == 0;
}

static bool entry_is_metadata(const char *name) {
    return ends_with(name, ".dist-info") || ends_with(name, ".egg-info") || ends_with(name, ".egg");
}

static int list_directory(DIR *dir, bool metadata, struct listed **ret, size_t *ret_count) {
    struct listed *entries = NULL;
    size_t count = 0, capacity = 0;
    int r = 0;
    for (;;) {
        errno = 0;
        const struct dirent *e = readdir(dir);
        if (!e) {
            r = -errno;
            break;
        }
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        if (entry_ignored(e->d_name) || (metadata && !entry_is_metadata(e->d_name))) continue;
        if (count == capacity) {
            size_t more = capacity ? capacity * 2 : 64;
            struct listed *grown = realloc(entries, more * sizeof(*grown));
            if (!grown) {
                r = -ENOMEM;
                break;
            }
            entries = grown;
            capacity = more;
        }
        char *name = strdup(e->d_name);
        if (!name) {
            r = -ENOMEM;
            break;
        }
        entries[count++] = (struct listed){name, entry_type(dir, e)};
    }
    *ret = entries;
    *ret_count = count;
    return r;
}

/* Names and types, sorted, each name with its NUL; without those that Python itself makes. */
static int hash_directory(const char *path, uint64_t *ret_entries, uint8_t hash[FCM_HASH_SIZE]) {
    FCM_AUTO_FREE char *folder = listed_folder(path);
    DIR *dir = folder ? opendir(folder) : NULL;
    if (!dir) return folder ? -errno : -ENOMEM;
    struct listed *entries;
    size_t count;
    int r = list_directory(dir, ends_with(path, FCM_METADATA_LISTING), &entries, &count);
    closedir(dir);
    if (r == 0 && count > 0) qsort(entries, count, sizeof(*entries), compare_listed);
    FCM_AUTO_BUFFER text = {0};
    for (size_t i = 0; i < count; i++) {
        fcm_buffer_add(&text, entries[i].name, strlen(entries[i].name) + 1);
        fcm_buffer_add_byte(&text, entries[i].type);
        free(entries[i].name);
    }
    free(entries);
    if (r < 0) return r;
    if (text.failed) return -ENOMEM;
    store_hash(XXH3_128bits(text.data, text.size), hash);
    *ret_entries = count;
    return 0;
}

static void probe_hash(struct fcm_probe *p, const char *path) {
    if (p->hashed) return;
    p->hashed = true;
    if (S_ISDIR(p->mode)) {
        p->hash_error = hash_directory(path, &p->entries, p->hash);
    } else if (!S_ISREG(p->mode)) {
        p->hash_error = -EINVAL;
    } else if (p->size > FCM_HASHED_FILE_MAX) {
        p->hash_error = -EFBIG;
    } else {
        p->hash_error = hash_file(path, p, p->hash);
    }
}

static bool hash_known(const uint8_t hash[FCM_HASH_SIZE]) {
    static const uint8_t zero[FCM_HASH_SIZE];
    return memcmp(hash, zero, FCM_HASH_SIZE) != 0;
}

static enum fcm_dependency_change check_content(const struct fcm_dependency_state *was,
                                                const char *path, struct fcm_probe *p) {
    bool directory = was->kind == FCM_DEPENDENCY_DIRECTORY;
    bool same_times = was->mtime == p->mtime && was->ctime == p->ctime;
    if (!directory && was->size != p->size) return FCM_CHANGE_CONTENT;
    if (same_times) return FCM_CHANGE_NONE;
    if (!hash_known(was->hash)) return FCM_CHANGE_CONTENT;
    probe_hash(p, path);
    if (p->hash_error < 0) return FCM_CHANGE_UNREADABLE;
    if (memcmp(was->hash, p->hash, FCM_HASH_SIZE) == 0) return FCM_CHANGE_TOUCHED;
    return directory ? FCM_CHANGE_LISTING : FCM_CHANGE_CONTENT;
}

/* The value of a variable, NULL if it isn't set. A name that ends in "*" stands for all variables
 * with that prefix. */
static const char *variable_now(const char *name, const char *const *environment,
                                char digest[FCM_ENVIRONMENT_DIGEST]) {
    size_t size = strlen(name), count = 0;
    bool family = size > 0 && name[size - 1] == '*';
    for (; environment && environment[count]; count++) {
        const char *entry = environment[count];
        if (!family && strncmp(entry, name, size) == 0 && entry[size] == '=')
            return entry + size + 1;
    }
    if (!family) return NULL;
    FCM_AUTO_FREE char *prefix = strndup(name, size - 1);
    if (!prefix) return NULL;
    int r = fcm_environment_digest(environment, count, prefix, digest);
    return r < 0 ? NULL : digest;
}

static bool error_absent(int error) { return error == ENOENT || error == ENOTDIR; }

enum fcm_dependency_change fcm_dependency_check(const struct fcm_dependency_state *was,
                                                const char *path, struct fcm_probe *p,
                                                const char *const *environment) {
    if (was->kind == FCM_DEPENDENCY_ENV) {
        struct fcm_dependency_state is;
        char digest[FCM_ENVIRONMENT_DIGEST];
        const char *value = variable_now(path, environment, digest);
        fcm_dependency_observe_env(fcm_slice_text(value ? value : ""), value != NULL, &is);
        bool same = is.size == was->size && memcmp(is.hash, was->hash, FCM_HASH_SIZE) == 0;
        return same ? FCM_CHANGE_NONE : FCM_CHANGE_VALUE;
    }
    probe_stat(p, path);
    if (was->kind == FCM_DEPENDENCY_ABSENT) {
        if (error_absent(p->error)) return FCM_CHANGE_NONE;
        return p->error ? FCM_CHANGE_UNREADABLE : FCM_CHANGE_APPEARED;
    }
    if (error_absent(p->error)) return FCM_CHANGE_GONE;
    if (p->error) return FCM_CHANGE_UNREADABLE;
    bool directory = was->kind == FCM_DEPENDENCY_DIRECTORY;
    if (directory ? !S_ISDIR(p->mode) : !S_ISREG(p->mode)) return FCM_CHANGE_TYPE;
    return check_content(was, path, p);
}

/* Whether an entry that nobody's listing is about was made at the very time of the directory's last
 * change, and no other has changed since `started`. */
static bool only_ignored_came(DIR *dir, bool metadata, int64_t changed, int64_t started) {
    bool explained = false;
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        struct statx x;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        unsigned what = STATX_TYPE | STATX_BTIME | STATX_CTIME;
        if (statx(dirfd(dir), e->d_name, AT_SYMLINK_NOFOLLOW, what, &x) < 0) return false;
        int64_t born = (int64_t)x.stx_btime.tv_sec * 1000000000 + x.stx_btime.tv_nsec;
        int64_t ctime = (int64_t)x.stx_ctime.tv_sec * 1000000000 + x.stx_ctime.tv_nsec;
        if (!(metadata ? !entry_is_metadata(e->d_name) : entry_ignored(e->d_name))) {
            /* the change time of a folder is that of what is in it */
            bool folder = S_ISDIR(x.stx_mode) && (x.stx_mask & STATX_BTIME);
            if ((folder ? born : ctime) > started) return false;
        } else if (x.stx_mask & STATX_BTIME) {
            explained |= born <= changed && changed - born < FCM_CLOCK_TICK;
        }
    }
    return explained;
}

bool fcm_dependency_changed_since(const struct fcm_probe *p, const char *path, int64_t started) {
    if (p->error != 0 || (p->mtime <= started && p->ctime <= started)) return false;
    if (!S_ISDIR(p->mode) || p->mtime != p->ctime) return true;
    FCM_AUTO_FREE char *folder = listed_folder(path);
    DIR *dir = folder ? opendir(folder) : NULL;
    if (!dir) return true;
    bool metadata = ends_with(path, FCM_METADATA_LISTING);
    bool harmless = only_ignored_came(dir, metadata, p->mtime, started);
    closedir(dir);
    return !harmless;
}

/* A file changed twice within one tick of its file system's clock shows the same times for both
 * contents. */
static bool time_is_fresh(int64_t t, int64_t now) {
    int64_t tick = t % 1000000000 == 0 ? 2500000000 : FCM_CLOCK_TICK;
    return t > now - tick;
}

int fcm_dependency_observe(enum fcm_dependency_kind kind, const char *path, struct fcm_probe *p,
                           struct fcm_dependency_state *ret) {
    probe_stat(p, path);
    if (kind == FCM_DEPENDENCY_ABSENT) {
        if (!error_absent(p->error)) return p->error ? -p->error : -EEXIST;
        *ret = (struct fcm_dependency_state){.kind = kind};
        return 0;
    }
    if (p->error) return -p->error;
    bool directory = kind == FCM_DEPENDENCY_DIRECTORY;
    if (directory && !S_ISDIR(p->mode)) return -ENOTDIR;
    if (!directory && S_ISDIR(p->mode)) return -EISDIR;
    if (!directory && !S_ISREG(p->mode)) return -EINVAL;
    probe_hash(p, path);
    bool unhashed = p->hash_error == -EFBIG;
    if (p->hash_error < 0 && !unhashed) return p->hash_error;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    bool fresh = time_is_fresh(p->mtime > p->ctime ? p->mtime : p->ctime, nanoseconds(ts));
    struct fcm_dependency_state s = {.kind = kind, .size = directory ? p->entries : p->size};
    s.mtime = fresh ? FCM_TIME_UNKNOWN : p->mtime;
    s.ctime = fresh ? FCM_TIME_UNKNOWN : p->ctime;
    if (!unhashed) memcpy(s.hash, p->hash, FCM_HASH_SIZE);
    *ret = s;
    return 0;
}

void fcm_dependency_observe_env(struct fcm_slice value, bool set,
                                struct fcm_dependency_state *ret) {
    *ret = (struct fcm_dependency_state){.kind = FCM_DEPENDENCY_ENV, .size = set ? 1 : 0};
    if (set) store_hash(XXH3_128bits(value.data, value.size), ret->hash);
}
