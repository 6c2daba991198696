#include "manifest_catalog.h"

#include <errno.h>

#include <xxhash.h>
#include <zstd.h>

#include "config.h"

#define BLOCK_COMPRESSION_LEVEL 9
#define UNUSED UINT32_MAX

/* New numbers: only what an entry leads to is written, in an order that compresses well. */
struct numbering {
    uint32_t *strings;      /* by the catalog's number */
    uint32_t *string_order; /* by the new number */
    uint32_t string_count;
    uint32_t *dependencies;
    uint32_t *dependency_order;
    uint32_t dependency_count;
    uint32_t *sets;
    uint32_t *set_order;
    uint32_t set_count;
    uint32_t sections[FCM_SECTIONS_MAX + 1];
    uint32_t section_count;
};

static void numbering_done(struct numbering *n) {
    free(n->strings);
    free(n->string_order);
    free(n->dependencies);
    free(n->dependency_order);
    free(n->sets);
    free(n->set_order);
}

static int numbering_init(struct numbering *n, const struct fcm_catalog *c) {
    size_t strings = (size_t)c->strings.count + 1, sets = (size_t)c->sets.count + 1;
    size_t dependencies = (size_t)c->dependencies.count + 1;
    n->strings = calloc(strings, sizeof(uint32_t));
    n->string_order = calloc(strings, sizeof(uint32_t));
    n->dependencies = calloc(dependencies, sizeof(uint32_t));
    n->dependency_order = calloc(dependencies, sizeof(uint32_t));
    n->sets = calloc(sets, sizeof(uint32_t));
    n->set_order = calloc(sets, sizeof(uint32_t));
    bool ok = n->strings && n->string_order && n->dependencies && n->dependency_order && n->sets &&
              n->set_order;
    return ok ? 0 : -ENOMEM;
}

static struct fcm_slice set_numbers(const struct fcm_catalog *c, uint32_t set) {
    return fcm_intern_get(&c->sets, set);
}
static uint32_t set_number(struct fcm_slice set, size_t i) {
    uint32_t n;
    memcpy(&n, set.data + i * sizeof(n), sizeof(n));
    return n;
}
static uint32_t dependency_string(const struct fcm_catalog *c, uint32_t dependency) {
    return fcm_load_u32(fcm_intern_get(&c->dependencies, dependency).data + 1);
}

static int compare_strings(const void *a, const void *b, void *context) {
    const struct fcm_catalog *c = context;
    return fcm_slice_compare(fcm_intern_get(&c->strings, *(const uint32_t *)a),
                             fcm_intern_get(&c->strings, *(const uint32_t *)b));
}

struct by_use {
    const struct fcm_catalog *catalog;
    const uint32_t *uses;
};

/* What most sets hold comes first: most sets then begin with one long run. */
static int compare_uses(const void *a, const void *b, void *context) {
    const struct by_use *by = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (by->uses[x] != by->uses[y]) return by->uses[x] > by->uses[y] ? -1 : 1;
    struct fcm_slice s = fcm_intern_get(&by->catalog->strings, dependency_string(by->catalog, x));
    struct fcm_slice t = fcm_intern_get(&by->catalog->strings, dependency_string(by->catalog, y));
    int order = fcm_slice_compare(s, t);
    return order ? order : (x > y) - (x < y);
}

/* Marks what is used with 1, or a count, in the maps. */
static void count_uses(struct numbering *n, const struct fcm_catalog *c) {
    for (uint32_t i = 0; i < c->keys.count; i++) {
        const struct fcm_catalog_entry *e = &c->entries[i];
        if (e->removed) continue;
        n->strings[e->path] = n->strings[e->collector] = 1;
        if (e->reason) n->strings[e->reason - 1] = 1;
        if (e->set != FCM_NO_SET) n->sets[e->set] = 1;
    }
    for (uint32_t s = 0; s < c->sets.count; s++) {
        if (!n->sets[s]) continue;
        struct fcm_slice set = set_numbers(c, s);
        for (size_t i = 0; i < set.size / 4; i++) n->dependencies[set_number(set, i)]++;
    }
    for (uint32_t i = 0; i < c->dependencies.count; i++) {
        if (n->dependencies[i]) n->strings[dependency_string(c, i)] = 1;
    }
    for (uint32_t i = 0; i < c->section_count; i++) {
        if (!c->sections[i].removed) n->strings[c->sections[i].rootdir] = 1;
    }
}

/* Turns a map of marks into one of new numbers in the given order. */
static uint32_t collect_marked(const uint32_t *map, uint32_t count, uint32_t *order) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (map[i]) order[n++] = i;
    }
    return n;
}
static void assign(uint32_t *map, const uint32_t *order, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) map[order[i]] = i;
}

static void number_all(struct numbering *n, const struct fcm_catalog *c) {
    count_uses(n, c);
    n->string_count = collect_marked(n->strings, c->strings.count, n->string_order);
    qsort_r(n->string_order, n->string_count, sizeof(uint32_t), compare_strings,
            (void *)(uintptr_t)c);
    assign(n->strings, n->string_order, n->string_count);
    n->dependency_count =
        collect_marked(n->dependencies, c->dependencies.count, n->dependency_order);
    struct by_use by = {c, n->dependencies};
    qsort_r(n->dependency_order, n->dependency_count, sizeof(uint32_t), compare_uses, &by);
    assign(n->dependencies, n->dependency_order, n->dependency_count);
    n->set_count = collect_marked(n->sets, c->sets.count, n->set_order);
    assign(n->sets, n->set_order, n->set_count);
    for (uint32_t i = 0; i < c->section_count; i++) {
        n->sections[i] = c->sections[i].removed ? UNUSED : n->section_count++;
    }
}

static void put_strings(struct fcm_buffer *b, const struct fcm_catalog *c,
                        const struct numbering *n) {
    fcm_buffer_add_u32(b, n->string_count);
    for (uint32_t i = 0; i < n->string_count; i++) {
        fcm_buffer_add_slice(b, fcm_intern_get(&c->strings, n->string_order[i]));
        fcm_buffer_add_byte(b, 0);
    }
}

static void put_dependencies(struct fcm_buffer *b, const struct fcm_catalog *c,
                             const struct numbering *n) {
    uint32_t count = n->dependency_count;
    const uint32_t *order = n->dependency_order;
    fcm_buffer_add_u32(b, count);
    for (uint32_t i = 0; i < count; i++) {
        fcm_buffer_add_byte(b, fcm_intern_get(&c->dependencies, order[i]).data[0]);
    }
    for (uint32_t i = 0; i < count; i++) {
        fcm_buffer_add_u32(b, n->strings[dependency_string(c, order[i])]);
    }
    for (uint32_t i = 0; i < count; i++) {
        fcm_buffer_add(b, fcm_intern_get(&c->dependencies, order[i]).data + 5, 8);
    }
    for (size_t column = 0; column < 2; column++) {
        for (uint32_t i = 0; i < count; i++) {
            fcm_buffer_add_u64(b, (uint64_t)c->times[2 * (size_t)order[i] + column]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        fcm_buffer_add(b, fcm_intern_get(&c->dependencies, order[i]).data + 13, FCM_HASH_SIZE);
    }
}

/* The set as runs of new numbers, through a map of who is in it. */
static void put_set(struct fcm_buffer *b, struct fcm_slice set, const struct numbering *n,
                    uint8_t *in) {
    memset(in, 0, n->dependency_count);
    for (size_t i = 0; i < set.size / 4; i++) in[n->dependencies[set_number(set, i)]] = 1;
    uint32_t next = 0, at = 0;
    while (at < n->dependency_count) {
        const uint8_t *found = memchr(in + at, 1, n->dependency_count - at);
        if (!found) break;
        uint32_t begin = (uint32_t)(found - in);
        const uint8_t *end = memchr(in + begin, 0, n->dependency_count - begin);
        at = end ? (uint32_t)(end - in) : n->dependency_count;
        fcm_buffer_add_varint(b, begin - next);
        fcm_buffer_add_varint(b, at - begin);
        next = at;
    }
}

static int put_sets(struct fcm_buffer *b, const struct fcm_catalog *c, const struct numbering *n) {
    FCM_AUTO_BUFFER runs = {0};
    FCM_AUTO_FREE uint8_t *in = malloc((size_t)n->dependency_count + 1);
    if (!in) return -ENOMEM;
    fcm_buffer_add_u32(b, n->set_count);
    for (uint32_t i = 0; i < n->set_count; i++) {
        put_set(&runs, set_numbers(c, n->set_order[i]), n, in);
        fcm_buffer_add_u32(b, (uint32_t)runs.size);
    }
    fcm_buffer_add(b, runs.data, runs.size);
    return runs.failed ? -ENOMEM : 0;
}

static void put_sections(struct fcm_buffer *b, const struct fcm_catalog *c,
                         const struct numbering *n) {
    fcm_buffer_add_u32(b, n->section_count);
    for (uint32_t i = 0; i < c->section_count; i++) {
        const struct fcm_catalog_section *s = &c->sections[i];
        if (s->removed) continue;
        fcm_buffer_add_u32(b, n->strings[s->rootdir]);
        fcm_buffer_add_u64(b, s->written);
        fcm_buffer_add_u32(b, (uint32_t)s->options_key.size);
        fcm_buffer_add_slice(b, s->options_key);
    }
}

static void put_entry(const struct fcm_catalog *c, const struct numbering *n,
                      const struct fcm_catalog_entry *e, uint64_t offset, uint8_t *at) {
    uint32_t section = n->sections[e->section], duration;
    memcpy(&duration, &e->duration, sizeof(duration));
    fcm_store_u64(at + FCM_ENTRY_HASH,
                  fcm_manifest_key_hash(section, fcm_intern_get(&c->strings, e->path),
                                        fcm_intern_get(&c->strings, e->collector)));
    fcm_store_u32(at + FCM_ENTRY_SECTION, section);
    fcm_store_u32(at + FCM_ENTRY_PATH, n->strings[e->path]);
    fcm_store_u32(at + FCM_ENTRY_COLLECTOR, n->strings[e->collector]);
    fcm_store_u32(at + FCM_ENTRY_SET, e->set == FCM_NO_SET ? FCM_NO_SET : n->sets[e->set]);
    fcm_store_u64(at + FCM_ENTRY_OFFSET, e->packed.data ? offset : 0);
    fcm_store_u32(at + FCM_ENTRY_LENGTH, (uint32_t)e->packed.size);
    fcm_store_u32(at + FCM_ENTRY_RAW, e->raw);
    fcm_store_u64(at + FCM_ENTRY_CHECKSUM, e->checksum);
    fcm_store_u32(at + FCM_ENTRY_REASON, e->reason ? n->strings[e->reason - 1] + 1 : 0);
    fcm_store_u32(at + FCM_ENTRY_TESTS, e->tests);
    fcm_store_u32(at + FCM_ENTRY_SEQUENCE, e->sequence);
    fcm_store_u32(at + FCM_ENTRY_DURATION, duration);
}

static int compare_entries(const void *a, const void *b) {
    uint64_t x = fcm_load_u64(a), y = fcm_load_u64(b);
    return (x > y) - (x < y);
}

/* Records in the order of the catalog, then entries that say where they lie. */
static int put_records(struct fcm_buffer *file, const struct fcm_catalog *c,
                       const struct numbering *n, struct fcm_buffer *index) {
    for (uint32_t i = 0; i < c->keys.count; i++) {
        const struct fcm_catalog_entry *e = &c->entries[i];
        if (e->removed) continue;
        uint8_t at[FCM_ENTRY_SIZE];
        put_entry(c, n, e, file->size, at);
        fcm_buffer_add(index, at, sizeof(at));
        fcm_buffer_add_slice(file, e->packed);
    }
    if (index->failed || file->failed) return -ENOMEM;
    if (index->size > 0) {
        qsort(index->data, index->size / FCM_ENTRY_SIZE, FCM_ENTRY_SIZE, compare_entries);
    }
    return 0;
}

/* Appends a block and enters it in the header. */
static int put_block(struct fcm_buffer *file, enum fcm_block block, struct fcm_slice raw) {
    if (raw.size > FCM_BLOCK_RAW_MAX) return -EFBIG;
    size_t offset = file->size, size = raw.size;
    bool plain = block == FCM_BLOCK_INDEX;
    if (plain) {
        fcm_buffer_add_slice(file, raw);
    } else {
        size_t bound = ZSTD_compressBound(raw.size);
        if (fcm_buffer_reserve(file, bound) < 0) return -ENOMEM;
        size =
            ZSTD_compress(file->data + offset, bound, raw.data, raw.size, BLOCK_COMPRESSION_LEVEL);
        if (ZSTD_isError(size)) return -ENOMEM;
        file->size += size;
    }
    if (file->failed) return -ENOMEM;
    uint8_t *at = file->data + FCM_HEADER_BLOCK + (size_t)block * FCM_HEADER_BLOCK_SIZE;
    fcm_store_u64(at, offset);
    fcm_store_u32(at + 8, (uint32_t)size);
    fcm_store_u32(at + 12, (uint32_t)raw.size);
    fcm_store_u64(at + 16, XXH3_64bits(file->data + offset, size));
    return 0;
}

static void put_text(uint8_t *at, const char *text) {
    memcpy(at, text, strnlen(text, FCM_IDENTITY_MAX)); /* the rest is zero */
}

static void put_header(struct fcm_buffer *file, const struct fcm_catalog *c,
                       const struct fcm_identity *identity) {
    uint8_t *h = file->data;
    memcpy(h, FCM_MANIFEST_MAGIC, FCM_MANIFEST_MAGIC_SIZE);
    fcm_store_u32(h + FCM_HEADER_FORMAT, FCM_MANIFEST_FORMAT);
    fcm_store_u32(h + FCM_HEADER_BLOCKS, FCM_BLOCKS);
    fcm_store_u64(h + FCM_HEADER_SIZE, file->size);
    fcm_store_u64(h + FCM_HEADER_SERIAL, c->serial + 1);
    put_text(h + FCM_HEADER_PRODUCT, FCM_VERSION);
    put_text(h + FCM_HEADER_PYTHON, identity->python);
    put_text(h + FCM_HEADER_PYTEST, identity->pytest);
    fcm_store_u64(h + FCM_HEADER_CHECKSUM, XXH3_64bits(h, FCM_HEADER_CHECKSUM));
}

static int put_blocks(struct fcm_buffer *file, const struct fcm_catalog *c,
                      const struct numbering *n, struct fcm_slice index) {
    for (enum fcm_block block = 0; block < FCM_BLOCKS; block++) {
        FCM_AUTO_BUFFER raw = {0};
        int r = 0;
        switch (block) {
        case FCM_BLOCK_STRINGS: put_strings(&raw, c, n); break;
        case FCM_BLOCK_DEPENDENCIES: put_dependencies(&raw, c, n); break;
        case FCM_BLOCK_SETS: r = put_sets(&raw, c, n); break;
        case FCM_BLOCK_SECTIONS: put_sections(&raw, c, n); break;
        case FCM_BLOCK_INDEX: fcm_buffer_add_slice(&raw, index); break;
        case FCM_BLOCKS: break;
        }
        if (r == 0 && raw.failed) r = -ENOMEM;
        if (r == 0) r = put_block(file, block, fcm_buffer_slice(&raw));
        if (r < 0) return r;
    }
    return 0;
}

int fcm_catalog_serialize(const struct fcm_catalog *c, const struct fcm_identity *identity,
                          struct fcm_buffer *ret) {
    static const uint8_t zero[FCM_HEADER_LENGTH];
    __attribute__((cleanup(numbering_done))) struct numbering n = {0};
    FCM_AUTO_BUFFER index = {0};
    FCM_AUTO_BUFFER file = {0};
    int r = numbering_init(&n, c);
    if (r < 0) return r;
    number_all(&n, c);
    fcm_buffer_add(&file, zero, sizeof(zero));
    r = put_records(&file, c, &n, &index);
    if (r == 0) r = put_blocks(&file, c, &n, fcm_buffer_slice(&index));
    if (r < 0) return r;
    put_header(&file, c, identity);
    *ret = file;
    file = (struct fcm_buffer){0};
    return 0;
}
