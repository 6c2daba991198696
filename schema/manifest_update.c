#include "manifest_catalog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "manifest_lock.h"
#include "record_split.h"
#include "test_durations.h"

#define LOCK_SECONDS 60

/* Dependencies message: field numbers. */
enum { FILES = 1, DIRECTORIES = 2, ABSENT = 3, ENV_NAMES = 4, ENV_VALUES = 5, VOLATILE_REASON = 6 };

struct numbers {
    uint32_t *values;
    size_t count, capacity;
};

static int numbers_add(struct numbers *n, uint32_t value) {
    if (n->count == n->capacity) {
        size_t capacity = n->capacity ? n->capacity * 2 : 256;
        uint32_t *values = reallocarray(n->values, capacity, sizeof(*values));
        if (!values) return -ENOMEM;
        n->values = values;
        n->capacity = capacity;
    }
    n->values[n->count++] = value;
    return 0;
}

static void numbers_done(struct numbers *n) { free(n->values); }

static int observe_path(struct fcm_catalog *c, enum fcm_dependency_kind kind, struct fcm_slice path,
                        int64_t started, struct numbers *ret, const char **ret_why) {
    static const char *const why[] = {
        [FCM_DEPENDENCY_FILE] = "a file that it read can't be read now",
        [FCM_DEPENDENCY_DIRECTORY] = "a directory that it listed can't be listed now",
        [FCM_DEPENDENCY_ABSENT] = "a path that was absent is there now",
    };
    uint32_t id;
    int r = fcm_catalog_observe(c, kind, path, started, &id);
    if (r == -ESTALE || r == -EAGAIN) {
        *ret_why = "something that it read changed during the run";
    } else if (r < 0) {
        *ret_why = why[kind];
    }
    return r < 0 ? r : numbers_add(ret, id);
}

/* The n-th env_values belongs to the n-th env_names. */
static int observe_env(struct fcm_catalog *c, struct fcm_slice message, struct numbers *ret) {
    struct fcm_slice names = message, values = message;
    struct fcm_field name, value;
    int r;
    while ((r = fcm_field_next(&names, &name)) > 0) {
        if (name.number != ENV_NAMES || name.type != FCM_WIRE_BYTES) continue;
        do {
            r = fcm_field_next(&values, &value);
            if (r <= 0) return -EBADMSG;
        } while (value.number != ENV_VALUES || value.type != FCM_WIRE_BYTES);
        bool set = value.bytes.size > 0 && value.bytes.data[0] == '=';
        struct fcm_slice text = value.bytes;
        if (set) text = fcm_slice_of(text.data + 1, text.size - 1);
        uint32_t id;
        r = fcm_catalog_observe_env(c, name.bytes, text, set, &id);
        if (r == 0) r = numbers_add(ret, id);
        if (r < 0) return r;
    }
    return r;
}

/* Takes the state of all that a record depends on. `ret_why` is set where the record can't be kept.
 */
static int observe_all(struct fcm_catalog *c, struct fcm_slice message, int64_t started,
                       struct numbers *ret, const char **ret_why) {
    struct fcm_slice rest = message;
    struct fcm_field f;
    int r;
    while ((r = fcm_field_next(&rest, &f)) > 0) {
        if (f.type != FCM_WIRE_BYTES) continue;
        if (f.number == VOLATILE_REASON && f.bytes.size > 0) {
            *ret_why = "it is volatile";
            return -ESTALE;
        }
        enum fcm_dependency_kind kind = FCM_DEPENDENCY_FILE;
        if (f.number == DIRECTORIES) kind = FCM_DEPENDENCY_DIRECTORY;
        if (f.number == ABSENT) kind = FCM_DEPENDENCY_ABSENT;
        if (f.number > ABSENT) continue;
        r = observe_path(c, kind, f.bytes, started, ret, ret_why);
        if (r < 0) return r;
    }
    if (r == 0) r = observe_env(c, message, ret);
    if (r == -EBADMSG) *ret_why = "its dependencies are malformed";
    return r;
}

static void refuse(const struct fcm_manifest_update *u, struct fcm_slice path,
                   struct fcm_slice collector, const char *why) {
    if (u->on_refused) u->on_refused(u->context, path, collector, why);
}

/* A record taken apart. */
struct parts {
    struct fcm_record_head head;
    struct fcm_buffer rest, dependencies, base;
};

static void parts_done(struct parts *parts) {
    fcm_buffer_done(&parts->rest);
    fcm_buffer_done(&parts->dependencies);
    fcm_buffer_done(&parts->base);
}

static int parts_init(struct parts *parts, struct fcm_slice packed) {
    *parts = (struct parts){0};
    return fcm_record_split(packed, &parts->head, &parts->rest, &parts->dependencies, &parts->base);
}

/* What all records depend on: the bases of the processes that made them. `ret_why` is set where
 * none can be kept. */
static int observe_bases(struct fcm_catalog *c, const struct fcm_manifest_update *u,
                         struct numbers *ret, const char **ret_why) {
    for (size_t i = 0; i < u->record_count; i++) {
        __attribute__((cleanup(parts_done))) struct parts parts;
        if (parts_init(&parts, u->records[i]) < 0) continue; /* merging it will say so */
        struct fcm_slice base = fcm_buffer_slice(&parts.base);
        int r = base.size > 0 ? observe_all(c, base, u->started, ret, ret_why) : 0;
        if (r == -ENOMEM) return r;
        if (r < 0 && !*ret_why) *ret_why = "what all files depend on can't be told";
    }
    return 0;
}

/* One record. What can't be kept leaves its duration; only lack of memory is an error. */
static int merge_record(struct fcm_catalog *c, const struct fcm_manifest_update *u,
                        uint32_t section, uint32_t sequence, const struct numbers *base,
                        const char *base_why) {
    __attribute__((cleanup(numbers_done))) struct numbers numbers = {0};
    __attribute__((cleanup(parts_done))) struct parts parts;
    struct fcm_catalog_entry *e;
    int r = parts_init(&parts, u->records[sequence]);
    struct fcm_record_head head = parts.head;
    if (r == 0) r = fcm_catalog_entry(c, section, head.path, head.collector, &e);
    if (r == -ENOMEM) return r;
    if (r < 0) {
        refuse(u, head.path, head.collector, "it is malformed");
        return 0;
    }
    fcm_catalog_clear(e);
    e->tests = head.items;
    e->sequence = sequence;
    e->duration = (float)head.duration;
    const char *why = base_why;
    r = why ? -ESTALE : observe_path(c, FCM_DEPENDENCY_FILE, head.path, u->started, &numbers, &why);
    if (r == 0) {
        r = observe_all(c, fcm_buffer_slice(&parts.dependencies), u->started, &numbers, &why);
    }
    for (size_t i = 0; i < base->count && r == 0; i++) r = numbers_add(&numbers, base->values[i]);
    if (r == 0) r = fcm_catalog_set(c, numbers.values, numbers.count, &e->set);
    if (r == 0) r = fcm_catalog_store(c, e, fcm_buffer_slice(&parts.rest));
    if (r == -ENOMEM) return r;
    if (r == 0) return 0;
    fcm_catalog_clear(e);
    refuse(u, head.path, head.collector, why ? why : "it can't be stored");
    return 0;
}

static int merge_native(struct fcm_catalog *c, const struct fcm_manifest_update *u,
                        uint32_t section, const struct fcm_native_mark *mark) {
    struct fcm_catalog_entry *e;
    uint32_t reason;
    const char *why = NULL;
    __attribute__((cleanup(numbers_done))) struct numbers numbers = {0};
    __attribute__((cleanup(parts_done))) struct parts parts;
    int split = parts_init(&parts, mark->record);
    if (split == -ENOMEM) return split;
    bool nul = mark->reason.size > 0 && memchr(mark->reason.data, 0, mark->reason.size);
    int r =
        nul || split < 0 ? -EINVAL : fcm_catalog_entry(c, section, mark->path, mark->collector, &e);
    if (r == 0) {
        fcm_catalog_clear(e);
        if (mark->duration > 0) e->duration = (float)mark->duration;
        r = observe_path(c, FCM_DEPENDENCY_FILE, mark->path, u->started, &numbers, &why);
    }
    struct fcm_slice needed[] = {fcm_buffer_slice(&parts.dependencies),
                                 fcm_buffer_slice(&parts.base)};
    for (size_t i = 0; i < FCM_COUNT(needed) && r == 0; i++) {
        r = observe_all(c, needed[i], u->started, &numbers, &why);
    }
    if (r == 0) r = fcm_intern_add(&c->strings, mark->reason, &reason);
    if (r == 0) r = fcm_catalog_set(c, numbers.values, numbers.count, &e->set);
    if (r == -ENOMEM) return r;
    if (r == 0) {
        e->reason = reason + 1;
    } else {
        refuse(u, mark->path, mark->collector, why ? why : "its name can't be stored");
    }
    return 0;
}

/* A folder that changed during the run has no set: nobody knows what was seen in it. */
static int merge_walked(struct fcm_catalog *c, const struct fcm_manifest_update *u,
                        uint32_t section, const struct fcm_walked_folder *folder) {
    struct fcm_catalog_entry *e;
    uint32_t listing, reason;
    int r = fcm_catalog_entry(c, section, folder->path, fcm_slice_text(FCM_WALKED), &e);
    if (r < 0) return r == -EINVAL ? 0 : r;
    fcm_catalog_clear(e);
    if (folder->asked) {
        r = fcm_intern_add(&c->strings, fcm_slice_text(FCM_ASKED), &reason);
        if (r < 0) return r;
        e->reason = reason + 1;
    }
    r = fcm_catalog_observe(c, FCM_DEPENDENCY_DIRECTORY, folder->path, u->started, &listing);
    if (r == 0) r = fcm_catalog_set(c, &listing, 1, &e->set);
    return r == -ENOMEM ? r : 0;
}

/* Durations of the tests of one file, the first ones of the list; how many these are. */
static int merge_tests(struct fcm_catalog *c, uint32_t section,
                       const struct fcm_test_duration *tests, size_t count) {
    FCM_AUTO_BUFFER record = {0};
    struct fcm_catalog_entry *e;
    struct fcm_slice file, other, rest;
    size_t n = 1;
    fcm_test_id_split(tests[0].id, &file, &rest);
    for (; n < count && n < INT_MAX; n++) {
        fcm_test_id_split(tests[n].id, &other, &rest);
        if (!fcm_slice_equal(file, other)) break;
    }
    int r = fcm_catalog_entry(c, section, file, fcm_slice_text(FCM_DURATIONS_COLLECTOR), &e);
    if (r == -EINVAL) return (int)n;
    if (r == 0) r = fcm_test_durations_pack(tests, n, &record);
    if (r == 0) r = fcm_catalog_join_durations(c, e, fcm_buffer_slice(&record));
    return r < 0 ? r : (int)n;
}

static int merge_all(struct fcm_catalog *c, const struct fcm_manifest_update *u) {
    uint32_t section;
    struct fcm_catalog_entry *e;
    int r = fcm_catalog_section(c, u->options_key, u->rootdir, (uint64_t)time(NULL), &section);
    for (size_t i = 0; i < u->drop_count && r == 0; i++) {
        r = fcm_catalog_entry(c, section, u->drop[i].path, u->drop[i].collector, &e);
        if (r == 0) fcm_catalog_clear(e);
        if (r == -EINVAL) r = 0;
    }
    for (size_t i = 0; i < u->native_count && r == 0; i++) {
        r = merge_native(c, u, section, &u->natives[i]);
    }
    for (size_t i = 0; i < u->walked_count && r == 0; i++) {
        r = merge_walked(c, u, section, &u->walked[i]);
    }
    for (size_t i = 0; i < u->test_count && r >= 0;) {
        r = merge_tests(c, section, u->tests + i, u->test_count - i);
        if (r > 0) i += (size_t)r;
    }
    if (r > 0) r = 0;
    __attribute__((cleanup(numbers_done))) struct numbers base = {0};
    const char *base_why = NULL;
    if (r == 0) r = observe_bases(c, u, &base, &base_why);
    for (size_t i = 0; i < u->record_count && r == 0; i++) {
        r = merge_record(c, u, section, (uint32_t)i, &base, base_why);
    }
    return r;
}

/* Whether what lies at the path may be replaced by a manifest: nothing, nothing in it, or one that
 * can't be used. A manifest whose very first bytes are damaged still looks like one. */
static int path_replaceable(const char *path, const char **ret_why) {
    struct stat st;
    uint8_t magic[FCM_MANIFEST_MAGIC_SIZE];
    *ret_why = "it can't be opened";
    FCM_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return errno == ENOENT ? 0 : -errno;
    if (fstat(fd, &st) < 0) return -errno;
    if (!S_ISREG(st.st_mode)) {
        *ret_why = S_ISDIR(st.st_mode) ? "it is a directory" : "it is not a regular file";
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    }
    ssize_t n = read(fd, magic, sizeof(magic));
    if (n < 0) return -errno;
    size_t same = 0;
    for (ssize_t i = 0; i < n; i++) same += magic[i] == (uint8_t)FCM_MANIFEST_MAGIC[i];
    if (same + (n == sizeof(magic)) >= (size_t)n) return 0;
    *ret_why = "it is not a manifest";
    return -EEXIST;
}

/* Whether a manifest that can't be opened for this reason has nothing that could be kept: it isn't
 * there, is damaged, or of another format, Python or pytest. */
static bool is_unusable(int error) {
    return error == -ENOENT || error == -EBADMSG || error == -ENOEXEC ||
           error == -EPROTONOSUPPORT || error == -ESTALE;
}

int fcm_manifest_update(const char *path, const struct fcm_manifest_update *u,
                        const char **ret_why) {
    __attribute__((cleanup(fcm_manifest_unlock))) int lock = -1;
    __attribute__((cleanup(fcm_catalog_done))) struct fcm_catalog catalog = {0};
    FCM_AUTO(fcm_manifest) *old = NULL;
    FCM_AUTO_BUFFER file = {0};
    int r = path_replaceable(path, ret_why);
    if (r < 0) return r;
    *ret_why = "its lock can't be taken";
    r = fcm_manifest_lock(path, LOCK_SECONDS, &lock);
    if (r < 0) return r;
    r = fcm_manifest_open(path, &u->identity, &old, ret_why);
    if (r < 0 && !is_unusable(r)) return r;
    *ret_why = "out of memory";
    r = r == 0 ? fcm_catalog_load(&catalog, old) : 0;
    if (r == 0) r = merge_all(&catalog, u);
    if (r == 0) r = fcm_catalog_serialize(&catalog, &u->identity, &file);
    if (r < 0) {
        if (r != -ENOMEM) *ret_why = "it can't be put together";
        return r;
    }
    *ret_why = "it can't be written";
    return fcm_manifest_replace(path, fcm_buffer_slice(&file));
}

static void free_all(struct fcm_manifest ***all) {
    for (struct fcm_manifest **m = *all; m && *m; m++) fcm_manifest_free(*m);
    free(*all);
}

/* Opens one, if it is of the same Python and pytest as `first`. */
static int open_alike(const char *path, const struct fcm_manifest *first, struct fcm_manifest **ret,
                      const char **ret_why) {
    struct fcm_identity identity = {0};
    if (first) identity = (struct fcm_identity){first->python, first->pytest};
    return fcm_manifest_open(path, first ? &identity : NULL, ret, ret_why);
}

int fcm_manifest_merge(const char *path, const char *const *inputs, size_t count,
                       const char **ret_why, const char **ret_which) {
    __attribute__((cleanup(fcm_manifest_unlock))) int lock = -1;
    __attribute__((cleanup(free_all))) struct fcm_manifest **all = NULL;
    __attribute__((cleanup(fcm_catalog_done))) struct fcm_catalog catalog = {0};
    FCM_AUTO_BUFFER file = {0};
    size_t n = 0;
    *ret_which = path;
    int r = path_replaceable(path, ret_why);
    if (r < 0) return r;
    *ret_why = "its lock can't be taken";
    r = fcm_manifest_lock(path, LOCK_SECONDS, &lock);
    if (r < 0) return r;
    *ret_why = "out of memory";
    all = calloc(count + 2, sizeof(struct fcm_manifest *));
    if (!all) return -ENOMEM;
    if (access(path, F_OK) == 0) {
        r = open_alike(path, NULL, &all[n], ret_why);
        if (r < 0) return r;
        n++;
    }
    for (size_t i = 0; i < count; i++) {
        *ret_which = inputs[i];
        r = open_alike(inputs[i], n ? all[0] : NULL, &all[n], ret_why);
        if (r < 0) return r;
        n++;
    }
    *ret_which = path;
    *ret_why = "there is nothing to merge";
    if (n == 0) return -ENOENT;
    *ret_why = "out of memory";
    for (size_t i = 0; i < n; i++) {
        r = fcm_catalog_load(&catalog, all[i]);
        if (r < 0) return r;
    }
    struct fcm_identity identity = {all[0]->python, all[0]->pytest};
    r = fcm_catalog_serialize(&catalog, &identity, &file);
    if (r < 0) return r;
    *ret_why = "it can't be written";
    return fcm_manifest_replace(path, fcm_buffer_slice(&file));
}
