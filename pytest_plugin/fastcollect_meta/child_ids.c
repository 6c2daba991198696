#include "child_ids.h"

static int describe_type(struct fcm_child_ids *ids, PyObject *spec) {
    PyObject *type;
    if (!PyArg_ParseTuple(spec, "OO!OOOO", &ids->slot, &PyType_Type, &type, &ids->path, &ids->names,
                          &ids->params, &ids->text))
        return -1;
    PyObject *const descriptors[] = {ids->path, ids->names, ids->params, ids->text};
    for (size_t i = 0; i < 4; i++) {
        if (Py_TYPE(descriptors[i])->tp_descr_set) continue;
        PyErr_SetString(PyExc_TypeError, "not a descriptor of a slot");
        return -1;
    }
    ids->type = (PyTypeObject *)type;
    return 0;
}

int fcm_child_ids_init(struct fcm_child_ids *ids, PyObject *parent, PyObject *spec) {
    *ids = (struct fcm_child_ids){0};
    if (!PyTuple_Check(spec)) {
        PyErr_SetString(PyExc_TypeError, "a tuple that says how ids are made");
        return -1;
    }
    if (PyTuple_GET_SIZE(spec) == 1)
        ids->slot = PyTuple_GET_ITEM(spec, 0);
    else if (describe_type(ids, spec) < 0)
        return -1;
    if (!Py_TYPE(ids->slot)->tp_descr_set) {
        PyErr_SetString(PyExc_TypeError, "not a descriptor of a slot");
        return -1;
    }
    ids->parent_text = PyObject_GetAttrString(parent, "nodeid");
    if (!ids->parent_text) return -1;
    if (!ids->type) return 0;
    PyObject *id = PyObject_GetAttrString(parent, "id");
    ids->parent_path = id ? PyObject_GetAttrString(id, "path") : NULL;
    ids->parent_names = ids->parent_path ? PyObject_GetAttrString(id, "names") : NULL;
    Py_XDECREF(id);
    if (!ids->parent_names) return -1;
    if (!PyUnicode_Check(ids->parent_text) || !PyTuple_Check(ids->parent_names)) {
        PyErr_SetString(PyExc_TypeError, "a parent with another kind of id");
        return -1;
    }
    return 0;
}

void fcm_child_ids_done(struct fcm_child_ids *ids) {
    Py_CLEAR(ids->parent_path);
    Py_CLEAR(ids->parent_names);
    Py_CLEAR(ids->parent_text);
    Py_CLEAR(ids->last_name);
    Py_CLEAR(ids->last_names);
    Py_CLEAR(ids->last_text);
}

static PyObject *names_with(PyObject *names, PyObject *name) {
    Py_ssize_t size = PyTuple_GET_SIZE(names);
    PyObject *tuple = PyTuple_New(size + 1);
    if (!tuple) return NULL;
    for (Py_ssize_t i = 0; i < size; i++)
        PyTuple_SET_ITEM(tuple, i, Py_NewRef(PyTuple_GET_ITEM(names, i)));
    PyTuple_SET_ITEM(tuple, size, Py_NewRef(name));
    return tuple;
}

// Makes `last_name`, `last_names` and `last_text` those of `name`.
static int turn_to(struct fcm_child_ids *ids, PyObject *name) {
    if (ids->last_name == name) return 0;
    PyObject *text = PyUnicode_FromFormat("%U::%U", ids->parent_text, name);
    PyObject *names = text && ids->type ? names_with(ids->parent_names, name) : NULL;
    if (!text || (ids->type && !names)) {
        Py_XDECREF(text);
        return -1;
    }
    Py_XSETREF(ids->last_name, Py_NewRef(name));
    Py_XSETREF(ids->last_names, names);
    Py_XSETREF(ids->last_text, text);
    return 0;
}

static int set(PyObject *descriptor, PyObject *object, PyObject *value) {
    return Py_TYPE(descriptor)->tp_descr_set(descriptor, object, value);
}

static PyObject *structured(struct fcm_child_ids *ids, PyObject *params, PyObject *text) {
    PyObject *id = ids->type->tp_alloc(ids->type, 0);
    if (id &&
        (set(ids->path, id, ids->parent_path) < 0 || set(ids->names, id, ids->last_names) < 0 ||
         set(ids->params, id, params ? params : Py_None) < 0 || set(ids->text, id, text) < 0))
        Py_CLEAR(id);
    return id;
}

int fcm_child_ids_set(struct fcm_child_ids *ids, PyObject *node, PyObject *name, PyObject *params) {
    if (turn_to(ids, name) < 0) return -1;
    PyObject *text =
        params ? PyUnicode_FromFormat("%U[%U]", ids->last_text, params) : Py_NewRef(ids->last_text);
    PyObject *id = NULL;
    if (text) id = ids->type ? structured(ids, params, text) : Py_NewRef(text);
    int r = id ? set(ids->slot, node, id) : -1;
    Py_XDECREF(id);
    Py_XDECREF(text);
    return r;
}
