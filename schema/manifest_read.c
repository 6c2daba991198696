#include "manifest_format.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <xxhash.h>
#include <zstd.h>

#include "config.h"
#include "io.h"

uint64_t fcm_manifest_key_hash(uint32_t section, struct fcm_slice path,
                               struct fcm_slice collector) {
    uint64_t h = XXH3_64bits_withSeed(path.data, path.size, section);
    return XXH3_64bits_withSeed(collector.data, collector.size, h);
}

/* Where a block lies; its place is checked, its checksum too. */
static int block_find(const struct fcm_manifest *m, enum fcm_block block, struct fcm_slice *ret,
                      uint32_t *ret_raw) {
    const uint8_t *at = m->file.data + FCM_HEADER_BLOCK + (size_t)block * FCM_HEADER_BLOCK_SIZE;
    uint64_t offset = fcm_load_u64(at);
    uint32_t length = fcm_load_u32(at + 8), raw = fcm_load_u32(at + 12);
    if (offset < FCM_HEADER_LENGTH || offset > m->file.size) return -EBADMSG;
    if (length > m->file.size - offset || raw > FCM_BLOCK_RAW_MAX) return -EBADMSG;
    if (XXH3_64bits(m->file.data + offset, length) != fcm_load_u64(at + 16)) return -EBADMSG;
    *ret = (struct fcm_slice){m->file.data + offset, length};
    *ret_raw = raw;
    return 0;
}

/* Appends exactly `raw` bytes. The frame's own claim is compared first, so that a lie costs no
 * memory. */
static int decompress(struct fcm_manifest *m, struct fcm_slice packed, uint32_t raw,
                      struct fcm_buffer *ret) {
    if (!m->decompressor) m->decompressor = ZSTD_createDCtx();
    if (!m->decompressor) return -ENOMEM;
    if (ZSTD_getFrameContentSize(packed.data, packed.size) != raw) return -EBADMSG;
    int r = fcm_buffer_reserve(ret, raw);
    if (r < 0) return r;
    if (raw == 0) return 0;
    size_t n =
        ZSTD_decompressDCtx(m->decompressor, ret->data + ret->size, raw, packed.data, packed.size);
    if (ZSTD_isError(n) || n != raw) return -EBADMSG;
    ret->size += raw;
    return 0;
}

static int strings_load(struct fcm_manifest *m) {
    const struct fcm_buffer *b = &m->blocks[FCM_BLOCK_STRINGS];
    struct fcm_slice rest = fcm_buffer_slice(b);
    uint32_t count;
    if (!fcm_read_u32(&rest, &count) || count > rest.size) return -EBADMSG;
    m->string_offset = calloc((size_t)count + 1, sizeof(*m->string_offset));
    if (!m->string_offset) return -ENOMEM;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *end = rest.size ? memchr(rest.data, 0, rest.size) : NULL;
        if (!end) return -EBADMSG;
        m->string_offset[i] = (uint32_t)(rest.data - b->data);
        rest.size -= (size_t)(end + 1 - rest.data);
        rest.data = end + 1;
    }
    m->strings = count;
    return rest.size == 0 ? 0 : -EBADMSG;
}

static int dependencies_load(struct fcm_manifest *m) {
    struct fcm_slice rest = fcm_buffer_slice(&m->blocks[FCM_BLOCK_DEPENDENCIES]);
    uint32_t n;
    if (!fcm_read_u32(&rest, &n) || rest.size != (uint64_t)n * FCM_DEPENDENCY_WIDTH)
        return -EBADMSG;
    m->dependencies = n;
    m->dependency_kind = rest.data;
    m->dependency_string = m->dependency_kind + n;
    m->dependency_size = m->dependency_string + (size_t)n * 4;
    m->dependency_mtime = m->dependency_size + (size_t)n * 8;
    m->dependency_ctime = m->dependency_mtime + (size_t)n * 8;
    m->dependency_hash = m->dependency_ctime + (size_t)n * 8;
    for (uint32_t i = 0; i < n; i++) {
        if (m->dependency_kind[i] >= FCM_DEPENDENCY_KINDS) return -EBADMSG;
        if (fcm_load_u32(m->dependency_string + (size_t)i * 4) >= m->strings) return -EBADMSG;
    }
    return 0;
}

static struct fcm_slice set_at(const struct fcm_manifest *m, uint32_t set) {
    uint32_t begin = set == 0 ? 0 : fcm_load_u32(m->set_end + (size_t)(set - 1) * 4);
    uint32_t end = fcm_load_u32(m->set_end + (size_t)set * 4);
    return (struct fcm_slice){m->set_bytes.data + begin, end - begin};
}

/* The next run of dependencies in a set. */
static bool set_run(struct fcm_slice *rest, uint64_t *next, uint64_t *ret_begin, uint64_t limit) {
    uint64_t gap, length;
    if (!fcm_read_varint(rest, &gap) || !fcm_read_varint(rest, &length)) return false;
    if (gap > limit - *next || length == 0 || length > limit - *next - gap) return false;
    *ret_begin = *next + gap;
    *next = *ret_begin + length;
    return true;
}

static int sets_load(struct fcm_manifest *m) {
    struct fcm_slice rest = fcm_buffer_slice(&m->blocks[FCM_BLOCK_SETS]);
    struct fcm_slice ends;
    uint32_t n, before = 0;
    if (!fcm_read_u32(&rest, &n) || n > rest.size / 4) return -EBADMSG;
    if (!fcm_read_slice(&rest, (size_t)n * 4, &ends)) return -EBADMSG;
    m->sets = n;
    m->set_end = ends.data;
    m->set_bytes = rest;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t end = fcm_load_u32(ends.data + (size_t)i * 4);
        if (end < before || end > rest.size) return -EBADMSG;
        before = end;
        struct fcm_slice set = set_at(m, i);
        uint64_t next = 0, begin;
        while (set.size > 0) {
            if (!set_run(&set, &next, &begin, m->dependencies)) return -EBADMSG;
        }
    }
    return before == rest.size ? 0 : -EBADMSG;
}

static int sections_load(struct fcm_manifest *m) {
    struct fcm_slice rest = fcm_buffer_slice(&m->blocks[FCM_BLOCK_SECTIONS]), written;
    uint32_t n;
    if (!fcm_read_u32(&rest, &n) || n > FCM_SECTIONS_MAX) return -EBADMSG;
    m->sections = calloc((size_t)n + 1, sizeof(*m->sections));
    if (!m->sections) return -ENOMEM;
    m->section_count = n;
    for (uint32_t i = 0; i < n; i++) {
        struct fcm_section *s = &m->sections[i];
        uint32_t rootdir, size;
        if (!fcm_read_u32(&rest, &rootdir) || rootdir >= m->strings) return -EBADMSG;
        if (!fcm_read_slice(&rest, 8, &written)) return -EBADMSG;
        if (!fcm_read_u32(&rest, &size) || !fcm_read_slice(&rest, size, &s->options_key)) {
            return -EBADMSG;
        }
        s->rootdir = fcm_manifest_string(m, rootdir);
        s->written = fcm_load_u64(written.data);
    }
    return rest.size == 0 ? 0 : -EBADMSG;
}

static bool entry_ok(const struct fcm_manifest *m, const uint8_t *e) {
    uint32_t set = fcm_load_u32(e + FCM_ENTRY_SET);
    uint32_t length = fcm_load_u32(e + FCM_ENTRY_LENGTH), raw = fcm_load_u32(e + FCM_ENTRY_RAW);
    uint64_t offset = fcm_load_u64(e + FCM_ENTRY_OFFSET);
    if (fcm_load_u32(e + FCM_ENTRY_SECTION) >= m->section_count) return false;
    if (fcm_load_u32(e + FCM_ENTRY_PATH) >= m->strings) return false;
    if (fcm_load_u32(e + FCM_ENTRY_COLLECTOR) >= m->strings) return false;
    if (fcm_load_u32(e + FCM_ENTRY_REASON) > m->strings) return false;
    if (set != FCM_NO_SET && set >= m->sets) return false;
    if (length == 0) return raw == 0;
    return set != FCM_NO_SET && raw > 0 && raw <= FCM_RECORD_RAW_MAX &&
           offset >= FCM_HEADER_LENGTH && offset <= m->file.size && length <= m->file.size - offset;
}

static int index_load(struct fcm_manifest *m) {
    struct fcm_slice block;
    uint32_t raw;
    int r = block_find(m, FCM_BLOCK_INDEX, &block, &raw);
    if (r < 0) return r;
    if (raw != block.size || raw % FCM_ENTRY_SIZE != 0) return -EBADMSG;
    m->index = block.data;
    m->entries = raw / FCM_ENTRY_SIZE;
    uint64_t before = 0;
    for (uint32_t i = 0; i < m->entries; i++) {
        const uint8_t *e = fcm_manifest_entry_at(m, i);
        uint64_t hash = fcm_load_u64(e + FCM_ENTRY_HASH);
        if (hash < before || !entry_ok(m, e)) return -EBADMSG;
        before = hash;
    }
    return 0;
}

static void load_text(const struct fcm_manifest *m, size_t offset, char ret[40]) {
    memcpy(ret, m->file.data + offset, 40);
    ret[39] = 0;
}

static int header_load(struct fcm_manifest *m, const struct fcm_identity *expect,
                       const char **ret_why) {
    const uint8_t *h = m->file.data;
    if (m->file.size == 0) {
        *ret_why = "it is empty";
        return -EBADMSG;
    }
    size_t magic = m->file.size < FCM_MANIFEST_MAGIC_SIZE ? m->file.size : FCM_MANIFEST_MAGIC_SIZE;
    if (memcmp(h, FCM_MANIFEST_MAGIC, magic) != 0) {
        *ret_why = "it is not a manifest";
        return -ENOEXEC;
    }
    *ret_why = "it is truncated";
    if (m->file.size < FCM_HEADER_LENGTH) return -EBADMSG;
    if (fcm_load_u32(h + FCM_HEADER_FORMAT) != FCM_MANIFEST_FORMAT) {
        *ret_why = "it has another format version";
        return -EPROTONOSUPPORT;
    }
    *ret_why = "its header is damaged";
    if (XXH3_64bits(h, FCM_HEADER_CHECKSUM) != fcm_load_u64(h + FCM_HEADER_CHECKSUM))
        return -EBADMSG;
    if (fcm_load_u32(h + FCM_HEADER_BLOCKS) != FCM_BLOCKS) return -EBADMSG;
    uint64_t size = fcm_load_u64(h + FCM_HEADER_SIZE);
    if (size != m->file.size) {
        *ret_why = size > m->file.size ? "it is truncated" : "it has bytes after its end";
        return -EBADMSG;
    }
    m->serial = fcm_load_u64(h + FCM_HEADER_SERIAL);
    load_text(m, FCM_HEADER_PRODUCT, m->product);
    load_text(m, FCM_HEADER_PYTHON, m->python);
    load_text(m, FCM_HEADER_PYTEST, m->pytest);
    if (strcmp(m->product, FCM_VERSION) != 0) {
        *ret_why = "it was written by another version of fastcollect-meta";
        return -EPROTONOSUPPORT;
    }
    if (expect && expect->python && strcmp(m->python, expect->python) != 0) {
        *ret_why = "it was written with another Python";
        return -ESTALE;
    }
    if (expect && expect->pytest && strcmp(m->pytest, expect->pytest) != 0) {
        *ret_why = "it was written with another pytest";
        return -ESTALE;
    }
    return 0;
}

static int blocks_load(struct fcm_manifest *m, const char **ret_why) {
    static const struct {
        int (*load)(struct fcm_manifest *m);
        const char *why;
    } blocks[FCM_BLOCK_INDEX] = {
        [FCM_BLOCK_STRINGS] = {strings_load, "its table of names is damaged"},
        [FCM_BLOCK_DEPENDENCIES] = {dependencies_load, "its table of dependencies is damaged"},
        [FCM_BLOCK_SETS] = {sets_load, "its sets of dependencies are damaged"},
        [FCM_BLOCK_SECTIONS] = {sections_load, "its sections are damaged"},
    };
    for (enum fcm_block b = 0; b < FCM_BLOCK_INDEX; b++) {
        struct fcm_slice packed;
        uint32_t raw;
        *ret_why = blocks[b].why;
        int r = block_find(m, b, &packed, &raw);
        if (r == 0) r = decompress(m, packed, raw, &m->blocks[b]);
        if (r == 0) r = blocks[b].load(m);
        if (r < 0) return r;
    }
    *ret_why = "its index is damaged";
    return index_load(m);
}

static int manifest_load(struct fcm_manifest *m, const struct fcm_identity *expect,
                         const char **ret_why) {
    int r = header_load(m, expect, ret_why);
    if (r == 0) r = blocks_load(m, ret_why);
    if (r == -ENOMEM) *ret_why = "out of memory";
    return r;
}

static struct fcm_manifest *manifest_new(void) {
    struct fcm_manifest *m = calloc(1, sizeof(*m));
    if (!m) return NULL;
    m->fd = -1;
    m->environment = (const char *const *)environ;
    return m;
}

int fcm_manifest_open_bytes(struct fcm_slice bytes, const struct fcm_identity *expect,
                            struct fcm_manifest **ret, const char **ret_why) {
    FCM_AUTO(fcm_manifest) *m = manifest_new();
    *ret_why = "out of memory";
    if (!m) return -ENOMEM;
    m->file = bytes;
    int r = manifest_load(m, expect, ret_why);
    if (r < 0) return r;
    *ret = fcm_take(&m);
    return 0;
}

static int manifest_map(struct fcm_manifest *m, const char *path, const char **ret_why) {
    struct stat st;
    *ret_why = "it can't be opened";
    m->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (m->fd < 0) return -errno;
    m->fd = fcm_io_raise(m->fd);
    if (fstat(m->fd, &st) < 0) return -errno;
    if (!S_ISREG(st.st_mode)) {
        *ret_why = S_ISDIR(st.st_mode) ? "it is a directory" : "it is not a regular file";
        return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    }
    if (st.st_size == 0) return 0;
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, m->fd, 0);
    *ret_why = "it can't be mapped";
    if (map == MAP_FAILED) return -errno;
    m->map = map;
    m->file = (struct fcm_slice){map, (size_t)st.st_size};
    return 0;
}

int fcm_manifest_open(const char *path, const struct fcm_identity *expect,
                      struct fcm_manifest **ret, const char **ret_why) {
    FCM_AUTO(fcm_manifest) *m = manifest_new();
    *ret_why = "out of memory";
    if (!m) return -ENOMEM;
    int r = manifest_map(m, path, ret_why);
    if (r == 0) r = manifest_load(m, expect, ret_why);
    if (r < 0) return r;
    *ret = fcm_take(&m);
    return 0;
}

void fcm_manifest_free(struct fcm_manifest *m) {
    if (!m) return;
    if (m->map) munmap(m->map, m->file.size);
    if (m->fd >= 0) close(m->fd);
    for (int b = 0; b < FCM_BLOCK_INDEX; b++) fcm_buffer_done(&m->blocks[b]);
    for (uint32_t i = 0; m->probes && i < m->strings; i++) free(m->probes[i]);
    free(m->probes);
    free(m->change);
    free(m->verdict);
    free(m->string_offset);
    free(m->sections);
    ZSTD_freeDCtx(m->decompressor);
    free(m);
}

void fcm_manifest_info(const struct fcm_manifest *m, struct fcm_manifest_info *ret) {
    *ret = (struct fcm_manifest_info){
        .product = m->product,
        .python = m->python,
        .pytest = m->pytest,
        .serial = m->serial,
        .size = m->file.size,
        .sections = m->section_count,
        .entries = m->entries,
        .dependencies = m->dependencies,
        .sets = m->sets,
    };
}

void fcm_manifest_section(const struct fcm_manifest *m, uint32_t section, struct fcm_section *ret) {
    *ret = m->sections[section];
}

int fcm_manifest_find_section(const struct fcm_manifest *m, struct fcm_slice options_key,
                              uint32_t *ret_section) {
    for (uint32_t i = 0; i < m->section_count; i++) {
        if (!fcm_slice_equal(m->sections[i].options_key, options_key)) continue;
        *ret_section = i;
        return 0;
    }
    return -ENOENT;
}

void fcm_manifest_entry(const struct fcm_manifest *m, uint32_t entry, struct fcm_entry *ret) {
    const uint8_t *e = fcm_manifest_entry_at(m, entry);
    uint32_t reason = fcm_load_u32(e + FCM_ENTRY_REASON);
    uint32_t duration = fcm_load_u32(e + FCM_ENTRY_DURATION);
    *ret = (struct fcm_entry){
        .section = fcm_load_u32(e + FCM_ENTRY_SECTION),
        .path = fcm_manifest_string(m, fcm_load_u32(e + FCM_ENTRY_PATH)),
        .collector = fcm_manifest_string(m, fcm_load_u32(e + FCM_ENTRY_COLLECTOR)),
        .reason = reason ? fcm_manifest_string(m, reason - 1) : NULL,
        .set = fcm_load_u32(e + FCM_ENTRY_SET),
        .raw_length = fcm_load_u32(e + FCM_ENTRY_RAW),
        .tests = fcm_load_u32(e + FCM_ENTRY_TESTS),
        .sequence = fcm_load_u32(e + FCM_ENTRY_SEQUENCE),
    };
    memcpy(&ret->duration, &duration, sizeof(duration));
}

int fcm_manifest_find(const struct fcm_manifest *m, uint32_t section, struct fcm_slice path,
                      struct fcm_slice collector, uint32_t *ret_entry) {
    uint64_t hash = fcm_manifest_key_hash(section, path, collector);
    uint32_t low = 0, high = m->entries;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (fcm_load_u64(fcm_manifest_entry_at(m, middle)) < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < m->entries && fcm_load_u64(fcm_manifest_entry_at(m, low)) == hash; low++) {
        struct fcm_entry e;
        fcm_manifest_entry(m, low, &e);
        if (e.section != section || !fcm_slice_equal(fcm_slice_text(e.path), path)) continue;
        if (!fcm_slice_equal(fcm_slice_text(e.collector), collector)) continue;
        *ret_entry = low;
        return 0;
    }
    return -ENOENT;
}

struct fcm_slice fcm_manifest_packed_record(const struct fcm_manifest *m, uint32_t entry) {
    const uint8_t *e = fcm_manifest_entry_at(m, entry);
    uint32_t length = fcm_load_u32(e + FCM_ENTRY_LENGTH);
    if (length == 0) return (struct fcm_slice){0};
    return (struct fcm_slice){m->file.data + fcm_load_u64(e + FCM_ENTRY_OFFSET), length};
}

/* A mapped file that somebody cuts short kills who reads beyond its end; our own writers only ever
 * rename. */
static bool map_whole(const struct fcm_manifest *m) {
    struct stat st;
    return m->fd < 0 || (fstat(m->fd, &st) == 0 && (uint64_t)st.st_size == m->file.size);
}

int fcm_manifest_read_record(struct fcm_manifest *m, uint32_t entry, struct fcm_buffer *ret) {
    const uint8_t *e = fcm_manifest_entry_at(m, entry);
    if (!map_whole(m)) return -EBADMSG;
    struct fcm_slice packed = fcm_manifest_packed_record(m, entry);
    if (!packed.data) return -ENOENT;
    if (XXH3_64bits(packed.data, packed.size) != fcm_load_u64(e + FCM_ENTRY_CHECKSUM)) {
        return -EBADMSG;
    }
    return decompress(m, packed, fcm_load_u32(e + FCM_ENTRY_RAW), ret);
}

void fcm_manifest_dependency(const struct fcm_manifest *m, uint32_t i,
                             struct fcm_dependency_state *ret_state, const char **ret_path) {
    *ret_state = (struct fcm_dependency_state){
        .kind = m->dependency_kind[i],
        .size = fcm_load_u64(m->dependency_size + (size_t)i * 8),
        .mtime = (int64_t)fcm_load_u64(m->dependency_mtime + (size_t)i * 8),
        .ctime = (int64_t)fcm_load_u64(m->dependency_ctime + (size_t)i * 8),
    };
    memcpy(ret_state->hash, m->dependency_hash + (size_t)i * FCM_HASH_SIZE, FCM_HASH_SIZE);
    *ret_path = fcm_manifest_string(m, fcm_load_u32(m->dependency_string + (size_t)i * 4));
}

int fcm_manifest_each_dependency(const struct fcm_manifest *m, uint32_t set,
                                 int (*on_dependency)(void *context, uint32_t dependency),
                                 void *context) {
    struct fcm_slice rest = set_at(m, set);
    uint64_t next = 0, begin;
    while (rest.size > 0 && set_run(&rest, &next, &begin, m->dependencies)) {
        for (uint64_t i = begin; i < next; i++) {
            int r = on_dependency(context, (uint32_t)i);
            if (r != 0) return r;
        }
    }
    return 0;
}
