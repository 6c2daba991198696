#include "record.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "value.h"

size_t fcm_record_list(const Fcm__Record *record, uint32_t list, const uint32_t **ret_entries) {
    uint32_t from = record->list_offset[list];
    *ret_entries = record->list_item + from;
    return record->list_offset[list + 1] - from;
}

// Whether all numbers are below `limit`.
static bool below(const uint32_t *numbers, size_t n, size_t limit) {
    for (size_t i = 0; i < n; i++) {
        if (numbers[i] >= limit) return false;
    }
    return true;
}

// Whether all numbers are lists whose entries are below `limit`; UINT32_MAX for lists of plain
// numbers.
static bool lists_below(const Fcm__Record *r, const uint32_t *lists, size_t n, size_t limit) {
    if (!below(lists, n, r->n_list_offset - 1)) return false;
    if (limit >= UINT32_MAX) return true;
    for (size_t i = 0; i < n; i++) {
        // a list that the entry before has too needs no second look
        if (i > 0 && lists[i] == lists[i - 1]) continue;
        const uint32_t *entries;
        size_t size = fcm_record_list(r, lists[i], &entries);
        if (!below(entries, size, limit)) return false;
    }
    return true;
}

static bool check_lists(const Fcm__Record *r) {
    if (r->n_list_offset < 2 || r->list_offset[0] != 0 || r->list_offset[1] != 0) return false;
    for (size_t i = 1; i < r->n_list_offset; i++) {
        if (r->list_offset[i] < r->list_offset[i - 1]) return false;
    }
    return r->list_offset[r->n_list_offset - 1] == r->n_list_item;
}

static bool check_nodes(const Fcm__Record *r) {
    size_t n = r->n_node_parent;
    if (n == 0 || r->n_node_class != n || r->n_node_flags != n || r->n_node_name != n ||
        r->n_node_marks != n || r->n_node_keys != n || r->n_node_attributes != n ||
        r->n_node_doc != n || r->n_node_line != n || r->n_node_extra != n || r->n_node_object != n)
        return false;
    if (r->node_parent[0] != 0 || (r->node_flags[0] & FCM_NODE_ITEM)) return false;
    for (size_t i = 1; i < n; i++) {
        uint32_t parent = r->node_parent[i];
        if (parent >= i || (r->node_flags[parent] & FCM_NODE_ITEM)) return false;
    }
    return below(r->class_name, r->n_class_name, r->n_strings) &&
           below(r->node_class, n, r->n_class_name) && below(r->node_doc, n, r->n_strings + 1) &&
           lists_below(r, r->node_marks, n, r->n_mark_name) &&
           lists_below(r, r->node_keys, n, r->n_strings) &&
           lists_below(r, r->node_attributes, n, r->n_strings) &&
           lists_below(r, r->node_extra, n, r->n_strings) &&
           lists_below(r, r->node_object, n, r->n_strings);
}

// Each node that is an item has its row, and only those; a derived name has what it is derived
// from.
static bool check_items(const Fcm__Record *r) {
    size_t n = r->n_item_node, row = 0;
    if (r->n_item_original != n || r->n_item_path != n || r->n_item_domain != n ||
        r->n_item_fixtures != n || r->n_item_function_keys != n || r->n_item_call != n)
        return false;
    if (!below(r->item_original, n, r->n_strings + 1) ||
        !below(r->item_path, n, r->n_strings + 1) || !below(r->item_domain, n, r->n_strings + 1) ||
        !below(r->item_call, n, r->n_call_names + 1) ||
        !lists_below(r, r->item_fixtures, n, r->n_strings) ||
        !lists_below(r, r->item_function_keys, n, r->n_strings))
        return false;
    for (size_t i = 0; i < r->n_node_parent; i++) {
        bool derived = r->node_flags[i] & FCM_NODE_DERIVED_NAME;
        if (!derived && r->node_name[i] >= r->n_strings) return false;
        if (!(r->node_flags[i] & FCM_NODE_ITEM)) {
            if (derived) return false;
            continue;
        }
        if (row == n || r->item_node[row] != i) return false;
        if (derived && (r->item_original[row] == 0 || r->item_call[row] == 0)) return false;
        row++;
    }
    return row == n;
}

// None, or each row once.
static bool check_order(const Fcm__Record *r) {
    size_t n = r->n_item_order;
    if (n == 0) return true;
    if (n != r->n_item_node || !below(r->item_order, n, n)) return false;
    bool *seen = calloc(n, sizeof(*seen)), twice = !seen;
    for (size_t i = 0; !twice && i < n; i++) {
        twice = seen[r->item_order[i]];
        seen[r->item_order[i]] = true;
    }
    free(seen);
    return !twice;
}

static bool check_keys(const Fcm__Record *r, uint32_t list) {
    const uint32_t *entries;
    size_t n = fcm_record_list(r, list, &entries);
    for (size_t i = 0; i < n; i++) {
        if (entries[i] >= FCM_KEY_NAMED && entries[i] - FCM_KEY_NAMED >= r->n_strings) return false;
    }
    return true;
}

static bool check_calls(const Fcm__Record *r) {
    size_t n = r->n_call_names;
    if (r->n_call_values != n || r->n_call_indices != n || r->n_call_scopes != n ||
        r->n_call_ids != n || r->n_call_marks != n || r->n_call_keys != n)
        return false;
    if (!lists_below(r, r->call_names, n, r->n_strings) ||
        !lists_below(r, r->call_values, n, r->n_values + 1) ||
        !lists_below(r, r->call_indices, n, UINT32_MAX) ||
        !lists_below(r, r->call_scopes, n, FCM_SCOPE_FUNCTION + 1) ||
        !lists_below(r, r->call_ids, n, r->n_strings) ||
        !lists_below(r, r->call_marks, n, r->n_mark_name) ||
        !lists_below(r, r->call_keys, n, UINT32_MAX))
        return false;
    for (size_t i = 0; i < n; i++) {
        const uint32_t *entries;
        size_t names = fcm_record_list(r, r->call_names[i], &entries);
        if (fcm_record_list(r, r->call_values[i], &entries) != names ||
            fcm_record_list(r, r->call_indices[i], &entries) != names ||
            fcm_record_list(r, r->call_scopes[i], &entries) != names ||
            fcm_record_list(r, r->call_keys[i], &entries) != names ||
            !check_keys(r, r->call_keys[i]))
            return false;
    }
    return true;
}

// Whether all entries of a list are items: of this record, or of the `made` nodes that are numbered
// after it.
static bool all_items(const Fcm__Record *r, const Fcm__Record *made, uint32_t list) {
    const uint32_t *entries;
    size_t n = fcm_record_list(r, list, &entries);
    for (size_t i = 0; i < n; i++) {
        const Fcm__Record *owner = entries[i] < r->n_node_flags ? r : made;
        size_t node = owner == r ? entries[i] : entries[i] - r->n_node_flags;
        if (!owner || node >= owner->n_node_flags || !(owner->node_flags[node] & FCM_NODE_ITEM))
            return false;
    }
    return true;
}

// Unpacks what a hook made, NULL for nothing. Made nodes have no hooks, and make nothing.
static bool unpack_made(const Fcm__Record *r, Fcm__Record **ret) {
    if (!r->made_by) return !r->made.len;
    if (r->made_by > r->n_hook_name) return false;
    Fcm__Record *made = fcm__record__unpack(NULL, r->made.len, r->made.data);
    if (made && !made->n_hook_name && !made->made_by && fcm_record_check(made) == 0) {
        *ret = made;
        return true;
    }
    fcm_record_free(made);
    return false;
}

static bool check_hook_lists(const Fcm__Record *r, const Fcm__Record *made) {
    for (size_t i = 0; i < r->n_hook_name; i++) {
        if (r->hook_order[i] && !all_items(r, made, r->hook_order[i] - 1)) return false;
        if (!all_items(r, made, r->hook_deselected[i])) return false;
    }
    return true;
}

static bool check_hooks(const Fcm__Record *r) {
    size_t n = r->n_hook_name, changes = r->n_change_hook, lists = r->n_list_offset - 1;
    if (r->n_hook_order != n || r->n_hook_deselected != n || r->n_change_node != changes ||
        r->n_change_before != changes || r->n_change_after != changes ||
        r->n_change_keys != changes || r->n_change_extra != changes)
        return false;
    if (!below(r->hook_name, n, r->n_strings) || !below(r->hook_order, n, lists + 1) ||
        !below(r->hook_deselected, n, lists) || !below(r->change_hook, changes, n) ||
        !below(r->change_node, changes, r->n_node_parent) ||
        !lists_below(r, r->change_before, changes, r->n_mark_name) ||
        !lists_below(r, r->change_after, changes, r->n_mark_name) ||
        !lists_below(r, r->change_keys, changes, r->n_strings) ||
        !lists_below(r, r->change_extra, changes, r->n_strings))
        return false;
    Fcm__Record *made = NULL;
    if (!unpack_made(r, &made)) return false;
    bool good = check_hook_lists(r, made);
    fcm_record_free(made);
    return good;
}

static bool check_marks(const Fcm__Record *r) {
    size_t n = r->n_mark_name;
    return r->n_mark_args == n && r->n_mark_kwargs == n && below(r->mark_name, n, r->n_strings) &&
           below(r->mark_args, n, r->n_values + 1) && below(r->mark_kwargs, n, r->n_values + 1);
}

int fcm_record_check(const Fcm__Record *r) {
    if (r->format != FCM_RECORD_FORMAT || !check_lists(r) || !check_marks(r) || !check_nodes(r) ||
        !check_items(r) || !check_order(r) || !check_calls(r) || !check_hooks(r))
        return -EBADMSG;
    for (size_t i = 0; i < r->n_values; i++) {
        if (fcm_value_check(r->values[i].data, r->values[i].len) < 0) return -EBADMSG;
    }
    if (r->dependencies && r->dependencies->n_env_names != r->dependencies->n_env_values)
        return -EBADMSG;
    return 0;
}

int fcm_record_unpack(const void *bytes, size_t size, Fcm__Record **ret_record) {
    Fcm__Record *record = fcm__record__unpack(NULL, size, bytes);
    if (!record) return -EBADMSG;
    int r = fcm_record_check(record);
    if (r < 0) {
        fcm_record_free(record);
        return r;
    }
    *ret_record = record;
    return 0;
}

void fcm_record_free(Fcm__Record *record) {
    if (record) fcm__record__free_unpacked(record, NULL);
}
