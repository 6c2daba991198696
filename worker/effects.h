// Writes what hooks that are treated per file did to the nodes of a record: the columns `hook_*`
// and `change_*` of fastcollect.proto. Runs with the GIL held, in a worker or in the main process.
#pragma once

#include "tables.h"

struct fcm_effects {
    struct fcm_numbers hook_name, hook_order, hook_deselected;
    struct fcm_numbers change_hook, change_node, change_before, change_after, change_keys;
    struct fcm_numbers change_extra;
};

void fcm_effects_done(struct fcm_effects *effects);

// Adds the effects in a list of tuples
//     (hook, order or None, deselected, [(node, before, after, keys, extra), ...])
// where order and deselected are lists of node numbers, before and after of pytest's Mark objects,
// keys and extra of str. Returns 0, or -1 with an exception.
int fcm_effects_read(struct fcm_effects *effects, struct fcm_tables *tables, PyObject *list);

// Points the record's columns at what has been read; they live as long as `effects`.
void fcm_effects_set(const struct fcm_effects *effects, Fcm__Record *record);
