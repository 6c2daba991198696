#define PY_SSIZE_T_CLEAN
#include "introspect.h"

#include <stdlib.h>
#include <string.h>

#include "effects.h"
#include "lookup.h"
#include "record.h"
#include "tables.h"

// Columns of nodes, items and calls; the order is that of the fields in fastcollect.proto.
struct columns {
    struct fcm_numbers class_name;
    struct fcm_numbers node_parent, node_class, node_flags, node_name, node_marks, node_keys;
    struct fcm_numbers node_attributes, node_doc, node_line, node_extra;
    struct fcm_numbers node_object;
    struct fcm_numbers item_node, item_original, item_path, item_domain, item_fixtures;
    struct fcm_numbers item_function_keys, item_call;
    struct fcm_numbers call_names, call_values, call_indices, call_scopes, call_ids, call_marks;
    struct fcm_numbers call_keys;
};

struct walk {
    struct fcm_tables tables;
    struct columns columns;
    struct fcm_effects effects;
    PyObject *root;
    PyObject *children;
    PyObject *support;
    PyObject *classes;    // dict: type -> index into class_name
    PyObject *calls;      // dict: bytes of a call's columns -> index
    PyObject *places;     // dict: (parent, originalname, id of function) -> (path, line, domain)
    PyObject *fixtures;   // dict: id of a list of names -> list index
    PyObject *docs;       // dict: id of an object -> string index + 1
    PyObject *coroutines; // dict: function -> whether it is a coroutine function
    PyObject *attributes; // dict: name of a function's attribute -> whether -k looks at it
    PyObject *relpath;    // first part of the location of an item of this file
    PyObject *served;     // frozenset: instance attributes that lazy nodes serve
    PyObject *grouping;   // dict: ParamValueKey of an opaque value -> number, for call_keys
    PyObject *keep;       // objects whose id is a key above
    int structured;       // whether a node's id is made of parts, as of pytest 9.2
    uint32_t flags;
};

static PyObject *unrepresentable_type(struct walk *walk) {
    return PyObject_GetAttrString(walk->support, "Unrepresentable");
}

static Py_ssize_t unrepresentable(struct walk *walk, const char *reason, PyObject *about) {
    PyObject *type = unrepresentable_type(walk);
    PyObject *error = type ? PyObject_CallFunction(type, "sO", reason, about) : NULL;
    if (error) PyErr_SetObject(type, error);
    Py_XDECREF(error);
    Py_XDECREF(type);
    return -1;
}

// The instance attribute, borrowed from the node's __dict__; NULL without an exception where there
// is none.
static PyObject *own_borrowed(PyObject *dict, const char *name) {
    return fcm_dict_get_borrowed(dict, name);
}

static Py_ssize_t class_index(struct walk *walk, PyObject *node) {
    PyObject *type = (PyObject *)Py_TYPE(node);
    PyObject *index = PyDict_GetItemWithError(walk->classes, type);
    if (index) return PyLong_AsSsize_t(index);
    if (PyErr_Occurred()) return -1;
    PyObject *name = PyObject_CallMethod(walk->support, "class_name", "O", type);
    if (!name) return -1;
    Py_ssize_t string = fcm_tables_string(&walk->tables, name);
    Py_DECREF(name);
    Py_ssize_t n = PyDict_GET_SIZE(walk->classes);
    if (string < 0 || fcm_numbers_push(&walk->columns.class_name, string) < 0) return -1;
    PyObject *number = PyLong_FromSsize_t(n);
    int r = number ? PyDict_SetItem(walk->classes, type, number) : -1;
    Py_XDECREF(number);
    return r < 0 ? -1 : n;
}

// List of the own keywords that don't follow from name, markers and parameter id.
static Py_ssize_t key_list(struct walk *walk, PyObject *node, PyObject *name, PyObject *marks,
                           PyObject *id) {
    PyObject *keywords = PyObject_GetAttrString(node, "keywords");
    PyObject *own = keywords ? PyObject_GetAttrString(keywords, "_markers") : NULL;
    Py_XDECREF(keywords);
    if (!own) return -1;
    PyObject *expected = PyDict_New();
    Py_ssize_t r = expected ? PyDict_SetItem(expected, name, Py_True) : -1;
    for (Py_ssize_t i = 0; r >= 0 && i < PyList_GET_SIZE(marks); i++) {
        PyObject *mark = PyList_GET_ITEM(marks, i);
        PyObject *mark_name = PyObject_GetAttrString(mark, "name");
        r = mark_name ? PyDict_SetItem(expected, mark_name, mark) : -1;
        Py_XDECREF(mark_name);
    }
    if (r >= 0 && id) r = PyDict_SetItem(expected, id, Py_True);
    struct fcm_numbers keys = {0};
    Py_ssize_t at = 0, found = 0;
    PyObject *key, *value;
    while (r >= 0 && PyDict_Next(own, &at, &key, &value)) {
        PyObject *same = PyDict_GetItemWithError(expected, key);
        if (!same && PyErr_Occurred()) r = -1;
        if (same) found++;
        if (r < 0 || (same && same == value)) continue;
        r = PyUnicode_Check(key) ? fcm_tables_string(&walk->tables, key)
                                 : unrepresentable(walk, "keywords", node);
        if (r >= 0) r = fcm_numbers_push(&keys, r);
    }
    if (r >= 0 && found < PyDict_GET_SIZE(expected)) r = unrepresentable(walk, "keywords", node);
    if (r >= 0) r = fcm_tables_list(&walk->tables, &keys);
    fcm_numbers_done(&keys);
    Py_XDECREF(expected);
    Py_DECREF(own);
    return r;
}

// List of the instance attributes that only materialization can serve.
static Py_ssize_t attribute_list(struct walk *walk, PyObject *dict) {
    struct fcm_numbers names = {0};
    Py_ssize_t r = 0, at = 0;
    PyObject *key, *value;
    while (r >= 0 && PyDict_Next(dict, &at, &key, &value)) {
        int served = PySet_Contains(walk->served, key);
        if (served < 0) r = -1;
        // Lists that a lazy node serves empty are opaque when they are not.
        if (served == 1 && PyList_CheckExact(value) && PyList_GET_SIZE(value) > 0 &&
            (PyUnicode_CompareWithASCIIString(key, "user_properties") == 0 ||
             PyUnicode_CompareWithASCIIString(key, "_report_sections") == 0))
            served = 0;
        if (r < 0 || served) continue;
        r = fcm_tables_string(&walk->tables, key);
        if (r >= 0) r = fcm_numbers_push(&names, r);
    }
    if (r >= 0) r = fcm_tables_list(&walk->tables, &names);
    fcm_numbers_done(&names);
    return r;
}

static int has_stash(PyObject *node) {
    PyObject *stash = PyObject_GetAttrString(node, "stash");
    if (!stash) return -1;
    Py_ssize_t n = PyObject_Length(stash);
    Py_DECREF(stash);
    return n < 0 ? -1 : n > 0;
}

static Py_ssize_t extra_list(struct walk *walk, PyObject *node) {
    PyObject *extra = PyObject_GetAttrString(node, "extra_keyword_matches");
    if (!extra) return -1;
    Py_ssize_t r = PyObject_Length(extra) > 0 ? fcm_tables_string_list(&walk->tables, extra) : 0;
    Py_DECREF(extra);
    return r;
}

// The docstring of the node's object, as a string plus one; 0 for none.
static Py_ssize_t doc_string(struct walk *walk, PyObject *node, PyObject *obj) {
    PyObject *func = fcm_attribute(obj, "__func__");
    if (!func && PyErr_Occurred()) return -1;
    if (!func) func = Py_NewRef(obj);
    PyObject *id =
        Py_BuildValue("(OK)", (PyObject *)Py_TYPE(node), (unsigned long long)(uintptr_t)func);
    PyObject *known = id ? PyDict_GetItemWithError(walk->docs, id) : NULL;
    Py_ssize_t r = -1;
    if (known) {
        r = PyLong_AsSsize_t(known);
    } else if (id && !PyErr_Occurred()) {
        PyObject *doc = PyObject_CallMethod(walk->support, "docstring", "O", obj);
        if (doc) r = doc == Py_None ? 0 : fcm_tables_string(&walk->tables, doc) + 1;
        PyObject *number = doc && !PyErr_Occurred() ? PyLong_FromSsize_t(r) : NULL;
        if (!number || PyDict_SetItem(walk->docs, id, number) < 0 ||
            PyList_Append(walk->keep, func) < 0)
            r = -1;
        Py_XDECREF(number);
        Py_XDECREF(doc);
    }
    Py_XDECREF(id);
    Py_DECREF(func);
    return r;
}

// What `location` says of an item, as a new tuple (path, line, domain); domain is None where it is
// the dotted name.
static PyObject *place_of(struct walk *walk, PyObject *node, Py_ssize_t parent, PyObject *original,
                          PyObject *func) {
    if (!func) return PyObject_CallMethod(walk->support, "place", "O", node);
    PyObject *key = Py_BuildValue("(nOK)", parent, original, (unsigned long long)(uintptr_t)func);
    if (!key) return NULL;
    PyObject *place = Py_XNewRef(PyDict_GetItemWithError(walk->places, key));
    if (!place && !PyErr_Occurred()) {
        place = PyObject_CallMethod(walk->support, "place", "O", node);
        if (place && PyDict_SetItem(walk->places, key, place) < 0) Py_CLEAR(place);
    }
    Py_DECREF(key);
    return place;
}

static Py_ssize_t string_or_none(struct walk *walk, PyObject *string) {
    if (!string || string == Py_None) return 0;
    Py_ssize_t r = fcm_tables_string(&walk->tables, string);
    return r < 0 ? -1 : r + 1;
}

// Pushes the item's line and the columns of its location. Returns 0 or -1.
static int push_place(struct walk *walk, PyObject *place) {
    struct columns *c = &walk->columns;
    PyObject *path, *line, *domain;
    if (!PyArg_ParseTuple(place, "OOO", &path, &line, &domain)) return -1;
    int same = PyObject_RichCompareBool(path, walk->relpath, Py_EQ);
    if (same < 0) return -1;
    Py_ssize_t path_string = same ? 0 : string_or_none(walk, path);
    Py_ssize_t number = 0;
    if (line != Py_None) {
        number = PyLong_AsSsize_t(line);
        if (number == -1 && PyErr_Occurred()) return -1;
        if (number < 0 || number > INT32_MAX) return (int)unrepresentable(walk, "line", line);
        number++;
    }
    Py_ssize_t domain_string = string_or_none(walk, domain);
    if (path_string < 0 || domain_string < 0) return -1;
    if (fcm_numbers_push(&c->node_line, number) < 0) return -1;
    if (fcm_numbers_push(&c->item_path, path_string) < 0) return -1;
    return fcm_numbers_push(&c->item_domain, domain_string);
}

static Py_ssize_t fixture_list(struct walk *walk, PyObject *names) {
    PyObject *id = PyLong_FromVoidPtr(names);
    if (!id) return -1;
    PyObject *known = PyDict_GetItemWithError(walk->fixtures, id);
    Py_ssize_t r = -1;
    if (known) {
        r = PyLong_AsSsize_t(known);
    } else if (!PyErr_Occurred()) {
        r = fcm_tables_string_list(&walk->tables, names);
        PyObject *number = r < 0 ? NULL : PyLong_FromSsize_t(r);
        if (!number || PyDict_SetItem(walk->fixtures, id, number) < 0 ||
            PyList_Append(walk->keep, names) < 0)
            r = -1;
        Py_XDECREF(number);
    }
    Py_DECREF(id);
    return r;
}

// One list for each column of a call.
struct call {
    struct fcm_numbers names, values, indices, scopes, keys;
};

static void call_done(struct call *call) {
    fcm_numbers_done(&call->names);
    fcm_numbers_done(&call->values);
    fcm_numbers_done(&call->indices);
    fcm_numbers_done(&call->scopes);
    fcm_numbers_done(&call->keys);
}

// The entry of call_keys for an opaque value of a scope above function; 0 where pytest groups it by
// its index. A value that would have to be compared with those of other files can be represented
// only where it has a name.
static Py_ssize_t grouping_key(struct walk *walk, PyObject *value, Py_ssize_t scope) {
    PyObject *key = PyObject_CallMethod(walk->support, "grouping_key", "On", value, scope);
    if (!key) return -1;
    if (key == Py_None) {
        Py_DECREF(key);
        return 0;
    }
    if (PyUnicode_Check(key)) {
        Py_ssize_t string = fcm_tables_string(&walk->tables, key);
        Py_DECREF(key);
        return string < 0 ? -1 : (Py_ssize_t)FCM_KEY_NAMED + string;
    }
    PyObject *known = PyDict_GetItemWithError(walk->grouping, key);
    Py_ssize_t r = -1;
    if (known) {
        r = PyLong_AsSsize_t(known);
    } else if (!PyErr_Occurred()) {
        r = PyDict_GET_SIZE(walk->grouping) + 1;
        PyObject *number = PyLong_FromSsize_t(r);
        if (!number || PyDict_SetItem(walk->grouping, key, number) < 0) r = -1;
        Py_XDECREF(number);
    }
    Py_DECREF(key);
    return r;
}

// Whether a hashable value equals itself only as long as it is the same object.
static int holds_nan(PyObject *value) {
    if (PyFloat_CheckExact(value)) return Py_IS_NAN(PyFloat_AS_DOUBLE(value));
    if (PyComplex_CheckExact(value))
        return Py_IS_NAN(PyComplex_RealAsDouble(value)) || Py_IS_NAN(PyComplex_ImagAsDouble(value));
    if (!PyTuple_CheckExact(value) && !PyFrozenSet_CheckExact(value)) return 0;
    PyObject *iterator = PyObject_GetIter(value);
    if (!iterator) return -1;
    int r = 0;
    for (PyObject *item; r == 0 && (item = PyIter_Next(iterator)); Py_DECREF(item))
        r = holds_nan(item);
    Py_DECREF(iterator);
    return r == 0 && PyErr_Occurred() ? -1 : r;
}

static int push_parameter(struct walk *walk, struct call *call, PyObject *name, PyObject *value,
                          PyObject *indices, PyObject *scopes) {
    PyObject *index = PyObject_GetItem(indices, name);
    PyObject *scope = index ? PyObject_GetItem(scopes, name) : NULL;
    PyObject *scope_number =
        scope ? PyObject_CallMethod(walk->support, "scope_number", "O", scope) : NULL;
    int r = -1;
    if (!scope_number) goto out;
    Py_ssize_t number = PyLong_AsSsize_t(scope_number);
    Py_ssize_t index_number = PyLong_AsSsize_t(index);
    if (index_number < 0) {
        if (!PyErr_Occurred()) unrepresentable(walk, "parameter-index", index);
        goto out;
    }
    Py_ssize_t string = fcm_tables_string(&walk->tables, name);
    Py_ssize_t value_number = string < 0 ? -1 : fcm_tables_value(&walk->tables, value);
    if (value_number < 0) goto out;
    Py_ssize_t key = 0;
    if (number < FCM_SCOPE_FUNCTION) {
        walk->flags |= FCM_RECORD_HIGH_SCOPE;
        int nan = value_number == 0 ? 0 : holds_nan(value);
        if (nan < 0) goto out;
        if (nan) value_number = 0; // a copy of it would be grouped apart
        if (value_number == 0) key = grouping_key(walk, value, number);
        if (key < 0) goto out;
    }
    r = fcm_numbers_push(&call->names, string) < 0 ||
                fcm_numbers_push(&call->values, value_number) < 0 ||
                fcm_numbers_push(&call->indices, index_number) < 0 ||
                fcm_numbers_push(&call->scopes, number) < 0 ||
                fcm_numbers_push(&call->keys, key) < 0
            ? -1
            : 0;
out:
    Py_XDECREF(scope_number);
    Py_XDECREF(scope);
    Py_XDECREF(index);
    return r;
}

static int fill_call(struct walk *walk, struct call *call, PyObject *callspec) {
    PyObject *params = PyObject_GetAttrString(callspec, "params");
    PyObject *indices = params ? PyObject_GetAttrString(callspec, "indices") : NULL;
    PyObject *scopes = indices ? PyObject_GetAttrString(callspec, "_arg2scope") : NULL;
    int r = scopes ? 0 : -1;
    if (r == 0 && (!PyDict_Check(params) || PyObject_Length(indices) != PyDict_GET_SIZE(params) ||
                   PyObject_Length(scopes) != PyDict_GET_SIZE(params)))
        r = (int)unrepresentable(walk, "callspec", callspec);
    Py_ssize_t at = 0;
    PyObject *name, *value;
    while (r == 0 && PyDict_Next(params, &at, &name, &value))
        r = push_parameter(walk, call, name, value, indices, scopes);
    Py_XDECREF(scopes);
    Py_XDECREF(indices);
    Py_XDECREF(params);
    return r;
}

static Py_ssize_t list_of_attribute(struct walk *walk, PyObject *object, const char *name,
                                    Py_ssize_t (*make)(struct fcm_tables *, PyObject *)) {
    PyObject *value = PyObject_GetAttrString(object, name);
    if (!value) return -1;
    Py_ssize_t r = make(&walk->tables, value);
    Py_DECREF(value);
    return r;
}

// Index of the call plus one.
static Py_ssize_t call_index(struct walk *walk, PyObject *callspec) {
    struct columns *c = &walk->columns;
    struct call call = {0};
    Py_ssize_t row[7] = {-1};
    Py_ssize_t r = fill_call(walk, &call, callspec);
    if (r == 0) {
        struct fcm_tables *t = &walk->tables;
        const struct fcm_numbers *const lists[7] = {
            &call.names, &call.values, &call.indices, &call.scopes, NULL, NULL, &call.keys};
        for (int i = 0; r == 0 && i < 7; i++) {
            if (lists[i])
                row[i] = fcm_tables_list(t, lists[i]);
            else if (i == 4)
                row[i] = list_of_attribute(walk, callspec, "_idlist", fcm_tables_string_list);
            else
                row[i] = list_of_attribute(walk, callspec, "marks", fcm_tables_mark_list);
            if (row[i] < 0) r = -1;
        }
    }
    call_done(&call);
    if (r < 0) return -1;
    PyObject *key = PyBytes_FromStringAndSize((const char *)row, sizeof row);
    PyObject *known = key ? PyDict_GetItemWithError(walk->calls, key) : NULL;
    if (known) {
        r = PyLong_AsSsize_t(known);
    } else if (!key || PyErr_Occurred()) {
        r = -1;
    } else {
        struct fcm_numbers *const to[7] = {&c->call_names,  &c->call_values, &c->call_indices,
                                           &c->call_scopes, &c->call_ids,    &c->call_marks,
                                           &c->call_keys};
        for (int i = 0; i < 7; i++) r = fcm_numbers_push(to[i], row[i]) < 0 ? -1 : r;
        if (r == 0) r = PyDict_GET_SIZE(walk->calls) + 1;
        PyObject *number = r < 0 ? NULL : PyLong_FromSsize_t(r);
        if (!number || PyDict_SetItem(walk->calls, key, number) < 0) r = -1;
        Py_XDECREF(number);
    }
    Py_XDECREF(key);
    return r;
}

// original + "[" + id + "]", which is how pytest names a parametrized function.
static int is_derived_name(PyObject *name, PyObject *original, PyObject *id) {
    PyObject *derived = PyUnicode_FromFormat("%U[%U]", original, id);
    if (!derived) return -1;
    int r = PyUnicode_Compare(derived, name) == 0;
    Py_DECREF(derived);
    return r;
}

// The object of a node, without making a collector import: what it has by now. New reference, or
// NULL, with an exception only where memory ran out.
static PyObject *object_of(PyObject *node, PyObject *dict) {
    PyObject *obj = own_borrowed(dict, "_obj");
    if (obj || PyErr_Occurred()) return Py_XNewRef(obj);
    obj = own_borrowed(dict, "obj");
    return Py_XNewRef(obj);
}

struct item {
    PyObject *original; // borrowed, NULL for none
    PyObject *func;     // new reference, NULL for none
    PyObject *callspec; // borrowed
    PyObject *id;       // new reference, NULL for none
    PyObject *fixtures; // borrowed
};

static int item_init(struct walk *walk, struct item *item, PyObject *dict, PyObject *obj) {
    *item = (struct item){
        .original = own_borrowed(dict, "originalname"),
        .callspec = own_borrowed(dict, "callspec"),
        .fixtures = own_borrowed(dict, "fixturenames"),
    };
    if (PyErr_Occurred()) return -1;
    if (item->original && !PyUnicode_Check(item->original)) item->original = NULL;
    if (item->callspec) {
        item->id = PyObject_GetAttrString(item->callspec, "id");
        if (!item->id) return -1;
    }
    if (obj) {
        item->func = fcm_attribute(obj, "__func__");
        if (!item->func && PyErr_Occurred()) return -1;
        if (!item->func) item->func = Py_NewRef(obj);
    }
    return 0;
}

static void item_done(struct item *item) {
    Py_XDECREF(item->func);
    Py_XDECREF(item->id);
}

// Whether -k looks at an attribute of a function; -1 with an exception.
static int is_keyword(struct walk *walk, PyObject *name) {
    PyObject *known = PyDict_GetItemWithError(walk->attributes, name);
    if (known || PyErr_Occurred()) return known ? known == Py_True : -1;
    PyObject *answer = PyObject_CallMethod(walk->support, "is_matched_attribute", "O", name);
    int matched = answer ? PyObject_IsTrue(answer) : -1;
    Py_XDECREF(answer);
    if (matched < 0) return -1;
    return PyDict_SetItem(walk->attributes, name, matched ? Py_True : Py_False) < 0 ? -1 : matched;
}

static Py_ssize_t function_keys(struct walk *walk, struct item *item) {
    PyObject *dict = fcm_attribute(item->func, "__dict__");
    if (!dict) return PyErr_Occurred() ? -1 : 0;
    PyObject *names = PySequence_Fast(dict, "a function's __dict__"), *kept = PyList_New(0);
    Py_DECREF(dict);
    Py_ssize_t r = names && kept ? 0 : -1;
    for (Py_ssize_t i = 0; r >= 0 && i < PySequence_Fast_GET_SIZE(names); i++) {
        PyObject *name = PySequence_Fast_GET_ITEM(names, i);
        r = is_keyword(walk, name);
        if (r > 0) r = PyList_Append(kept, name);
    }
    if (r >= 0) r = PyList_GET_SIZE(kept) > 0 ? fcm_tables_string_list(&walk->tables, kept) : 0;
    Py_XDECREF(kept);
    Py_XDECREF(names);
    return r;
}

static int push_item(struct walk *walk, PyObject *node, Py_ssize_t index, Py_ssize_t parent,
                     struct item *item, Py_ssize_t flags) {
    struct columns *c = &walk->columns;
    int is_function = (flags & FCM_NODE_FUNCTION) != 0;
    PyObject *place = place_of(walk, node, parent, item->original ? item->original : Py_None,
                               is_function ? item->func : NULL);
    if (!place) return -1;
    int r = push_place(walk, place);
    Py_DECREF(place);
    if (r < 0) return -1;
    Py_ssize_t original = string_or_none(walk, item->original);
    if (original < 0) return -1;
    Py_ssize_t fixtures = item->fixtures ? fixture_list(walk, item->fixtures) : 0;
    if (fixtures < 0) return -1;
    Py_ssize_t keys = is_function ? function_keys(walk, item) : 0;
    if (keys < 0) return -1;
    Py_ssize_t call = item->callspec ? call_index(walk, item->callspec) : 0;
    if (call < 0) return -1;
    if (fcm_numbers_push(&c->item_node, index) < 0 ||
        fcm_numbers_push(&c->item_original, original) < 0 ||
        fcm_numbers_push(&c->item_fixtures, fixtures) < 0 ||
        fcm_numbers_push(&c->item_function_keys, keys) < 0 ||
        fcm_numbers_push(&c->item_call, call) < 0)
        return -1;
    return 0;
}

static int push_node(struct walk *walk, PyObject *node, Py_ssize_t parent, PyObject *parent_id);

static int push_children(struct walk *walk, PyObject *node, Py_ssize_t index) {
    PyObject *list = PyDict_GetItemWithError(walk->children, node);
    if (!list) return PyErr_Occurred() ? -1 : 0;
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "children are not a list");
        return -1;
    }
    PyObject *id = PyObject_GetAttrString(node, "nodeid");
    int r = id ? 0 : -1;
    for (Py_ssize_t i = 0; r == 0 && i < PyList_GET_SIZE(list); i++) {
        PyObject *child = PyList_GET_ITEM(list, i);
        PyObject *its_parent = PyObject_GetAttrString(child, "parent");
        if (!its_parent)
            r = -1;
        else if (its_parent != node)
            r = (int)unrepresentable(walk, "parent", child);
        else
            r = push_node(walk, child, index, id);
        Py_XDECREF(its_parent);
    }
    Py_XDECREF(id);
    return r;
}

// Whether pytest gives a parametrized item the ids of its parameters; -1 with an exception.
static int has_param_ids(struct item *item) {
    if (!item->callspec) return 0;
    PyObject *ids = PyObject_GetAttrString(item->callspec, "_idlist");
    int r = ids ? PyObject_IsTrue(ids) : -1;
    Py_XDECREF(ids);
    return r;
}

// Checks that a node's id is what a lazy node makes of its parent's, as `fcm_child_ids` does.
static int check_id(struct walk *walk, PyObject *node, PyObject *parent_id, PyObject *name,
                    struct item *item) {
    int by_parts = walk->structured && item->original, ids = by_parts ? has_param_ids(item) : 0;
    if (ids < 0) return -1;
    PyObject *own = by_parts ? item->original : name;
    if (!PyUnicode_Check(parent_id) || !PyUnicode_Check(own) || (ids && !PyUnicode_Check(item->id)))
        return (int)unrepresentable(walk, "node-id", node);
    PyObject *made = ids ? PyUnicode_FromFormat("%U::%U[%U]", parent_id, own, item->id)
                         : PyUnicode_FromFormat("%U::%U", parent_id, own);
    PyObject *id = made ? PyObject_GetAttrString(node, "nodeid") : NULL;
    int same = id ? PyObject_RichCompareBool(id, made, Py_EQ) : -1;
    Py_XDECREF(id);
    Py_XDECREF(made);
    if (same < 0) return -1;
    return same ? 0 : (int)unrepresentable(walk, "node-id", node);
}

// Checks what lazy nodes take from their parents: path, config, session.
static int check_inherited(struct walk *walk, PyObject *node) {
    static const char *const names[] = {"path", "config", "session"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        PyObject *here = PyObject_GetAttrString(node, names[i]);
        PyObject *there = here ? PyObject_GetAttrString(walk->root, names[i]) : NULL;
        int same = there ? PyObject_RichCompareBool(here, there, Py_EQ) : -1;
        Py_XDECREF(here);
        Py_XDECREF(there);
        if (same < 0) return -1;
        if (!same) return (int)unrepresentable(walk, names[i], node);
    }
    return 0;
}

// Asked once for each function.
static int is_coroutine(struct walk *walk, PyObject *func) {
    PyObject *id = PyLong_FromVoidPtr(func);
    if (!id) return -1;
    PyObject *known = PyDict_GetItemWithError(walk->coroutines, id);
    int r = known ? known == Py_True : -1;
    if (!known && !PyErr_Occurred()) {
        PyObject *answer = PyObject_CallMethod(walk->support, "is_coroutine", "O", func);
        if (answer && PyDict_SetItem(walk->coroutines, id, answer) == 0 &&
            PyList_Append(walk->keep, func) == 0)
            r = answer == Py_True;
        Py_XDECREF(answer);
    }
    Py_DECREF(id);
    return r;
}

// List of strings that say what the object of a collector is.
static Py_ssize_t object_list(struct walk *walk, PyObject *node, PyObject *obj) {
    if (!obj || obj == Py_None) return 0;
    PyObject *names = PyObject_CallMethod(walk->support, "object_names", "OO", node, obj);
    if (!names) return -1;
    Py_ssize_t r = fcm_tables_string_list(&walk->tables, names);
    Py_DECREF(names);
    return r;
}

static Py_ssize_t node_flags(struct walk *walk, PyObject *node, struct item *item, int is_item,
                             PyObject *name) {
    Py_ssize_t flags = 0;
    int stash = has_stash(node);
    if (stash < 0) return -1;
    if (stash) flags |= FCM_NODE_STASH;
    if (!is_item) {
        int collected = PyDict_Contains(walk->children, node);
        if (collected < 0) return -1;
        if (collected) flags |= FCM_NODE_COLLECTED;
        return flags;
    }
    flags |= FCM_NODE_ITEM;
    if (item->fixtures) flags |= FCM_NODE_FIXTURES;
    PyObject *function = fcm_attribute((PyObject *)Py_TYPE(node), "function");
    if (!function && PyErr_Occurred()) return -1;
    int is_function = function != NULL;
    Py_XDECREF(function);
    if (is_function && item->func) {
        flags |= FCM_NODE_FUNCTION;
        int coroutine = is_coroutine(walk, item->func);
        if (coroutine < 0) return -1;
        if (coroutine) flags |= FCM_NODE_COROUTINE;
    }
    if (item->original && item->callspec && PyUnicode_GET_LENGTH(name) > 0) {
        int derived = is_derived_name(name, item->original, item->id);
        if (derived < 0) return -1;
        if (derived) flags |= FCM_NODE_DERIVED_NAME;
    }
    return flags;
}

static int push_common(struct walk *walk, PyObject *node, Py_ssize_t parent, PyObject *name,
                       PyObject *dict, struct item *item, Py_ssize_t flags) {
    struct columns *c = &walk->columns;
    PyObject *marks = PyObject_GetAttrString(node, "own_markers");
    if (!marks) return -1;
    Py_ssize_t class = class_index(walk, node);
    Py_ssize_t string = class < 0                       ? -1
                        : flags & FCM_NODE_DERIVED_NAME ? 0
                                                        : fcm_tables_string(&walk->tables, name);
    Py_ssize_t mark_list = -1, keys = -1;
    if (class >= 0 && string >= 0) {
        mark_list = PyList_Check(marks) ? fcm_tables_mark_list(&walk->tables, marks)
                                        : unrepresentable(walk, "markers", node);
        if (mark_list >= 0) keys = key_list(walk, node, name, marks, item ? item->id : NULL);
    }
    Py_DECREF(marks);
    if (keys < 0) return -1;
    Py_ssize_t attributes = attribute_list(walk, dict);
    Py_ssize_t extra = attributes < 0 ? -1 : extra_list(walk, node);
    if (extra < 0) return -1;
    if (fcm_numbers_push(&c->node_parent, parent) < 0 ||
        fcm_numbers_push(&c->node_class, class) < 0 ||
        fcm_numbers_push(&c->node_flags, flags) < 0 ||
        fcm_numbers_push(&c->node_name, string) < 0 ||
        fcm_numbers_push(&c->node_marks, mark_list) < 0 ||
        fcm_numbers_push(&c->node_keys, keys) < 0 ||
        fcm_numbers_push(&c->node_attributes, attributes) < 0 ||
        fcm_numbers_push(&c->node_extra, extra) < 0)
        return -1;
    return 0;
}

// Where a class begins, from 1, as classes of Python 3.13 and later know it; 0 for others; -1 with
// an exception for a lack of memory.
static Py_ssize_t first_line(PyObject *obj) {
    if (!obj || !PyType_Check(obj)) return 0;
    PyObject *names = PyObject_GetAttrString(obj, "__dict__");
    PyObject *line = names ? PyMapping_GetItemString(names, "__firstlineno__") : NULL;
    Py_ssize_t number = line && PyLong_Check(line) ? PyLong_AsSsize_t(line) : 0;
    Py_XDECREF(line);
    Py_XDECREF(names);
    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_MemoryError)) return -1;
    PyErr_Clear();
    return number > 0 && number < UINT32_MAX ? number : 0;
}

static int push_described(struct walk *walk, PyObject *node, PyObject *dict, PyObject *name,
                          Py_ssize_t parent, PyObject *parent_id) {
    struct columns *c = &walk->columns;
    Py_ssize_t index = (Py_ssize_t)c->node_parent.n;
    PyObject *item_type = PyObject_GetAttrString(walk->support, "Item");
    int is_item = item_type ? PyObject_IsInstance(node, item_type) : -1;
    Py_XDECREF(item_type);
    if (is_item < 0) return -1;
    PyObject *obj = object_of(node, dict);
    if (!obj && PyErr_Occurred()) return -1;
    struct item item = {0};
    int r = is_item ? item_init(walk, &item, dict, obj) : 0;
    if (r == 0 && parent_id) r = check_id(walk, node, parent_id, name, &item);
    Py_ssize_t flags = r < 0 ? -1 : node_flags(walk, node, &item, is_item, name);
    if (flags < 0) r = -1;
    if (r == 0) r = push_common(walk, node, parent, name, dict, is_item ? &item : NULL, flags);
    if (r == 0) {
        Py_ssize_t doc = obj && obj != Py_None ? doc_string(walk, node, obj) : 0;
        r = doc < 0 ? -1 : fcm_numbers_push(&c->node_doc, doc);
    }
    if (r == 0) {
        Py_ssize_t names = is_item ? 0 : object_list(walk, node, obj);
        r = names < 0 ? -1 : fcm_numbers_push(&c->node_object, names);
    }
    Py_ssize_t line = r == 0 && !is_item ? first_line(obj) : 0;
    if (line < 0) r = -1;
    if (r == 0)
        r = is_item ? push_item(walk, node, index, parent, &item, flags)
                    : fcm_numbers_push(&c->node_line, line);
    item_done(&item);
    Py_XDECREF(obj);
    if (r < 0 || is_item) return r;
    return push_children(walk, node, index);
}

// `parent_id` is NULL for the root.
static int push_node(struct walk *walk, PyObject *node, Py_ssize_t parent, PyObject *parent_id) {
    if (Py_EnterRecursiveCall(" while reading nodes")) return -1;
    PyObject *dict = PyObject_GetAttrString(node, "__dict__");
    PyObject *name = dict ? PyObject_GetAttrString(node, "name") : NULL;
    int r = -1;
    if (name && (node == walk->root || check_inherited(walk, node) == 0))
        r = push_described(walk, node, dict, name, parent, parent_id);
    Py_XDECREF(name);
    Py_XDECREF(dict);
    Py_LeaveRecursiveCall();
    return r;
}

// A view of bytes that live as long as the list.
static int bytes_views(PyObject *list, ProtobufCBinaryData **ret_views, size_t *ret_n) {
    Py_ssize_t n = PyList_GET_SIZE(list);
    ProtobufCBinaryData *views = calloc(n ? (size_t)n : 1, sizeof *views);
    if (!views) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *bytes = PyList_GET_ITEM(list, i);
        if (!PyBytes_Check(bytes)) {
            free(views);
            PyErr_SetString(PyExc_TypeError, "bytes expected");
            return -1;
        }
        views[i].data = (uint8_t *)PyBytes_AS_STRING(bytes);
        views[i].len = (size_t)PyBytes_GET_SIZE(bytes);
    }
    *ret_views = views;
    *ret_n = (size_t)n;
    return 0;
}

static ProtobufCBinaryData bytes_view(PyObject *bytes) {
    if (!bytes || !PyBytes_Check(bytes)) return (ProtobufCBinaryData){0};
    return (ProtobufCBinaryData){(size_t)PyBytes_GET_SIZE(bytes),
                                 (uint8_t *)PyBytes_AS_STRING(bytes)};
}

static void set_columns(Fcm__Record *record, struct walk *walk) {
    struct columns *c = &walk->columns;
    struct fcm_tables *t = &walk->tables;
#define COLUMN(name, numbers) (record->n_##name = (numbers).n, record->name = (numbers).at)
    COLUMN(list_offset, t->list_offset);
    COLUMN(list_item, t->list_item);
    COLUMN(mark_name, t->mark_name);
    COLUMN(mark_args, t->mark_args);
    COLUMN(mark_kwargs, t->mark_kwargs);
    COLUMN(class_name, c->class_name);
    COLUMN(node_parent, c->node_parent);
    COLUMN(node_class, c->node_class);
    COLUMN(node_flags, c->node_flags);
    COLUMN(node_name, c->node_name);
    COLUMN(node_marks, c->node_marks);
    COLUMN(node_keys, c->node_keys);
    COLUMN(node_attributes, c->node_attributes);
    COLUMN(node_doc, c->node_doc);
    COLUMN(node_line, c->node_line);
    COLUMN(node_extra, c->node_extra);
    COLUMN(node_object, c->node_object);
    COLUMN(item_node, c->item_node);
    COLUMN(item_original, c->item_original);
    COLUMN(item_path, c->item_path);
    COLUMN(item_domain, c->item_domain);
    COLUMN(item_fixtures, c->item_fixtures);
    COLUMN(item_function_keys, c->item_function_keys);
    COLUMN(item_call, c->item_call);
    COLUMN(call_names, c->call_names);
    COLUMN(call_values, c->call_values);
    COLUMN(call_indices, c->call_indices);
    COLUMN(call_scopes, c->call_scopes);
    COLUMN(call_ids, c->call_ids);
    COLUMN(call_marks, c->call_marks);
    COLUMN(call_keys, c->call_keys);
#undef COLUMN
}

// Parts of a record that come from `extras`; they point into it.
struct extras {
    Fcm__Skip skip;
    Fcm__Dependencies dependencies;
    Fcm__Dependencies shared;
    Fcm__WarningRaised *warnings;
    Fcm__WarningRaised **warning_list;
    struct fcm_numbers order;
    ProtobufCBinaryData *views[10]; // of the lists of both sets of dependencies
};

static void extras_done(struct extras *extras) {
    free(extras->warnings);
    free(extras->warning_list);
    fcm_numbers_done(&extras->order);
    for (size_t i = 0; i < 10; i++) free(extras->views[i]);
}

static int set_warning(Fcm__WarningRaised *warning, PyObject *dict) {
    fcm__warning_raised__init(warning);
    warning->text = bytes_view(fcm_dict_get_borrowed(dict, "text"));
    warning->filename = bytes_view(fcm_dict_get_borrowed(dict, "filename"));
    warning->origin = bytes_view(fcm_dict_get_borrowed(dict, "origin"));
    PyObject *category = fcm_dict_get_borrowed(dict, "category");
    PyObject *line = fcm_dict_get_borrowed(dict, "line");
    PyObject *node = fcm_dict_get_borrowed(dict, "node");
    if (!category || !line || !node) {
        PyErr_SetString(PyExc_KeyError, "a warning lacks its category, line or node");
        return -1;
    }
    const char *name = PyUnicode_AsUTF8(category);
    warning->line = PyLong_AsLongLong(line);
    warning->node = PyLong_AsLongLong(node);
    if (!name || PyErr_Occurred()) return -1;
    warning->category = (char *)name;
    return 0;
}

static int set_warnings(Fcm__Record *record, struct extras *parts, PyObject *list) {
    if (!list) return 0;
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "warnings are not a list");
        return -1;
    }
    size_t n = (size_t)PyList_GET_SIZE(list);
    parts->warnings = calloc(n ? n : 1, sizeof *parts->warnings);
    parts->warning_list = calloc(n ? n : 1, sizeof *parts->warning_list);
    if (!parts->warnings || !parts->warning_list) {
        PyErr_NoMemory();
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        parts->warning_list[i] = &parts->warnings[i];
        if (set_warning(&parts->warnings[i], PyList_GET_ITEM(list, (Py_ssize_t)i)) < 0) return -1;
    }
    record->n_warnings = n;
    record->warnings = parts->warning_list;
    return 0;
}

// `views` has room for five lists. Leaves `*ret` alone where there is no dict.
static int set_dependencies(Fcm__Dependencies **ret, Fcm__Dependencies *d,
                            ProtobufCBinaryData **views, PyObject *dict) {
    if (!dict || dict == Py_None) return 0;
    fcm__dependencies__init(d);
    *ret = d;
    struct {
        const char *name;
        ProtobufCBinaryData **at;
        size_t *n;
    } lists[5] = {
        {"files", &d->files, &d->n_files},
        {"directories", &d->directories, &d->n_directories},
        {"absent", &d->absent, &d->n_absent},
        {"env_names", &d->env_names, &d->n_env_names},
        {"env_values", &d->env_values, &d->n_env_values},
    };
    for (size_t i = 0; i < 5; i++) {
        PyObject *list = fcm_dict_get_borrowed(dict, lists[i].name);
        if (!list || !PyList_Check(list)) continue;
        if (bytes_views(list, &views[i], lists[i].n) < 0) return -1;
        *lists[i].at = views[i];
    }
    PyObject *reason = fcm_dict_get_borrowed(dict, "volatile_reason");
    if (reason && PyUnicode_Check(reason)) {
        d->volatile_reason = (char *)PyUnicode_AsUTF8(reason);
        if (!d->volatile_reason) return -1;
    }
    return 0;
}

static int set_skip(Fcm__Record *record, struct extras *parts, PyObject *skip) {
    if (!skip || skip == Py_None) return 0;
    const char *path, *message;
    Py_ssize_t path_size, message_size;
    long long line;
    if (!PyArg_ParseTuple(skip, "s#Ls#", &path, &path_size, &line, &message, &message_size))
        return -1;
    fcm__skip__init(&parts->skip);
    parts->skip.path = (ProtobufCBinaryData){(size_t)path_size, (uint8_t *)path};
    parts->skip.message = (ProtobufCBinaryData){(size_t)message_size, (uint8_t *)message};
    parts->skip.line = line;
    record->skip = &parts->skip;
    return 0;
}

static int set_order(Fcm__Record *record, struct extras *parts, PyObject *list) {
    if (!list) return 0;
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "the order is not a list");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        Py_ssize_t row = PyLong_AsSsize_t(PyList_GET_ITEM(list, i));
        if (PyErr_Occurred() || fcm_numbers_push(&parts->order, row) < 0) return -1;
    }
    record->n_item_order = parts->order.n;
    record->item_order = parts->order.at;
    return 0;
}

static int set_extras(Fcm__Record *record, struct extras *parts, PyObject *extras) {
    record->captured_out = bytes_view(fcm_dict_get_borrowed(extras, "captured_out"));
    record->captured_err = bytes_view(fcm_dict_get_borrowed(extras, "captured_err"));
    PyObject *duration = fcm_dict_get_borrowed(extras, "duration");
    if (duration) {
        record->duration = PyFloat_AsDouble(duration);
        if (PyErr_Occurred()) return -1;
    }
    if (set_skip(record, parts, fcm_dict_get_borrowed(extras, "skip")) < 0) return -1;
    if (set_warnings(record, parts, fcm_dict_get_borrowed(extras, "warnings")) < 0) return -1;
    if (set_order(record, parts, fcm_dict_get_borrowed(extras, "order")) < 0) return -1;
    if (set_dependencies(&record->dependencies, &parts->dependencies, parts->views,
                         fcm_dict_get_borrowed(extras, "dependencies")) < 0)
        return -1;
    return set_dependencies(&record->shared, &parts->shared, parts->views + 5,
                            fcm_dict_get_borrowed(extras, "shared_dependencies"));
}

// Packs what the walk found.
static PyObject *pack(struct walk *walk, PyObject *extras) {
    Fcm__Record record = FCM__RECORD__INIT;
    struct extras parts = {0};
    ProtobufCBinaryData *strings = NULL, *values = NULL;
    PyObject *packed = NULL;
    PyObject *path = PyObject_CallMethod(walk->support, "path_bytes", "O", walk->root);
    PyObject *collector = path ? PyObject_CallMethod(walk->support, "class_name", "O",
                                                     (PyObject *)Py_TYPE(walk->root))
                               : NULL;
    if (!collector) goto out;
    record.format = FCM_RECORD_FORMAT;
    record.path = bytes_view(path);
    record.collector = (char *)PyUnicode_AsUTF8(collector);
    record.flags = walk->flags;
    if (!record.collector || bytes_views(walk->tables.string_list, &strings, &record.n_strings) < 0)
        goto out;
    if (bytes_views(walk->tables.value_list, &values, &record.n_values) < 0) goto out;
    record.strings = strings;
    record.values = values;
    set_columns(&record, walk);
    fcm_effects_set(&walk->effects, &record);
    if (set_extras(&record, &parts, extras) < 0) goto out;
    packed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)fcm__record__get_packed_size(&record));
    if (packed) fcm__record__pack(&record, (uint8_t *)PyBytes_AS_STRING(packed));
out:
    extras_done(&parts);
    free(strings);
    free(values);
    Py_XDECREF(collector);
    Py_XDECREF(path);
    return packed;
}

static void columns_done(struct columns *columns) {
    struct fcm_numbers *each = (struct fcm_numbers *)columns;
    for (size_t i = 0; i < sizeof *columns / sizeof *each; i++) fcm_numbers_done(&each[i]);
}

static int walk_init(struct walk *walk, PyObject *root, PyObject *children, PyObject *support) {
    *walk = (struct walk){.root = root, .children = children, .support = support};
    PyObject **const dicts[] = {&walk->classes,    &walk->calls,     &walk->places,
                                &walk->fixtures,   &walk->docs,      &walk->grouping,
                                &walk->coroutines, &walk->attributes};
    for (size_t i = 0; i < sizeof dicts / sizeof *dicts; i++) {
        *dicts[i] = PyDict_New();
        if (!*dicts[i]) return -1;
    }
    walk->keep = PyList_New(0);
    if (!walk->keep) return -1;
    walk->relpath = PyObject_CallMethod(support, "relative_path", "O", root);
    if (!walk->relpath) return -1;
    walk->served = PyObject_GetAttrString(support, "SERVED");
    if (!walk->served) return -1;
    PyObject *structured = PyObject_GetAttrString(support, "STRUCTURED_IDS");
    walk->structured = structured ? PyObject_IsTrue(structured) : -1;
    Py_XDECREF(structured);
    if (walk->structured < 0) return -1;
    return fcm_tables_init(&walk->tables);
}

static void walk_done(struct walk *walk) {
    fcm_tables_done(&walk->tables);
    columns_done(&walk->columns);
    fcm_effects_done(&walk->effects);
    Py_XDECREF(walk->classes);
    Py_XDECREF(walk->calls);
    Py_XDECREF(walk->places);
    Py_XDECREF(walk->fixtures);
    Py_XDECREF(walk->docs);
    Py_XDECREF(walk->grouping);
    Py_XDECREF(walk->keep);
    Py_XDECREF(walk->coroutines);
    Py_XDECREF(walk->attributes);
    Py_XDECREF(walk->relpath);
    Py_XDECREF(walk->served);
}

PyObject *fcm_introspect(PyObject *root, PyObject *children, PyObject *extras, PyObject *support) {
    struct walk walk;
    PyObject *packed = NULL;
    PyObject *effects = fcm_dict_get_borrowed(extras, "effects");
    if (!effects && PyErr_Occurred()) return NULL;
    if (walk_init(&walk, root, children, support) == 0 && push_node(&walk, root, 0, NULL) == 0 &&
        (!effects || fcm_effects_read(&walk.effects, &walk.tables, effects) == 0))
        packed = pack(&walk, extras);
    // Something that couldn't be looked up may be missing in it.
    if (PyErr_Occurred()) Py_CLEAR(packed);
    walk_done(&walk);
    return packed;
}
