#include "value.h"

#include <errno.h>

int fcm_view_varint(struct fcm_view *view, uint64_t *ret_value) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (view->at == view->end) return -EBADMSG;
        uint8_t byte = *view->at++;
        if (shift == 63 && byte > 1) return -EBADMSG;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return 0;
        }
    }
    return -EBADMSG;
}

static int skip(struct fcm_view *view, uint64_t size) {
    if (size > (uint64_t)(view->end - view->at)) return -EBADMSG;
    view->at += size;
    return 0;
}

static int check_one(struct fcm_view *view, unsigned depth) {
    if (depth > FCM_VALUE_DEPTH_MAX || view->at == view->end) return -EBADMSG;
    uint64_t n;
    uint8_t tag = *view->at++;
    switch (tag) {
    case 'N':
    case 'T':
    case 'F':
    case 'E': return 0;
    case 'i': return fcm_view_varint(view, &n);
    case 'f': return skip(view, 8);
    case 'c': return skip(view, 16);
    case 'I':
    case 's':
    case 'b':
        if (fcm_view_varint(view, &n) < 0) return -EBADMSG;
        return skip(view, n);
    case '(':
    case '[':
    case '<':
    case '>':
    case '{':
        if (fcm_view_varint(view, &n) < 0 || n > (uint64_t)(view->end - view->at)) return -EBADMSG;
        for (uint64_t i = 0; i < (tag == '{' ? 2 * n : n); i++) {
            if (check_one(view, depth + 1) < 0) return -EBADMSG;
        }
        return 0;
    default: return -EBADMSG;
    }
}

int fcm_value_check(const void *bytes, size_t size) {
    struct fcm_view view = {.at = bytes, .end = (const uint8_t *)bytes + size};
    int r = check_one(&view, 0);
    if (r < 0) return r;
    return view.at == view.end ? 0 : -EBADMSG;
}
