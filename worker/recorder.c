#include "recorder.h"

#include <string.h>

struct fcm_recorder fcm_recorder;

int fcm_recorder_init(struct fcm_recorder *r) {
    if (r->name_ids) return 0;
    r->epoch = 1;
    r->node_ids = PyDict_New();
    r->root_ids = PyDict_New();
    r->fact_ids = PyDict_New();
    r->facts = PyList_New(0);
    r->fresh = PyList_New(0);
    if (!r->node_ids || !r->root_ids || !r->fact_ids || !r->facts || !r->fresh) return -1;
    PyObject *ids = PyDict_New();
    if (!ids) return -1;
    r->name_ids = ids;
    PyObject *base = PyUnicode_FromString("");
    if (!base) return -1;
    int64_t root = fcm_recorder_root(r, base);
    Py_DECREF(base);
    if (root < 0) PyErr_NoMemory();
    return root < 0 ? -1 : 0;
}

// Something could not be recorded: clears the exception.
static int64_t broken(struct fcm_recorder *r) {
    PyErr_Clear();
    r->broken = true;
    return -1;
}

// The number stored under a key; -1 if there is none.
static int64_t look_up(struct fcm_recorder *r, PyObject *ids, PyObject *key) {
    PyObject *number = PyDict_GetItemWithError(ids, key);
    if (number) return (int64_t)PyLong_AsLongLong(number);
    return PyErr_Occurred() ? broken(r) : -1;
}

static int64_t store(struct fcm_recorder *r, PyObject *ids, PyObject *key, uint32_t number) {
    PyObject *value = PyLong_FromUnsignedLong(number);
    if (!value || PyDict_SetItem(ids, key, value) < 0) {
        Py_XDECREF(value);
        return broken(r);
    }
    Py_DECREF(value);
    return number;
}

int64_t fcm_recorder_name(struct fcm_recorder *r, PyObject *text, bool create) {
    int64_t id = look_up(r, r->name_ids, text);
    if (id >= 0 || !create || r->broken) return id;
    Py_ssize_t size = PyUnicode_GetLength(text);
    Py_ssize_t dot = PyUnicode_FindChar(text, '.', 0, size, -1);
    int64_t parent = -1;
    if (dot > 0) {
        PyObject *prefix = PyUnicode_Substring(text, 0, dot);
        if (!prefix) return broken(r);
        parent = fcm_recorder_name(r, prefix, true);
        Py_DECREF(prefix);
        if (parent < 0) return broken(r);
    }
    if (r->names_count == r->names_room) {
        uint32_t room = r->names_room ? r->names_room * 2 : 256;
        struct fcm_module_name *names = realloc(r->names, room * sizeof *names);
        if (!names) return broken(r);
        r->names = names;
        r->names_room = room;
    }
    id = r->names_count;
    if (store(r, r->name_ids, text, (uint32_t)id) < 0) return -1;
    r->names[r->names_count++] = (struct fcm_module_name){.text = Py_NewRef(text)};
    if (parent >= 0 && fcm_numbers_add(&r->names[parent].children, (uint32_t)id) < 0) broken(r);
    return id;
}

static int64_t add_node(struct fcm_recorder *r) {
    if (r->graph.count == r->modules_room) {
        uint32_t room = r->modules_room ? r->modules_room * 2 : 256;
        struct fcm_module *modules = realloc(r->modules, room * sizeof *modules);
        if (!modules) return broken(r);
        r->modules = modules;
        r->modules_room = room;
    }
    uint32_t node;
    if (fcm_graph_add_node(&r->graph, &node) < 0) return broken(r);
    r->modules[node] = (struct fcm_module){0};
    return node;
}

int64_t fcm_recorder_node(struct fcm_recorder *r, PyObject *name, PyObject *file, bool create) {
    PyObject *key = PyTuple_Pack(2, name, file ? file : Py_None);
    if (!key) return broken(r);
    int64_t node = look_up(r, r->node_ids, key);
    if (node >= 0 || !create || r->broken) {
        Py_DECREF(key);
        return node;
    }
    int64_t name_id = fcm_recorder_name(r, name, true);
    node = name_id < 0 ? -1 : add_node(r);
    if (node >= 0) node = store(r, r->node_ids, key, (uint32_t)node);
    Py_DECREF(key);
    if (node < 0) return -1;
    r->modules[node].name = (uint32_t)name_id + 1;
    r->modules[node].file = Py_XNewRef(file);
    if (fcm_numbers_add(&r->names[name_id].nodes, (uint32_t)node) < 0) return broken(r);
    if (file) {
        PyObject *entry = Py_BuildValue("(LOOOO)", (long long)node, name, file, Py_None, Py_None);
        if (!entry || PyList_Append(r->fresh, entry) < 0) broken(r);
        Py_XDECREF(entry);
    }
    return node;
}

int64_t fcm_recorder_root(struct fcm_recorder *r, PyObject *path) {
    int64_t node = look_up(r, r->root_ids, path);
    if (node >= 0 || r->broken) return node;
    node = add_node(r);
    if (node < 0) return -1;
    r->modules[node].file = Py_NewRef(path);
    return store(r, r->root_ids, path, (uint32_t)node);
}

int64_t fcm_recorder_fact(struct fcm_recorder *r, PyObject *bytes) {
    if (!bytes) return broken(r);
    int64_t id = look_up(r, r->fact_ids, bytes);
    if (id < 0 && !r->broken) {
        id = store(r, r->fact_ids, bytes, (uint32_t)PyList_GET_SIZE(r->facts));
        if (id >= 0 && PyList_Append(r->facts, bytes) < 0) id = broken(r);
    }
    Py_DECREF(bytes);
    return id;
}

static PyObject *str_in(PyObject *dict, const char *key) {
    PyObject *value = PyDict_GetItemString(dict, key);
    return value && PyUnicode_CheckExact(value) ? value : NULL;
}

int64_t fcm_recorder_node_of_globals(struct fcm_recorder *r, PyObject *globals, bool create) {
    if (!globals || !PyDict_Check(globals)) return -1;
    PyObject *name = str_in(globals, "__name__");
    if (!name || PyUnicode_CompareWithASCIIString(name, "__main__") == 0) return -1;
    PyObject *file = str_in(globals, "__file__");
    if (!create) return fcm_recorder_node(r, name, file, false);
    int64_t node = fcm_recorder_node(r, name, file, false);
    if (node >= 0 || r->broken) return node;
    // Code run with a namespace of its own, which is no module: no node.
    PyObject *spec = PyDict_GetItemString(globals, "__spec__");
    if (!file && (!spec || spec == Py_None)) return -1;
    return fcm_recorder_node(r, name, file, true);
}

enum fcm_owner fcm_recorder_path_owner(const struct fcm_recorder *r, const char *path) {
    enum fcm_owner owner = FCM_OWNER_PROJECT;
    size_t longest = 0;
    for (size_t i = 0; i < r->prefixes_count; i++) {
        const struct fcm_prefix *prefix = &r->prefixes[i];
        if (prefix->size < longest || strncmp(path, prefix->text, prefix->size) != 0) continue;
        owner = prefix->owner;
        longest = prefix->size;
    }
    return owner;
}

static bool is_named(PyObject *name, const char *package) {
    const char *text = PyUnicode_AsUTF8(name);
    if (!text) {
        PyErr_Clear();
        return false;
    }
    size_t size = strlen(package);
    return strncmp(text, package, size) == 0 && (text[size] == 0 || text[size] == '.');
}

static enum fcm_owner find_owner(const struct fcm_recorder *r, const struct fcm_module *module) {
    static const char *const frameworks[] = {"_pytest", "pytest", "pluggy", "xdist", "execnet"};
    if (!module->name) return FCM_OWNER_PROJECT;
    PyObject *name = r->names[module->name - 1].text;
    if (is_named(name, "fastcollect_meta")) return FCM_OWNER_OURS;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(frameworks); i++)
        if (is_named(name, frameworks[i])) return FCM_OWNER_FRAMEWORK;
    const char *file = module->file ? PyUnicode_AsUTF8(module->file) : NULL;
    PyErr_Clear();
    if (!file) return module->file ? FCM_OWNER_PROJECT : FCM_OWNER_STDLIB;
    if (file[0] != '/') return FCM_OWNER_STDLIB; // "frozen", "built-in"
    return fcm_recorder_path_owner(r, file);
}

enum fcm_owner fcm_recorder_owner(struct fcm_recorder *r, uint32_t node) {
    struct fcm_module *module = &r->modules[node];
    if (module->owner_version != r->prefixes_version + 1) {
        module->owner = find_owner(r, module);
        module->owner_version = r->prefixes_version + 1;
    }
    return module->owner;
}

static bool is_conftest(PyObject *file) {
    static const char name[] = "/conftest.py";
    const char *text = file ? PyUnicode_AsUTF8(file) : NULL;
    PyErr_Clear();
    if (!text) return false;
    size_t size = strlen(text);
    return size >= sizeof name - 1 && strcmp(text + size - (sizeof name - 1), name) == 0;
}

void fcm_recorder_add_edge(struct fcm_recorder *r, uint32_t from, uint32_t to) {
    // A conftest belongs to the files below its folder, not to everything.
    if (from == 0 && is_conftest(r->modules[to].file)) return;
    if (fcm_graph_add_edge(&r->graph, from, to) < 0) r->broken = true;
}

void fcm_recorder_add_fact(struct fcm_recorder *r, uint32_t node, enum fcm_fact kind,
                           int64_t fact) {
    if (fact < 0) return;
    if (fcm_graph_add_fact(&r->graph, node, kind, (uint32_t)fact) < 0) r->broken = true;
}

PyObject *fcm_frame_globals(PyFrameObject *frame) {
#if PY_VERSION_HEX >= 0x030B0000
    return PyFrame_GetGlobals(frame);
#else
    return Py_XNewRef(frame->f_globals);
#endif
}

static bool starts_with(PyObject *text, const char *prefix) {
    size_t size = strlen(prefix);
    return PyUnicode_Check(text) && PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND &&
           (size_t)PyUnicode_GET_LENGTH(text) >= size &&
           memcmp(PyUnicode_1BYTE_DATA(text), prefix, size) == 0;
}

bool fcm_frame_is_importlib(PyFrameObject *frame) {
    PyObject *globals = fcm_frame_globals(frame);
    PyObject *name = globals ? str_in(globals, "__name__") : NULL;
    bool is = name && starts_with(name, "importlib") && !starts_with(name, "importlib.metadata") &&
              !starts_with(name, "importlib.resources") && !starts_with(name, "importlib_");
    Py_XDECREF(globals);
    return is;
}

// Whether the frame runs the top level of a module (or code that is run as if it were).
static bool is_top_level(PyFrameObject *frame) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    bool is = starts_with(code->co_name, "<module>");
    Py_DECREF(code);
    return is;
}

// Root of the folder whose conftest a frame of pytest's imports, or -1.
static int64_t conftest_folder(struct fcm_recorder *r, PyFrameObject *frame) {
    PyObject *locals = PyObject_GetAttrString((PyObject *)frame, "f_locals");
    PyObject *path = locals ? PyMapping_GetItemString(locals, "conftestpath") : NULL;
    PyObject *text = path ? PyObject_Str(path) : NULL;
    Py_ssize_t slash = text ? PyUnicode_FindChar(text, '/', 0, PyUnicode_GET_LENGTH(text), -1) : -1;
    PyObject *folder = slash >= 0 ? PyUnicode_Substring(text, 0, slash + 1) : NULL;
    PyErr_Clear();
    int64_t root = folder ? fcm_recorder_root(r, folder) : -1;
    Py_XDECREF(folder);
    Py_XDECREF(text);
    Py_XDECREF(path);
    Py_XDECREF(locals);
    return root;
}

// Before the first file pytest imports conftests, which belong to the files below their folders,
// with the packages around them, and packages that arguments name (--pyargs), which belong to
// nobody. The root for it, if this frame does that, by private names of pytest's; where they aren't
// found, these things belong to everything. Else -1.
static int64_t early_root(struct fcm_recorder *r, PyFrameObject *frame) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    bool conftest = PyUnicode_CompareWithASCIIString(code->co_name, "_importconftest") == 0;
    bool argument = PyUnicode_CompareWithASCIIString(code->co_name, "search_pypath") == 0;
    Py_DECREF(code);
    if (conftest) return conftest_folder(r, frame);
    PyObject *name = argument ? PyUnicode_FromString("arguments") : NULL;
    int64_t root = name ? fcm_recorder_root(r, name) : -1;
    Py_XDECREF(name);
    return root;
}

static PyFrameObject *step_out(PyFrameObject *frame) {
    PyFrameObject *back = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    return back;
}

static void add_owner(struct fcm_recorder *r, struct fcm_place *place, uint32_t node,
                      bool *decided) {
    if (place->owners_count == FCM_PLACE_OWNERS) return;
    if (place->owners_count && place->owners[place->owners_count - 1] == node) return;
    place->owners[place->owners_count++] = node;
    if (*decided) return;
    enum fcm_owner owner = fcm_recorder_owner(r, node);
    if (owner == FCM_OWNER_STDLIB) {
        PyObject *name = r->names[r->modules[node].name - 1].text;
        place->copies |= is_named(name, "unittest.mock") || is_named(name, "ctypes.util");
        return;
    }
    *decided = true;
    place->by_us = owner == FCM_OWNER_OURS;
    place->by_framework = owner == FCM_OWNER_FRAMEWORK;
}

// What the frames of one thread or two say.
struct walk {
    struct fcm_place place;
    uint32_t outside; // what lies around all modules that are being imported
    int64_t
        unlinked; // found as the place's `inner`, and nobody is known to have imported it; or -1
    bool decided;
};

static void walk_frames(struct fcm_recorder *r, PyThreadState *thread, struct walk *walk) {
    struct fcm_loading *loading = r->loading;
    while (loading && loading->thread != thread) loading = loading->outer;
    PyFrameObject *frame = PyThreadState_GetFrame(thread);
    for (; frame && frame != r->floor; frame = step_out(frame)) {
        int64_t node = -1;
        uint32_t count = r->graph.count;
        bool top_level = true;
        if (loading && frame == loading->frame) {
            node = loading->node;
        } else {
            top_level = is_top_level(frame);
            PyObject *globals = fcm_frame_globals(frame);
            node = fcm_recorder_node_of_globals(r, globals, top_level);
            Py_XDECREF(globals);
        }
        if (!top_level && !r->open_roots.count) {
            int64_t root = early_root(r, frame);
            if (root >= 0) {
                walk->outside = (uint32_t)root;
                break;
            }
        }
        if (node < 0) continue;
        if (!top_level) {
            if (walk->unlinked < 0) add_owner(r, &walk->place, (uint32_t)node, &walk->decided);
            continue;
        }
        if (walk->unlinked >= 0) {
            walk->outside = (uint32_t)node;
            break;
        }
        walk->place.inner = (uint32_t)node;
        walk->place.importing = true;
        if ((uint32_t)node < count) break;
        walk->unlinked = node; // loaded by other means than the import system: by whoever is next
    }
    Py_XDECREF(frame);
}

void fcm_recorder_place(struct fcm_recorder *r, struct fcm_place *ret) {
    uint32_t outside = r->open_roots.count ? r->open_roots.items[r->open_roots.count - 1] : 0;
    struct walk walk = {.outside = outside, .unlinked = -1};
    PyThreadState *thread = PyThreadState_Get();
    walk_frames(r, thread, &walk);
    // A thread works for what the thread that collects is importing: others who import that depend
    // on it as well.
    if (!walk.place.importing && r->thread && r->thread != thread) walk_frames(r, r->thread, &walk);
    if (walk.unlinked >= 0) fcm_recorder_add_edge(r, walk.outside, (uint32_t)walk.unlinked);
    if (!walk.place.importing) walk.place.inner = walk.outside;
    *ret = walk.place;
}
