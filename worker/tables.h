// The tables of a record that is being written: strings, values, lists and marks, each entry once.
// Runs with the GIL held. Functions return an index, or -1 with an exception set, unless said
// otherwise.
#pragma once

#include <Python.h>

#include "fastcollect.pb-c.h"
#include "pyvalue.h"

// A growing array of numbers.
struct fcm_numbers {
    uint32_t *at;
    size_t n;
    size_t room;
};

void fcm_numbers_done(struct fcm_numbers *numbers);

// Returns 0, or -1 with MemoryError set.
int fcm_numbers_push(struct fcm_numbers *numbers, Py_ssize_t number);

struct fcm_tables {
    PyObject *strings;     // dict: str -> index
    PyObject *string_list; // list of the strings' bytes, in order of index
    PyObject *values;      // dict: encoded bytes -> index
    PyObject *value_list;  // list of encoded bytes
    PyObject *value_memo;  // dict: id -> index + 1, 0 for what can't travel
    PyObject *lists;       // dict: bytes of numbers -> index
    struct fcm_numbers list_offset;
    struct fcm_numbers list_item;
    PyObject *marks; // dict: id -> index
    struct fcm_numbers mark_name;
    struct fcm_numbers mark_args;
    struct fcm_numbers mark_kwargs;
    PyObject *keep; // list of objects whose id is a key above
    struct fcm_value_writer writer;
};

// Returns 0, or -1 with an exception; on failure nothing is left to be done.
int fcm_tables_init(struct fcm_tables *tables);
void fcm_tables_done(struct fcm_tables *tables);

Py_ssize_t fcm_tables_string(struct fcm_tables *tables, PyObject *string);

// Index of the value plus one, 0 where it doesn't travel by value.
Py_ssize_t fcm_tables_value(struct fcm_tables *tables, PyObject *object);

Py_ssize_t fcm_tables_list(struct fcm_tables *tables, const struct fcm_numbers *numbers);

// A list of strings from an iterable of str.
Py_ssize_t fcm_tables_string_list(struct fcm_tables *tables, PyObject *iterable);

Py_ssize_t fcm_tables_mark(struct fcm_tables *tables, PyObject *mark);

// A list of marks from a list of pytest's Mark objects.
Py_ssize_t fcm_tables_mark_list(struct fcm_tables *tables, PyObject *marks);
