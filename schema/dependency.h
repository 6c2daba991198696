/* What a record depends on: the state of a file, a listed directory, an absent path or an
 * environment variable, and whether it still is as it was. Used by the writer and the readers of a
 * manifest; touches nothing but the disk. */
#ifndef FCM_DEPENDENCY_H
#define FCM_DEPENDENCY_H

#include "bytes.h"

enum fcm_dependency_kind {
    FCM_DEPENDENCY_FILE = 0,      /* a regular file that was read */
    FCM_DEPENDENCY_DIRECTORY = 1, /* a directory that was listed; see FCM_METADATA_LISTING */
    FCM_DEPENDENCY_ABSENT = 2,    /* a path that was looked for and not there */
    FCM_DEPENDENCY_ENV = 3,       /* an environment variable that was read */
    FCM_DEPENDENCY_KINDS = 4,
};

#define FCM_HASH_SIZE 16
/* The end of a directory's path where only its metadata of packages was looked for: entries that
 * end in ".dist-info", ".egg-info" or ".egg". */
#define FCM_METADATA_LISTING "/*-info"
/* Stands for a time that says nothing: the content has to be compared. */
#define FCM_TIME_UNKNOWN INT64_MIN
/* A file above this is known by its size and times alone. */
#define FCM_HASHED_FILE_MAX ((uint64_t)256 << 20)

struct fcm_dependency_state {
    enum fcm_dependency_kind kind;
    uint64_t size; /* file: bytes; directory: number of entries, caches left out; variable: 1 where
                      it is set */
    int64_t mtime; /* nanoseconds; files and directories */
    int64_t ctime; /* the same; both together tell an edit that set mtime back */
    uint8_t hash[FCM_HASH_SIZE]; /* XXH3-128 of the content, the listing or the value; zero: none */
};

enum fcm_dependency_change {
    FCM_CHANGE_NONE = 0,
    FCM_CHANGE_TOUCHED, /* other times, same content: as good as unchanged */
    FCM_CHANGE_CONTENT,
    FCM_CHANGE_LISTING,
    FCM_CHANGE_GONE,
    FCM_CHANGE_APPEARED,
    FCM_CHANGE_TYPE,  /* a file where a directory was, ... */
    FCM_CHANGE_VALUE, /* of a variable */
    FCM_CHANGE_UNREADABLE,
};

/* True where a record with this dependency can't be used. */
static inline bool fcm_dependency_stale(enum fcm_dependency_change c) {
    return c > FCM_CHANGE_TOUCHED;
}
/* "content changed", ... Static. */
const char *fcm_dependency_change_text(enum fcm_dependency_change c);

/* What is known about a path at this moment; it is looked at once, whoever asks. Zeroed: nothing is
 * known yet. */
struct fcm_probe {
    bool stated;
    bool hashed;
    bool compared, changed; /* with the start of a run: the writer's note */
    int error;              /* errno of stat, 0 where it is there */
    uint32_t mode;
    uint64_t size;
    int64_t mtime;
    int64_t ctime;
    int hash_error; /* negative errno */
    uint64_t entries;
    uint8_t hash[FCM_HASH_SIZE];
};

/* Compares a state with the world. `path` ends with NUL; of a variable it is the name.
 * `environment` holds "NAME=VALUE" entries and ends with NULL. */
enum fcm_dependency_change fcm_dependency_check(const struct fcm_dependency_state *was,
                                                const char *path, struct fcm_probe *probe,
                                                const char *const *environment);

/* Whether what was observed has changed since a time, ns since the epoch. A directory that has only
 * got a folder of Python's or pytest's cache has not. */
bool fcm_dependency_changed_since(const struct fcm_probe *probe, const char *path, int64_t started);

/* Takes the state of a file, directory or absent path as it is now. 0; -ENOENT where a file or
 * directory is gone, -EEXIST where something is at an absent path, -EISDIR, -ENOTDIR, -EINVAL where
 * it is of another type, -EAGAIN where it is being written, or what reading it gave. */
int fcm_dependency_observe(enum fcm_dependency_kind kind, const char *path, struct fcm_probe *probe,
                           struct fcm_dependency_state *ret);

/* The state of a variable: `value` is what it had, `set` whether it had any. */
void fcm_dependency_observe_env(struct fcm_slice value, bool set, struct fcm_dependency_state *ret);

#endif
