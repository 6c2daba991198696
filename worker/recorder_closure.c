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

// Adds edges from a node, whose code names a module in a string, to a node of that module.
static int reach_mentioned(struct fcm_recorder *r, uint32_t node, uint32_t mentioned, bool project,
                           const uint8_t *seen, struct fcm_numbers *frontier) {
    // A library that mentions "settings" doesn't mean the project's, or one that isn't there.
    bool libraries =
        r->modules[mentioned].file && fcm_recorder_owner(r, mentioned) != FCM_OWNER_PROJECT;
    if (!project && !libraries) return 0;
    fcm_recorder_add_edge(r, node, mentioned);
    return seen[mentioned] ? 0 : fcm_numbers_add(frontier, mentioned);
}

// All modules that the node's code mentions.
static int reach_all_mentions(struct fcm_recorder *r, uint32_t node, bool project,
                              const uint8_t *seen, struct fcm_numbers *frontier) {
    PyObject *mentions = PySequence_List(r->modules[node].mentions);
    int e = mentions ? 0 : -ENOMEM;
    for (Py_ssize_t i = 0; e == 0 && i < PyList_GET_SIZE(mentions); i++) {
        int64_t name = fcm_recorder_name(r, PyList_GET_ITEM(mentions, i), false);
        if (name < 0) continue;
        const struct fcm_numbers *nodes = &r->names[name].nodes;
        for (uint32_t n = 0; e == 0 && n < nodes->count; n++)
            e = reach_mentioned(r, node, nodes->items[n], project, seen, frontier);
    }
    Py_XDECREF(mentions);
    return e;
}

// Those among the nodes from `first` on.
static int reach_new_mentions(struct fcm_recorder *r, uint32_t node, uint32_t first, bool project,
                              const uint8_t *seen, struct fcm_numbers *frontier) {
    int e = 0;
    for (uint32_t n = first; e == 0 && n < r->graph.count; n++) {
        uint32_t name = r->modules[n].name;
        if (!name) continue;
        int found = PySet_Contains(r->modules[node].mentions, r->names[name - 1].text);
        if (found < 0) {
            PyErr_Clear();
            return -ENOMEM;
        }
        if (found) e = reach_mentioned(r, node, n, project, seen, frontier);
    }
    return e;
}

// Adds edges to modules that the node's code names in strings and may look up by them. Most nodes
// have been compared with nearly all of the graph when an earlier file was done.
static int reach_mentions(struct fcm_recorder *r, uint32_t node, const uint8_t *seen,
                          struct fcm_numbers *frontier) {
    struct fcm_module *module = &r->modules[node];
    if (!module->mentions || module->mentions_version == r->graph.count) return 0;
    bool project = fcm_recorder_owner(r, node) == FCM_OWNER_PROJECT;
    uint32_t first = module->mentions_version;
    module->mentions_version = r->graph.count;
    if ((Py_ssize_t)(r->graph.count - first) < PySet_GET_SIZE(module->mentions))
        return reach_new_mentions(r, node, first, project, seen, frontier);
    return reach_all_mentions(r, node, project, seen, frontier);
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
