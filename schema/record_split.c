#include "record_split.h"

#include <errno.h>

/* Numbers of fields of the message. */
enum { PATH = 2, COLLECTOR = 3, ITEM_NODE = 35, DURATION = 65, DEPENDENCIES = 66, BASE = 67 };

static double load_double(uint64_t bits) {
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

/* Varints in a packed field: bytes without the bit that says that more follow. */
static uint32_t count_packed(struct fcm_slice s) {
    uint32_t n = 0;
    for (size_t i = 0; i < s.size; i++) n += s.data[i] < 0x80;
    return n;
}

int fcm_record_split(struct fcm_slice packed, struct fcm_record_head *ret_head,
                     struct fcm_buffer *ret_rest, struct fcm_buffer *ret_dependencies,
                     struct fcm_buffer *ret_base) {
    struct fcm_record_head head = {0};
    struct fcm_slice rest = packed;
    struct fcm_field f;
    int r;
    while ((r = fcm_field_next(&rest, &f)) > 0) {
        bool bytes = f.type == FCM_WIRE_BYTES;
        if (f.number == DEPENDENCIES || f.number == BASE) {
            if (!bytes) return -EBADMSG;
            fcm_buffer_add_slice(f.number == BASE ? ret_base : ret_dependencies, f.bytes);
            continue;
        }
        fcm_buffer_add_slice(ret_rest, f.whole);
        if (f.number == PATH && bytes) head.path = f.bytes;
        if (f.number == COLLECTOR && bytes) head.collector = f.bytes;
        if (f.number == ITEM_NODE) head.items += bytes ? count_packed(f.bytes) : 1;
        if (f.number == DURATION && f.type == FCM_WIRE_I64) head.duration = load_double(f.value);
    }
    if (r < 0) return r;
    if (ret_rest->failed || ret_dependencies->failed || ret_base->failed) return -ENOMEM;
    *ret_head = head;
    return 0;
}
