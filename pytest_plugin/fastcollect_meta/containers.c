#define PY_SSIZE_T_CLEAN
#include "containers.h"

static int append_index(PyObject *list, Py_ssize_t index) {
    PyObject *number = PyLong_FromSsize_t(index);
    int r = number ? PyList_Append(list, number) : -1;
    Py_XDECREF(number);
    return r;
}

static int compare_sizes(PyObject *containers, long long *sizes, PyObject *found) {
    // A container's own __len__ may do anything, to the list too.
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(containers); i++) {
        PyObject *container = Py_NewRef(PyList_GET_ITEM(containers, i));
        long long size = PyObject_Size(container);
        Py_DECREF(container);
        if (size < 0) {
            if (!PyErr_ExceptionMatches(PyExc_Exception)) return -1;
            PyErr_Clear();
        }
        if (size == sizes[i]) continue;
        sizes[i] = size;
        if (append_index(found, i) < 0) return -1;
    }
    return 0;
}

PyObject *fcm_changed_sizes(PyObject *module, PyObject *args) {
    PyObject *containers;
    Py_buffer buffer;
    if (!PyArg_ParseTuple(args, "O!w*:changed_sizes", &PyList_Type, &containers, &buffer))
        return NULL;
    PyObject *found = NULL;
    Py_ssize_t room = buffer.len / (Py_ssize_t)sizeof(long long);
    if (room < PyList_GET_SIZE(containers))
        PyErr_SetString(PyExc_ValueError, "fewer sizes than containers");
    else
        found = PyList_New(0);
    if (found && compare_sizes(containers, buffer.buf, found) < 0) Py_CLEAR(found);
    PyBuffer_Release(&buffer);
    return found;
}

PyObject *fcm_unknown_keys(PyObject *module, PyObject *args) {
    PyObject *dict, *known, *key;
    if (!PyArg_ParseTuple(args, "O!O!:unknown_keys", &PyDict_Type, &dict, &PySet_Type, &known))
        return NULL;
    PyObject *found = PyList_New(0);
    Py_ssize_t at = 0;
    while (found && PyDict_Next(dict, &at, &key, NULL)) {
        int is_known = PyUnicode_CheckExact(key) ? PySet_Contains(known, key) : 1;
        if (is_known < 0 || (!is_known && PyList_Append(found, key) < 0)) Py_CLEAR(found);
    }
    return found;
}
