/* A packed Record message taken apart without unpacking it: its head, its dependencies, and the
 * rest. */
#ifndef FCM_RECORD_SPLIT_H
#define FCM_RECORD_SPLIT_H

#include "bytes.h"

/* What the manifest's index holds about a record. */
struct fcm_record_head {
    struct fcm_slice path;
    struct fcm_slice collector;
    uint32_t items;
    double duration;
};

/* Reads the head; appends to `ret_rest` the record without its dependencies, to `ret_dependencies`
 * the packed Dependencies message (empty: none), and to `ret_base` those that all records of its
 * process share. The head points into `packed`. -EBADMSG for bytes that are no message. */
int fcm_record_split(struct fcm_slice packed, struct fcm_record_head *ret_head,
                     struct fcm_buffer *ret_rest, struct fcm_buffer *ret_dependencies,
                     struct fcm_buffer *ret_base);

#endif
