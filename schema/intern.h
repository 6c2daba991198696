/* A table that gives equal byte strings the same number: 0, 1, 2, ... in the order they came. */
#ifndef FCM_INTERN_H
#define FCM_INTERN_H

#include "bytes.h"

struct fcm_intern_key {
    uint64_t hash;
    size_t offset; /* into bytes */
    size_t size;
};

/* Zeroed is empty. */
struct fcm_intern {
    uint32_t *slots; /* key + 1, 0 empty */
    uint32_t slot_mask;
    struct fcm_intern_key *keys;
    uint32_t count;
    uint32_t capacity;
    struct fcm_buffer bytes;
};

void fcm_intern_done(struct fcm_intern *t);
/* The number of a string, which is copied where it is new. 0, or -ENOMEM. */
int fcm_intern_add(struct fcm_intern *t, struct fcm_slice key, uint32_t *ret_id);
/* Valid until the next add. */
struct fcm_slice fcm_intern_get(const struct fcm_intern *t, uint32_t id);

#endif
