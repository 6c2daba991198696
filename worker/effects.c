#define PY_SSIZE_T_CLEAN
#include "effects.h"

void fcm_effects_done(struct fcm_effects *effects) {
    struct fcm_numbers *each = (struct fcm_numbers *)effects;
    for (size_t i = 0; i < sizeof *effects / sizeof *each; i++) fcm_numbers_done(&each[i]);
}

// A list of node numbers.
static Py_ssize_t number_list(struct fcm_tables *tables, PyObject *list) {
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "node numbers are not a list");
        return -1;
    }
    struct fcm_numbers numbers = {0};
    Py_ssize_t r = 0;
    for (Py_ssize_t i = 0; r >= 0 && i < PyList_GET_SIZE(list); i++) {
        Py_ssize_t number = PyLong_AsSsize_t(PyList_GET_ITEM(list, i));
        r = number < 0 ? -1 : fcm_numbers_push(&numbers, number);
        if (number < 0 && !PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "a node number is negative");
    }
    if (r >= 0) r = fcm_tables_list(tables, &numbers);
    fcm_numbers_done(&numbers);
    return r;
}

static int read_change(struct fcm_effects *e, struct fcm_tables *tables, Py_ssize_t hook,
                       PyObject *change) {
    Py_ssize_t node;
    PyObject *before, *after, *keys, *extra;
    if (!PyArg_ParseTuple(change, "nOOOO", &node, &before, &after, &keys, &extra)) return -1;
    if (!PyList_Check(before) || !PyList_Check(after)) {
        PyErr_SetString(PyExc_TypeError, "markers are not a list");
        return -1;
    }
    Py_ssize_t before_list = fcm_tables_mark_list(tables, before);
    Py_ssize_t after_list = before_list < 0 ? -1 : fcm_tables_mark_list(tables, after);
    Py_ssize_t key_list = after_list < 0 ? -1 : fcm_tables_string_list(tables, keys);
    Py_ssize_t extra_list = key_list < 0 ? -1 : fcm_tables_string_list(tables, extra);
    if (extra_list < 0) return -1;
    if (fcm_numbers_push(&e->change_hook, hook) < 0 ||
        fcm_numbers_push(&e->change_node, node) < 0 ||
        fcm_numbers_push(&e->change_before, before_list) < 0 ||
        fcm_numbers_push(&e->change_after, after_list) < 0 ||
        fcm_numbers_push(&e->change_keys, key_list) < 0 ||
        fcm_numbers_push(&e->change_extra, extra_list) < 0)
        return -1;
    return 0;
}

static int read_hook(struct fcm_effects *e, struct fcm_tables *tables, PyObject *effect) {
    PyObject *name, *order, *deselected, *changes;
    if (!PyArg_ParseTuple(effect, "UOOO!", &name, &order, &deselected, &PyList_Type, &changes))
        return -1;
    Py_ssize_t hook = (Py_ssize_t)e->hook_name.n;
    Py_ssize_t string = fcm_tables_string(tables, name);
    Py_ssize_t order_list = string < 0 || order == Py_None ? 0 : number_list(tables, order);
    Py_ssize_t gone = order_list < 0 ? -1 : number_list(tables, deselected);
    if (string < 0 || gone < 0) return -1;
    if (fcm_numbers_push(&e->hook_name, string) < 0 ||
        fcm_numbers_push(&e->hook_order, order == Py_None ? 0 : order_list + 1) < 0 ||
        fcm_numbers_push(&e->hook_deselected, gone) < 0)
        return -1;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(changes); i++) {
        if (read_change(e, tables, hook, PyList_GET_ITEM(changes, i)) < 0) return -1;
    }
    return 0;
}

int fcm_effects_read(struct fcm_effects *effects, struct fcm_tables *tables, PyObject *list) {
    if (!PyList_Check(list)) {
        PyErr_SetString(PyExc_TypeError, "effects are not a list");
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        if (read_hook(effects, tables, PyList_GET_ITEM(list, i)) < 0) return -1;
    }
    return 0;
}

void fcm_effects_set(const struct fcm_effects *e, Fcm__Record *record) {
#define COLUMN(name) (record->n_##name = e->name.n, record->name = e->name.at)
    COLUMN(hook_name);
    COLUMN(hook_order);
    COLUMN(hook_deselected);
    COLUMN(change_hook);
    COLUMN(change_node);
    COLUMN(change_before);
    COLUMN(change_after);
    COLUMN(change_keys);
    COLUMN(change_extra);
#undef COLUMN
}
