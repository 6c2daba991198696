// The Python type Record: an unpacked, checked record that answers for single nodes and builds lazy
// nodes.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "record.h"

// The message of a Record, its own; and one of its strings, a new reference, or NULL with an
// exception.
const Fcm__Record *fcm_pyrecord_message(PyObject *record);
PyObject *fcm_pyrecord_string(PyObject *record, uint32_t string);
// The row of a node that is an item.
uint32_t fcm_pyrecord_row(PyObject *record, uint32_t index);

// Adds the type to the module. Returns 0, or -1 with an exception.
int fcm_pyrecord_register(PyObject *module);
