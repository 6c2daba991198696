#define PY_SSIZE_T_CLEAN
#include "tables.h"

#include <stdlib.h>

void fcm_numbers_done(struct fcm_numbers *numbers) {
    free(numbers->at);
    *numbers = (struct fcm_numbers){0};
}

int fcm_numbers_push(struct fcm_numbers *numbers, Py_ssize_t number) {
    if (numbers->n == numbers->room) {
        size_t room = numbers->room ? 2 * numbers->room : 16;
        uint32_t *at = reallocarray(numbers->at, room, sizeof *at);
        if (!at) {
            PyErr_NoMemory();
            return -1;
        }
        numbers->at = at;
        numbers->room = room;
    }
    numbers->at[numbers->n++] = (uint32_t)number;
    return 0;
}

int fcm_tables_init(struct fcm_tables *tables) {
    *tables = (struct fcm_tables){
        .strings = PyDict_New(),
        .string_list = PyList_New(0),
        .values = PyDict_New(),
        .value_list = PyList_New(0),
        .value_memo = PyDict_New(),
        .lists = PyDict_New(),
        .marks = PyDict_New(),
        .keep = PyList_New(0),
    };
    struct fcm_numbers none = {0};
    if (tables->strings && tables->string_list && tables->values && tables->value_list &&
        tables->value_memo && tables->lists && tables->marks && tables->keep &&
        fcm_numbers_push(&tables->list_offset, 0) == 0 && fcm_tables_list(tables, &none) == 0)
        return 0;
    fcm_tables_done(tables);
    return -1;
}

void fcm_tables_done(struct fcm_tables *tables) {
    Py_CLEAR(tables->strings);
    Py_CLEAR(tables->string_list);
    Py_CLEAR(tables->values);
    Py_CLEAR(tables->value_list);
    Py_CLEAR(tables->value_memo);
    Py_CLEAR(tables->lists);
    Py_CLEAR(tables->marks);
    Py_CLEAR(tables->keep);
    fcm_numbers_done(&tables->list_offset);
    fcm_numbers_done(&tables->list_item);
    fcm_numbers_done(&tables->mark_name);
    fcm_numbers_done(&tables->mark_args);
    fcm_numbers_done(&tables->mark_kwargs);
}

// The index under `key`, -1 where there is none (no exception) or with an exception.
static Py_ssize_t find(PyObject *dict, PyObject *key) {
    PyObject *index = PyDict_GetItemWithError(dict, key);
    return index ? PyLong_AsSsize_t(index) : -1;
}

static int remember(PyObject *dict, PyObject *key, Py_ssize_t index) {
    PyObject *number = PyLong_FromSsize_t(index);
    int r = number ? PyDict_SetItem(dict, key, number) : -1;
    Py_XDECREF(number);
    return r;
}

Py_ssize_t fcm_tables_string(struct fcm_tables *tables, PyObject *string) {
    if (!PyUnicode_Check(string)) {
        PyErr_Format(PyExc_TypeError, "a name is %.100s, not str", Py_TYPE(string)->tp_name);
        return -1;
    }
    Py_ssize_t index = find(tables->strings, string);
    if (index >= 0 || PyErr_Occurred()) return index;
    PyObject *bytes = PyUnicode_AsEncodedString(string, "utf-8", "surrogatepass");
    if (!bytes) return -1;
    index = PyList_GET_SIZE(tables->string_list);
    int r = PyList_Append(tables->string_list, bytes);
    Py_DECREF(bytes);
    return r < 0 || remember(tables->strings, string, index) < 0 ? -1 : index;
}

static Py_ssize_t encode_value(struct fcm_tables *tables, PyObject *object) {
    int r = fcm_value_write(&tables->writer, object);
    if (r < 1) return r;
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)tables->writer.bytes,
                                                (Py_ssize_t)tables->writer.size);
    if (!bytes) return -1;
    Py_ssize_t index = find(tables->values, bytes);
    if (index < 0 && !PyErr_Occurred()) {
        index = PyList_GET_SIZE(tables->value_list);
        if (PyList_Append(tables->value_list, bytes) < 0 ||
            remember(tables->values, bytes, index) < 0)
            index = -1;
    }
    Py_DECREF(bytes);
    return index < 0 ? -1 : index + 1;
}

Py_ssize_t fcm_tables_value(struct fcm_tables *tables, PyObject *object) {
    PyObject *id = PyLong_FromVoidPtr(object);
    if (!id) return -1;
    Py_ssize_t index = find(tables->value_memo, id);
    if (index < 0 && !PyErr_Occurred()) {
        index = encode_value(tables, object);
        if (index >= 0 && (remember(tables->value_memo, id, index) < 0 ||
                           PyList_Append(tables->keep, object) < 0))
            index = -1;
    }
    Py_DECREF(id);
    return index;
}

Py_ssize_t fcm_tables_list(struct fcm_tables *tables, const struct fcm_numbers *numbers) {
    PyObject *key = PyBytes_FromStringAndSize((const char *)numbers->at,
                                              (Py_ssize_t)(numbers->n * sizeof *numbers->at));
    if (!key) return -1;
    Py_ssize_t index = find(tables->lists, key);
    if (index < 0 && !PyErr_Occurred()) {
        index = PyDict_GET_SIZE(tables->lists);
        for (size_t i = 0; i < numbers->n; i++) {
            if (fcm_numbers_push(&tables->list_item, (Py_ssize_t)numbers->at[i]) < 0) goto fail;
        }
        if (fcm_numbers_push(&tables->list_offset, (Py_ssize_t)tables->list_item.n) < 0 ||
            remember(tables->lists, key, index) < 0)
            goto fail;
    }
    Py_DECREF(key);
    return index;
fail:
    Py_DECREF(key);
    return -1;
}

Py_ssize_t fcm_tables_string_list(struct fcm_tables *tables, PyObject *iterable) {
    PyObject *items = PySequence_Fast(iterable, "a list of names is not iterable");
    if (!items) return -1;
    struct fcm_numbers numbers = {0};
    Py_ssize_t r = 0;
    for (Py_ssize_t i = 0; r >= 0 && i < PySequence_Fast_GET_SIZE(items); i++) {
        r = fcm_tables_string(tables, PySequence_Fast_GET_ITEM(items, i));
        if (r >= 0) r = fcm_numbers_push(&numbers, r);
    }
    if (r >= 0) r = fcm_tables_list(tables, &numbers);
    fcm_numbers_done(&numbers);
    Py_DECREF(items);
    return r;
}

// Arguments of a parametrize mark are large and seldom asked for: the parameters stand in the
// calls.
static int is_parametrize(PyObject *name) {
    return PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "parametrize") == 0;
}

static Py_ssize_t new_mark(struct fcm_tables *tables, PyObject *mark) {
    PyObject *name = PyObject_GetAttrString(mark, "name");
    PyObject *args = name ? PyObject_GetAttrString(mark, "args") : NULL;
    PyObject *kwargs = args ? PyObject_GetAttrString(mark, "kwargs") : NULL;
    Py_ssize_t index = -1;
    if (!kwargs) goto out;
    Py_ssize_t name_index = fcm_tables_string(tables, name);
    Py_ssize_t args_index = 0, kwargs_index = 0;
    if (name_index >= 0 && !is_parametrize(name)) {
        args_index = fcm_tables_value(tables, args);
        if (args_index > 0) kwargs_index = fcm_tables_value(tables, kwargs);
    }
    if (name_index < 0 || args_index < 0 || kwargs_index < 0) goto out;
    if (!kwargs_index) args_index = 0;
    index = (Py_ssize_t)tables->mark_name.n;
    if (fcm_numbers_push(&tables->mark_name, name_index) < 0 ||
        fcm_numbers_push(&tables->mark_args, args_index) < 0 ||
        fcm_numbers_push(&tables->mark_kwargs, kwargs_index) < 0)
        index = -1;
out:
    Py_XDECREF(kwargs);
    Py_XDECREF(args);
    Py_XDECREF(name);
    return index;
}

Py_ssize_t fcm_tables_mark(struct fcm_tables *tables, PyObject *mark) {
    PyObject *id = PyLong_FromVoidPtr(mark);
    if (!id) return -1;
    Py_ssize_t index = find(tables->marks, id);
    if (index < 0 && !PyErr_Occurred()) {
        index = new_mark(tables, mark);
        if (index >= 0 &&
            (remember(tables->marks, id, index) < 0 || PyList_Append(tables->keep, mark) < 0))
            index = -1;
    }
    Py_DECREF(id);
    return index;
}

Py_ssize_t fcm_tables_mark_list(struct fcm_tables *tables, PyObject *marks) {
    PyObject *items = PySequence_Fast(marks, "markers are not a list");
    if (!items) return -1;
    struct fcm_numbers numbers = {0};
    Py_ssize_t r = 0;
    for (Py_ssize_t i = 0; r >= 0 && i < PySequence_Fast_GET_SIZE(items); i++) {
        r = fcm_tables_mark(tables, PySequence_Fast_GET_ITEM(items, i));
        if (r >= 0) r = fcm_numbers_push(&numbers, r);
    }
    if (r >= 0) r = fcm_tables_list(tables, &numbers);
    fcm_numbers_done(&numbers);
    Py_DECREF(items);
    return r;
}
