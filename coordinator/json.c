#include "json.h"

#include <math.h>
#include <stdio.h>

#include "value.h"

/* One character above ASCII of UTF-8 with surrogates passed through. Its size; 0 where the bytes
 * are none. */
static size_t decode(struct fcm_slice s, uint32_t *ret) {
    uint8_t first = s.data[0];
    size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || size > s.size) return 0;
    uint32_t c = first & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((s.data[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (s.data[i] & 0x3f);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (c < least[size] || c > 0x10ffff) return 0;
    *ret = c;
    return size;
}

static void add_escape(struct fcm_buffer *b, uint32_t unit) {
    char text[8];
    fcm_buffer_add(b, text, (size_t)snprintf(text, sizeof(text), "\\u%04x", unit & 0xffff));
}

static void add_ascii(struct fcm_buffer *b, uint8_t c) {
    static const char pairs[] =
        "\"\"\\\\\nn\tt\rr\bb\ff"; /* a character, then what stands for it */
    for (size_t i = 0; i + 1 < sizeof(pairs); i += 2) {
        if ((uint8_t)pairs[i] != c) continue;
        fcm_buffer_add_byte(b, '\\');
        fcm_buffer_add_byte(b, (uint8_t)pairs[i + 1]);
        return;
    }
    if (c < 0x20 || c == 0x7f)
        add_escape(b, c);
    else
        fcm_buffer_add_byte(b, c);
}

void fcm_json_add_text(struct fcm_buffer *b, struct fcm_slice s) {
    fcm_buffer_add_byte(b, '"');
    for (size_t i = 0; i < s.size;) {
        uint32_t c;
        if (s.data[i] < 0x80) {
            add_ascii(b, s.data[i++]);
            continue;
        }
        size_t size = decode(fcm_slice_of(s.data + i, s.size - i), &c);
        if (size == 0)
            add_escape(b, 0xdc00u | s.data[i++]); /* surrogateescape */
        else if (c >= 0xd800 && c < 0xe000)
            add_escape(b, c);
        else
            fcm_buffer_add(b, s.data + i, size);
        i += size;
    }
    fcm_buffer_add_byte(b, '"');
}

void fcm_json_add_number(struct fcm_buffer *b, int64_t n) {
    char text[24];
    fcm_buffer_add(b, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)n));
}

void fcm_json_add_real(struct fcm_buffer *b, double n) {
    char text[32];
    if (!isfinite(n))
        fcm_buffer_add_text(b, "null");
    else
        fcm_buffer_add(b, text, (size_t)snprintf(text, sizeof(text), "%.17g", n));
}

static bool add_value(struct fcm_buffer *b, struct fcm_view *v, unsigned depth);

static bool add_entries(struct fcm_buffer *b, struct fcm_view *v, unsigned depth, bool dict) {
    uint64_t n;
    if (fcm_view_varint(v, &n) < 0) return false;
    fcm_buffer_add_byte(b, dict ? '{' : '[');
    for (uint64_t i = 0; i < n; i++) {
        if (i > 0) fcm_buffer_add_byte(b, ',');
        if (dict && (v->at == v->end || *v->at != 's')) return false; /* keys of JSON are text */
        if (!add_value(b, v, depth + 1)) return false;
        if (!dict) continue;
        fcm_buffer_add_byte(b, ':');
        if (!add_value(b, v, depth + 1)) return false;
    }
    fcm_buffer_add_byte(b, dict ? '}' : ']');
    return true;
}

static bool add_value(struct fcm_buffer *b, struct fcm_view *v, unsigned depth) {
    uint64_t n;
    double real;
    if (depth > FCM_VALUE_DEPTH_MAX || v->at == v->end) return false;
    switch (*v->at++) {
    case 'N': fcm_buffer_add_text(b, "null"); return true;
    case 'T': fcm_buffer_add_text(b, "true"); return true;
    case 'F': fcm_buffer_add_text(b, "false"); return true;
    case 'i':
        if (fcm_view_varint(v, &n) < 0) return false;
        fcm_json_add_number(b, fcm_unzigzag(n));
        return true;
    case 'f':
        if (v->end - v->at < 8) return false;
        n = fcm_load_u64(v->at);
        memcpy(&real, &n, sizeof(real));
        v->at += 8;
        if (!isfinite(real)) return false;
        fcm_json_add_real(b, real);
        return true;
    case 's':
        if (fcm_view_varint(v, &n) < 0 || n > (uint64_t)(v->end - v->at)) return false;
        fcm_json_add_text(b, fcm_slice_of(v->at, (size_t)n));
        v->at += n;
        return true;
    case '(':
    case '[': return add_entries(b, v, depth, false);
    case '{': return add_entries(b, v, depth, true);
    default: return false; /* sets, bytes, complex numbers, ... */
    }
}

void fcm_json_add_value(struct fcm_buffer *b, struct fcm_slice value) {
    struct fcm_view v = {.at = value.data, .end = value.data + value.size};
    size_t before = b->size;
    if (add_value(b, &v, 0)) return;
    b->size = before;
    fcm_buffer_add_text(b, "null");
}
