#include "test_durations.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

struct fcm_test_durations {
    struct fcm_manifest *manifest;
    uint32_t section;
    bool has_section;
    struct fcm_buffer file;   /* whose record is read */
    struct fcm_buffer record; /* empty: there is none */
};

int fcm_test_durations_open(const char *path, struct fcm_test_durations **ret,
                            const char **ret_why) {
    FCM_AUTO(fcm_test_durations) *d = calloc(1, sizeof(*d));
    *ret_why = "out of memory";
    if (!d) return -ENOMEM;
    int r = fcm_manifest_open(path, NULL, &d->manifest, ret_why);
    if (r < 0) return r;
    struct fcm_slice key = fcm_slice_text(FCM_DURATIONS_KEY);
    d->has_section = fcm_manifest_find_section(d->manifest, key, &d->section) == 0;
    *ret = fcm_take(&d);
    return 0;
}

void fcm_test_durations_free(struct fcm_test_durations *d) {
    if (!d) return;
    fcm_manifest_free(d->manifest);
    fcm_buffer_done(&d->file);
    fcm_buffer_done(&d->record);
    free(d);
}

void fcm_test_id_split(struct fcm_slice id, struct fcm_slice *ret_file,
                       struct fcm_slice *ret_rest) {
    size_t at = 0;
    while (at + 1 < id.size && !(id.data[at] == ':' && id.data[at + 1] == ':')) at++;
    bool whole = at + 1 >= id.size;
    *ret_file = fcm_slice_of(id.data, whole ? id.size : at);
    *ret_rest = whole ? fcm_slice_of(id.data + id.size, 0)
                      : fcm_slice_of(id.data + at + 2, id.size - at - 2);
}

static bool is_record(struct fcm_slice s) {
    if (s.size % FCM_DURATION_SIZE != 0) return false;
    for (size_t i = FCM_DURATION_SIZE; i < s.size; i += FCM_DURATION_SIZE) {
        if (fcm_load_u64(s.data + i - FCM_DURATION_SIZE) >= fcm_load_u64(s.data + i)) return false;
    }
    return true;
}

static void read_file(struct fcm_test_durations *d, struct fcm_slice file) {
    uint32_t entry;
    d->file.size = d->record.size = 0;
    fcm_buffer_add_slice(&d->file, file);
    if (!d->has_section || file.size == 0) return;
    struct fcm_slice collector = fcm_slice_text(FCM_DURATIONS_COLLECTOR);
    if (fcm_manifest_find(d->manifest, d->section, file, collector, &entry) < 0) return;
    if (fcm_manifest_read_record(d->manifest, entry, &d->record) < 0 ||
        !is_record(fcm_buffer_slice(&d->record))) {
        d->record.size = 0;
    }
}

static float load_float(const uint8_t *at) {
    uint32_t bits = fcm_load_u32(at);
    float f;
    memcpy(&f, &bits, sizeof(f));
    return f;
}

int64_t fcm_test_durations_find(struct fcm_test_durations *d, struct fcm_slice id) {
    struct fcm_slice file, rest;
    fcm_test_id_split(id, &file, &rest);
    if (!d->file.data || !fcm_slice_equal(fcm_buffer_slice(&d->file), file)) read_file(d, file);
    uint64_t hash = XXH3_64bits(rest.data, rest.size);
    size_t low = 0, high = d->record.size / FCM_DURATION_SIZE;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const uint8_t *at = d->record.data + middle * FCM_DURATION_SIZE;
        uint64_t found = fcm_load_u64(at);
        if (found < hash) {
            low = middle + 1;
        } else if (found > hash) {
            high = middle;
        } else {
            float seconds = load_float(at + 8);
            if (!(seconds >= 0 && seconds < 1e9f)) return -1;
            return seconds < 1e-6f ? 1 : (int64_t)((double)seconds * 1e6);
        }
    }
    return -1;
}

struct packed {
    uint64_t hash;
    size_t order;
    float seconds;
};

static int compare_packed(const void *a, const void *b) {
    const struct packed *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

int fcm_test_durations_pack(const struct fcm_test_duration *tests, size_t count,
                            struct fcm_buffer *ret) {
    FCM_AUTO_FREE struct packed *all = calloc(count + 1, sizeof(*all));
    if (!all) return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        struct fcm_slice file, rest;
        fcm_test_id_split(tests[i].id, &file, &rest);
        all[i] = (struct packed){XXH3_64bits(rest.data, rest.size), i, (float)tests[i].seconds};
    }
    qsort(all, count, sizeof(*all), compare_packed);
    for (size_t i = 0; i < count; i++) {
        if (i + 1 < count && all[i + 1].hash == all[i].hash) continue;
        uint8_t bytes[FCM_DURATION_SIZE];
        uint32_t bits;
        memcpy(&bits, &all[i].seconds, sizeof(bits));
        fcm_store_u64(bytes, all[i].hash);
        fcm_store_u32(bytes + 8, bits);
        fcm_buffer_add(ret, bytes, sizeof(bytes));
    }
    return ret->failed ? -ENOMEM : 0;
}

int fcm_test_durations_merge(struct fcm_slice older, struct fcm_slice newer,
                             struct fcm_buffer *ret) {
    if (!is_record(older)) older.size = 0;
    if (!is_record(newer)) newer.size = 0;
    while (older.size > 0 || newer.size > 0) {
        uint64_t x = older.size > 0 ? fcm_load_u64(older.data) : 0;
        uint64_t y = newer.size > 0 ? fcm_load_u64(newer.data) : 0;
        bool both = older.size > 0 && newer.size > 0 && x == y;
        bool take_newer = older.size == 0 || (newer.size > 0 && y <= x);
        fcm_buffer_add(ret, take_newer ? newer.data : older.data, FCM_DURATION_SIZE);
        if (take_newer)
            newer = fcm_slice_of(newer.data + FCM_DURATION_SIZE, newer.size - FCM_DURATION_SIZE);
        if (!take_newer || both)
            older = fcm_slice_of(older.data + FCM_DURATION_SIZE, older.size - FCM_DURATION_SIZE);
    }
    return ret->failed ? -ENOMEM : 0;
}
