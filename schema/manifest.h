/* The manifest: what pytest's collection made of each file, kept on disk with what that depended on
 * (docs/manifest.md). Readers map the file and never wait; a writer takes a lock, merges, and
 * renames a whole new file into place. Runs in any process; one struct fcm_manifest belongs to one
 * thread. Bytes of the file are never trusted. */
#ifndef FCM_MANIFEST_H
#define FCM_MANIFEST_H

#include "bytes.h"
#include "dependency.h"
#include "util.h"

struct fcm_manifest;

/* Who wrote a manifest, and who may use its records. NUL-terminated; python and pytest at most
 * FCM_IDENTITY_MAX. */
#define FCM_IDENTITY_MAX 39
struct fcm_identity {
    const char *python; /* "cpython-311 3.11.9" or the like; NULL: any */
    const char *pytest; /* "9.2.0"; NULL: any */
};

/* Maps and checks a manifest. Who wrote it must be as in `expect`. On failure `ret_why` gets a
 * static line such as "its header is damaged", and the result is -EBADMSG (damaged or truncated),
 * -EPROTONOSUPPORT (another version), -ENOEXEC (no manifest at all), -ESTALE (another Python or
 * pytest) or what opening it gave. */
int fcm_manifest_open(const char *path, const struct fcm_identity *expect,
                      struct fcm_manifest **ret, const char **ret_why);
/* The same from memory, which must outlive the manifest. */
int fcm_manifest_open_bytes(struct fcm_slice bytes, const struct fcm_identity *expect,
                            struct fcm_manifest **ret, const char **ret_why);
void fcm_manifest_free(struct fcm_manifest *m);
FCM_DEFINE_AUTO(fcm_manifest)

struct fcm_manifest_info {
    const char *product, *python, *pytest;
    uint64_t serial; /* how many times it was written */
    uint64_t size;   /* bytes of the file */
    uint32_t sections, entries, dependencies, sets;
};
void fcm_manifest_info(const struct fcm_manifest *m, struct fcm_manifest_info *ret);

/* Records made under one set of options. */
struct fcm_section {
    struct fcm_slice options_key;
    const char *rootdir;
    uint64_t written; /* seconds since the epoch */
};
void fcm_manifest_section(const struct fcm_manifest *m, uint32_t section, struct fcm_section *ret);
/* The section of a key; -ENOENT. */
int fcm_manifest_find_section(const struct fcm_manifest *m, struct fcm_slice options_key,
                              uint32_t *ret_section);

#define FCM_NO_SET UINT32_MAX
/* What is known of one (section, path, collector). */
struct fcm_entry {
    uint32_t section;
    const char *path;      /* absolute */
    const char *collector; /* "module:qualname" */
    const char *reason;    /* to be collected natively, for this reason; NULL: not */
    uint32_t set;          /* of dependencies; FCM_NO_SET: none */
    uint32_t raw_length;   /* bytes of the record; 0: there is none, only a duration */
    uint32_t tests;
    uint32_t sequence; /* place in the collection that wrote it */
    float duration;    /* seconds */
};
void fcm_manifest_entry(const struct fcm_manifest *m, uint32_t entry, struct fcm_entry *ret);
/* -ENOENT where nothing is known. */
int fcm_manifest_find(const struct fcm_manifest *m, uint32_t section, struct fcm_slice path,
                      struct fcm_slice collector, uint32_t *ret_entry);
/* Appends the packed Record, without its dependencies. -ENOENT where there is none, -EBADMSG where
 * it is damaged. */
int fcm_manifest_read_record(struct fcm_manifest *m, uint32_t entry, struct fcm_buffer *ret);

void fcm_manifest_dependency(const struct fcm_manifest *m, uint32_t dependency,
                             struct fcm_dependency_state *ret_state, const char **ret_path);
/* Calls for each dependency of a set in order, until a call returns other than 0, which is then the
 * result. */
int fcm_manifest_each_dependency(const struct fcm_manifest *m, uint32_t set,
                                 int (*on_dependency)(void *context, uint32_t dependency),
                                 void *context);

/* The environment that variables are compared with, instead of the process's own; it must outlive
 * the manifest. Before the first check. */
void fcm_manifest_set_environment(struct fcm_manifest *m, const char *const *environment);
/* Whether what an entry depends on is unchanged. Each path is looked at once in a manifest's life.
 * True, or false with the first dependency that changed and how. */
bool fcm_manifest_valid(struct fcm_manifest *m, uint32_t entry, uint32_t *ret_dependency,
                        enum fcm_dependency_change *ret_change);
/* Checks every record of a section. How many are stale. */
uint32_t fcm_manifest_check_section(struct fcm_manifest *m, uint32_t section);
/* Dependencies found with other times and the same content so far: an update would make the next
 * check quicker. */
uint32_t fcm_manifest_touched(const struct fcm_manifest *m);

/* A file to be collected natively for as long as it is unchanged, and what `record` depends on. */
struct fcm_native_mark {
    struct fcm_slice path, collector, reason;
    double duration;
    struct fcm_slice
        record; /* packed Record message, of which only dependencies count; may be empty */
};
/* The reason of an entry for a file that a run collected without a record that could be kept. */
#define FCM_UNKNOWN "not-prepared"
/* The reason of one for a file that has ended or blocked workers: only another worker may import
 * it. */
#define FCM_DEADLY "deadly"
/* The reason of one for a file whose collection has failed, and fails again as long as what that
 * depends on is unchanged. */
#define FCM_FAILED "collection-error"
/* The collector of an entry for a folder that pytest walked: its only dependency is the listing. */
#define FCM_WALKED "walked"
/* The reason of such an entry where pytest was asked for that very folder. */
#define FCM_ASKED "asked"
struct fcm_walked_folder {
    struct fcm_slice path; /* absolute */
    bool asked;
};
/* How long a test ran: see test_durations.h. */
struct fcm_test_duration {
    struct fcm_slice id;
    double seconds;
};
struct fcm_manifest_key {
    struct fcm_slice path, collector;
};
struct fcm_manifest_update {
    struct fcm_identity identity; /* both parts given */
    struct fcm_slice options_key;
    struct fcm_slice rootdir;
    const struct fcm_slice *records; /* packed Record messages with their dependencies */
    size_t record_count;
    const struct fcm_native_mark *natives;
    size_t native_count;
    const struct fcm_manifest_key *drop;
    size_t drop_count;
    const struct fcm_walked_folder *walked;
    size_t walked_count;
    const struct fcm_test_duration *tests; /* those of one file stand together */
    size_t test_count;
    int64_t started; /* when the run began, ns since the epoch: what has changed since is not kept.
                        0: unknown */
    /* Called for each record that can't be kept; may be NULL. */
    void (*on_refused)(void *context, struct fcm_slice path, struct fcm_slice collector,
                       const char *why);
    void *context;
};
/* Merges into the manifest at `path`: other records stay. A damaged manifest, or one of another
 * version or identity, is replaced; a file that isn't a manifest, a directory or a device is left
 * alone. On failure the old file is untouched and `ret_why` gets a line. Waits for other writers,
 * at most a minute (-EBUSY). */
int fcm_manifest_update(const char *path, const struct fcm_manifest_update *update,
                        const char **ret_why);
/* Makes `path` hold what it holds, if it is a manifest, and what the inputs hold besides; of two
 * records of one file that of the later input stays, and durations of tests are joined. All must be
 * of the same Python and pytest. On failure `path` is untouched, `ret_why` gets a line and
 * `ret_which` the file that it is about. */
int fcm_manifest_merge(const char *path, const char *const *inputs, size_t count,
                       const char **ret_why, const char **ret_which);

#endif
