/* Names and ids of the nodes in a record, as pytest would give them. The record has been checked.
 */
#ifndef FCM_NODE_ID_H
#define FCM_NODE_ID_H

#include "bytes.h"
#include "record.h"

/* The ids of all nodes of a file, in one buffer. */
struct fcm_node_ids {
    struct fcm_buffer text;
    size_t *end;    /* by node: where its id ends; it begins where that of the node before ends */
    uint32_t *item; /* by node: its row among the items, UINT32_MAX: it is a collector */
    size_t count;
};

/* Appends the path relative to rootdir, with ".." where it isn't below it. */
void fcm_node_id_add_base(struct fcm_buffer *b, const char *rootdir, const char *path);
/* Appends the name of a node; `item` is its row. */
void fcm_node_add_name(struct fcm_buffer *b, const Fcm__Record *r, size_t node, uint32_t item);

/* Makes the ids. 0, -ENOMEM, or -EBADMSG where nodes are nested absurdly deep. */
int fcm_node_ids_init(struct fcm_node_ids *ids, const Fcm__Record *r, const char *rootdir,
                      const char *path);
void fcm_node_ids_done(struct fcm_node_ids *ids);
#define FCM_AUTO_NODE_IDS __attribute__((cleanup(fcm_node_ids_done))) struct fcm_node_ids

static inline struct fcm_slice fcm_node_id(const struct fcm_node_ids *ids, size_t node) {
    size_t begin = node == 0 ? 0 : ids->end[node - 1];
    return fcm_slice_of(ids->text.data + begin, ids->end[node] - begin);
}

static inline struct fcm_slice fcm_record_string(const Fcm__Record *r, size_t string) {
    return fcm_slice_of(r->strings[string].data, r->strings[string].len);
}

/* Orders paths as pytest walks folders: entry by entry, an __init__.py before the others. */
int fcm_path_compare(const char *a, const char *b);

#endif
