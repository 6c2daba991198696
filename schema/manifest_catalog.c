#include "manifest_catalog.h"

#include "test_durations.h"

#include <errno.h>
#include <time.h>

#include <xxhash.h>
#include <zstd.h>

/* Measured on records of big suites: above this the time grows much faster than the size falls. */
#define COMPRESSION_LEVEL 6

enum { DEPENDENCY_KEY_SIZE = 1 + 4 + 8 + FCM_HASH_SIZE, ENTRY_KEY_SIZE = 12 };

void fcm_catalog_done(struct fcm_catalog *c) {
    for (uint32_t i = 0; i < c->keys.count; i++) free(c->entries[i].owned);
    for (uint32_t i = 0; i < c->probes_capacity; i++) free(c->probes[i]);
    free(c->entries);
    free(c->probes);
    free(c->current);
    free(c->times);
    fcm_intern_done(&c->strings);
    fcm_intern_done(&c->dependencies);
    fcm_intern_done(&c->sets);
    fcm_intern_done(&c->keys);
    ZSTD_freeCCtx(c->compressor);
    *c = (struct fcm_catalog){0};
}

static int string_add(struct fcm_catalog *c, struct fcm_slice s, uint32_t *ret) {
    if (s.size > 0 && memchr(s.data, 0, s.size)) return -EINVAL;
    return fcm_intern_add(&c->strings, s, ret);
}

/* The text of a string with its NUL; the caller frees. */
static char *string_copy(const struct fcm_catalog *c, uint32_t id) {
    struct fcm_slice s = fcm_intern_get(&c->strings, id);
    return strndup(s.data ? (const char *)s.data : "", s.size);
}

static int probes_grow(struct fcm_catalog *c) {
    if (c->strings.count <= c->probes_capacity) return 0;
    uint32_t capacity = c->strings.capacity;
    struct fcm_probe **probes = reallocarray(c->probes, capacity, sizeof(*probes));
    if (!probes) return -ENOMEM;
    c->probes = probes;
    uint32_t *current = reallocarray(c->current, capacity, sizeof(*current));
    if (!current) return -ENOMEM;
    c->current = current;
    for (uint32_t i = c->probes_capacity; i < capacity; i++) {
        probes[i] = NULL;
        current[i] = 0;
    }
    c->probes_capacity = capacity;
    return 0;
}

static int probe_at(struct fcm_catalog *c, uint32_t string, struct fcm_probe **ret) {
    int r = probes_grow(c);
    if (r < 0) return r;
    if (!c->probes[string]) c->probes[string] = calloc(1, sizeof(struct fcm_probe));
    if (!c->probes[string]) return -ENOMEM;
    *ret = c->probes[string];
    return 0;
}

static int dependency_add(struct fcm_catalog *c, uint32_t string,
                          const struct fcm_dependency_state *s, uint32_t *ret) {
    uint8_t key[DEPENDENCY_KEY_SIZE];
    key[0] = (uint8_t)s->kind;
    fcm_store_u32(key + 1, string);
    fcm_store_u64(key + 5, s->size);
    memcpy(key + 13, s->hash, FCM_HASH_SIZE);
    uint32_t id;
    int r = fcm_intern_add(&c->dependencies, fcm_slice_of(key, sizeof(key)), &id);
    if (r < 0) return r;
    if (c->dependencies.capacity > c->times_capacity) {
        int64_t *times = reallocarray(c->times, c->dependencies.capacity, 2 * sizeof(*times));
        if (!times) return -ENOMEM;
        c->times = times;
        c->times_capacity = c->dependencies.capacity;
    }
    c->times[2 * (size_t)id] = s->mtime;
    c->times[2 * (size_t)id + 1] = s->ctime;
    *ret = id;
    return 0;
}

/* Takes over one dependency, with the times that it has now where its content is the same. */
static int load_dependency(struct fcm_catalog *c, const struct fcm_manifest *m, uint32_t i,
                           uint32_t *ret) {
    struct fcm_dependency_state state;
    const char *path;
    fcm_manifest_dependency(m, i, &state, &path);
    uint32_t string;
    struct fcm_probe *probe;
    int r = string_add(c, fcm_slice_text(path), &string);
    if (r == 0) r = probe_at(c, string, &probe);
    if (r < 0) return r;
    bool path_kind = state.kind != FCM_DEPENDENCY_ENV;
    bool same = path_kind && !fcm_dependency_stale(fcm_dependency_check(&state, path, probe, NULL));
    struct fcm_dependency_state now;
    if (same && state.kind != FCM_DEPENDENCY_ABSENT && probe->hashed &&
        fcm_dependency_observe(state.kind, path, probe, &now) == 0) {
        state.mtime = now.mtime;
        state.ctime = now.ctime;
    }
    r = dependency_add(c, string, &state, ret);
    if (r == 0 && same) c->current[string] = *ret + 1;
    return r;
}

struct gathering {
    const uint32_t *map;
    uint32_t *values;
    size_t count;
};

static int on_dependency(void *context, uint32_t dependency) {
    struct gathering *g = context;
    g->values[g->count++] = g->map[dependency];
    return 0;
}

static bool path_gone(struct fcm_catalog *c, uint32_t string, const char *path) {
    struct fcm_probe *probe;
    struct fcm_dependency_state ignored = {.kind = FCM_DEPENDENCY_ABSENT};
    if (probe_at(c, string, &probe) < 0) return false;
    return fcm_dependency_check(&ignored, path, probe, NULL) == FCM_CHANGE_NONE;
}

int fcm_catalog_join_durations(struct fcm_catalog *c, struct fcm_catalog_entry *e,
                               struct fcm_slice record) {
    FCM_AUTO_BUFFER old = {0};
    FCM_AUTO_BUFFER both = {0};
    if (e->packed.data && e->raw <= FCM_RECORD_RAW_MAX) {
        if (fcm_buffer_reserve(&old, e->raw) < 0) return -ENOMEM;
        size_t size = ZSTD_decompress(old.data, e->raw, e->packed.data, e->packed.size);
        old.size = ZSTD_isError(size) ? 0 : size;
    }
    int r = fcm_test_durations_merge(fcm_buffer_slice(&old), record, &both);
    if (r < 0) return r;
    fcm_catalog_clear(e);
    if (both.size == 0) return 0;
    uint32_t nothing; /* that it depends on */
    r = fcm_catalog_set(c, &nothing, 0, &e->set);
    return r < 0 ? r : fcm_catalog_store(c, e, fcm_buffer_slice(&both));
}

/* Joins a record of durations with what another manifest had. */
static int load_durations(struct fcm_catalog *c, struct fcm_catalog_entry *e,
                          const struct fcm_manifest *m, uint32_t i, uint32_t raw) {
    struct fcm_slice packed = fcm_manifest_packed_record(m, i);
    FCM_AUTO_BUFFER record = {0};
    if (!packed.data || raw > FCM_RECORD_RAW_MAX) return 0;
    if (fcm_buffer_reserve(&record, raw) < 0) return -ENOMEM;
    size_t size = ZSTD_decompress(record.data, raw, packed.data, packed.size);
    record.size = ZSTD_isError(size) ? 0 : size;
    return fcm_catalog_join_durations(c, e, fcm_buffer_slice(&record));
}

static int load_entry(struct fcm_catalog *c, const struct fcm_manifest *m, uint32_t i,
                      const uint32_t *sets, const uint32_t *sections) {
    struct fcm_entry old;
    fcm_manifest_entry(m, i, &old);
    if (sections[old.section] == UINT32_MAX) return 0;
    struct fcm_catalog_entry *e;
    int r = fcm_catalog_entry(c, sections[old.section], fcm_slice_text(old.path),
                              fcm_slice_text(old.collector), &e);
    if (r < 0) return r == -EINVAL ? 0 : r;
    bool durations = strcmp(old.collector, FCM_DURATIONS_COLLECTOR) == 0;
    if (durations && e->packed.data) return load_durations(c, e, m, i, old.raw_length);
    if (e->packed.data && old.raw_length == 0) return 0;
    fcm_catalog_clear(e);
    const uint8_t *at = fcm_manifest_entry_at(m, i);
    e->set = old.set == FCM_NO_SET ? FCM_NO_SET : sets[old.set];
    e->tests = old.tests;
    e->sequence = old.sequence;
    e->duration = old.duration;
    e->packed = fcm_manifest_packed_record(m, i);
    e->raw = old.raw_length;
    e->checksum = fcm_load_u64(at + FCM_ENTRY_CHECKSUM);
    e->removed = !durations && path_gone(c, e->path, old.path);
    /* damage must not live on under a header that says that all is well */
    if (e->packed.data && XXH3_64bits(e->packed.data, e->packed.size) != e->checksum) {
        fcm_catalog_clear(e);
    }
    if (!old.reason) return 0;
    uint32_t reason;
    r = string_add(c, fcm_slice_text(old.reason), &reason);
    if (r == 0) e->reason = reason + 1;
    return r;
}

static int load_sets(struct fcm_catalog *c, const struct fcm_manifest *m, const uint32_t *map,
                     uint32_t *sets) {
    FCM_AUTO_FREE uint32_t *values = calloc((size_t)m->dependencies + 1, sizeof(*values));
    if (!values) return -ENOMEM;
    for (uint32_t i = 0; i < m->sets; i++) {
        struct gathering g = {map, values, 0};
        fcm_manifest_each_dependency(m, i, on_dependency, &g);
        int r = fcm_catalog_set(c, values, g.count, &sets[i]);
        if (r < 0) return r;
    }
    return 0;
}

/* UINT32_MAX: there are too many. */
static int load_section(struct fcm_catalog *c, const struct fcm_section *old, uint32_t *ret) {
    uint32_t rootdir, i = 0;
    int r = string_add(c, fcm_slice_text(old->rootdir), &rootdir);
    if (r < 0) return r;
    while (i < c->section_count && !fcm_slice_equal(c->sections[i].options_key, old->options_key)) {
        i++;
    }
    *ret = i < FCM_SECTIONS_MAX ? i : UINT32_MAX;
    if (i == FCM_SECTIONS_MAX) return 0;
    if (i == c->section_count) {
        c->section_count++;
        c->sections[i] = (struct fcm_catalog_section){.options_key = old->options_key};
    }
    c->sections[i].rootdir = rootdir;
    if (c->sections[i].written < old->written) c->sections[i].written = old->written;
    return 0;
}

int fcm_catalog_load(struct fcm_catalog *c, const struct fcm_manifest *m) {
    FCM_AUTO_FREE uint32_t *map = calloc((size_t)m->dependencies + 1, sizeof(*map));
    FCM_AUTO_FREE uint32_t *sets = calloc((size_t)m->sets + 1, sizeof(*sets));
    if (!map || !sets) return -ENOMEM;
    uint32_t section[FCM_SECTIONS_MAX + 1];
    if (c->serial < m->serial) c->serial = m->serial;
    for (uint32_t i = 0; i < m->section_count; i++) {
        int r = load_section(c, &m->sections[i], &section[i]);
        if (r < 0) return r;
    }
    for (uint32_t i = 0; i < m->dependencies; i++) {
        int r = load_dependency(c, m, i, &map[i]);
        if (r < 0) return r;
    }
    int r = load_sets(c, m, map, sets);
    for (uint32_t i = 0; i < m->entries && r == 0; i++) r = load_entry(c, m, i, sets, section);
    return r;
}

static void section_remove(struct fcm_catalog *c, uint32_t section) {
    c->sections[section].removed = true;
    for (uint32_t i = 0; i < c->keys.count; i++) {
        if (c->entries[i].section == section) c->entries[i].removed = true;
    }
}

int fcm_catalog_section(struct fcm_catalog *c, struct fcm_slice options_key,
                        struct fcm_slice rootdir, uint64_t now, uint32_t *ret_section) {
    uint32_t string, found = c->section_count, oldest = 0;
    int r = string_add(c, rootdir, &string);
    if (r < 0) return r;
    for (uint32_t i = 0; i < c->section_count; i++) {
        if (fcm_slice_equal(c->sections[i].options_key, options_key)) found = i;
        if (c->sections[i].written < c->sections[oldest].written) oldest = i;
    }
    if (found == c->section_count) {
        if (c->section_count == FCM_SECTIONS_MAX) section_remove(c, oldest);
        c->section_count++;
    }
    c->sections[found] = (struct fcm_catalog_section){options_key, string, now, false};
    *ret_section = found;
    return 0;
}

int fcm_catalog_entry(struct fcm_catalog *c, uint32_t section, struct fcm_slice path,
                      struct fcm_slice collector, struct fcm_catalog_entry **ret) {
    uint32_t path_id, collector_id, id, before = c->keys.count;
    if (path.size == 0 || collector.size == 0) return -EINVAL;
    int r = string_add(c, path, &path_id);
    if (r == 0) r = string_add(c, collector, &collector_id);
    if (r < 0) return r;
    uint8_t key[ENTRY_KEY_SIZE];
    fcm_store_u32(key, section);
    fcm_store_u32(key + 4, path_id);
    fcm_store_u32(key + 8, collector_id);
    if (before == c->entries_capacity) {
        uint32_t capacity = before ? before * 2 : 64;
        struct fcm_catalog_entry *entries = reallocarray(c->entries, capacity, sizeof(*entries));
        if (!entries) return -ENOMEM;
        c->entries = entries;
        c->entries_capacity = capacity;
    }
    r = fcm_intern_add(&c->keys, fcm_slice_of(key, sizeof(key)), &id);
    if (r < 0) return r;
    struct fcm_catalog_entry *e = &c->entries[id];
    if (id == before) {
        *e = (struct fcm_catalog_entry){
            .section = section, .path = path_id, .collector = collector_id, .set = FCM_NO_SET};
    }
    *ret = e;
    return 0;
}

void fcm_catalog_clear(struct fcm_catalog_entry *e) {
    free(e->owned);
    e->owned = NULL;
    e->packed = (struct fcm_slice){0};
    e->raw = 0;
    e->checksum = 0;
    e->reason = 0;
    e->set = FCM_NO_SET;
    e->removed = false;
}

int fcm_catalog_store(struct fcm_catalog *c, struct fcm_catalog_entry *e, struct fcm_slice record) {
    if (record.size == 0) return -EINVAL;
    if (record.size > FCM_RECORD_RAW_MAX) return -EFBIG;
    if (!c->compressor) c->compressor = ZSTD_createCCtx();
    size_t bound = ZSTD_compressBound(record.size);
    FCM_AUTO_FREE uint8_t *packed = malloc(bound);
    if (!c->compressor || !packed) return -ENOMEM;
    size_t size = ZSTD_compressCCtx(c->compressor, packed, bound, record.data, record.size,
                                    COMPRESSION_LEVEL);
    if (ZSTD_isError(size) || size > UINT32_MAX) return -ENOMEM;
    uint8_t *fitted = realloc(packed, size);
    if (fitted) packed = fitted;
    e->owned = fcm_take(&packed);
    e->packed = (struct fcm_slice){e->owned, size};
    e->raw = (uint32_t)record.size;
    e->checksum = XXH3_64bits(e->owned, size);
    return 0;
}

int fcm_catalog_observe(struct fcm_catalog *c, enum fcm_dependency_kind kind, struct fcm_slice path,
                        int64_t started, uint32_t *ret_dependency) {
    uint32_t string;
    struct fcm_probe *probe;
    struct fcm_dependency_state state;
    int r = string_add(c, path, &string);
    if (r == 0) r = probe_at(c, string, &probe);
    if (r < 0) return r;
    uint32_t known = c->current[string];
    if (known && fcm_intern_get(&c->dependencies, known - 1).data[0] == (uint8_t)kind) {
        *ret_dependency = known - 1;
    } else {
        FCM_AUTO_FREE char *text = string_copy(c, string);
        if (!text) return -ENOMEM;
        r = fcm_dependency_observe(kind, text, probe, &state);
        if (r == 0) r = dependency_add(c, string, &state, ret_dependency);
        if (r < 0) return r;
        c->current[string] = *ret_dependency + 1;
    }
    if (started == 0) return 0;
    if (!probe->compared) {
        FCM_AUTO_FREE char *text = string_copy(c, string);
        if (!text) return -ENOMEM;
        probe->changed = fcm_dependency_changed_since(probe, text, started);
        probe->compared = true;
    }
    return probe->changed ? -ESTALE : 0;
}

int fcm_catalog_observe_env(struct fcm_catalog *c, struct fcm_slice name, struct fcm_slice value,
                            bool set, uint32_t *ret_dependency) {
    uint32_t string;
    struct fcm_dependency_state state;
    int r = string_add(c, name, &string);
    if (r < 0) return r;
    fcm_dependency_observe_env(value, set, &state);
    return dependency_add(c, string, &state, ret_dependency);
}

static int compare_u32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

int fcm_catalog_set(struct fcm_catalog *c, uint32_t *dependencies, size_t count,
                    uint32_t *ret_set) {
    size_t kept = 0;
    if (count > 0) qsort(dependencies, count, sizeof(*dependencies), compare_u32);
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || dependencies[kept - 1] != dependencies[i]) {
            dependencies[kept++] = dependencies[i];
        }
    }
    return fcm_intern_add(&c->sets, fcm_slice_of(dependencies, kept * sizeof(*dependencies)),
                          ret_set);
}
