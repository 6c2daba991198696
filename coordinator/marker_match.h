/* Whether a marker's keyword arguments, as a record holds them, are those of an -m expression. */
#ifndef FCM_MARKER_MATCH_H
#define FCM_MARKER_MATCH_H

#include "bytes.h"
#include "expression.h"

/* `kwargs` is an encoded dict (value.h). True where it has each of the leaf's arguments with an
 * equal value. */
bool fcm_marker_matches(struct fcm_slice kwargs, const struct fcm_leaf *leaf);

#endif
