#include "marker_match.h"

#include "value.h"

static struct fcm_view view_of(struct fcm_slice s) {
    return (struct fcm_view){.at = s.data, .end = s.data + s.size};
}

static bool skip_bytes(struct fcm_view *v, uint64_t n) {
    if (n > (uint64_t)(v->end - v->at)) return false;
    v->at += n;
    return true;
}

/* Steps over one value. The depth was checked with the record. */
static bool skip_value(struct fcm_view *v) {
    uint64_t left = 1, n;
    while (left > 0) {
        if (v->at == v->end) return false;
        uint8_t tag = *v->at++;
        left--;
        switch (tag) {
        case 'N':
        case 'T':
        case 'F':
        case 'E': break;
        case 'i':
            if (fcm_view_varint(v, &n) < 0) return false;
            break;
        case 'f':
            if (!skip_bytes(v, 8)) return false;
            break;
        case 'c':
            if (!skip_bytes(v, 16)) return false;
            break;
        case 'I':
        case 's':
        case 'b':
            if (fcm_view_varint(v, &n) < 0 || !skip_bytes(v, n)) return false;
            break;
        case '(':
        case '[':
        case '<':
        case '>':
        case '{':
            if (fcm_view_varint(v, &n) < 0 || n > (uint64_t)(v->end - v->at)) return false;
            left += tag == '{' ? 2 * n : n;
            break;
        default: return false;
        }
    }
    return true;
}

/* Reads a str; false where the value is another. */
static bool read_text(struct fcm_view *v, struct fcm_slice *ret) {
    uint64_t n;
    if (v->at == v->end || *v->at != 's') return false;
    v->at++;
    if (fcm_view_varint(v, &n) < 0 || n > (uint64_t)(v->end - v->at)) return false;
    *ret = fcm_slice_of(v->at, (size_t)n);
    return true;
}

static double load_double(const uint8_t *at) {
    uint64_t bits = fcm_load_u64(at);
    double d;
    memcpy(&d, &bits, sizeof(d));
    return d;
}

/* Python's ==: True is 1 is 1.0. */
static bool equals_number(struct fcm_view v, int64_t number) {
    uint64_t n;
    switch (*v.at++) {
    case 'T': return number == 1;
    case 'F': return number == 0;
    case 'i': return fcm_view_varint(&v, &n) == 0 && fcm_unzigzag(n) == number;
    case 'f':
    case 'c': {
        bool complex_number = v.at[-1] == 'c';
        if (v.end - v.at < (complex_number ? 16 : 8)) return false;
        double real = load_double(v.at), imaginary = complex_number ? load_double(v.at + 8) : 0;
        if (!(real >= -9e18 && real <= 9e18) || imaginary < 0 || imaginary > 0) return false;
        int64_t whole = (int64_t)real;
        return !((double)whole < real) && !((double)whole > real) && whole == number;
    }
    default: return false;
    }
}

static bool equals(struct fcm_view v, const struct fcm_keyword_argument *a) {
    struct fcm_slice text;
    if (v.at == v.end) return false;
    switch (a->kind) {
    case FCM_LITERAL_NONE: return *v.at == 'N';
    case FCM_LITERAL_FALSE: return equals_number(v, 0);
    case FCM_LITERAL_TRUE: return equals_number(v, 1);
    case FCM_LITERAL_INT: return equals_number(v, a->number);
    case FCM_LITERAL_TEXT: return read_text(&v, &text) && fcm_slice_equal(text, a->text);
    }
    return false;
}

static bool has_argument(struct fcm_slice kwargs, const struct fcm_keyword_argument *a) {
    struct fcm_view v = view_of(kwargs);
    uint64_t n;
    if (v.at == v.end || *v.at++ != '{' || fcm_view_varint(&v, &n) < 0) return false;
    for (uint64_t i = 0; i < n; i++) {
        struct fcm_view key = v;
        struct fcm_slice name;
        bool found = read_text(&key, &name) && fcm_slice_equal(name, a->name);
        if (!skip_value(&v)) return false;
        if (found) return equals(v, a);
        if (!skip_value(&v)) return false;
    }
    return false;
}

bool fcm_marker_matches(struct fcm_slice kwargs, const struct fcm_leaf *leaf) {
    for (size_t i = 0; i < leaf->argument_count; i++) {
        if (!has_argument(kwargs, &leaf->arguments[i])) return false;
    }
    return true;
}
