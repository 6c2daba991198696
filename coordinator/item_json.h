/* An item of a record as a JSON object: what `list --json`, `show` and `export` print.
 * docs/manifest.md lists its members. */
#ifndef FCM_ITEM_JSON_H
#define FCM_ITEM_JSON_H

#include "node_id.h"

void fcm_item_add_json(struct fcm_buffer *b, const Fcm__Record *r, const struct fcm_node_ids *ids,
                       size_t item);

#endif
