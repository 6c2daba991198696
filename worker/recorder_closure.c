#include "recorder.h"

#include <errno.h>
#include <stdlib.h>

// Adds the names that a code object, and those inside of it, use.
static int add_words(PyObject *words, PyObject *code) {
    PyObject *names = ((PyCodeObject *)code)->co_names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++)
        if (PySet_Add(words, PyTuple_GET_ITEM(names, i)) < 0) return -1;
    PyObject *constants = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); i++) {
        PyObject *constant = PyTuple_GET_ITEM(constants, i);
        if (PyCode_Check(constant) && add_words(words, constant) < 0) return -1;
    }
    return 0;
}

static PyObject *words_of(struct fcm_recorder *r, struct fcm_module *module) {
    if (!module->words) {
        module->words = PySet_New(NULL);
        if (!module->words || (module->code && add_words(module->words, module->code) < 0)) {
            PyErr_Clear();
            r->broken = true;
        }
    }
    return module->words;
}

// Whether the module's code uses the last part of a submodule's name.
static bool uses(struct fcm_recorder *r, struct fcm_module *module, PyObject *name) {
    PyObject *words = words_of(r, module);
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, size, -1);
    PyObject *last = words ? PyUnicode_Substring(name, dot + 1, size) : NULL;
    int found = last ? PySet_Contains(words, last) : 0;
    Py_XDECREF(last);
    PyErr_Clear();
    return found == 1;
}

// Whether a module of that name can't be reached, or not in each of its files.
static bool is_unreached(const struct fcm_module_name *name, const uint8_t *seen) {
    for (uint32_t i = 0; i < name->nodes.count; i++)
        if (!seen[name->nodes.items[i]]) return true;
    return false;
}

// Marks the packages that have such a submodule: for most there is nothing to do.
static void mark_open(const struct fcm_recorder *r, const uint8_t *seen, uint8_t *open) {
    for (uint32_t n = 0; n < r->names_count; n++) {
        const struct fcm_numbers *children = &r->names[n].children;
        open[n] = 0;
        for (uint32_t c = 0; c < children->count && !open[n]; c++)
            open[n] = is_unreached(&r->names[children->items[c]], seen);
    }
}

static int bind_name(struct fcm_numbers *bound, uint32_t name) {
    for (uint32_t i = 0; i < bound->count; i++)
        if (bound->items[i] == name) return 0;
    return fcm_numbers_add(bound, name);
}

// `import package` in one module, `import package.part` in another, and the first says
// `package.part`: it depends on the part, though it never imported it. Adds such edges for a node;
// what they lead to goes to the frontier.
static int reach_parts(struct fcm_recorder *r, uint32_t node, const uint8_t *seen,
                       const uint8_t *open, struct fcm_numbers *frontier) {
    struct fcm_numbers *bound = &r->modules[node].bound;
    for (uint32_t i = 0; i < bound->count; i++) { // grows while we go
        if (!open[bound->items[i]]) continue;
        const struct fcm_numbers *children = &r->names[bound->items[i]].children;
        for (uint32_t c = 0; c < children->count; c++) {
            const struct fcm_module_name *child = &r->names[children->items[c]];
            if (!is_unreached(child, seen) || !uses(r, &r->modules[node], child->text)) continue;
            int e = bind_name(bound, children->items[c]);
            for (uint32_t n = 0; e == 0 && n < child->nodes.count; n++) {
                fcm_recorder_add_edge(r, node, child->nodes.items[n]);
                e = fcm_numbers_add(frontier, child->nodes.items[n]);
            }
            if (e < 0) return e;
        }
    }
    return 0;
}

// Adds edges to modules that the node's code names in strings and may look up by them.
static int reach_mentions(struct fcm_recorder *r, uint32_t node, const uint8_t *seen,
                          struct fcm_numbers *frontier) {
    struct fcm_module *module = &r->modules[node];
    if (!module->mentions || module->mentions_version == r->graph.count) return 0;
    module->mentions_version = r->graph.count;
    bool project = fcm_recorder_owner(r, node) == FCM_OWNER_PROJECT;
    PyObject *mentions = PySequence_List(module->mentions);
    int e = mentions ? 0 : -ENOMEM;
    for (Py_ssize_t i = 0; e == 0 && i < PyList_GET_SIZE(mentions); i++) {
        int64_t name = fcm_recorder_name(r, PyList_GET_ITEM(mentions, i), false);
        if (name < 0) continue;
        const struct fcm_numbers *nodes = &r->names[name].nodes;
        for (uint32_t n = 0; e == 0 && n < nodes->count; n++) {
            // A library that mentions "settings" doesn't mean the project's, or one that isn't
            // there.
            bool libraries = r->modules[nodes->items[n]].file &&
                             fcm_recorder_owner(r, nodes->items[n]) != FCM_OWNER_PROJECT;
            if (!project && !libraries) continue;
            fcm_recorder_add_edge(r, node, nodes->items[n]);
            if (!seen[nodes->items[n]]) e = fcm_numbers_add(frontier, nodes->items[n]);
        }
    }
    Py_XDECREF(mentions);
    return e;
}

int fcm_recorder_closure(struct fcm_recorder *r, struct fcm_numbers *roots,
                         struct fcm_numbers *order) {
    uint8_t *seen = calloc(r->graph.count + 1, 1);
    uint8_t *open = calloc(r->names_count + 1, 1);
    int e = seen && open ? fcm_graph_reach(&r->graph, roots, seen, order) : -ENOMEM;
    for (uint32_t done = 0; e == 0 && done < order->count;) {
        mark_open(r, seen, open);
        for (; e == 0 && done < order->count; done++) {
            e = reach_parts(r, order->items[done], seen, open, roots);
            if (e == 0) e = reach_mentions(r, order->items[done], seen, roots);
        }
        if (e == 0) e = fcm_graph_reach(&r->graph, roots, seen, order);
    }
    free(seen);
    free(open);
    return e;
}
