// The dependency recorder for Python; dependencies.py is its face.
#define PY_SSIZE_T_CLEAN
#include "recorder.h"

#include "environment.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static PyObject *no_memory(void) { return PyErr_Occurred() ? NULL : PyErr_NoMemory(); }

static PyObject *module_install(PyObject *self, PyObject *unused) {
    struct fcm_recorder *r = &fcm_recorder;
    if (fcm_recorder_init(r) < 0) return NULL;
    if (!r->installed) {
        if (PySys_AddAuditHook(fcm_recorder_audit, r) < 0) return NULL;
        r->installed = true;
    }
    if (fcm_recorder_hook_imports(r) < 0) return NULL;
    r->epoch++;
    r->active = true;
    Py_RETURN_NONE;
}

static PyObject *module_uninstall(PyObject *self, PyObject *unused) {
    struct fcm_recorder *r = &fcm_recorder;
    bool was = r->active;
    r->active = false;
    if (was && fcm_recorder_unhook_imports(r) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyObject *module_active(PyObject *self, PyObject *unused) {
    return PyBool_FromLong(fcm_recorder.active);
}

// set_prefixes([(folder with its slash: bytes, owner: int)])
static PyObject *module_set_prefixes(PyObject *self, PyObject *list) {
    struct fcm_recorder *r = &fcm_recorder;
    if (!PyList_Check(list)) return PyErr_Format(PyExc_TypeError, "expected a list");
    size_t count = (size_t)PyList_GET_SIZE(list);
    struct fcm_prefix *prefixes = calloc(count + 1, sizeof *prefixes);
    if (!prefixes) return PyErr_NoMemory();
    size_t n = 0;
    for (; n < count; n++) {
        const char *text;
        Py_ssize_t size;
        int owner;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(list, (Py_ssize_t)n), "y#i", &text, &size, &owner))
            break;
        if (owner < FCM_OWNER_STDLIB || owner > FCM_OWNER_PROJECT) {
            PyErr_SetString(PyExc_ValueError, "no such owner");
            break;
        }
        prefixes[n] = (struct fcm_prefix){strdup(text), strlen(text), (enum fcm_owner)owner};
        if (!prefixes[n].text) {
            PyErr_NoMemory();
            break;
        }
    }
    struct fcm_prefix *dropped = prefixes;
    size_t dropped_count = n;
    if (n == count) {
        dropped = r->prefixes;
        dropped_count = r->prefixes_count;
        r->prefixes = prefixes;
        r->prefixes_count = count;
        r->prefixes_version++;
    }
    for (size_t i = 0; i < dropped_count; i++) free(dropped[i].text);
    free(dropped);
    if (n < count) return NULL;
    Py_RETURN_NONE;
}

// preload(name, file): a module that was there before the recorder.
static PyObject *module_preload(PyObject *self, PyObject *args) {
    PyObject *name, *file;
    if (!PyArg_ParseTuple(args, "UO", &name, &file)) return NULL;
    int64_t node = fcm_recorder_node(&fcm_recorder, name, file == Py_None ? NULL : file, true);
    if (node < 0) return no_memory();
    fcm_recorder_add_edge(&fcm_recorder, 0, (uint32_t)node);
    return PyLong_FromLongLong(node);
}

static PyObject *module_begin(PyObject *self, PyObject *path) {
    struct fcm_recorder *r = &fcm_recorder;
    if (!PyUnicode_Check(path)) return PyErr_Format(PyExc_TypeError, "expected str");
    if (!r->open_roots.count) {
        r->thread = PyThreadState_Get();
        // What lies further out is not the file's doing: pytest may have been called by a module.
        PyFrameObject *frame = (PyFrameObject *)Py_XNewRef(PyEval_GetFrame());
        PyFrameObject *floor = NULL;
        while (frame) {
            PyCodeObject *code = PyFrame_GetCode(frame);
            bool top = PyUnicode_CompareWithASCIIString(code->co_name, "<module>") == 0;
            Py_DECREF(code);
            if (top) {
                floor = frame;
                break;
            }
            PyFrameObject *back = PyFrame_GetBack(frame);
            Py_DECREF(frame);
            frame = back;
        }
        Py_XSETREF(r->floor, floor);
    }
    int64_t root = fcm_recorder_root(r, path);
    if (root < 0 || fcm_numbers_add(&r->open_roots, (uint32_t)root) < 0) return no_memory();
    r->epoch++;
    return PyLong_FromLongLong(root);
}

static PyObject *module_end(PyObject *self, PyObject *path) {
    struct fcm_recorder *r = &fcm_recorder;
    int64_t root = fcm_recorder_root(r, path);
    for (uint32_t i = r->open_roots.count; i-- > 0;)
        if (r->open_roots.items[i] == root) {
            r->open_roots.count = i;
            break;
        }
    if (!r->open_roots.count) {
        Py_CLEAR(r->floor);
        r->thread = NULL;
    }
    r->epoch++;
    Py_RETURN_NONE;
}

static PyObject *module_root(PyObject *self, PyObject *path) {
    int64_t root = fcm_recorder_root(&fcm_recorder, path);
    return root < 0 ? no_memory() : PyLong_FromLongLong(root);
}

// drain() -> [(node, name, file | None | False, search path | None, locations | None)], each once.
static PyObject *module_drain(PyObject *self, PyObject *unused) {
    struct fcm_recorder *r = &fcm_recorder;
    PyObject *empty = PyList_New(0);
    if (!empty) return NULL;
    PyObject *fresh = r->fresh;
    r->fresh = empty;
    return fresh;
}

// add(node, kind, [bytes])
static PyObject *module_add(PyObject *self, PyObject *args) {
    unsigned node;
    int kind;
    PyObject *list;
    if (!PyArg_ParseTuple(args, "IiO!", &node, &kind, &PyList_Type, &list)) return NULL;
    if (node >= fcm_recorder.graph.count || kind < 0 || kind >= FCM_FACT_MAX)
        return PyErr_Format(PyExc_ValueError, "no such node or kind");
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        PyObject *bytes = PyList_GET_ITEM(list, i);
        if (!PyBytes_Check(bytes)) return PyErr_Format(PyExc_TypeError, "expected bytes");
        fcm_recorder_add_fact(&fcm_recorder, node, (enum fcm_fact)kind,
                              fcm_recorder_fact(&fcm_recorder, Py_NewRef(bytes)));
    }
    Py_RETURN_NONE;
}

// nodes(name) -> [node]
static PyObject *module_nodes(PyObject *self, PyObject *name) {
    struct fcm_recorder *r = &fcm_recorder;
    PyObject *list = PyList_New(0);
    int64_t id = list && PyUnicode_Check(name) ? fcm_recorder_name(r, name, false) : -1;
    for (uint32_t i = 0; id >= 0 && i < r->names[id].nodes.count; i++) {
        PyObject *number = PyLong_FromUnsignedLong(r->names[id].nodes.items[i]);
        if (!number || PyList_Append(list, number) < 0) Py_CLEAR(list);
        Py_XDECREF(number);
        if (!list) break;
    }
    return list;
}

static int take_roots(PyObject *list, struct fcm_numbers *ret_roots) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        unsigned long node = PyLong_AsUnsignedLong(PyList_GET_ITEM(list, i));
        if (PyErr_Occurred()) return -1;
        if (node >= fcm_recorder.graph.count) {
            PyErr_SetString(PyExc_ValueError, "no such node");
            return -1;
        }
        if (fcm_numbers_add(ret_roots, (uint32_t)node) < 0) {
            PyErr_NoMemory();
            return -1;
        }
    }
    return 0;
}

// What a kind's bit is among those that a fact was met with: a file that one module found and
// another didn't is noticed as a file; one that was written as well is the file's own doing.
static bool is_reported(size_t kind, unsigned mark) {
    if (!(mark & 1U << kind)) return false;
    return kind != FCM_FACT_ABSENT || !(mark & (1U << FCM_FACT_FILE | 1U << FCM_FACT_WRITTEN));
}

// Facts that are left out of an answer, by number: one bit for each kind.
struct known_facts {
    const uint8_t *kinds;
    size_t count;
};

static bool is_known(const struct known_facts *known, uint32_t id, size_t kind) {
    return id < known->count && known->kinds[id] & 1U << kind;
}

static PyObject *list_facts(const struct fcm_recorder *r, const uint8_t *marks,
                            const struct fcm_numbers *met, const struct known_facts *known,
                            size_t kind) {
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list && i < met->count; i++) {
        uint32_t id = met->items[i];
        if (!is_reported(kind, marks[id]) || is_known(known, id, kind)) continue;
        if (PyList_Append(list, PyList_GET_ITEM(r->facts, (Py_ssize_t)id)) < 0) Py_CLEAR(list);
    }
    return list;
}

// facts([files], [directories], [absent]) -> bytes: what `closure` is to leave out.
static PyObject *module_facts(PyObject *self, PyObject *args) {
    static const size_t kinds[] = {FCM_FACT_FILE, FCM_FACT_DIRECTORY, FCM_FACT_ABSENT};
    struct fcm_recorder *r = &fcm_recorder;
    PyObject *lists[3];
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyList_Type, &lists[0], &PyList_Type, &lists[1],
                          &PyList_Type, &lists[2]))
        return NULL;
    if (fcm_recorder_init(r) < 0) return NULL;
    // All of them get their numbers before room is made for a bit for each. Nothing is left out
    // where the recorder is broken: then nothing is kept.
    for (size_t l = 0; l < 3; l++)
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lists[l]); i++)
            if (fcm_recorder_fact(r, Py_NewRef(PyList_GET_ITEM(lists[l], i))) < 0)
                return PyBytes_FromStringAndSize("", 0);
    Py_ssize_t count = PyList_GET_SIZE(r->facts);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, count);
    if (!bytes) return NULL;
    uint8_t *bits = (uint8_t *)PyBytes_AS_STRING(bytes);
    memset(bits, 0, (size_t)count);
    for (size_t l = 0; l < 3; l++)
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(lists[l]); i++) {
            int64_t id = fcm_recorder_fact(r, Py_NewRef(PyList_GET_ITEM(lists[l], i)));
            if (id >= 0 && id < count) bits[id] = (uint8_t)(bits[id] | 1U << kinds[l]);
        }
    return bytes;
}

// Marks the facts of the nodes by their kinds. Finds a reason why they are volatile: a new
// reference, or NULL.
static int mark_facts(const struct fcm_recorder *r, const struct fcm_numbers *order, uint8_t *marks,
                      struct fcm_numbers *ret_met, PyObject **ret_reason) {
    for (uint32_t i = 0; i < order->count; i++) {
        uint32_t node = order->items[i];
        if (r->modules[node].reason && !*ret_reason)
            *ret_reason = Py_NewRef(r->modules[node].reason);
        const struct fcm_numbers *facts = &r->graph.nodes[node].facts;
        for (uint32_t f = 0; f < facts->count; f++) {
            uint32_t kind = facts->items[f] >> FCM_FACT_ID_BITS;
            uint32_t id = facts->items[f] & ((UINT32_C(1) << FCM_FACT_ID_BITS) - 1);
            if (!marks[id] && fcm_numbers_add(ret_met, id) < 0) return -1;
            marks[id] = (uint8_t)(marks[id] | 1U << kind);
        }
    }
    for (uint32_t i = 0; i < ret_met->count && !*ret_reason; i++) {
        uint32_t id = ret_met->items[i];
        if ((marks[id] & 1U << FCM_FACT_FILE) && (marks[id] & 1U << FCM_FACT_WRITTEN))
            *ret_reason =
                PyUnicode_FromFormat("written and read: %s",
                                     PyBytes_AsString(PyList_GET_ITEM(r->facts, (Py_ssize_t)id)));
    }
    if (r->broken) Py_XSETREF(*ret_reason, PyUnicode_FromString("recorder"));
    return PyErr_Occurred() ? -1 : 0;
}

// closure([node], known: bytes) -> (files, directories, absent, variables, reason | None), without
// the known ones.
static PyObject *module_closure(PyObject *self, PyObject *args) {
    struct fcm_recorder *r = &fcm_recorder;
    PyObject *list;
    const char *kinds;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, "O!y#", &PyList_Type, &list, &kinds, &size)) return NULL;
    struct known_facts known = {(const uint8_t *)kinds, (size_t)size};
    struct fcm_numbers roots = {0};
    struct fcm_numbers order = {0};
    struct fcm_numbers met = {0};
    PyObject *result = NULL;
    PyObject *lists[FCM_FACT_WRITTEN] = {NULL};
    PyObject *reason = NULL;
    bool was_busy = r->busy;
    r->busy = true;
    uint8_t *marks = calloc((size_t)PyList_GET_SIZE(r->facts) + 1, 1);
    if (!marks || take_roots(list, &roots) < 0 || fcm_recorder_closure(r, &roots, &order) < 0)
        goto done;
    if (mark_facts(r, &order, marks, &met, &reason) < 0) goto done;
    for (size_t kind = 0; kind < FCM_FACT_WRITTEN; kind++)
        if (!(lists[kind] = list_facts(r, marks, &met, &known, kind))) goto done;
    result =
        Py_BuildValue("(OOOOO)", lists[0], lists[1], lists[2], lists[3], reason ? reason : Py_None);
done:
    r->busy = was_busy;
    free(marks);
    Py_XDECREF(reason);
    for (size_t kind = 0; kind < FCM_FACT_WRITTEN; kind++) Py_XDECREF(lists[kind]);
    fcm_numbers_done(&roots);
    fcm_numbers_done(&order);
    fcm_numbers_done(&met);
    return result ? result : no_memory();
}

// link(from, to): an edge
static PyObject *module_link(PyObject *self, PyObject *args) {
    unsigned from, to;
    if (!PyArg_ParseTuple(args, "II", &from, &to)) return NULL;
    if (from >= fcm_recorder.graph.count || to >= fcm_recorder.graph.count)
        return PyErr_Format(PyExc_ValueError, "no such node");
    fcm_recorder_add_edge(&fcm_recorder, from, to);
    Py_RETURN_NONE;
}

// describe(node) -> (name | None, file | None, owner, [node])
static PyObject *module_describe(PyObject *self, PyObject *number) {
    struct fcm_recorder *r = &fcm_recorder;
    unsigned long node = PyLong_AsUnsignedLong(number);
    if (PyErr_Occurred()) return NULL;
    if (node >= r->graph.count) return PyErr_Format(PyExc_ValueError, "no such node");
    const struct fcm_module *module = &r->modules[node];
    const struct fcm_numbers *edges = &r->graph.nodes[node].edges;
    PyObject *list = PyList_New(edges->count);
    if (!list) return NULL;
    for (uint32_t i = 0; i < edges->count; i++) {
        PyObject *edge = PyLong_FromUnsignedLong(edges->items[i]);
        if (!edge) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, i, edge);
    }
    return Py_BuildValue("(OOiN)", module->name ? r->names[module->name - 1].text : Py_None,
                         module->file ? module->file : Py_None,
                         (int)fcm_recorder_owner(r, (uint32_t)node), list);
}

// importing() -> file of the module that is being imported, or None
static PyObject *module_importing(PyObject *self, PyObject *unused) {
    struct fcm_recorder *r = &fcm_recorder;
    if (!r->active) Py_RETURN_NONE;
    struct fcm_place place;
    bool was_busy = r->busy;
    r->busy = true;
    fcm_recorder_place(r, &place);
    r->busy = was_busy;
    PyObject *file = place.importing ? r->modules[place.inner].file : NULL;
    return Py_NewRef(file ? file : Py_None);
}

// The environment's encodekey: called with every key that is looked up, set or deleted.
static PyObject *encode_key(PyObject *original, PyObject *key) {
    struct fcm_recorder *r = &fcm_recorder;
    PyObject *encoded = PyObject_CallOneArg(original, key);
    if (!encoded || !r->active || r->busy || !PyBytes_Check(encoded)) return encoded;
    PyFrameObject *frame = PyEval_GetFrame();
    PyCodeObject *code = frame ? PyFrame_GetCode(frame) : NULL;
    bool changes = code && (PyUnicode_CompareWithASCIIString(code->co_name, "__setitem__") == 0 ||
                            PyUnicode_CompareWithASCIIString(code->co_name, "__delitem__") == 0);
    Py_XDECREF(code);
    if (changes) return encoded;
    r->busy = true;
    fcm_recorder_note_variable(r, encoded);
    r->busy = false;
    return encoded;
}

// The environment's decodekey: called with every key that an iteration comes to.
static PyObject *decode_key(PyObject *original, PyObject *key) {
    struct fcm_recorder *r = &fcm_recorder;
    if (r->active && !r->busy) {
        r->busy = true;
        fcm_recorder_note_iteration(r, key);
        r->busy = false;
    }
    return PyObject_CallOneArg(original, key);
}

static PyMethodDef encode_def = {"encode", encode_key, METH_O, NULL};
static PyMethodDef decode_def = {"decode", decode_key, METH_O, NULL};

static PyObject *module_watch_encode(PyObject *self, PyObject *original) {
    return PyCFunction_NewEx(&encode_def, original, NULL);
}

static PyObject *module_watch_decode(PyObject *self, PyObject *original) {
    return PyCFunction_NewEx(&decode_def, original, NULL);
}

// digest(bytes) -> 16 bytes: XXH3 with 128 bits
static PyObject *module_digest(PyObject *self, PyObject *bytes) {
    if (!PyBytes_Check(bytes)) return PyErr_Format(PyExc_TypeError, "expected bytes");
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(
        &digest, XXH3_128bits(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes)));
    return PyBytes_FromStringAndSize((const char *)digest.digest, sizeof digest.digest);
}

// environment_digest(prefix, [b"NAME=VALUE"]) -> bytes, as the manifest's check computes it
static PyObject *module_environment_digest(PyObject *self, PyObject *args) {
    const char *prefix;
    PyObject *list;
    if (!PyArg_ParseTuple(args, "yO!", &prefix, &PyList_Type, &list)) return NULL;
    size_t count = (size_t)PyList_GET_SIZE(list);
    const char **entries = calloc(count + 1, sizeof *entries);
    if (!entries) return PyErr_NoMemory();
    for (size_t i = 0; i < count; i++)
        if (!(entries[i] = PyBytes_AsString(PyList_GET_ITEM(list, (Py_ssize_t)i)))) break;
    char digest[FCM_ENVIRONMENT_DIGEST];
    int e = PyErr_Occurred() ? -1 : fcm_environment_digest(entries, count, prefix, digest);
    free(entries);
    return e < 0 ? no_memory() : PyBytes_FromString(digest);
}

// set_iterated(function(code, line) -> [bytes]): says which variables an iteration over the
// environment is after
static PyObject *module_set_iterated(PyObject *self, PyObject *function) {
    Py_XSETREF(fcm_recorder.names_iterated, Py_NewRef(function));
    Py_RETURN_NONE;
}

// is_left_out(name) -> whether the environment's digest leaves a variable out
static PyObject *module_is_left_out(PyObject *self, PyObject *name) {
    const char *text = PyBytes_AsString(name);
    return text ? PyBool_FromLong(fcm_environment_leaves_out(text)) : NULL;
}

// inherited() -> [b"NAME=VALUE"]: the environment of processes that are started now. Libraries set
// variables in it that os.environ has not seen, as readline does COLUMNS.
static PyObject *module_inherited(PyObject *self, PyObject *unused) {
    PyObject *entries = PyList_New(0);
    if (!entries) return NULL;
    for (char **at = environ; at && *at; at++) {
        PyObject *entry = PyBytes_FromString(*at);
        int r = entry ? PyList_Append(entries, entry) : -1;
        Py_XDECREF(entry);
        if (r < 0) {
            Py_DECREF(entries);
            return NULL;
        }
    }
    return entries;
}

static PyMethodDef methods[] = {
    {"install", module_install, METH_NOARGS, NULL},
    {"uninstall", module_uninstall, METH_NOARGS, NULL},
    {"active", module_active, METH_NOARGS, NULL},
    {"set_prefixes", module_set_prefixes, METH_O, NULL},
    {"preload", module_preload, METH_VARARGS, NULL},
    {"begin", module_begin, METH_O, NULL},
    {"end", module_end, METH_O, NULL},
    {"root", module_root, METH_O, NULL},
    {"drain", module_drain, METH_NOARGS, NULL},
    {"add", module_add, METH_VARARGS, NULL},
    {"nodes", module_nodes, METH_O, NULL},
    {"link", module_link, METH_VARARGS, NULL},
    {"facts", module_facts, METH_VARARGS, NULL},
    {"closure", module_closure, METH_VARARGS, NULL},
    {"describe", module_describe, METH_O, NULL},
    {"importing", module_importing, METH_NOARGS, NULL},
    {"digest", module_digest, METH_O, NULL},
    {"environment_digest", module_environment_digest, METH_VARARGS, NULL},
    {"set_iterated", module_set_iterated, METH_O, NULL},
    {"is_left_out", module_is_left_out, METH_O, NULL},
    {"inherited", module_inherited, METH_NOARGS, NULL},
    {"watch_encode", module_watch_encode, METH_O, NULL},
    {"watch_decode", module_watch_decode, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

// The interpreter is being taken apart: the audit hook outlives everything it would touch.
static void module_free(void *module) { fcm_recorder.active = false; }

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, .m_name = "fastcollect_meta._recorder",
    .m_methods = methods,  .m_slots = slots,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__recorder(void);
PyMODINIT_FUNC PyInit__recorder(void) { return PyModuleDef_Init(&definition); }
