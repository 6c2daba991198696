#include "bytes.h"

#include <errno.h>
#include <stdlib.h>

int fcm_slice_compare(struct fcm_slice a, struct fcm_slice b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int c = common == 0 ? 0 : memcmp(a.data, b.data, common);
    if (c != 0) return c;
    return (a.size > b.size) - (a.size < b.size);
}

void fcm_buffer_done(struct fcm_buffer *b) {
    free(b->data);
    *b = (struct fcm_buffer){0};
}

int fcm_buffer_reserve(struct fcm_buffer *b, size_t size) {
    if (b->failed) return -ENOMEM;
    if (size <= b->capacity - b->size) return 0;
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    while (capacity - b->size < size) {
        if (capacity > SIZE_MAX / 2) {
            b->failed = true;
            return -ENOMEM;
        }
        capacity *= 2;
    }
    uint8_t *data = realloc(b->data, capacity);
    if (!data) {
        b->failed = true;
        return -ENOMEM;
    }
    b->data = data;
    b->capacity = capacity;
    return 0;
}

void fcm_buffer_add(struct fcm_buffer *b, const void *data, size_t size) {
    if (size == 0 || fcm_buffer_reserve(b, size) < 0) return;
    memcpy(b->data + b->size, data, size);
    b->size += size;
}

void fcm_buffer_add_slice(struct fcm_buffer *b, struct fcm_slice s) {
    fcm_buffer_add(b, s.data, s.size);
}

void fcm_buffer_add_text(struct fcm_buffer *b, const char *text) {
    fcm_buffer_add(b, text, strlen(text));
}

void fcm_buffer_add_byte(struct fcm_buffer *b, uint8_t byte) { fcm_buffer_add(b, &byte, 1); }

void fcm_buffer_add_u32(struct fcm_buffer *b, uint32_t n) {
    uint8_t bytes[4];
    fcm_store_u32(bytes, n);
    fcm_buffer_add(b, bytes, sizeof(bytes));
}

void fcm_buffer_add_u64(struct fcm_buffer *b, uint64_t n) {
    uint8_t bytes[8];
    fcm_store_u64(bytes, n);
    fcm_buffer_add(b, bytes, sizeof(bytes));
}

void fcm_buffer_add_varint(struct fcm_buffer *b, uint64_t n) {
    uint8_t bytes[10];
    size_t size = 0;
    while (n >= 0x80) {
        bytes[size++] = (uint8_t)(n | 0x80);
        n >>= 7;
    }
    bytes[size++] = (uint8_t)n;
    fcm_buffer_add(b, bytes, size);
}

void fcm_store_u32(uint8_t *at, uint32_t n) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(n >> (8 * i));
}

void fcm_store_u64(uint8_t *at, uint64_t n) {
    for (int i = 0; i < 8; i++) at[i] = (uint8_t)(n >> (8 * i));
}

bool fcm_read_slice(struct fcm_slice *s, size_t size, struct fcm_slice *ret) {
    if (size > s->size) return false;
    *ret = (struct fcm_slice){s->data, size};
    if (size == 0) return true; /* data may be NULL */
    s->data += size;
    s->size -= size;
    return true;
}

bool fcm_read_u32(struct fcm_slice *s, uint32_t *ret) {
    struct fcm_slice bytes;
    if (!fcm_read_slice(s, 4, &bytes)) return false;
    *ret = fcm_load_u32(bytes.data);
    return true;
}

bool fcm_read_varint(struct fcm_slice *s, uint64_t *ret) {
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64 && s->size > 0; shift += 7) {
        uint8_t byte = *s->data++;
        s->size--;
        if (shift == 63 && byte > 1) return false;
        n |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = n;
            return true;
        }
    }
    return false;
}

int fcm_field_next(struct fcm_slice *message, struct fcm_field *ret) {
    if (message->size == 0) return 0;
    struct fcm_slice rest = *message, bytes;
    struct fcm_field f = {0};
    uint64_t tag, size;
    if (!fcm_read_varint(&rest, &tag) || tag >> 3 == 0 || tag >> 3 > 0x1fffffff) return -EBADMSG;
    f.number = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case FCM_WIRE_VARINT:
        f.type = FCM_WIRE_VARINT;
        if (!fcm_read_varint(&rest, &f.value)) return -EBADMSG;
        break;
    case FCM_WIRE_I64:
        f.type = FCM_WIRE_I64;
        if (!fcm_read_slice(&rest, 8, &bytes)) return -EBADMSG;
        f.value = fcm_load_u64(bytes.data);
        break;
    case FCM_WIRE_BYTES:
        f.type = FCM_WIRE_BYTES;
        if (!fcm_read_varint(&rest, &size) || size > rest.size) return -EBADMSG;
        if (!fcm_read_slice(&rest, (size_t)size, &f.bytes)) return -EBADMSG;
        break;
    case FCM_WIRE_I32:
        f.type = FCM_WIRE_I32;
        if (!fcm_read_slice(&rest, 4, &bytes)) return -EBADMSG;
        f.value = fcm_load_u32(bytes.data);
        break;
    default: return -EBADMSG;
    }
    f.whole = (struct fcm_slice){message->data, message->size - rest.size};
    *message = rest;
    *ret = f;
    return 1;
}
