/* Writing JSON (RFC 8259) into a buffer. Text that isn't UTF-8 becomes escapes of lone surrogates,
 * as Python's does. */
#ifndef FCM_JSON_H
#define FCM_JSON_H

#include "bytes.h"

void fcm_json_add_text(struct fcm_buffer *b, struct fcm_slice text);
void fcm_json_add_number(struct fcm_buffer *b, int64_t n);
void fcm_json_add_real(struct fcm_buffer *b, double n);
/* An encoded value (value.h) as JSON where it has a plain counterpart there, else null. */
void fcm_json_add_value(struct fcm_buffer *b, struct fcm_slice value);

#endif
