// What registries.py asks of thousands of containers after each file.
#pragma once

#include <Python.h>

// changed_sizes(containers: list, sizes: writable buffer of long long, one for each) -> [index] of
// those whose length isn't what `sizes` says, which then says it; -1 stands for one that has no
// length. A new reference.
PyObject *fcm_changed_sizes(PyObject *module, PyObject *args);

// unknown_keys(dict, known: set) -> [key] of the dict that are not among the known. A new
// reference.
PyObject *fcm_unknown_keys(PyObject *module, PyObject *args);
