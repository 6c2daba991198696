#define PY_SSIZE_T_CLEAN
#include "pyvalue.h"

#include <string.h>

static int put(struct fcm_value_writer *w, const void *bytes, size_t size) {
    if (size > sizeof w->bytes - w->size) return 0;
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
    return 1;
}

static int put_tag(struct fcm_value_writer *w, char tag) { return put(w, &tag, 1); }

static int put_varint(struct fcm_value_writer *w, uint64_t value) {
    uint8_t bytes[10];
    size_t n = 0;
    while (value >= 0x80) {
        bytes[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[n++] = (uint8_t)value;
    return put(w, bytes, n);
}

static int put_sized(struct fcm_value_writer *w, char tag, const void *bytes, Py_ssize_t size) {
    return put_tag(w, tag) && put_varint(w, (uint64_t)size) && put(w, bytes, (size_t)size);
}

static int put_double(struct fcm_value_writer *w, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(bits >> (8 * i));
    return put(w, bytes, sizeof bytes);
}

static int write_one(struct fcm_value_writer *w, PyObject *object, unsigned depth);

static int write_int(struct fcm_value_writer *w, PyObject *object) {
    int overflow;
    long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (!overflow) {
        if (value == -1 && PyErr_Occurred()) return -1;
        return put_tag(w, 'i') && put_varint(w, fcm_zigzag(value));
    }
    PyObject *bits = PyObject_CallMethod(object, "bit_length", NULL);
    if (!bits) return -1;
    Py_ssize_t n = PyLong_AsSsize_t(bits) / 8 + 1;
    Py_DECREF(bits);
    if (n > FCM_VALUE_MAX) return 0;
    PyObject *kwargs = Py_BuildValue("{s:O}", "signed", Py_True);
    PyObject *args = Py_BuildValue("(ns)", n, "little");
    PyObject *method = PyObject_GetAttrString(object, "to_bytes");
    PyObject *bytes = kwargs && args && method ? PyObject_Call(method, args, kwargs) : NULL;
    int r = bytes ? put_sized(w, 'I', PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes)) : -1;
    Py_XDECREF(bytes);
    Py_XDECREF(method);
    Py_XDECREF(args);
    Py_XDECREF(kwargs);
    return r;
}

static int write_str(struct fcm_value_writer *w, PyObject *object) {
    if (PyUnicode_GET_LENGTH(object) > FCM_VALUE_MAX) return 0;
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(object, &size);
    if (utf8) return put_sized(w, 's', utf8, size);
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError)) return -1;
    PyErr_Clear();
    PyObject *bytes = PyUnicode_AsEncodedString(object, "utf-8", "surrogatepass");
    if (!bytes) return -1;
    int r = put_sized(w, 's', PyBytes_AS_STRING(bytes), PyBytes_GET_SIZE(bytes));
    Py_DECREF(bytes);
    return r;
}

static int write_dict(struct fcm_value_writer *w, PyObject *dict, unsigned depth) {
    int r = put_tag(w, '{') && put_varint(w, (uint64_t)PyDict_GET_SIZE(dict));
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (r == 1 && PyDict_Next(dict, &at, &key, &value)) {
        r = write_one(w, key, depth + 1);
        if (r == 1) r = write_one(w, value, depth + 1);
    }
    return r;
}

static int write_sequence(struct fcm_value_writer *w, char tag, PyObject *const *items,
                          Py_ssize_t n, unsigned depth) {
    int r = put_tag(w, tag) && put_varint(w, (uint64_t)n);
    for (Py_ssize_t i = 0; r == 1 && i < n; i++) r = write_one(w, items[i], depth + 1);
    return r;
}

// A set that is built anew may iterate in another order; only one that keeps its order travels by
// value.
static int write_set(struct fcm_value_writer *w, char tag, PyObject *set, unsigned depth) {
    PyObject *list = PySequence_List(set);
    if (!list) return -1;
    PyObject *again = PySet_New(list);
    PyObject *order = again ? PySequence_List(again) : NULL;
    int r = order ? 1 : -1;
    for (Py_ssize_t i = 0; r == 1 && i < PyList_GET_SIZE(list); i++)
        r = PyList_GET_ITEM(list, i) == PyList_GET_ITEM(order, i);
    if (r == 1) r = write_sequence(w, tag, &PyList_GET_ITEM(list, 0), PyList_GET_SIZE(list), depth);
    Py_XDECREF(order);
    Py_XDECREF(again);
    Py_DECREF(list);
    return r;
}

static int write_one(struct fcm_value_writer *w, PyObject *object, unsigned depth) {
    if (depth > FCM_VALUE_DEPTH_MAX) return 0;
    if (object == Py_None) return put_tag(w, 'N');
    if (object == Py_True) return put_tag(w, 'T');
    if (object == Py_False) return put_tag(w, 'F');
    if (object == Py_Ellipsis) return put_tag(w, 'E');
    if (PyUnicode_CheckExact(object)) return write_str(w, object);
    if (PyLong_CheckExact(object)) return write_int(w, object);
    if (PyFloat_CheckExact(object))
        return put_tag(w, 'f') && put_double(w, PyFloat_AS_DOUBLE(object));
    if (PyTuple_CheckExact(object))
        return write_sequence(w, '(', &PyTuple_GET_ITEM(object, 0), PyTuple_GET_SIZE(object),
                              depth);
    if (PyList_CheckExact(object))
        return PyList_GET_SIZE(object) == 0 ? write_sequence(w, '[', NULL, 0, depth)
                                            : write_sequence(w, '[', &PyList_GET_ITEM(object, 0),
                                                             PyList_GET_SIZE(object), depth);
    if (PyDict_CheckExact(object)) return write_dict(w, object, depth);
    if (PyBytes_CheckExact(object))
        return put_sized(w, 'b', PyBytes_AS_STRING(object), PyBytes_GET_SIZE(object));
    if (PyComplex_CheckExact(object)) {
        Py_complex value = PyComplex_AsCComplex(object);
        return put_tag(w, 'c') && put_double(w, value.real) && put_double(w, value.imag);
    }
    if (PyFrozenSet_CheckExact(object)) return write_set(w, '>', object, depth);
    if (Py_IS_TYPE(object, &PySet_Type)) return write_set(w, '<', object, depth);
    return 0;
}

int fcm_value_write(struct fcm_value_writer *writer, PyObject *object) {
    writer->size = 0;
    return write_one(writer, object, 0);
}
