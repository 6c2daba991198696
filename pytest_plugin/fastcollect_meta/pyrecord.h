// The Python type Record: an unpacked, checked record that answers for single nodes and builds lazy
// nodes.
#pragma once

#include <Python.h>

// Adds the type to the module. Returns 0, or -1 with an exception.
int fcm_pyrecord_register(PyObject *module);
