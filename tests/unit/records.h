// Packed Records for tests, made field by field, with as many items as asked for.
#pragma once

#include <stdio.h>

#include "bytes.h"
#include "record.h"

struct record_text {
    const char *path;
    unsigned items;
    const char *const *files, *const *directories, *const *absent; // NULL, or ended by NULL
    const char *env_name, *env_value;                              // "=" and the value, or empty
    const char *volatile_reason;
};

static inline void put_bytes(struct fcm_buffer *b, uint32_t field, const void *data, size_t size) {
    fcm_buffer_add_varint(b, (uint64_t)field << 3 | FCM_WIRE_BYTES);
    fcm_buffer_add_varint(b, size);
    fcm_buffer_add(b, data, size);
}

static inline void put_string(struct fcm_buffer *b, uint32_t field, const char *text) {
    put_bytes(b, field, text, strlen(text));
}

static inline void put_strings(struct fcm_buffer *b, uint32_t field, const char *const *texts) {
    for (; texts && *texts; texts++) put_string(b, field, *texts);
}

// A column: `first` for node 0 if there is one, then `each` + `step` * n.
static inline void put_column(struct fcm_buffer *b, uint32_t field, bool nodes, uint32_t first,
                              uint32_t each, uint32_t step, unsigned items) {
    FCM_AUTO_BUFFER column = {0};
    if (nodes) fcm_buffer_add_varint(&column, first);
    for (unsigned i = 0; i < items; i++) fcm_buffer_add_varint(&column, each + step * i);
    if (column.size) put_bytes(b, field, column.data, column.size);
}

static inline void make_record(struct fcm_buffer *b, const struct record_text *t) {
    FCM_AUTO_BUFFER dependencies = {0};
    const char *name = strrchr(t->path, '/') + 1;
    double duration = 0.25;
    uint64_t bits;
    memcpy(&bits, &duration, sizeof(bits));
    fcm_buffer_add_varint(b, 1 << 3 | FCM_WIRE_VARINT);
    fcm_buffer_add_varint(b, FCM_RECORD_FORMAT);
    put_string(b, 2, t->path);
    put_string(b, 3, "_pytest.python:Module");
    put_string(b, 4, "_pytest.python:Module");
    put_string(b, 4, "_pytest.python:Function");
    put_string(b, 4, name);
    for (unsigned i = 0; i < t->items; i++) {
        char text[32];
        snprintf(text, sizeof(text), "test_%u", i);
        put_string(b, 4, text);
    }
    put_bytes(b, 6, "\0\0", 2);
    put_bytes(b, 15, "\0\1", 2);
    put_column(b, 20, true, 0, 0, 0, t->items);
    put_column(b, 21, true, 0, 1, 0, t->items);
    put_column(b, 22, true, FCM_NODE_COLLECTED, FCM_NODE_ITEM, 0, t->items);
    put_column(b, 23, true, 2, 3, 1, t->items);
    for (uint32_t field = 24; field <= 30; field++) put_column(b, field, true, 0, 0, 0, t->items);
    put_column(b, 35, false, 0, 1, 1, t->items);
    put_column(b, 36, false, 0, 4, 1, t->items);
    for (uint32_t field = 37; field <= 41; field++) put_column(b, field, false, 0, 0, 0, t->items);
    fcm_buffer_add_varint(b, 65 << 3 | FCM_WIRE_I64);
    fcm_buffer_add_u64(b, bits);
    put_strings(&dependencies, 1, t->files);
    put_strings(&dependencies, 2, t->directories);
    put_strings(&dependencies, 3, t->absent);
    if (t->env_name) {
        put_string(&dependencies, 4, t->env_name);
        put_string(&dependencies, 5, t->env_value);
    }
    if (t->volatile_reason) put_string(&dependencies, 6, t->volatile_reason);
    put_bytes(b, 66, dependencies.data, dependencies.size);
}
