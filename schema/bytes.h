/* Slices, a growing buffer, and bounded reading of little-endian numbers, varints and protobuf
 * fields. */
#ifndef FCM_BYTES_H
#define FCM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes that somebody else owns. */
struct fcm_slice {
    const uint8_t *data;
    size_t size;
};

static inline struct fcm_slice fcm_slice_of(const void *data, size_t size) {
    return (struct fcm_slice){data, size};
}
static inline struct fcm_slice fcm_slice_text(const char *text) {
    return (struct fcm_slice){(const uint8_t *)text, strlen(text)};
}
static inline bool fcm_slice_equal(struct fcm_slice a, struct fcm_slice b) {
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}
/* Orders by bytes, a prefix first. */
int fcm_slice_compare(struct fcm_slice a, struct fcm_slice b);

/* Appended to; once memory runs out, `failed` stays set and appending does nothing, so a writer may
 * check at the end. */
struct fcm_buffer {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed;
};

void fcm_buffer_done(struct fcm_buffer *b);
/* Makes room for `size` more bytes. 0 or -ENOMEM. */
int fcm_buffer_reserve(struct fcm_buffer *b, size_t size);
void fcm_buffer_add(struct fcm_buffer *b, const void *data, size_t size);
void fcm_buffer_add_slice(struct fcm_buffer *b, struct fcm_slice s);
void fcm_buffer_add_text(struct fcm_buffer *b, const char *text);
void fcm_buffer_add_byte(struct fcm_buffer *b, uint8_t byte);
void fcm_buffer_add_u32(struct fcm_buffer *b, uint32_t n);
void fcm_buffer_add_u64(struct fcm_buffer *b, uint64_t n);
void fcm_buffer_add_varint(struct fcm_buffer *b, uint64_t n);
#define FCM_AUTO_BUFFER __attribute__((cleanup(fcm_buffer_done))) struct fcm_buffer
static inline struct fcm_slice fcm_buffer_slice(const struct fcm_buffer *b) {
    return (struct fcm_slice){b->data, b->size};
}

void fcm_store_u32(uint8_t *at, uint32_t n);
void fcm_store_u64(uint8_t *at, uint64_t n);
static inline uint32_t fcm_load_u32(const uint8_t *at) {
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
static inline uint64_t fcm_load_u64(const uint8_t *at) {
    return (uint64_t)fcm_load_u32(at) | (uint64_t)fcm_load_u32(at + 4) << 32;
}

/* Reads from the front of `s`, which shrinks. False, with `s` undefined, where it ends too early.
 */
bool fcm_read_u32(struct fcm_slice *s, uint32_t *ret);
bool fcm_read_varint(struct fcm_slice *s, uint64_t *ret);
bool fcm_read_slice(struct fcm_slice *s, size_t size, struct fcm_slice *ret);

enum fcm_wire_type { FCM_WIRE_VARINT = 0, FCM_WIRE_I64 = 1, FCM_WIRE_BYTES = 2, FCM_WIRE_I32 = 5 };

/* One field of a protobuf message. */
struct fcm_field {
    uint32_t number;
    enum fcm_wire_type type;
    uint64_t value;         /* of the types that are numbers */
    struct fcm_slice bytes; /* of FCM_WIRE_BYTES */
    struct fcm_slice whole; /* the field with its tag, as it stands in the message */
};

/* The next field of a message. 1; 0 at its end; -EBADMSG where the bytes aren't a message. */
int fcm_field_next(struct fcm_slice *message, struct fcm_field *ret);

#endif
