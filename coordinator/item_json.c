#include "item_json.h"

#include "json.h"

static void add_member(struct fcm_buffer *b, const char *name) {
    fcm_buffer_add_text(b, ",\"");
    fcm_buffer_add_text(b, name);
    fcm_buffer_add_text(b, "\":");
}

/* A value of the record; `value` is its number plus one, 0 where it isn't held: {"opaque": true}.
 */
static void add_value(struct fcm_buffer *b, const Fcm__Record *r, uint32_t value) {
    if (value == 0) {
        fcm_buffer_add_text(b, "{\"opaque\":true}");
        return;
    }
    const ProtobufCBinaryData *v = &r->values[value - 1];
    fcm_json_add_value(b, fcm_slice_of(v->data, v->len));
}

static void add_mark(struct fcm_buffer *b, const Fcm__Record *r, uint32_t mark) {
    fcm_buffer_add_text(b, "{\"name\":");
    fcm_json_add_text(b, fcm_record_string(r, r->mark_name[mark]));
    add_member(b, "args");
    add_value(b, r, r->mark_args[mark]);
    add_member(b, "kwargs");
    add_value(b, r, r->mark_kwargs[mark]);
    fcm_buffer_add_byte(b, '}');
}

/* Its own marks, then those of each parent: the order of iter_markers(). */
static void add_marks(struct fcm_buffer *b, const Fcm__Record *r, size_t node) {
    bool first = true;
    fcm_buffer_add_byte(b, '[');
    for (;; node = r->node_parent[node]) {
        const uint32_t *marks;
        size_t n = fcm_record_list(r, r->node_marks[node], &marks);
        for (size_t i = 0; i < n; i++) {
            if (!first) fcm_buffer_add_byte(b, ',');
            first = false;
            add_mark(b, r, marks[i]);
        }
        if (node == 0) break;
    }
    fcm_buffer_add_byte(b, ']');
}

static void add_parameters(struct fcm_buffer *b, const Fcm__Record *r, uint32_t call) {
    const uint32_t *names, *values;
    size_t n = fcm_record_list(r, r->call_names[call], &names);
    size_t m = fcm_record_list(r, r->call_values[call], &values);
    fcm_buffer_add_byte(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) fcm_buffer_add_byte(b, ',');
        fcm_json_add_text(b, fcm_record_string(r, names[i]));
        fcm_buffer_add_byte(b, ':');
        add_value(b, r, i < m ? values[i] : 0);
    }
    fcm_buffer_add_byte(b, '}');
}

void fcm_item_add_json(struct fcm_buffer *b, const Fcm__Record *r, const struct fcm_node_ids *ids,
                       size_t item) {
    size_t node = r->item_node[item];
    fcm_buffer_add_text(b, "{\"id\":");
    fcm_json_add_text(b, fcm_node_id(ids, node));
    add_member(b, "name");
    FCM_AUTO_BUFFER name = {0};
    fcm_node_add_name(&name, r, node, (uint32_t)item);
    b->failed |= name.failed;
    fcm_json_add_text(b, fcm_buffer_slice(&name));
    add_member(b, "function");
    if (r->item_original[item]) {
        fcm_json_add_text(b, fcm_record_string(r, r->item_original[item] - 1));
    } else {
        fcm_buffer_add_text(b, "null");
    }
    add_member(b, "line");
    if (r->node_line[node])
        fcm_json_add_number(b, r->node_line[node]);
    else
        fcm_buffer_add_text(b, "null");
    add_member(b, "markers");
    add_marks(b, r, node);
    add_member(b, "parameters");
    if (r->item_call[item])
        add_parameters(b, r, r->item_call[item] - 1);
    else
        fcm_buffer_add_text(b, "{}");
    fcm_buffer_add_byte(b, '}');
}
