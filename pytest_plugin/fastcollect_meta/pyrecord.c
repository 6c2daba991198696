#include "pyrecord.h"

#include <errno.h>
#include <stdlib.h>

#include "child_ids.h"
#include "names_found.h"
#include "pyvalue.h"
#include "record.h"

struct record {
    PyObject_HEAD Fcm__Record *message;
    PyObject **strings; // each decoded when first asked for
    PyObject **values;
    uint32_t *rows; // row of a node among the items
};

static Fcm__Record *message_of(PyObject *self) { return ((struct record *)self)->message; }

static PyObject *string_at(PyObject *self, uint32_t index) {
    struct record *record = (struct record *)self;
    PyObject *string = record->strings[index];
    if (!string) {
        ProtobufCBinaryData *bytes = &record->message->strings[index];
        string = PyUnicode_DecodeUTF8((const char *)bytes->data, (Py_ssize_t)bytes->len,
                                      "surrogatepass");
        if (!string) return NULL;
        PyUnicode_InternInPlace(&string);
        record->strings[index] = string;
    }
    return Py_NewRef(string);
}

const Fcm__Record *fcm_pyrecord_message(PyObject *record) { return message_of(record); }

PyObject *fcm_pyrecord_string(PyObject *record, uint32_t string) {
    return string_at(record, string);
}

uint32_t fcm_pyrecord_row(PyObject *record, uint32_t index) {
    return ((struct record *)record)->rows[index];
}

static PyObject *string_or_none(PyObject *self, uint32_t index_plus_one) {
    if (!index_plus_one) Py_RETURN_NONE;
    return string_at(self, index_plus_one - 1);
}

// The value, or NotImplemented for an opaque one.
static PyObject *value_or_opaque(PyObject *self, uint32_t index_plus_one) {
    struct record *record = (struct record *)self;
    if (!index_plus_one) return Py_NewRef(Py_NotImplemented);
    PyObject *value = record->values[index_plus_one - 1];
    if (!value) {
        ProtobufCBinaryData *bytes = &record->message->values[index_plus_one - 1];
        value = fcm_value_read(bytes->data, bytes->len);
        if (!value) return NULL;
        record->values[index_plus_one - 1] = value;
    }
    return Py_NewRef(value);
}

static PyObject *number(PyObject *self, uint32_t value) { return PyLong_FromUnsignedLong(value); }

// An entry of call_keys: an int, or the name of what the value is.
static PyObject *grouping_key(PyObject *self, uint32_t key) {
    return key < FCM_KEY_NAMED ? number(self, key) : string_at(self, key - FCM_KEY_NAMED);
}

// A tuple of what `make` makes of the entries of a list.
static PyObject *list_tuple(PyObject *self, uint32_t list,
                            PyObject *(*make)(PyObject *, uint32_t)) {
    const uint32_t *entries;
    size_t n = fcm_record_list(message_of(self), list, &entries);
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    for (size_t i = 0; tuple && i < n; i++) {
        PyObject *entry = make(self, entries[i]);
        if (!entry) {
            Py_CLEAR(tuple);
            break;
        }
        PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, entry);
    }
    return tuple;
}

static int allocate(struct record *record) {
    Fcm__Record *m = record->message;
    record->strings = calloc(m->n_strings + 1, sizeof(PyObject *));
    record->values = calloc(m->n_values + 1, sizeof(PyObject *));
    record->rows = calloc(m->n_node_parent, sizeof(uint32_t));
    if (!record->strings || !record->values || !record->rows) return -1;
    for (size_t row = 0; row < m->n_item_node; row++)
        record->rows[m->item_node[row]] = (uint32_t)row;
    return 0;
}

static PyObject *record_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    const char *bytes;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "y#", &bytes, &size)) return NULL;
    struct record *self = (struct record *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    int r = fcm_record_unpack(bytes, (size_t)size, &self->message);
    if (r < 0 || allocate(self) < 0) {
        Py_DECREF(self);
        if (r == -EBADMSG)
            PyErr_SetString(PyExc_ValueError, "malformed record");
        else
            PyErr_NoMemory();
        return NULL;
    }
    return (PyObject *)self;
}

static void record_dealloc(PyObject *self) {
    struct record *record = (struct record *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (record->message) {
        for (size_t i = 0; record->strings && i < record->message->n_strings; i++)
            Py_XDECREF(record->strings[i]);
        for (size_t i = 0; record->values && i < record->message->n_values; i++)
            Py_XDECREF(record->values[i]);
    }
    free(record->strings);
    free(record->values);
    free(record->rows);
    fcm_record_free(record->message);
    type->tp_free(self);
    Py_DECREF(type);
}

// Parses a node's index. Returns 0, or -1 with an exception.
static int node_index(PyObject *self, PyObject *arg, uint32_t *ret_index) {
    Py_ssize_t index = PyLong_AsSsize_t(arg);
    if (index == -1 && PyErr_Occurred()) return -1;
    if (index < 0 || (size_t)index >= message_of(self)->n_node_parent) {
        PyErr_SetString(PyExc_IndexError, "no such node");
        return -1;
    }
    *ret_index = (uint32_t)index;
    return 0;
}

static int item_row(PyObject *self, PyObject *arg, uint32_t *ret_row) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return -1;
    if (!(message_of(self)->node_flags[index] & FCM_NODE_ITEM)) {
        PyErr_SetString(PyExc_IndexError, "not an item");
        return -1;
    }
    *ret_row = ((struct record *)self)->rows[index];
    return 0;
}

// The parts of an item's parameter id joined by "-"; NULL without an exception where it has none.
static PyObject *joined_ids(PyObject *self, uint32_t row) {
    Fcm__Record *m = message_of(self);
    if (!m->item_call[row]) return NULL;
    const uint32_t *entries;
    size_t size = fcm_record_list(m, m->call_ids[m->item_call[row] - 1], &entries);
    if (size == 1) return string_at(self, entries[0]);
    if (size == 0) return NULL;
    PyObject *ids = list_tuple(self, m->call_ids[m->item_call[row] - 1], string_at);
    PyObject *dash = ids ? PyUnicode_InternFromString("-") : NULL;
    PyObject *joined = dash ? PyUnicode_Join(dash, ids) : NULL;
    Py_XDECREF(dash);
    Py_XDECREF(ids);
    return joined;
}

// original + "[" + "-".join(ids) + "]"
static PyObject *derived_name(PyObject *self, uint32_t row, PyObject *joined) {
    PyObject *original = string_at(self, message_of(self)->item_original[row] - 1);
    PyObject *empty = joined || !original ? NULL : PyUnicode_FromString("");
    PyObject *ids = joined ? joined : empty;
    PyObject *name = original && ids ? PyUnicode_FromFormat("%U[%U]", original, ids) : NULL;
    Py_XDECREF(empty);
    Py_XDECREF(original);
    return name;
}

static PyObject *name_at(PyObject *self, uint32_t index) {
    Fcm__Record *m = message_of(self);
    if (!(m->node_flags[index] & FCM_NODE_DERIVED_NAME))
        return string_at(self, m->node_name[index]);
    uint32_t row = ((struct record *)self)->rows[index];
    PyObject *joined = joined_ids(self, row);
    PyObject *name = PyErr_Occurred() ? NULL : derived_name(self, row, joined);
    Py_XDECREF(joined);
    return name;
}

static PyObject *record_children(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    Fcm__Record *m = message_of(self);
    PyObject *list = PyList_New(0);
    for (size_t i = index + 1; list && i < m->n_node_parent && m->node_parent[i] >= index; i++) {
        if (m->node_parent[i] != index) continue;
        PyObject *child = PyLong_FromSize_t(i);
        if (!child || PyList_Append(list, child) < 0) Py_CLEAR(list);
        Py_XDECREF(child);
    }
    return list;
}

static PyObject *record_node(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    Fcm__Record *m = message_of(self);
    return Py_BuildValue("(IIN)", m->node_class[index], m->node_flags[index], name_at(self, index));
}

static PyObject *record_name(PyObject *self, PyObject *arg) {
    uint32_t index;
    return node_index(self, arg, &index) < 0 ? NULL : name_at(self, index);
}

static PyObject *record_flags(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    return PyLong_FromUnsignedLong(message_of(self)->node_flags[index]);
}

static PyObject *record_marks(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    return list_tuple(self, message_of(self)->node_marks[index], number);
}

// Where a node's markers and further keywords stand, as one number: nodes that share it share them.
static PyObject *record_keyword_lists(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    Fcm__Record *m = message_of(self);
    return PyLong_FromUnsignedLongLong((unsigned long long)m->node_marks[index] << 32 |
                                       m->node_keys[index]);
}

static PyObject *record_params(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    Fcm__Record *m = message_of(self);
    if (!(m->node_flags[index] & FCM_NODE_ITEM)) Py_RETURN_NONE;
    uint32_t row = ((struct record *)self)->rows[index];
    if (!m->item_call[row]) Py_RETURN_NONE;
    PyObject *joined = joined_ids(self, row);
    return joined || PyErr_Occurred() ? joined : PyUnicode_FromString("");
}

static PyObject *record_mark(PyObject *self, PyObject *arg) {
    Py_ssize_t index = PyLong_AsSsize_t(arg);
    Fcm__Record *m = message_of(self);
    if (index == -1 && PyErr_Occurred()) return NULL;
    if (index < 0 || (size_t)index >= m->n_mark_name) {
        PyErr_SetString(PyExc_IndexError, "no such mark");
        return NULL;
    }
    return Py_BuildValue("(NNN)", string_at(self, m->mark_name[index]),
                         value_or_opaque(self, m->mark_args[index]),
                         value_or_opaque(self, m->mark_kwargs[index]));
}

static PyObject *record_keys(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    return list_tuple(self, message_of(self)->node_keys[index], string_at);
}

static PyObject *record_attributes(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    return list_tuple(self, message_of(self)->node_attributes[index], string_at);
}

static PyObject *record_extra(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    return list_tuple(self, message_of(self)->node_extra[index], string_at);
}

static PyObject *record_object(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    return list_tuple(self, message_of(self)->node_object[index], string_at);
}

static PyObject *record_doc(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    return string_or_none(self, message_of(self)->node_doc[index]);
}

static PyObject *record_line(PyObject *self, PyObject *arg) {
    uint32_t index;
    if (node_index(self, arg, &index) < 0) return NULL;
    return PyLong_FromUnsignedLong(message_of(self)->node_line[index]);
}

static PyObject *record_original(PyObject *self, PyObject *arg) {
    uint32_t row;
    if (item_row(self, arg, &row) < 0) return NULL;
    return string_or_none(self, message_of(self)->item_original[row]);
}

static PyObject *record_place(PyObject *self, PyObject *arg) {
    uint32_t row;
    if (item_row(self, arg, &row) < 0) return NULL;
    Fcm__Record *m = message_of(self);
    uint32_t line = m->node_line[m->item_node[row]];
    return Py_BuildValue("(NNN)", string_or_none(self, m->item_path[row]),
                         line ? PyLong_FromUnsignedLong(line - 1) : Py_NewRef(Py_None),
                         string_or_none(self, m->item_domain[row]));
}

static PyObject *record_fixtures(PyObject *self, PyObject *arg) {
    uint32_t row;
    if (item_row(self, arg, &row) < 0) return NULL;
    return list_tuple(self, message_of(self)->item_fixtures[row], string_at);
}

static PyObject *record_function_keys(PyObject *self, PyObject *arg) {
    uint32_t row;
    if (item_row(self, arg, &row) < 0) return NULL;
    return list_tuple(self, message_of(self)->item_function_keys[row], string_at);
}

static PyObject *record_call(PyObject *self, PyObject *arg) {
    uint32_t row;
    if (item_row(self, arg, &row) < 0) return NULL;
    Fcm__Record *m = message_of(self);
    uint32_t call = m->item_call[row];
    if (!call--) Py_RETURN_NONE;
    return Py_BuildValue("(NNNNNNN)", list_tuple(self, m->call_names[call], string_at),
                         list_tuple(self, m->call_values[call], value_or_opaque),
                         list_tuple(self, m->call_indices[call], number),
                         list_tuple(self, m->call_scopes[call], number),
                         list_tuple(self, m->call_ids[call], string_at),
                         list_tuple(self, m->call_marks[call], number),
                         list_tuple(self, m->call_keys[call], grouping_key));
}

static PyObject *record_ids(PyObject *self, PyObject *arg) {
    uint32_t row;
    if (item_row(self, arg, &row) < 0) return NULL;
    Fcm__Record *m = message_of(self);
    uint32_t call = m->item_call[row];
    return call ? list_tuple(self, m->call_ids[call - 1], string_at) : PyTuple_New(0);
}

static PyObject *record_has_call(PyObject *self, PyObject *arg) {
    uint32_t row;
    if (item_row(self, arg, &row) < 0) return NULL;
    return PyBool_FromLong(message_of(self)->item_call[row] != 0);
}

// What the children of one node take from their parent.
struct inherited {
    PyObject *name_name, *parent_name, *config_name, *session_name, *path_name, *index_name;
    PyObject *config, *session, *path;
};

static void inherited_done(struct inherited *in) {
    Py_XDECREF(in->name_name);
    Py_XDECREF(in->parent_name);
    Py_XDECREF(in->config_name);
    Py_XDECREF(in->session_name);
    Py_XDECREF(in->path_name);
    Py_XDECREF(in->index_name);
    Py_XDECREF(in->config);
    Py_XDECREF(in->session);
    Py_XDECREF(in->path);
}

static int inherited_init(struct inherited *in, PyObject *parent) {
    *in = (struct inherited){
        .name_name = PyUnicode_InternFromString("name"),
        .parent_name = PyUnicode_InternFromString("parent"),
        .config_name = PyUnicode_InternFromString("config"),
        .session_name = PyUnicode_InternFromString("session"),
        .path_name = PyUnicode_InternFromString("path"),
        .index_name = PyUnicode_InternFromString("_fcm_index"),
        .config = PyObject_GetAttrString(parent, "config"),
        .session = PyObject_GetAttrString(parent, "session"),
        .path = PyObject_GetAttrString(parent, "path"),
    };
    return in->name_name && in->parent_name && in->config_name && in->session_name &&
                   in->path_name && in->index_name && in->config && in->session && in->path
               ? 0
               : -1;
}

// Gives a node its id, and returns its name: a new reference, NULL with an exception.
static PyObject *name_node(PyObject *self, struct fcm_child_ids *ids, PyObject *node,
                           uint32_t index) {
    Fcm__Record *m = message_of(self);
    uint32_t row = ((struct record *)self)->rows[index];
    // A string is made of the name, a structured one of its parts.
    if (!ids->type || !(m->node_flags[index] & FCM_NODE_ITEM) || !m->item_original[row]) {
        PyObject *name = name_at(self, index);
        if (name && fcm_child_ids_set(ids, node, name, NULL) < 0) Py_CLEAR(name);
        return name;
    }
    PyObject *original = string_at(self, m->item_original[row] - 1);
    PyObject *joined = original ? joined_ids(self, row) : NULL, *name = NULL;
    if (original && !PyErr_Occurred() && fcm_child_ids_set(ids, node, original, joined) == 0)
        name = m->node_flags[index] & FCM_NODE_DERIVED_NAME ? derived_name(self, row, joined)
                                                            : string_at(self, m->node_name[index]);
    Py_XDECREF(joined);
    Py_XDECREF(original);
    return name;
}

static PyObject *build_node(PyObject *self, struct inherited *in, struct fcm_child_ids *ids,
                            PyObject *parent, PyObject *type, uint32_t index) {
    PyTypeObject *cls = (PyTypeObject *)type;
    PyObject *node = cls->tp_alloc(cls, 0);
    PyObject *name = node ? name_node(self, ids, node, index) : NULL;
    PyObject *number = name ? PyLong_FromUnsignedLong(index) : NULL;
    if (!number || PyObject_GenericSetAttr(node, in->name_name, name) < 0 ||
        PyObject_GenericSetAttr(node, in->parent_name, parent) < 0 ||
        PyObject_GenericSetAttr(node, in->config_name, in->config) < 0 ||
        PyObject_GenericSetAttr(node, in->session_name, in->session) < 0 ||
        PyObject_GenericSetAttr(node, in->path_name, in->path) < 0 ||
        PyObject_GenericSetAttr(node, in->index_name, number) < 0)
        Py_CLEAR(node);
    Py_XDECREF(number);
    Py_XDECREF(name);
    return node;
}

static PyObject *record_build(PyObject *self, PyObject *args) {
    PyObject *parent, *index_object, *classes, *spec;
    uint32_t index;
    if (!PyArg_ParseTuple(args, "OOO!O", &parent, &index_object, &PyTuple_Type, &classes, &spec))
        return NULL;
    if (node_index(self, index_object, &index) < 0) return NULL;
    Fcm__Record *m = message_of(self);
    if ((size_t)PyTuple_GET_SIZE(classes) != m->n_class_name) {
        PyErr_SetString(PyExc_ValueError, "one class for each class name");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(classes); i++) {
        if (!PyType_Check(PyTuple_GET_ITEM(classes, i))) {
            PyErr_SetString(PyExc_TypeError, "classes are types");
            return NULL;
        }
    }
    struct inherited in;
    struct fcm_child_ids ids;
    PyObject *list = inherited_init(&in, parent) == 0 ? PyList_New(0) : NULL;
    if (fcm_child_ids_init(&ids, parent, spec) < 0) Py_CLEAR(list);
    for (size_t i = index + 1; list && i < m->n_node_parent && m->node_parent[i] >= index; i++) {
        if (m->node_parent[i] != index) continue;
        PyObject *node =
            build_node(self, &in, &ids, parent,
                       PyTuple_GET_ITEM(classes, (Py_ssize_t)m->node_class[i]), (uint32_t)i);
        if (!node || PyList_Append(list, node) < 0) Py_CLEAR(list);
        Py_XDECREF(node);
    }
    fcm_child_ids_done(&ids);
    inherited_done(&in);
    return list;
}

static PyObject *record_keywords_found(PyObject *self, PyObject *args) {
    PyObject *items, *words;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &items, &PyTuple_Type, &words)) return NULL;
    return fcm_names_found(self, items, words, true);
}

static PyObject *record_marks_found(PyObject *self, PyObject *args) {
    PyObject *items, *words;
    if (!PyArg_ParseTuple(args, "O!O!", &PyList_Type, &items, &PyTuple_Type, &words)) return NULL;
    return fcm_names_found(self, items, words, false);
}

static PyObject *bytes_of(ProtobufCBinaryData *data) {
    return PyBytes_FromStringAndSize((const char *)data->data, (Py_ssize_t)data->len);
}

static PyObject *text_of(ProtobufCBinaryData *data) {
    return PyUnicode_DecodeUTF8((const char *)data->data, (Py_ssize_t)data->len, "surrogatepass");
}

static PyObject *get_path(PyObject *self, void *closure) {
    return bytes_of(&message_of(self)->path);
}

static PyObject *get_collector(PyObject *self, void *closure) {
    return PyUnicode_FromString(message_of(self)->collector);
}

static PyObject *get_classes(PyObject *self, void *closure) {
    Fcm__Record *m = message_of(self);
    PyObject *tuple = PyTuple_New((Py_ssize_t)m->n_class_name);
    for (size_t i = 0; tuple && i < m->n_class_name; i++) {
        PyObject *name = string_at(self, m->class_name[i]);
        if (!name)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, name);
    }
    return tuple;
}

static PyObject *get_items(PyObject *self, void *closure) {
    return PyLong_FromSize_t(message_of(self)->n_item_node);
}

static PyObject *get_high_scope(PyObject *self, void *closure) {
    return PyBool_FromLong(message_of(self)->flags & FCM_RECORD_HIGH_SCOPE);
}

static PyObject *get_duration(PyObject *self, void *closure) {
    return PyFloat_FromDouble(message_of(self)->duration);
}

static PyObject *get_captured(PyObject *self, void *closure) {
    Fcm__Record *m = message_of(self);
    return Py_BuildValue("(NN)", bytes_of(&m->captured_out), bytes_of(&m->captured_err));
}

static PyObject *get_skip(PyObject *self, void *closure) {
    Fcm__Skip *skip = message_of(self)->skip;
    if (!skip) Py_RETURN_NONE;
    return Py_BuildValue("(NLN)", text_of(&skip->path), (long long)skip->line,
                         text_of(&skip->message));
}

static PyObject *get_warnings(PyObject *self, void *closure) {
    Fcm__Record *m = message_of(self);
    PyObject *tuple = PyTuple_New((Py_ssize_t)m->n_warnings);
    for (size_t i = 0; tuple && i < m->n_warnings; i++) {
        Fcm__WarningRaised *w = m->warnings[i];
        PyObject *entry =
            Py_BuildValue("(NsNLNL)", text_of(&w->text), w->category, text_of(&w->filename),
                          (long long)w->line, text_of(&w->origin), (long long)w->node);
        if (!entry)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, entry);
    }
    return tuple;
}

static PyObject *get_filters(PyObject *self, void *closure) {
    Fcm__Record *m = message_of(self);
    PyObject *tuple = PyTuple_New((Py_ssize_t)m->n_filters);
    for (size_t i = 0; tuple && i < m->n_filters; i++) {
        Fcm__WarningFilter *f = m->filters[i];
        PyObject *entry = Py_BuildValue("(ssNNL)", f->action, f->category, text_of(&f->message),
                                        text_of(&f->module), (long long)f->line);
        if (!entry)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, entry);
    }
    return tuple;
}

static PyObject *get_hooks(PyObject *self, void *closure) {
    Fcm__Record *m = message_of(self);
    PyObject *tuple = PyTuple_New((Py_ssize_t)m->n_hook_name);
    for (size_t i = 0; tuple && i < m->n_hook_name; i++) {
        uint32_t order = m->hook_order[i];
        PyObject *entry =
            Py_BuildValue("(NNN)", string_at(self, m->hook_name[i]),
                          order ? list_tuple(self, order - 1, number) : Py_NewRef(Py_None),
                          list_tuple(self, m->hook_deselected[i], number));
        if (!entry)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, entry);
    }
    return tuple;
}

static PyObject *get_changes(PyObject *self, void *closure) {
    Fcm__Record *m = message_of(self);
    PyObject *tuple = PyTuple_New((Py_ssize_t)m->n_change_hook);
    for (size_t i = 0; tuple && i < m->n_change_hook; i++) {
        PyObject *entry = Py_BuildValue("(IINNNN)", m->change_hook[i], m->change_node[i],
                                        list_tuple(self, m->change_before[i], number),
                                        list_tuple(self, m->change_after[i], number),
                                        list_tuple(self, m->change_keys[i], string_at),
                                        list_tuple(self, m->change_extra[i], string_at));
        if (!entry)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, entry);
    }
    return tuple;
}

static PyObject *get_made(PyObject *self, void *closure) {
    Fcm__Record *m = message_of(self);
    if (!m->made_by) Py_RETURN_NONE;
    return Py_BuildValue("(NN)", string_at(self, m->hook_name[m->made_by - 1]), bytes_of(&m->made));
}

static PyObject *get_nodes(PyObject *self, void *closure) {
    return PyLong_FromSize_t(message_of(self)->n_node_parent);
}

static PyObject *get_registrar(PyObject *self, void *closure) {
    return PyBool_FromLong(message_of(self)->registrar);
}

static PyObject *get_contexts(PyObject *self, void *closure) {
    Fcm__Record *m = message_of(self);
    if (m->n_contexts == 0) return Py_BuildValue("(y)", "");
    PyObject *tuple = PyTuple_New((Py_ssize_t)m->n_contexts);
    for (size_t i = 0; tuple && i < m->n_contexts; i++) {
        PyObject *context = bytes_of(&m->contexts[i]);
        if (!context)
            Py_CLEAR(tuple);
        else
            PyTuple_SET_ITEM(tuple, (Py_ssize_t)i, context);
    }
    return tuple;
}

static PyMethodDef record_methods[] = {
    {"build", record_build, METH_VARARGS, "Lazy nodes for the children of a node."},
    {"call", record_call, METH_O, "Columns of an item's call, or None."},
    {"ids", record_ids, METH_O, "Parts of an item's parameter id."},
    {"keyword_lists", record_keyword_lists, METH_O,
     "A number for a node's own markers and keys: the same for nodes that share them."},
    {"params", record_params, METH_O, "The parameter id of an item, None where there is none."},
    {"keywords_found", record_keywords_found, METH_VARARGS,
     "For each item a number whose bits say which words stand in its own names; -1: ask the item."},
    {"marks_found", record_marks_found, METH_VARARGS,
     "For each item a number whose bits say which words name one of its own markers; -1: ask it."},
    {"has_call", record_has_call, METH_O, "Whether an item is parametrized."},
    {"children", record_children, METH_O, "Indices of a node's children."},
    {"node", record_node, METH_O, "(class, flags, name) of a node."},
    {"name", record_name, METH_O, "Name of a node."},
    {"flags", record_flags, METH_O, "Flags of a node."},
    {"marks", record_marks, METH_O, "Indices of a node's own markers."},
    {"mark", record_mark, METH_O, "(name, args, kwargs) of a marker; NotImplemented is opaque."},
    {"keys", record_keys, METH_O, "Own keywords besides name, markers and parameter id."},
    {"attributes", record_attributes, METH_O, "Attributes that materialization must serve."},
    {"extra", record_extra, METH_O, "extra_keyword_matches of a node."},
    {"object", record_object, METH_O, "Names of what a collector's object is made of."},
    {"doc", record_doc, METH_O, "Docstring of a node's object, or None."},
    {"line", record_line, METH_O, "Line of a node, from 1; 0 where none is known."},
    {"original", record_original, METH_O, "originalname of an item, or None."},
    {"place", record_place, METH_O, "(path, line, domain) of an item, None where it's usual."},
    {"fixtures", record_fixtures, METH_O, "fixturenames of an item."},
    {"function_keys", record_function_keys, METH_O, "Attributes of the function that -k looks at."},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef record_getset[] = {
    {"path", get_path, NULL, NULL, NULL},
    {"collector", get_collector, NULL, NULL, NULL},
    {"classes", get_classes, NULL, NULL, NULL},
    {"items", get_items, NULL, NULL, NULL},
    {"high_scope", get_high_scope, NULL, NULL, NULL},
    {"duration", get_duration, NULL, NULL, NULL},
    {"captured", get_captured, NULL, NULL, NULL},
    {"skip", get_skip, NULL, NULL, NULL},
    {"warnings", get_warnings, NULL, NULL, NULL},
    {"filters", get_filters, NULL, NULL, NULL},
    {"hooks", get_hooks, NULL, NULL, NULL},
    {"changes", get_changes, NULL, NULL, NULL},
    {"made", get_made, NULL, NULL, NULL},
    {"nodes", get_nodes, NULL, NULL, NULL},
    {"registrar", get_registrar, NULL, NULL, NULL},
    {"contexts", get_contexts, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot record_slots[] = {
    {Py_tp_doc, "Record(packed, /)\n--\n\nA record; ValueError where it is malformed."},
    {Py_tp_new, record_new},
    {Py_tp_dealloc, record_dealloc},
    {Py_tp_methods, record_methods},
    {Py_tp_getset, record_getset},
    {0, NULL},
};

static PyType_Spec record_spec = {
    .name = "fastcollect_meta._native.Record",
    .basicsize = sizeof(struct record),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = record_slots,
};

int fcm_pyrecord_register(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &record_spec, NULL);
    if (!type) return -1;
    int r = PyModule_AddObjectRef(module, "Record", type);
    Py_DECREF(type);
    return r;
}
