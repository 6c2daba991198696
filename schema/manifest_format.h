/* The layout of a manifest file, for its reader and its writer only. Numbers are little-endian.
 * docs/manifest.md describes it in words. */
#ifndef FCM_MANIFEST_FORMAT_H
#define FCM_MANIFEST_FORMAT_H

#include "manifest.h"
#include "record.h"

/* The layout's own version, and above it that of the records. */
#define FCM_MANIFEST_FORMAT ((uint32_t)2 | (uint32_t)FCM_RECORD_FORMAT << 16)
#define FCM_MANIFEST_MAGIC                                                                         \
    "\x89"                                                                                         \
    "FCMM\r\n\x1a"
#define FCM_MANIFEST_MAGIC_SIZE 8

enum {
    FCM_HEADER_FORMAT = 8,   /* u32 */
    FCM_HEADER_BLOCKS = 12,  /* u32 */
    FCM_HEADER_SIZE = 16,    /* u64: of the file */
    FCM_HEADER_SERIAL = 24,  /* u64 */
    FCM_HEADER_PRODUCT = 32, /* three texts of 40 bytes, filled up with NUL */
    FCM_HEADER_PYTHON = 72,
    FCM_HEADER_PYTEST = 112,
    FCM_HEADER_BLOCK =
        152, /* FCM_BLOCKS times: u64 offset, u32 length, u32 raw length, u64 checksum */
    FCM_HEADER_BLOCK_SIZE = 24,
    FCM_HEADER_CHECKSUM = 272, /* u64, of what stands before it */
    FCM_HEADER_LENGTH = 280,
};

enum fcm_block {
    FCM_BLOCK_STRINGS,      /* u32 count, then each string with a NUL */
    FCM_BLOCK_DEPENDENCIES, /* u32 count, then columns: see FCM_DEPENDENCY_WIDTH */
    FCM_BLOCK_SETS,         /* u32 count, u32 end[count], then each: (gap, length) varints */
    FCM_BLOCK_SECTIONS,     /* u32 count, then each: u32 rootdir, u64 written, u32 key size, key */
    FCM_BLOCK_INDEX,        /* entries, sorted by key hash; never compressed */
    FCM_BLOCKS,
};

/* u8 kind, u32 string, u64 size, u64 mtime, u64 ctime, hash: column after column. */
#define FCM_DEPENDENCY_WIDTH (1 + 4 + 8 + 8 + 8 + FCM_HASH_SIZE)

enum {
    FCM_ENTRY_HASH = 0,       /* u64 */
    FCM_ENTRY_SECTION = 8,    /* u32 */
    FCM_ENTRY_PATH = 12,      /* u32 string */
    FCM_ENTRY_COLLECTOR = 16, /* u32 string */
    FCM_ENTRY_SET = 20,       /* u32, FCM_NO_SET */
    FCM_ENTRY_OFFSET = 24,    /* u64 */
    FCM_ENTRY_LENGTH = 32,    /* u32 */
    FCM_ENTRY_RAW = 36,       /* u32 */
    FCM_ENTRY_CHECKSUM = 40,  /* u64 */
    FCM_ENTRY_REASON = 48,    /* u32 string + 1, 0 none */
    FCM_ENTRY_TESTS = 52,     /* u32 */
    FCM_ENTRY_SEQUENCE = 56,  /* u32 */
    FCM_ENTRY_DURATION = 60,  /* float */
    FCM_ENTRY_SIZE = 64,
};

/* Caps on what a file may claim, checked before anything is allocated. */
#define FCM_BLOCK_RAW_MAX ((uint32_t)256 << 20)
#define FCM_RECORD_RAW_MAX ((uint32_t)256 << 20)
#define FCM_SECTIONS_MAX 16

struct fcm_manifest {
    struct fcm_slice file;
    void *map; /* file.data, where it is ours to unmap */
    int fd;
    char product[40], python[40], pytest[40];
    uint64_t serial;
    struct fcm_buffer blocks[FCM_BLOCK_INDEX]; /* decompressed */
    uint32_t *string_offset;
    uint32_t strings;
    uint32_t dependencies;
    const uint8_t *dependency_kind, *dependency_string, *dependency_size, *dependency_mtime,
        *dependency_ctime, *dependency_hash;
    uint32_t sets;
    const uint8_t *set_end;
    struct fcm_slice set_bytes;
    struct fcm_section *sections;
    uint32_t section_count;
    const uint8_t *index;
    uint32_t entries;
    void *decompressor;
    struct fcm_probe **probes; /* by string; made when a dependency is first checked */
    uint8_t *change;           /* by dependency: enum fcm_dependency_change + 1, 0 not checked */
    uint32_t *verdict;         /* by set: 0 not checked, 1 valid, 2 + dependency that changed */
    uint32_t touched;
    const char *const *environment; /* "NAME=VALUE", ends with NULL */
};

static inline const uint8_t *fcm_manifest_entry_at(const struct fcm_manifest *m, uint32_t entry) {
    return m->index + (size_t)entry * FCM_ENTRY_SIZE;
}
static inline const char *fcm_manifest_string(const struct fcm_manifest *m, uint32_t id) {
    return (const char *)m->blocks[FCM_BLOCK_STRINGS].data + m->string_offset[id];
}
/* The compressed record of an entry as it stands in the file; data NULL where there is none. */
struct fcm_slice fcm_manifest_packed_record(const struct fcm_manifest *m, uint32_t entry);
/* Orders entries in the index; `section` is the seed. */
uint64_t fcm_manifest_key_hash(uint32_t section, struct fcm_slice path, struct fcm_slice collector);
/* What check the manifest's dependency gave, looked at now if not before. */
enum fcm_dependency_change fcm_manifest_dependency_change(struct fcm_manifest *m,
                                                          uint32_t dependency);
/* The probe of a string, made if there is none. NULL: no memory. */
struct fcm_probe *fcm_manifest_probe(struct fcm_manifest *m, uint32_t string);

#endif
