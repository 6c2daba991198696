/* Text as Python sees it: lower case and word characters of UTF-8. Bytes that aren't UTF-8 stay as
 * they are. */
#ifndef FCM_TEXT_H
#define FCM_TEXT_H

#include "bytes.h"

/* Appends `s` in lower case (str.lower()). */
void fcm_text_add_lower(struct fcm_buffer *b, struct fcm_slice s);
/* Bytes of the character at the front of `s` if \w of Python's re matches it, else 0. */
size_t fcm_text_word(struct fcm_slice s);
/* Bytes of the character at the front of `s`, which isn't empty; 1 where it isn't UTF-8. */
size_t fcm_text_character(struct fcm_slice s);
/* How many characters there are in `s`. */
size_t fcm_text_length(struct fcm_slice s);
/* Whether `needle` stands somewhere in `s`. */
bool fcm_text_contains(struct fcm_slice s, struct fcm_slice needle);

#endif
