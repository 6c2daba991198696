// Looking into Python objects: what isn't there is no error, a lack of memory is one.
#pragma once

#include <Python.h>

// The value under a name, borrowed. NULL without an exception where there is none, with one where
// that can't be told; PyDict_GetItemString() would drop it.
static inline PyObject *fcm_dict_get_borrowed(PyObject *dict, const char *name) {
    PyObject *key = PyUnicode_FromString(name);
    PyObject *value = key ? PyDict_GetItemWithError(dict, key) : NULL;
    Py_XDECREF(key);
    return value;
}

// An attribute. NULL without an exception where it can't be had, with one where memory ran out.
static inline PyObject *fcm_attribute(PyObject *object, const char *name) {
    PyObject *value = PyObject_GetAttrString(object, name);
    if (!value && !PyErr_ExceptionMatches(PyExc_MemoryError)) PyErr_Clear();
    return value;
}
