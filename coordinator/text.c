#include "text.h"

#include <locale.h>
#include <wchar.h>
#include <wctype.h>

static locale_t utf8_locale(void) {
    static locale_t made;
    if (!made) made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return made;
}

/* One character above ASCII. Its size, or 0 where the bytes are none. */
static size_t decode(struct fcm_slice s, uint32_t *ret) {
    uint8_t first = s.data[0];
    size_t size = first >= 0xf0 && first < 0xf8 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    if (first >= 0xf8 || size == 0 || size > s.size) return 0;
    uint32_t c = first & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((s.data[i] & 0xc0) != 0x80) return 0;
        c = c << 6 | (s.data[i] & 0x3f);
    }
    *ret = c;
    return size;
}

static void add_character(struct fcm_buffer *b, uint32_t c) {
    if (c < 0x80) {
        fcm_buffer_add_byte(b, (uint8_t)c);
    } else if (c < 0x800) {
        fcm_buffer_add_byte(b, (uint8_t)(0xc0 | c >> 6));
    } else if (c < 0x10000) {
        fcm_buffer_add_byte(b, (uint8_t)(0xe0 | c >> 12));
        fcm_buffer_add_byte(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    } else {
        fcm_buffer_add_byte(b, (uint8_t)(0xf0 | c >> 18));
        fcm_buffer_add_byte(b, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
        fcm_buffer_add_byte(b, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
    }
    if (c >= 0x80) fcm_buffer_add_byte(b, (uint8_t)(0x80 | (c & 0x3f)));
}

enum { CAPITAL_I_DOT = 0x130, DOT_ABOVE = 0x307, CAPITAL_SIGMA = 0x3a3, FINAL_SIGMA = 0x3c2 };

static bool is_letter(uint32_t c) { return iswalpha_l((wint_t)c, utf8_locale()) != 0; }

/* Whether a capital sigma stands at the end of a word. */
static bool ends_word(bool after_letter, struct fcm_slice rest) {
    uint32_t c = rest.size > 0 ? rest.data[0] : 0;
    if (c >= 0x80 && decode(rest, &c) == 0) c = 0;
    return after_letter && (c == 0 || !is_letter(c));
}

static void add_lower(struct fcm_buffer *b, uint32_t c, bool after_letter, struct fcm_slice rest) {
    if (c == CAPITAL_I_DOT) {
        fcm_buffer_add_byte(b, 'i');
        add_character(b, DOT_ABOVE);
    } else if (c == CAPITAL_SIGMA && ends_word(after_letter, rest)) {
        add_character(b, FINAL_SIGMA);
    } else {
        add_character(b, (uint32_t)towlower_l((wint_t)c, utf8_locale()));
    }
}

void fcm_text_add_lower(struct fcm_buffer *b, struct fcm_slice s) {
    bool after_letter = false;
    for (size_t i = 0; i < s.size;) {
        uint8_t byte = s.data[i];
        uint32_t c = 0;
        size_t size = 0;
        if (byte >= 0x80 && utf8_locale()) size = decode(fcm_slice_of(s.data + i, s.size - i), &c);
        if (size == 0) {
            bool upper = byte >= 'A' && byte <= 'Z';
            fcm_buffer_add_byte(b, upper ? (uint8_t)(byte | 0x20) : byte);
            after_letter = upper || (byte >= 'a' && byte <= 'z');
            i++;
            continue;
        }
        i += size;
        add_lower(b, c, after_letter, fcm_slice_of(s.data + i, s.size - i));
        after_letter = is_letter(c);
    }
}

size_t fcm_text_word(struct fcm_slice s) {
    if (s.size == 0) return 0;
    uint8_t b = s.data[0];
    if (b < 0x80) {
        bool word = b == '_' || (b >= '0' && b <= '9') || ((b | 0x20) >= 'a' && (b | 0x20) <= 'z');
        return word ? 1 : 0;
    }
    uint32_t c;
    size_t size = decode(s, &c);
    if (size == 0 || !utf8_locale()) return 0;
    return iswalnum_l((wint_t)c, utf8_locale()) ? size : 0;
}

size_t fcm_text_character(struct fcm_slice s) {
    uint32_t c;
    size_t size = s.data[0] < 0x80 ? 1 : decode(s, &c);
    return size > 0 ? size : 1;
}

size_t fcm_text_length(struct fcm_slice s) {
    size_t length = 0;
    for (size_t i = 0; i < s.size; length++)
        i += fcm_text_character(fcm_slice_of(s.data + i, s.size - i));
    return length;
}

bool fcm_text_contains(struct fcm_slice s, struct fcm_slice needle) {
    if (needle.size == 0) return true;
    return s.size >= needle.size && memmem(s.data, s.size, needle.data, needle.size) != NULL;
}
