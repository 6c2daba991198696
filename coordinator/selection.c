#include "selection.h"

#include <errno.h>

#include "marker_match.h"
#include "text.h"

enum { UNKNOWN = 0, NO, YES };

/* What has been found out about one record: each answer is kept, since most items share most of
 * their names. */
struct matching {
    struct fcm_selection *selection;
    const Fcm__Record *record;
    uint8_t *string_matches; /* by leaf of -k, string */
    uint8_t *node_matches;   /* by leaf of -k, node that is a collector */
    uint8_t *folder_matches; /* by leaf of -k */
    struct fcm_buffer scratch, name;
    struct fcm_slice base;
    uint32_t item;
};

static bool lower_contains(struct matching *m, struct fcm_slice text, size_t leaf) {
    m->scratch.size = 0;
    fcm_text_add_lower(&m->scratch, text);
    return fcm_text_contains(fcm_buffer_slice(&m->scratch),
                             fcm_expression_leaf(m->selection->keyword, leaf)->lower);
}

static bool string_matches(struct matching *m, size_t leaf, uint32_t string) {
    uint8_t *known = &m->string_matches[leaf * m->record->n_strings + string];
    if (*known == UNKNOWN) {
        *known = lower_contains(m, fcm_record_string(m->record, string), leaf) ? YES : NO;
    }
    return *known == YES;
}

static bool strings_match(struct matching *m, size_t leaf, uint32_t list) {
    const uint32_t *strings;
    size_t n = fcm_record_list(m->record, list, &strings);
    for (size_t i = 0; i < n; i++) {
        if (string_matches(m, leaf, strings[i])) return true;
    }
    return false;
}

/* The names of the folders between rootdir, which doesn't count, and the file. */
static bool folders_match(struct matching *m, size_t leaf) {
    if (m->folder_matches[leaf] != UNKNOWN) return m->folder_matches[leaf] == YES;
    m->folder_matches[leaf] = NO;
    const uint8_t *at = m->base.data, *end = at + m->base.size, *slash;
    while ((slash = memchr(at, '/', (size_t)(end - at))) != NULL) {
        struct fcm_slice name = fcm_slice_of(at, (size_t)(slash - at));
        bool counts = !fcm_slice_equal(name, fcm_slice_text(".."));
        if (counts && lower_contains(m, name, leaf)) m->folder_matches[leaf] = YES;
        at = slash + 1;
    }
    return m->folder_matches[leaf] == YES;
}

static bool name_matches(struct matching *m, size_t leaf, size_t node) {
    if (!(m->record->node_flags[node] & FCM_NODE_DERIVED_NAME)) {
        return string_matches(m, leaf, m->record->node_name[node]);
    }
    if (string_matches(m, leaf, m->record->item_original[m->item] - 1)) return true;
    m->name.size = 0;
    fcm_node_add_name(&m->name, m->record, node, m->item);
    return lower_contains(m, fcm_buffer_slice(&m->name), leaf);
}

static bool own_matches(struct matching *m, size_t leaf, size_t node) {
    const Fcm__Record *r = m->record;
    if (name_matches(m, leaf, node) || strings_match(m, leaf, r->node_extra[node])) return true;
    const uint32_t *marks;
    size_t n = fcm_record_list(r, r->node_marks[node], &marks);
    for (size_t i = 0; i < n; i++) {
        if (string_matches(m, leaf, r->mark_name[marks[i]])) return true;
    }
    return false;
}

/* A collector with its parents. */
static bool collector_matches(struct matching *m, size_t leaf, size_t node) {
    uint8_t *known = &m->node_matches[leaf * m->record->n_node_parent + node];
    if (*known == UNKNOWN) {
        bool matches = own_matches(m, leaf, node);
        if (!matches) {
            matches = node == 0 ? folders_match(m, leaf)
                                : collector_matches(m, leaf, m->record->node_parent[node]);
        }
        *known = matches ? YES : NO;
    }
    return *known == YES;
}

static bool keyword_leaf(void *context, size_t leaf) {
    struct matching *m = context;
    const Fcm__Record *r = m->record;
    size_t node = r->item_node[m->item];
    return collector_matches(m, leaf, r->node_parent[node]) || own_matches(m, leaf, node) ||
           strings_match(m, leaf, r->item_function_keys[m->item]);
}

static bool mark_matches(struct matching *m, const struct fcm_leaf *leaf, uint32_t mark) {
    const Fcm__Record *r = m->record;
    if (!fcm_slice_equal(fcm_record_string(r, r->mark_name[mark]), leaf->name)) return false;
    if (leaf->argument_count == 0) return true;
    uint32_t kwargs = r->mark_kwargs[mark];
    if (kwargs == 0) {
        m->selection->undecided++;
        return false;
    }
    const ProtobufCBinaryData *value = &r->values[kwargs - 1];
    return fcm_marker_matches(fcm_slice_of(value->data, value->len), leaf);
}

static bool mark_leaf(void *context, size_t index) {
    struct matching *m = context;
    const Fcm__Record *r = m->record;
    const struct fcm_leaf *leaf = fcm_expression_leaf(m->selection->mark, index);
    for (size_t node = r->item_node[m->item];; node = r->node_parent[node]) {
        const uint32_t *marks;
        size_t n = fcm_record_list(r, r->node_marks[node], &marks);
        for (size_t i = 0; i < n; i++) {
            if (mark_matches(m, leaf, marks[i])) return true;
        }
        if (node == 0) return false;
    }
}

static int matching_init(struct matching *m, const struct fcm_expression *keyword) {
    if (!keyword) return 0;
    size_t leaves = fcm_expression_leaf_count(keyword);
    m->string_matches = calloc(leaves + 1, m->record->n_strings + 1);
    m->node_matches = calloc(leaves + 1, m->record->n_node_parent + 1);
    m->folder_matches = calloc(leaves + 1, 1);
    return m->string_matches && m->node_matches && m->folder_matches ? 0 : -ENOMEM;
}

static void matching_done(struct matching *m) {
    free(m->string_matches);
    free(m->node_matches);
    free(m->folder_matches);
    fcm_buffer_done(&m->scratch);
    fcm_buffer_done(&m->name);
}

int fcm_selection_apply(struct fcm_selection *s, const Fcm__Record *r, struct fcm_slice base,
                        bool *ret_selected) {
    __attribute__((cleanup(matching_done))) struct matching m = {
        .selection = s, .record = r, .base = base};
    int result = matching_init(&m, s->keyword);
    if (result < 0) return result;
    for (size_t i = 0; i < r->n_item_node; i++) {
        m.item = (uint32_t)i;
        bool selected = !s->keyword || fcm_expression_evaluate(s->keyword, keyword_leaf, &m);
        if (selected && s->mark) selected = fcm_expression_evaluate(s->mark, mark_leaf, &m);
        ret_selected[i] = selected;
    }
    return m.scratch.failed || m.name.failed ? -ENOMEM : 0;
}
