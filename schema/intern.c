#include "intern.h"

#include <errno.h>
#include <stdlib.h>

#include <xxhash.h>

void fcm_intern_done(struct fcm_intern *t) {
    free(t->slots);
    free(t->keys);
    fcm_buffer_done(&t->bytes);
    *t = (struct fcm_intern){0};
}

struct fcm_slice fcm_intern_get(const struct fcm_intern *t, uint32_t id) {
    const struct fcm_intern_key *k = &t->keys[id];
    return (struct fcm_slice){t->bytes.data ? t->bytes.data + k->offset : NULL, k->size};
}

static void intern_place(struct fcm_intern *t, uint32_t id) {
    uint32_t slot = (uint32_t)t->keys[id].hash & t->slot_mask;
    while (t->slots[slot] != 0) slot = (slot + 1) & t->slot_mask;
    t->slots[slot] = id + 1;
}

/* Room for one more key, at most half of the slots in use. */
static int intern_grow(struct fcm_intern *t) {
    if (t->count < t->capacity) return 0;
    if (t->capacity >= UINT32_MAX / 4) return -ENOMEM;
    uint32_t capacity = t->capacity ? t->capacity * 2 : 64;
    struct fcm_intern_key *keys = realloc(t->keys, capacity * sizeof(*keys));
    if (!keys) return -ENOMEM;
    t->keys = keys;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof(*slots));
    if (!slots) return -ENOMEM;
    free(t->slots);
    t->slots = slots;
    t->slot_mask = capacity * 2 - 1;
    t->capacity = capacity;
    for (uint32_t i = 0; i < t->count; i++) intern_place(t, i);
    return 0;
}

int fcm_intern_add(struct fcm_intern *t, struct fcm_slice key, uint32_t *ret_id) {
    int r = intern_grow(t);
    if (r < 0) return r;
    uint64_t hash = XXH3_64bits(key.data, key.size);
    for (uint32_t slot = (uint32_t)hash & t->slot_mask; t->slots[slot] != 0;
         slot = (slot + 1) & t->slot_mask) {
        uint32_t id = t->slots[slot] - 1;
        if (t->keys[id].hash == hash && fcm_slice_equal(fcm_intern_get(t, id), key)) {
            *ret_id = id;
            return 0;
        }
    }
    size_t offset = t->bytes.size;
    fcm_buffer_add_slice(&t->bytes, key);
    if (t->bytes.failed) return -ENOMEM;
    t->keys[t->count] = (struct fcm_intern_key){hash, offset, key.size};
    intern_place(t, t->count);
    *ret_id = t->count++;
    return 0;
}
