#include "names_found.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pyrecord.h"
#include "record.h"

enum { UNKNOWN = -2, ASK = -1 };

struct finding {
    PyObject *record, *words;
    bool substrings;
    const Fcm__Record *message;
    int64_t *in_string; // by string: the words in it, UNKNOWN before it was looked at
    PyObject *index_name, *name_name, *marks_name, *extra_name, *lower_name;
};

static void finding_done(struct finding *f) {
    free(f->in_string);
    Py_XDECREF(f->index_name);
    Py_XDECREF(f->name_name);
    Py_XDECREF(f->marks_name);
    Py_XDECREF(f->extra_name);
    Py_XDECREF(f->lower_name);
}

static int64_t *unknowns(size_t n) {
    int64_t *numbers = malloc((n + 1) * sizeof(*numbers));
    for (size_t i = 0; numbers && i < n; i++) numbers[i] = UNKNOWN;
    return numbers;
}

static int finding_init(struct finding *f, PyObject *record, PyObject *words, bool substrings) {
    const Fcm__Record *m = fcm_pyrecord_message(record);
    *f = (struct finding){
        .record = record,
        .words = words,
        .substrings = substrings,
        .message = m,
        .in_string = unknowns(m->n_strings),
        .index_name = PyUnicode_InternFromString("_fcm_index"),
        .name_name = PyUnicode_InternFromString("name"),
        .marks_name = PyUnicode_InternFromString("own_markers"),
        .extra_name = PyUnicode_InternFromString("extra_keyword_matches"),
        .lower_name = PyUnicode_InternFromString("lower"),
    };
    if (!f->in_string) PyErr_NoMemory();
    return PyErr_Occurred() ? -1 : 0;
}

// The functions below return the words found, ASK, or UNKNOWN with an exception.

static int64_t in_name(struct finding *f, PyObject *name) {
    if (!PyUnicode_CheckExact(name)) return ASK;
    PyObject *lower =
        f->substrings ? PyObject_CallMethodNoArgs(name, f->lower_name) : Py_NewRef(name);
    if (!lower) return UNKNOWN;
    int64_t found = 0;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(f->words); i++) {
        PyObject *word = PyTuple_GET_ITEM(f->words, i);
        int there = f->substrings ? PyUnicode_Contains(lower, word)
                                  : PyObject_RichCompareBool(lower, word, Py_EQ);
        if (there > 0) found |= (int64_t)1 << i;
        if (there < 0) found = UNKNOWN;
        if (there < 0) break;
    }
    Py_DECREF(lower);
    return found;
}

static int64_t in_string(struct finding *f, uint32_t string) {
    int64_t *known = &f->in_string[string];
    if (*known != UNKNOWN) return *known;
    PyObject *name = fcm_pyrecord_string(f->record, string);
    if (!name) return UNKNOWN;
    *known = in_name(f, name);
    Py_DECREF(name);
    return *known;
}

// Adds what was found in one more name; returns whether to go on.
static bool add(int64_t *found, int64_t more) {
    if (more < 0)
        *found = more;
    else
        *found |= more;
    return more >= 0;
}

static int64_t in_recorded_marks(struct finding *f, uint32_t index) {
    const uint32_t *marks;
    size_t n = fcm_record_list(f->message, f->message->node_marks[index], &marks);
    int64_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (!add(&found, in_string(f, f->message->mark_name[marks[i]]))) break;
    return found;
}

// Of an item whose markers somebody has asked for already, and may have changed.
static int64_t in_marks(struct finding *f, PyObject *marks) {
    if (!PyList_CheckExact(marks)) return ASK;
    int64_t found = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(marks); i++) {
        PyObject *name = PyObject_GetAttr(PyList_GET_ITEM(marks, i), f->name_name);
        int64_t more = name ? in_name(f, name) : UNKNOWN;
        Py_XDECREF(name);
        if (!add(&found, more)) break;
    }
    return found;
}

static int64_t in_strings(struct finding *f, uint32_t list) {
    const uint32_t *strings;
    size_t n = fcm_record_list(f->message, list, &strings);
    int64_t found = 0;
    for (size_t i = 0; i < n; i++)
        if (!add(&found, in_string(f, strings[i]))) break;
    return found;
}

static int64_t in_extra(struct finding *f, PyObject *extra) {
    PyObject *iterator = PyAnySet_CheckExact(extra) ? PyObject_GetIter(extra) : NULL;
    if (!iterator) return PyErr_Occurred() ? UNKNOWN : ASK;
    int64_t found = 0;
    for (PyObject *name; (name = PyIter_Next(iterator)) != NULL;) {
        bool more = add(&found, in_name(f, name));
        Py_DECREF(name);
        if (!more) break;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() ? UNKNOWN : found;
}

// Whether only materialization can serve one of the attributes that are asked for.
static bool is_opaque(const struct finding *f, uint32_t index) {
    const uint32_t *names;
    size_t n = fcm_record_list(f->message, f->message->node_attributes[index], &names);
    for (size_t i = 0; i < n; i++) {
        const ProtobufCBinaryData *name = &f->message->strings[names[i]];
        for (size_t k = 0; k < 2; k++) {
            const char *const asked =
                (const char *const[]){"own_markers", "extra_keyword_matches"}[k];
            if (name->len == strlen(asked) && memcmp(name->data, asked, name->len) == 0)
                return true;
        }
    }
    return false;
}

// The row of an item among the record's, -1 where it isn't one of its items.
static int64_t row_of(const struct finding *f, PyObject *state, uint32_t *ret_index) {
    PyObject *number = PyDict_GetItemWithError(state, f->index_name);
    Py_ssize_t index = number ? PyLong_AsSsize_t(number) : -1;
    if (index < 0 || (size_t)index >= f->message->n_node_parent) return -1;
    if (!(f->message->node_flags[index] & FCM_NODE_ITEM)) return -1;
    *ret_index = (uint32_t)index;
    return fcm_pyrecord_row(f->record, (uint32_t)index);
}

static int64_t in_keywords(struct finding *f, PyObject *item, PyObject *state, uint32_t index,
                           uint32_t row) {
    const Fcm__Record *m = f->message;
    PyObject *name = PyObject_GenericGetAttr(item, f->name_name);
    int64_t found = name ? in_name(f, name) : UNKNOWN;
    Py_XDECREF(name);
    if (found < 0) return found;
    PyObject *extra = PyDict_GetItemWithError(state, f->extra_name);
    if (!add(&found, extra ? in_extra(f, extra) : in_strings(f, m->node_extra[index])))
        return found;
    if (m->node_flags[index] & FCM_NODE_FUNCTION)
        add(&found, in_strings(f, m->item_function_keys[row]));
    return found;
}

static int64_t in_item(struct finding *f, PyObject *item) {
    PyObject *state = PyObject_GenericGetDict(item, NULL);
    if (!state) return UNKNOWN;
    uint32_t index = 0;
    int64_t found = 0, row = row_of(f, state, &index);
    PyObject *marks = row < 0 ? NULL : PyDict_GetItemWithError(state, f->marks_name);
    if (row < 0 || is_opaque(f, index))
        found = ASK;
    else if (add(&found, marks ? in_marks(f, marks) : in_recorded_marks(f, index)) && f->substrings)
        add(&found, in_keywords(f, item, state, index, (uint32_t)row));
    Py_DECREF(state);
    return PyErr_Occurred() ? UNKNOWN : found;
}

static PyObject *find_all(struct finding *f, PyObject *items) {
    PyObject *numbers = PyList_New(0);
    for (Py_ssize_t i = 0; numbers && i < PyList_GET_SIZE(items); i++) {
        int64_t found = in_item(f, PyList_GET_ITEM(items, i));
        PyObject *number = PyErr_Occurred() ? NULL : PyLong_FromLongLong(found);
        if (!number || PyList_Append(numbers, number) < 0) Py_CLEAR(numbers);
        Py_XDECREF(number);
    }
    return numbers;
}

PyObject *fcm_names_found(PyObject *record, PyObject *items, PyObject *words, bool substrings) {
    if (PyTuple_GET_SIZE(words) > FCM_WORDS_MAX) {
        PyErr_SetString(PyExc_ValueError, "too many words");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(words); i++) {
        if (PyUnicode_CheckExact(PyTuple_GET_ITEM(words, i))) continue;
        PyErr_SetString(PyExc_TypeError, "words are str");
        return NULL;
    }
    struct finding f;
    PyObject *numbers =
        finding_init(&f, record, words, substrings) == 0 ? find_all(&f, items) : NULL;
    finding_done(&f);
    return numbers;
}
