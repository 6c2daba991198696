#define PY_SSIZE_T_CLEAN

#include "pyvalue.h"

#include <string.h>

static PyObject *malformed(void) {
    PyErr_SetString(PyExc_ValueError, "malformed value");
    return NULL;
}

static double read_double(const uint8_t *bytes) {
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++) bits |= (uint64_t)bytes[i] << (8 * i);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static PyObject *read_one(struct fcm_view *view, unsigned depth);

static PyObject *read_list(struct fcm_view *view, Py_ssize_t n, unsigned depth) {
    PyObject *list = PyList_New(0);
    for (Py_ssize_t i = 0; list && i < n; i++) {
        PyObject *item = read_one(view, depth + 1);
        if (!item || PyList_Append(list, item) < 0) Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

static PyObject *read_dict(struct fcm_view *view, Py_ssize_t n, unsigned depth) {
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict && i < n; i++) {
        PyObject *key = read_one(view, depth + 1);
        PyObject *value = key ? read_one(view, depth + 1) : NULL;
        if (!value || PyDict_SetItem(dict, key, value) < 0) Py_CLEAR(dict);
        Py_XDECREF(key);
        Py_XDECREF(value);
    }
    return dict;
}

// The container that a list of its elements stands for; takes over `list`, which may be NULL.
static PyObject *from_list(PyObject *list, PyObject *(*make)(PyObject *)) {
    if (!list) return NULL;
    PyObject *made = make(list);
    Py_DECREF(list);
    return made;
}

static PyObject *read_sized(struct fcm_view *view, uint8_t tag) {
    uint64_t n;
    if (fcm_view_varint(view, &n) < 0 || n > (uint64_t)(view->end - view->at)) return malformed();
    const char *bytes = (const char *)view->at;
    view->at += n;
    switch (tag) {
    case 's': return PyUnicode_DecodeUTF8(bytes, (Py_ssize_t)n, "surrogatepass");
    case 'b': return PyBytes_FromStringAndSize(bytes, (Py_ssize_t)n);
    default: {
        PyObject *method = PyObject_GetAttrString((PyObject *)&PyLong_Type, "from_bytes");
        PyObject *args = Py_BuildValue("(y#s)", bytes, (Py_ssize_t)n, "little");
        PyObject *kwargs = Py_BuildValue("{s:O}", "signed", Py_True);
        PyObject *made = method && args && kwargs ? PyObject_Call(method, args, kwargs) : NULL;
        Py_XDECREF(kwargs);
        Py_XDECREF(args);
        Py_XDECREF(method);
        return made;
    }
    }
}

static PyObject *read_one(struct fcm_view *view, unsigned depth) {
    if (depth > FCM_VALUE_DEPTH_MAX || view->at == view->end) return malformed();
    uint64_t n;
    uint8_t tag = *view->at++;
    switch (tag) {
    case 'N': Py_RETURN_NONE;
    case 'T': Py_RETURN_TRUE;
    case 'F': Py_RETURN_FALSE;
    case 'E': return Py_NewRef(Py_Ellipsis);
    case 'i':
        if (fcm_view_varint(view, &n) < 0) return malformed();
        return PyLong_FromLongLong(fcm_unzigzag(n));
    case 'f':
    case 'c': {
        size_t size = tag == 'f' ? 8 : 16;
        if ((size_t)(view->end - view->at) < size) return malformed();
        const uint8_t *bytes = view->at;
        view->at += size;
        if (tag == 'f') return PyFloat_FromDouble(read_double(bytes));
        return PyComplex_FromDoubles(read_double(bytes), read_double(bytes + 8));
    }
    case 'I':
    case 's':
    case 'b': return read_sized(view, tag);
    case '(':
    case '[':
    case '<':
    case '>':
    case '{':
        if (fcm_view_varint(view, &n) < 0 || n > (uint64_t)(view->end - view->at))
            return malformed();
        if (tag == '{') return read_dict(view, (Py_ssize_t)n, depth);
        PyObject *list = read_list(view, (Py_ssize_t)n, depth);
        if (tag == '(') return from_list(list, PyList_AsTuple);
        if (tag == '<') return from_list(list, PySet_New);
        if (tag == '>') return from_list(list, PyFrozenSet_New);
        return list;
    default: return malformed();
    }
}

PyObject *fcm_value_read(const void *bytes, size_t size) {
    struct fcm_view view = {.at = bytes, .end = (const uint8_t *)bytes + size};
    PyObject *object = read_one(&view, 0);
    if (object && view.at != view.end) {
        Py_DECREF(object);
        return malformed();
    }
    return object;
}
