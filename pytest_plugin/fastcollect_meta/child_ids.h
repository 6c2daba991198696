// The ids of nodes, as pytest's constructors make them, for nodes that are built in C.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

// How ids of one parent's children are made. `slot` and the descriptors are borrowed.
struct fcm_child_ids {
    PyObject *slot;                         // descriptor of the node's slot
    PyTypeObject *type;                     // of structured ids; NULL where an id is a string
    PyObject *path, *names, *params, *text; // descriptors of its fields
    PyObject *parent_path, *parent_names;   // of the parent's structured id
    PyObject *parent_text;                  // the parent's id as a string
    PyObject *last_name, *last_names,
        *last_text; // of the child before: they're often the same again
};

// `spec` is a tuple (slot,) for ids that are strings, or (slot, type, path, names, params, text).
// Returns 0, or -1 with an exception; fcm_child_ids_done() in both cases.
int fcm_child_ids_init(struct fcm_child_ids *ids, PyObject *parent, PyObject *spec);
void fcm_child_ids_done(struct fcm_child_ids *ids);

// Gives a node its id. `name` is the last part without parameters; `params` is NULL for none.
// Returns 0, or -1 with an exception.
int fcm_child_ids_set(struct fcm_child_ids *ids, PyObject *node, PyObject *name, PyObject *params);
