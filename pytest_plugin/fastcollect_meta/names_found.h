// Which words stand in the names of items that a record answers for: what -k and -m ask.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>

// Words that are looked for at once: one bit each.
#define FCM_WORDS_MAX 62

// For each item of a list a number: bit n says that word n was found among the item's own names,
// without its parents'. -1 stands for an item that has to be asked itself. `record` is a Record,
// and each item is a lazy one below the file that it is the record of.
//
// With `substrings` a word is found where it stands anywhere in a name in lower case: the item's
// name, its markers', its extra keywords, those attributes of its function that -k looks at.
// Without, where it is the name of a marker.
//
// Returns a new list, or NULL with an exception.
PyObject *fcm_names_found(PyObject *record, PyObject *items, PyObject *words, bool substrings);
