/* A manifest in memory while it is being changed: what the old file held, merged with what a run
 * adds. For the writer only. Records of the old file stay where they are mapped and are copied as
 * they stand. */
#ifndef FCM_MANIFEST_CATALOG_H
#define FCM_MANIFEST_CATALOG_H

#include "intern.h"
#include "manifest_format.h"

struct fcm_catalog_entry {
    uint32_t section, path, collector;
    uint32_t reason; /* string + 1 */
    uint32_t set;
    uint32_t tests, sequence;
    float duration;
    struct fcm_slice packed; /* in the old file or in `owned`; data NULL: no record */
    uint8_t *owned;
    uint32_t raw;
    uint64_t checksum;
    bool removed;
};

struct fcm_catalog_section {
    struct fcm_slice options_key; /* points to the old manifest or to the caller's */
    uint32_t rootdir;
    uint64_t written;
    bool removed;
};

/* Zeroed is empty. Strings have no NUL inside. */
struct fcm_catalog {
    struct fcm_intern strings;
    struct fcm_intern dependencies; /* kind, string, size, hash: see dependency_key() */
    int64_t *times;                 /* mtime and ctime of each dependency */
    uint32_t times_capacity;
    struct fcm_intern sets; /* ascending numbers of dependencies, as u32 */
    struct fcm_intern keys; /* section, path, collector: numbers of entries */
    struct fcm_catalog_entry *entries;
    uint32_t entries_capacity;
    struct fcm_catalog_section sections[FCM_SECTIONS_MAX + 1];
    uint32_t section_count;
    struct fcm_probe **probes; /* by string */
    uint32_t *current;         /* by string: dependency + 1 that is as the path is now, 0 unknown */
    uint32_t probes_capacity;
    void *compressor;
    uint64_t serial;
};

void fcm_catalog_done(struct fcm_catalog *c);

/* Takes over what a manifest holds, without files that are gone, and where the catalog isn't empty
 * joins it with what is there. The manifest must outlive the
 * catalog. */
int fcm_catalog_load(struct fcm_catalog *c, const struct fcm_manifest *m);
/* Joins durations of tests, as test_durations.h packs them, with what the entry has. */
int fcm_catalog_join_durations(struct fcm_catalog *c, struct fcm_catalog_entry *e,
                               struct fcm_slice record);
/* Finds or makes the section, and lets the oldest go where there are too many. */
int fcm_catalog_section(struct fcm_catalog *c, struct fcm_slice options_key,
                        struct fcm_slice rootdir, uint64_t now, uint32_t *ret_section);
/* Finds or makes the entry. -EINVAL for a path or collector with NUL or without a byte. */
int fcm_catalog_entry(struct fcm_catalog *c, uint32_t section, struct fcm_slice path,
                      struct fcm_slice collector, struct fcm_catalog_entry **ret);
/* Forgets the record and the reason, keeps the duration. */
void fcm_catalog_clear(struct fcm_catalog_entry *e);
/* Compresses a record into the entry. */
int fcm_catalog_store(struct fcm_catalog *c, struct fcm_catalog_entry *e, struct fcm_slice record);

/* The number of a path's state as it is now; see fcm_dependency_observe() for errors; -ESTALE where
 * it has changed since `started`, if that isn't 0. */
int fcm_catalog_observe(struct fcm_catalog *c, enum fcm_dependency_kind kind, struct fcm_slice path,
                        int64_t started, uint32_t *ret_dependency);
int fcm_catalog_observe_env(struct fcm_catalog *c, struct fcm_slice name, struct fcm_slice value,
                            bool set, uint32_t *ret_dependency);
/* The number of a set; `dependencies` is sorted in place, and doubles go. */
int fcm_catalog_set(struct fcm_catalog *c, uint32_t *dependencies, size_t count, uint32_t *ret_set);

/* The whole file, in `ret`. */
int fcm_catalog_serialize(const struct fcm_catalog *c, const struct fcm_identity *identity,
                          struct fcm_buffer *ret);

#endif
