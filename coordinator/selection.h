/* Which items of a record -k and -m select, by the rules of pytest's KeywordMatcher and
 * MarkMatcher. */
#ifndef FCM_SELECTION_H
#define FCM_SELECTION_H

#include "expression.h"
#include "node_id.h"

struct fcm_selection {
    const struct fcm_expression *keyword; /* NULL: none */
    const struct fcm_expression *mark;    /* NULL: none */
    uint64_t
        undecided; /* times that -m asked for arguments of a marker that the record doesn't hold */
};

/* Fills selected[], one entry an item. `base` is the file's node id. 0 or -ENOMEM. */
int fcm_selection_apply(struct fcm_selection *s, const Fcm__Record *r, struct fcm_slice base,
                        bool *ret_selected);

#endif
