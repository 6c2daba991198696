#include "recorder.h"

#include <string.h>

// sys.modules[name], borrowed; NULL where it isn't there, with no exception.
static PyObject *loaded_module(PyObject *name) {
    PyObject *modules = PyImport_GetModuleDict();
    PyObject *module =
        modules && PyDict_Check(modules) ? PyDict_GetItemWithError(modules, name) : NULL;
    PyErr_Clear();
    return module == Py_None ? NULL : module;
}

// File of a module that is loaded, borrowed, or NULL. Asks nothing that could run code of the
// user's.
static PyObject *module_file(PyObject *module) {
    if (!PyModule_Check(module)) return NULL;
    PyObject *dict = PyModule_GetDict(module);
    PyObject *file = dict ? PyDict_GetItemString(dict, "__file__") : NULL;
    return file && PyUnicode_CheckExact(file) ? file : NULL;
}

// Adds edges to whatever goes by that name now. Whether there is such a module, or a trace of a
// search for it.
static bool link_name(struct fcm_recorder *r, const uint32_t *from, unsigned count,
                      PyObject *name) {
    PyObject *module = loaded_module(name);
    int64_t id = fcm_recorder_name(r, name, module != NULL);
    if (id < 0) return false;
    bool any = false;
    if (module) {
        PyObject *file = module_file(module);
        uint32_t loaded = r->names[id].loaded;
        int64_t node = (int64_t)loaded - 1;
        if (!loaded || r->modules[node].file != file) node = fcm_recorder_node(r, name, file, true);
        r->names[id].loaded = (uint32_t)(node + 1);
        for (unsigned i = 0; node >= 0 && i < count; i++)
            fcm_recorder_add_edge(r, from[i], (uint32_t)node);
        any = true;
    }
    uint32_t latest = r->names[id].latest;
    for (unsigned i = 0; latest && i < count; i++) fcm_recorder_add_edge(r, from[i], latest - 1);
    return any || latest;
}

// Adds edges to a module and the packages around it.
static void link_chain(struct fcm_recorder *r, const uint32_t *from, unsigned count,
                       PyObject *name) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    for (Py_ssize_t dot = 0; dot < size; dot++) {
        dot = PyUnicode_FindChar(name, '.', dot, size, 1);
        if (dot < 0) break;
        PyObject *prefix = PyUnicode_Substring(name, 0, dot);
        if (prefix) link_name(r, from, count, prefix);
        Py_XDECREF(prefix);
    }
    link_name(r, from, count, name);
}

// The absolute name that an import asks for; NULL where there is none. New reference.
static PyObject *resolve(PyObject *globals, PyObject *name, long level) {
    if (level <= 0) return Py_NewRef(name);
    if (!globals || !PyDict_Check(globals)) return NULL;
    PyObject *package = PyDict_GetItemString(globals, "__package__");
    PyObject *held = NULL;
    if (package && PyUnicode_Check(package)) {
        held = Py_NewRef(package);
    } else {
        PyObject *own = PyDict_GetItemString(globals, "__name__");
        if (!own || !PyUnicode_Check(own)) return NULL;
        Py_ssize_t size = PyUnicode_GET_LENGTH(own);
        if (!PyDict_GetItemString(globals, "__path__"))
            size = PyUnicode_FindChar(own, '.', 0, size, -1);
        if (size < 0) return NULL;
        held = PyUnicode_Substring(own, 0, size);
    }
    for (; held && level > 1; level--) {
        Py_ssize_t dot = PyUnicode_FindChar(held, '.', 0, PyUnicode_GET_LENGTH(held), -1);
        Py_SETREF(held, dot < 0 ? NULL : PyUnicode_Substring(held, 0, dot));
    }
    if (!held || PyUnicode_GET_LENGTH(name) == 0) return held;
    PyObject *absolute = PyUnicode_FromFormat("%U.%U", held, name);
    Py_DECREF(held);
    return absolute;
}

// The part of a dotted name before its first dot (`first`) or its last. New reference, NULL where
// there is no dot.
static PyObject *before_dot(PyObject *name, bool first) {
    Py_ssize_t size = PyUnicode_GET_LENGTH(name);
    Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, size, first ? 1 : -1);
    return dot > 0 ? PyUnicode_Substring(name, 0, dot) : NULL;
}

static bool same_top(PyObject *a, PyObject *b) {
    PyObject *top_a = before_dot(a, true);
    PyObject *top_b = before_dot(b, true);
    bool same = PyUnicode_Compare(top_a ? top_a : a, top_b ? top_b : b) == 0;
    Py_XDECREF(top_a);
    Py_XDECREF(top_b);
    return same;
}

// Whether the owner of a function that imports what it is told to may keep it, and so depend on it
// from then on: the project's own code, and a package that loads its own parts when they are
// needed.
static bool may_keep(enum fcm_owner owner, PyObject *own, PyObject *target) {
    if (owner == FCM_OWNER_PROJECT) return true;
    return (owner == FCM_OWNER_SITE || owner == FCM_OWNER_STDLIB) && same_top(own, target);
}

// The code of the running frame, borrowed from it, if it belongs to these globals.
static PyCodeObject *code_of(PyObject *globals, PyFrameObject *frame) {
    if (!frame) return NULL;
    PyObject *own = fcm_frame_globals(frame);
    PyCodeObject *code = own == globals ? PyFrame_GetCode(frame) : NULL;
    Py_XDECREF(own);
    return code;
}

static bool has_name(PyCodeObject *code, PyObject *name) {
    PyObject *names = code->co_names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++)
        if (PyTuple_GET_ITEM(names, i) == name) return true;
    return false;
}

// Whether code, or code inside of it, uses sys.modules or find_spec(): then it may depend on
// modules that it names in a string, and that are there already.
static bool looks_modules_up(PyObject *code) {
    PyObject *names = ((PyCodeObject *)code)->co_names;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *name = PyTuple_GET_ITEM(names, i);
        if (PyUnicode_CompareWithASCIIString(name, "modules") == 0 ||
            PyUnicode_CompareWithASCIIString(name, "find_spec") == 0)
            return true;
    }
    PyObject *constants = ((PyCodeObject *)code)->co_consts;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); i++) {
        PyObject *constant = PyTuple_GET_ITEM(constants, i);
        if (PyCode_Check(constant) && looks_modules_up(constant)) return true;
    }
    return false;
}

static int add_mentions(PyObject *mentions, PyObject *constants) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); i++) {
        PyObject *constant = PyTuple_GET_ITEM(constants, i);
        int e = 0;
        if (PyUnicode_CheckExact(constant))
            e = PyUnicode_GET_LENGTH(constant) < 200 ? PySet_Add(mentions, constant) : 0;
        else if (PyTuple_CheckExact(constant))
            e = add_mentions(mentions, constant);
        else if (PyCode_Check(constant))
            e = add_mentions(mentions, ((PyCodeObject *)constant)->co_consts);
        if (e < 0) return e;
    }
    return 0;
}

// Keeps what the closure has to compare with modules that others have loaded: the module's code.
static void remember_code(struct fcm_recorder *r, uint32_t node, PyCodeObject *code) {
    struct fcm_module *module = &r->modules[node];
    bool top_level = PyUnicode_CompareWithASCIIString(code->co_name, "<module>") == 0;
    if (module->code == (PyObject *)code || (module->code && !top_level)) return;
    Py_XSETREF(module->code, Py_NewRef((PyObject *)code));
    if (!looks_modules_up((PyObject *)code)) return;
    if (!module->mentions) module->mentions = PySet_New(NULL);
    module->mentions_version = 0;
    if (!module->mentions || add_mentions(module->mentions, code->co_consts) < 0) r->broken = true;
    PyErr_Clear();
}

static void bind_name(struct fcm_recorder *r, uint32_t node, PyObject *name) {
    int64_t id = fcm_recorder_name(r, name, false);
    if (id < 0) return;
    struct fcm_numbers *bound = &r->modules[node].bound;
    for (uint32_t i = 0; i < bound->count; i++)
        if (bound->items[i] == (uint32_t)id) return;
    if (fcm_numbers_add(bound, (uint32_t)id) < 0) r->broken = true;
}

// `from absolute import a, b`: those that are modules, or were looked for.
static void link_list(struct fcm_recorder *r, const uint32_t *from, unsigned count, int64_t holder,
                      PyObject *absolute, PyObject *fromlist) {
    if (!PyTuple_CheckExact(fromlist) && !PyList_CheckExact(fromlist)) return;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fromlist); i++) {
        PyObject *item = PySequence_Fast_GET_ITEM(fromlist, i);
        if (!PyUnicode_CheckExact(item)) continue;
        if (PyUnicode_CompareWithASCIIString(item, "*") == 0) {
            PyObject *module = loaded_module(absolute);
            PyObject *dict = module && PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
            PyObject *all = dict ? PyDict_GetItemString(dict, "__all__") : NULL;
            if (all && all != fromlist) link_list(r, from, count, holder, absolute, all);
            continue;
        }
        PyObject *name = PyUnicode_FromFormat("%U.%U", absolute, item);
        if (name && link_name(r, from, count, name) && holder >= 0)
            bind_name(r, (uint32_t)holder, name);
        Py_XDECREF(name);
    }
}

static void note_import(struct fcm_recorder *r, PyObject *globals, PyObject *name,
                        PyObject *fromlist, long level, bool called) {
    PyObject *absolute = resolve(globals, name, level);
    if (!absolute || PyUnicode_GET_LENGTH(absolute) == 0) goto done;
    PyCodeObject *code = code_of(globals, PyEval_GetFrame());
    int64_t owner = fcm_recorder_node_of_globals(r, globals, false);
    struct fcm_place place = {.inner = (uint32_t)owner};
    // Mostly a module's top level imports: then it is the place itself.
    bool top_level = code && PyUnicode_CompareWithASCIIString(code->co_name, "<module>") == 0;
    if (owner < 0 || !top_level || r->loading) {
        fcm_recorder_place(r, &place);
        uint32_t count = r->graph.count;
        owner = fcm_recorder_node_of_globals(r, globals, true);
        if (owner >= count) fcm_recorder_add_edge(r, place.inner, (uint32_t)owner);
    }
    bool dynamic = called || !code || !has_name(code, name);
    uint32_t from[2] = {place.inner};
    unsigned from_count = 1;
    int64_t holder = -1;
    if (owner >= 0 && owner != place.inner) {
        enum fcm_owner kind = fcm_recorder_owner(r, (uint32_t)owner);
        PyObject *own = r->names[r->modules[owner].name - 1].text;
        if (!dynamic || may_keep(kind, own, absolute)) from[from_count++] = (uint32_t)owner;
    }
    if (owner >= 0 && !dynamic) {
        holder = owner;
        remember_code(r, (uint32_t)owner, code);
    }
    Py_XDECREF(code);
    link_chain(r, from, from_count, absolute);
    bool listed = fromlist && fromlist != Py_None && PyObject_IsTrue(fromlist) == 1;
    if (listed) {
        link_list(r, from, from_count, holder, absolute, fromlist);
    } else if (holder >= 0) {
        PyObject *top = before_dot(absolute, true);
        bind_name(r, (uint32_t)holder, absolute); // import a.b as c
        if (top) bind_name(r, (uint32_t)holder, top);
        Py_XDECREF(top);
    }
done:
    Py_XDECREF(absolute);
    PyErr_Clear();
}

// Whether this import was noted already since modules began to be loaded last. Marks it as noted.
static bool seen_import(struct fcm_recorder *r, PyObject *globals, PyObject *name,
                        PyObject *fromlist, long level) {
    if (!PyUnicode_CHECK_INTERNED(name)) return false;
    uintptr_t mixed = ((uintptr_t)globals >> 4) * 31 + ((uintptr_t)name >> 4) * 17 +
                      ((uintptr_t)fromlist >> 4) * 7 + (uintptr_t)level;
    struct fcm_seen_import *seen = &r->seen[(mixed ^ (mixed >> 12)) % FCM_SEEN_IMPORTS];
    if (seen->name == name && seen->globals == globals && seen->fromlist == fromlist &&
        seen->level == level) {
        if (seen->epoch == r->epoch) return true;
        seen->epoch = r->epoch;
        return false;
    }
    Py_XSETREF(seen->name, Py_NewRef(name));
    Py_XSETREF(seen->fromlist, Py_XNewRef(fromlist));
    seen->globals = globals;
    seen->level = level;
    seen->epoch = r->epoch;
    return false;
}

void fcm_recorder_note_import(struct fcm_recorder *r, PyObject *globals, PyObject *name,
                              PyObject *fromlist, long level, bool called) {
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    r->busy = true;
    note_import(r, globals, name, fromlist, level, called);
    r->busy = false;
    PyErr_Restore(type, value, traceback);
}

// builtins.__import__
static PyObject *recorder_import(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                 PyObject *names) {
    struct fcm_recorder *r = &fcm_recorder;
    PyObject *result = PyObject_Vectorcall(r->import, args, (size_t)count, names);
    if (!r->active || r->busy) return result;
    static const char *const keywords[] = {"name", "globals", "locals", "fromlist", "level"};
    PyObject *values[5] = {NULL};
    for (Py_ssize_t i = 0; i < count && i < 5; i++) values[i] = args[i];
    for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); i++)
        for (size_t k = 0; k < Py_ARRAY_LENGTH(keywords); k++)
            if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), keywords[k]) == 0)
                values[k] = args[count + i];
    if (!values[0] || !PyUnicode_CheckExact(values[0])) return result;
    long level = 0;
    if (values[4] && PyLong_CheckExact(values[4])) {
        int overflow;
        level = PyLong_AsLongAndOverflow(values[4], &overflow);
        if (overflow) return result;
    }
    if (result && seen_import(r, values[1], values[0], values[3], level)) return result;
    if (values[1] && PyDict_Check(values[1])) {
        fcm_recorder_note_import(r, values[1], values[0], values[3], level, false);
        return result;
    }
    PyFrameObject *frame = PyEval_GetFrame();
    PyObject *globals = frame ? fcm_frame_globals(frame) : NULL;
    fcm_recorder_note_import(r, globals, values[0], values[3], level, true);
    Py_XDECREF(globals);
    return result;
}

// Globals of the innermost frame that isn't the import system's. New reference or NULL.
static PyObject *caller_globals(void) {
    PyFrameObject *frame = (PyFrameObject *)Py_XNewRef(PyEval_GetFrame());
    while (frame && fcm_frame_is_importlib(frame)) {
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    PyObject *globals = frame ? fcm_frame_globals(frame) : NULL;
    Py_XDECREF(frame);
    return globals;
}

// importlib._bootstrap._gcd_import(name, package=None, level=0), which importlib.import_module()
// calls.
static PyObject *recorder_gcd_import(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                     PyObject *names) {
    struct fcm_recorder *r = &fcm_recorder;
    PyObject *result = PyObject_Vectorcall(r->gcd_import, args, (size_t)count, names);
    if (!r->active || r->busy || names || count < 1 || !PyUnicode_CheckExact(args[0]))
        return result;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *absolute = Py_NewRef(args[0]);
    long level = count > 2 && PyLong_CheckExact(args[2]) ? PyLong_AsLong(args[2]) : 0;
    if (level > 0) {
        PyObject *package = PyDict_New();
        if (package && PyDict_SetItemString(package, "__package__", args[1]) == 0)
            Py_SETREF(absolute, resolve(package, args[0], level));
        Py_XDECREF(package);
    }
    PyObject *globals = caller_globals();
    if (absolute) fcm_recorder_note_import(r, globals, absolute, NULL, 0, true);
    Py_XDECREF(globals);
    Py_XDECREF(absolute);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return result;
}

// sys.path as a tuple, the same one while it doesn't change. New reference or NULL.
static PyObject *search_path(struct fcm_recorder *r) {
    PyObject *path = PySys_GetObject("path");
    if (!path || !PyList_Check(path)) return NULL;
    PyObject *last = r->search_path;
    Py_ssize_t size = PyList_GET_SIZE(path);
    bool same = last && PyTuple_GET_SIZE(last) == size;
    for (Py_ssize_t i = 0; same && i < size; i++)
        same = PyList_GET_ITEM(path, i) == PyTuple_GET_ITEM(last, i);
    if (!same) Py_XSETREF(r->search_path, PyList_AsTuple(path));
    return Py_XNewRef(r->search_path);
}

// Leaves it to Python to say what a search depends on. `found` is the file, False where nothing was
// found, or NULL.
static void note_search(struct fcm_recorder *r, int64_t node, PyObject *name, PyObject *found,
                        PyObject *searched, PyObject *where) {
    PyObject *entry = Py_BuildValue("(LOOOO)", (long long)node, name, found ? found : Py_None,
                                    searched ? searched : Py_None, where ? where : Py_None);
    // A node that was just made has an entry that says less.
    Py_ssize_t last = PyList_GET_SIZE(r->fresh) - 1;
    PyObject *plain = last >= 0 ? PyList_GET_ITEM(r->fresh, last) : NULL;
    if (plain && PyLong_AsLongLong(PyTuple_GET_ITEM(plain, 0)) == node)
        PySequence_DelItem(r->fresh, last);
    if (!entry || PyList_Append(r->fresh, entry) < 0) r->broken = true;
    Py_XDECREF(entry);
}

// A spec was looked for along a path and found, or not (None).
static void note_spec(struct fcm_recorder *r, PyObject *name, PyObject *path, PyObject *spec) {
    PyObject *origin = NULL;
    PyObject *where = NULL;
    if (spec != Py_None) {
        origin = PyObject_GetAttrString(spec, "origin");
        where = PyObject_GetAttrString(spec, "submodule_search_locations");
        PyErr_Clear();
        if (where && where != Py_None) Py_SETREF(where, PySequence_Tuple(where));
        PyErr_Clear();
    }
    PyObject *file = origin && PyUnicode_CheckExact(origin) ? origin : NULL;
    if (file && where && where != Py_None &&
        PyUnicode_CompareWithASCIIString(file, "namespace") == 0)
        file = NULL;
    PyObject *searched = path == Py_None ? search_path(r) : PySequence_Tuple(path);
    PyErr_Clear();
    uint32_t count = r->graph.count;
    int64_t node = fcm_recorder_node(r, name, file, true);
    if (node >= 0) {
        int64_t id = fcm_recorder_name(r, name, true);
        if (id >= 0) r->names[id].latest = (uint32_t)node + 1;
        struct fcm_place place;
        fcm_recorder_place(r, &place);
        fcm_recorder_add_edge(r, place.inner, (uint32_t)node);
        // A module needs the packages around it, whoever asked for it.
        PyObject *package = before_dot(name, false);
        uint32_t self_node = (uint32_t)node;
        if (package) link_name(r, &self_node, 1, package);
        Py_XDECREF(package);
        PyObject *globals = caller_globals();
        int64_t owner = fcm_recorder_node_of_globals(r, globals, false);
        Py_XDECREF(globals);
        if (owner >= 0) {
            enum fcm_owner kind = fcm_recorder_owner(r, (uint32_t)owner);
            PyObject *own = r->names[r->modules[owner].name - 1].text;
            if (may_keep(kind, own, name))
                fcm_recorder_add_edge(r, (uint32_t)owner, (uint32_t)node);
        }
        if (node >= count || !file)
            note_search(r, node, name, spec == Py_None ? Py_False : file, searched, where);
    }
    Py_XDECREF(searched);
    Py_XDECREF(origin);
    Py_XDECREF(where);
    PyErr_Clear();
}

// importlib._bootstrap._find_spec(name, path, target=None)
static PyObject *recorder_find_spec(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                    PyObject *names) {
    struct fcm_recorder *r = &fcm_recorder;
    PyObject *spec = PyObject_Vectorcall(r->find_spec, args, (size_t)count, names);
    if (!spec || !r->active || r->busy || names || count < 2 || !PyUnicode_CheckExact(args[0]))
        return spec;
    r->busy = true;
    note_spec(r, args[0], args[1], spec);
    r->busy = false;
    return spec;
}

// An extension's members come from the modules that it imported; it runs no code that we could see.
static void note_members(struct fcm_recorder *r, uint32_t node, PyObject *module) {
    PyObject *dict = PyModule_Check(module) ? PyModule_GetDict(module) : NULL;
    Py_ssize_t at = 0;
    PyObject *key, *value;
    while (dict && PyDict_Next(dict, &at, &key, &value)) {
        PyObject *name = NULL;
        if (PyModule_Check(value)) {
            name = PyDict_GetItemString(PyModule_GetDict(value), "__name__");
        } else if (PyType_Check(value) || PyFunction_Check(value) || PyCFunction_Check(value)) {
            PyObject *owner = PyObject_GetAttrString(value, "__module__");
            PyErr_Clear();
            if (owner && PyUnicode_CheckExact(owner) && loaded_module(owner))
                link_chain(r, &node, 1, owner);
            Py_XDECREF(owner);
        }
        if (name && PyUnicode_CheckExact(name)) link_chain(r, &node, 1, name);
    }
    PyErr_Clear();
}

static PyObject *load_dynamic(PyObject *function, PyObject *spec, PyObject *const *args,
                              Py_ssize_t count, PyObject *names) {
    struct fcm_recorder *r = &fcm_recorder;
    int64_t node = -1;
    if (r->active && !r->busy && spec) {
        r->busy = true;
        PyObject *name = PyObject_GetAttrString(spec, "name");
        PyObject *origin = PyObject_GetAttrString(spec, "origin");
        PyErr_Clear();
        if (name && PyUnicode_CheckExact(name))
            node = fcm_recorder_node(r, name,
                                     origin && PyUnicode_CheckExact(origin) ? origin : NULL, true);
        Py_XDECREF(name);
        Py_XDECREF(origin);
        r->busy = false;
        r->epoch++;
    }
    if (node < 0) return PyObject_Vectorcall(function, args, (size_t)count, names);
    struct fcm_loading loading = {.outer = r->loading,
                                  .node = (uint32_t)node,
                                  .frame = PyEval_GetFrame(),
                                  .thread = PyThreadState_Get()};
    r->loading = &loading;
    PyObject *result = PyObject_Vectorcall(function, args, (size_t)count, names);
    for (struct fcm_loading **at = &r->loading; *at; at = &(*at)->outer)
        if (*at == &loading) {
            *at = loading.outer;
            break;
        }
    if (r->active && result) {
        r->busy = true;
        r->epoch++;
        note_members(r, (uint32_t)node,
                     result == Py_None || PyLong_Check(result) ? args[0] : result);
        r->busy = false;
    }
    return result;
}

// _imp.create_dynamic(spec, file=None)
static PyObject *recorder_create_dynamic(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                         PyObject *names) {
    return load_dynamic(fcm_recorder.create_dynamic, count > 0 ? args[0] : NULL, args, count,
                        names);
}

// _imp.exec_dynamic(module)
static PyObject *recorder_exec_dynamic(PyObject *self, PyObject *const *args, Py_ssize_t count,
                                       PyObject *names) {
    PyObject *spec = count > 0 ? PyObject_GetAttrString(args[0], "__spec__") : NULL;
    if (!spec) PyErr_Clear();
    PyObject *result = load_dynamic(fcm_recorder.exec_dynamic, spec, args, count, names);
    Py_XDECREF(spec);
    return result;
}

#define HOOK(name, function)                                                                       \
    { name, (PyCFunction)(void (*)(void))function, METH_FASTCALL | METH_KEYWORDS, NULL }
static PyMethodDef hooks[] = {
    HOOK("__import__", recorder_import),         HOOK("_gcd_import", recorder_gcd_import),
    HOOK("_find_spec", recorder_find_spec),      HOOK("create_dynamic", recorder_create_dynamic),
    HOOK("exec_dynamic", recorder_exec_dynamic),
};

static const struct {
    const char *module;
    size_t hook;
    size_t original; // offset in the recorder
    bool required;
} places[] = {
    {"builtins", 0, offsetof(struct fcm_recorder, import), true},
    {"importlib._bootstrap", 1, offsetof(struct fcm_recorder, gcd_import), true},
    {"importlib._bootstrap", 2, offsetof(struct fcm_recorder, find_spec), true},
    {"importlib.util", 2, offsetof(struct fcm_recorder, find_spec), true},
    {"_imp", 3, offsetof(struct fcm_recorder, create_dynamic), true},
    {"_imp", 4, offsetof(struct fcm_recorder, exec_dynamic), true},
};

static PyObject **original_at(struct fcm_recorder *r, size_t i) {
    return (PyObject **)(void *)((char *)r + places[i].original);
}

int fcm_recorder_hook_imports(struct fcm_recorder *r) {
    for (size_t i = 0; i < Py_ARRAY_LENGTH(places); i++) {
        PyMethodDef *def = &hooks[places[i].hook];
        PyObject *module = PyImport_ImportModule(places[i].module);
        if (!module) return -1;
        PyObject *name = PyModule_GetNameObject(module);
        PyObject *function = name ? PyCFunction_NewEx(def, NULL, name) : NULL;
        PyObject *old = function ? PyObject_GetAttrString(module, def->ml_name) : NULL;
        PyObject **original = original_at(r, i);
        int result = old ? 0 : -1;
        if (old && !*original) *original = Py_NewRef(old);
        // Somebody may have wrapped ours, or left it where it was: then it is in its place already.
        if (old && old == *original)
            result = PyObject_SetAttrString(module, def->ml_name, function);
        Py_XDECREF(old);
        Py_XDECREF(function);
        Py_XDECREF(name);
        Py_DECREF(module);
        if (result < 0) return -1;
    }
    return 0;
}

int fcm_recorder_unhook_imports(struct fcm_recorder *r) {
    for (size_t i = 0; i < Py_ARRAY_LENGTH(places); i++) {
        PyMethodDef *def = &hooks[places[i].hook];
        PyObject *module = PyImport_ImportModule(places[i].module);
        if (!module) return -1;
        PyObject *now = PyObject_GetAttrString(module, def->ml_name);
        int result = now ? 0 : -1;
        // Somebody may have wrapped ours meanwhile: then it stays.
        if (now && PyCFunction_Check(now) && PyCFunction_GetFunction(now) == def->ml_meth)
            result = PyObject_SetAttrString(module, def->ml_name, *original_at(r, i));
        Py_XDECREF(now);
        Py_DECREF(module);
        if (result < 0) return -1;
    }
    return 0;
}
