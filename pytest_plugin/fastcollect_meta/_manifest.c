/* Python's access to the manifest (schema/manifest.h); _manifest.pyi describes it. Runs in pytest's
 * process. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <errno.h>

#include "manifest.h"
#include "shard.h"
#include "test_durations.h"

struct manifest_object {
    PyObject_HEAD struct fcm_manifest *manifest; /* NULL: closed */
    PyObject *environment_bytes;                 /* a tuple, what `environment` points into */
    const char **environment;
    uint32_t section;
    bool has_section;
};

struct module_state {
    PyTypeObject *type;
};

static struct module_state *state_of(PyObject *module) { return PyModule_GetState(module); }

/* One line that ends with the consequence, as ValueError for bytes that can't be used and OSError
 * for the rest. */
static PyObject *raise_error(int r, const char *path, const char *why) {
    if (r == -ENOMEM) return PyErr_NoMemory();
    PyObject *name = PyUnicode_DecodeFSDefault(path);
    if (!name) return NULL;
    if (r == -EBADMSG || r == -EPROTONOSUPPORT || r == -ENOEXEC || r == -ESTALE) {
        PyErr_Format(PyExc_ValueError, "%U: %s; the manifest is not used", name, why);
    } else {
        PyObject *text = PyUnicode_FromFormat("%s (%s)", why, strerror(-r));
        // An instance: Python 3.10 would take the subclass for the errno (FileNotFoundError) for an
        // OSError.
        PyObject *error = text ? PyObject_CallFunction(PyExc_OSError, "iOO", -r, text, name) : NULL;
        if (error) PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_XDECREF(text);
        Py_XDECREF(error);
    }
    Py_DECREF(name);
    return NULL;
}

/* Text of an attribute such as pytest.__version__, "" where there is none. New reference. */
static PyObject *text_attribute(PyObject *object, const char *name) {
    PyObject *text = object ? PyObject_GetAttrString(object, name) : NULL;
    if (text && PyUnicode_Check(text)) return text;
    Py_XDECREF(text);
    PyErr_Clear();
    return PyUnicode_FromString("");
}

static PyObject *pytest_version(void) {
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    return text_attribute(PyDict_GetItemString(modules, "pytest"), "__version__");
}

/* "cpython-311 3.11.9" */
static PyObject *python_version(void) {
    PyObject *implementation = PySys_GetObject("implementation"); /* borrowed */
    PyObject *tag = text_attribute(implementation, "cache_tag");
    if (!tag) return NULL;
    const char *version = Py_GetVersion();
    PyObject *plain = PyUnicode_FromStringAndSize(version, (Py_ssize_t)strcspn(version, " "));
    PyObject *text = plain ? PyUnicode_FromFormat("%U %U", tag, plain) : NULL;
    Py_DECREF(tag);
    Py_XDECREF(plain);
    return text;
}

struct identity {
    PyObject *python, *pytest;
    char python_text[FCM_IDENTITY_MAX + 1], pytest_text[FCM_IDENTITY_MAX + 1];
    struct fcm_identity c;
};

static int copy_text(PyObject *text, char ret[FCM_IDENTITY_MAX + 1]) {
    Py_ssize_t size;
    const char *utf8 = text ? PyUnicode_AsUTF8AndSize(text, &size) : NULL;
    if (!utf8) return -1;
    if (size > FCM_IDENTITY_MAX) size = FCM_IDENTITY_MAX;
    memset(ret, 0, FCM_IDENTITY_MAX + 1);
    memcpy(ret, utf8, (size_t)size);
    return 0;
}

static int identity_init(struct identity *id) {
    PyObject *python = python_version(), *pytest = pytest_version();
    int r = copy_text(python, id->python_text);
    if (r == 0) r = copy_text(pytest, id->pytest_text);
    Py_XDECREF(python);
    Py_XDECREF(pytest);
    id->c = (struct fcm_identity){id->python_text, id->pytest_text};
    return r;
}

static struct fcm_slice bytes_slice(PyObject *bytes) {
    return fcm_slice_of(PyBytes_AS_STRING(bytes), (size_t)PyBytes_GET_SIZE(bytes));
}

/* ---- Manifest ---- */

static struct manifest_object *manifest_of(PyObject *self) {
    struct manifest_object *o = (struct manifest_object *)self;
    if (o->manifest) return o;
    PyErr_SetString(PyExc_ValueError, "the manifest is closed");
    return NULL;
}

/* Variables are compared with these "NAME=VALUE" entries from now on. */
static int set_environment(struct manifest_object *o, PyObject *entries) {
    o->environment_bytes = PySequence_Tuple(entries);
    if (!o->environment_bytes) return -1;
    Py_ssize_t count = PyTuple_GET_SIZE(o->environment_bytes);
    o->environment = calloc((size_t)count + 1, sizeof(*o->environment));
    if (!o->environment) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        o->environment[i] = PyBytes_AsString(PyTuple_GET_ITEM(o->environment_bytes, i));
        if (!o->environment[i]) return -1;
    }
    fcm_manifest_set_environment(o->manifest, o->environment);
    return 0;
}

static PyObject *module_open(PyObject *module, PyObject *args) {
    PyObject *path, *environment = NULL;
    Py_buffer key;
    struct identity identity;
    if (!PyArg_ParseTuple(args, "O&y*|O:open", PyUnicode_FSConverter, &path, &key, &environment))
        return NULL;
    struct manifest_object *o = NULL;
    if (identity_init(&identity) == 0) {
        PyTypeObject *type = state_of(module)->type;
        o = (struct manifest_object *)type->tp_alloc(type, 0);
    }
    if (o) {
        struct fcm_manifest *m = NULL;
        const char *why = "";
        int r;
        Py_BEGIN_ALLOW_THREADS r =
            fcm_manifest_open(PyBytes_AS_STRING(path), &identity.c, &m, &why);
        Py_END_ALLOW_THREADS if (r < 0) {
            raise_error(r, PyBytes_AS_STRING(path), why);
            Py_CLEAR(o);
        }
        else {
            o->manifest = m;
            struct fcm_slice options_key = fcm_slice_of(key.buf, (size_t)key.len);
            o->has_section = fcm_manifest_find_section(m, options_key, &o->section) == 0;
            if (environment && set_environment(o, environment) < 0) Py_CLEAR(o);
        }
    }
    Py_DECREF(path);
    PyBuffer_Release(&key);
    return (PyObject *)o;
}

static void manifest_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    struct manifest_object *o = (struct manifest_object *)self;
    fcm_manifest_free(o->manifest);
    free(o->environment);
    Py_XDECREF(o->environment_bytes);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *manifest_close(PyObject *self, PyObject *ignored) {
    struct manifest_object *o = (struct manifest_object *)self;
    fcm_manifest_free(o->manifest);
    o->manifest = NULL;
    Py_RETURN_NONE;
}

static PyObject *manifest_check_all(PyObject *self, PyObject *ignored) {
    struct manifest_object *o = manifest_of(self);
    if (!o) return NULL;
    uint32_t stale = o->has_section ? fcm_manifest_check_section(o->manifest, o->section) : 0;
    return PyLong_FromUnsignedLong(stale);
}

/* 1 with the entry, 0 where nothing is known, -1 with an exception. */
static int find_entry(struct manifest_object *o, PyObject *args, const char *format,
                      uint32_t *ret_entry) {
    PyObject *path;
    const char *collector;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(args, format, PyUnicode_FSConverter, &path, &collector, &size)) return -1;
    int found =
        o->has_section && fcm_manifest_find(o->manifest, o->section, bytes_slice(path),
                                            fcm_slice_of(collector, (size_t)size), ret_entry) == 0;
    Py_DECREF(path);
    return found;
}

static PyObject *read_record(struct manifest_object *o, uint32_t entry) {
    FCM_AUTO_BUFFER record = {0};
    int r = fcm_manifest_read_record(o->manifest, entry, &record);
    if (r == -ENOMEM) return PyErr_NoMemory();
    if (r < 0) {
        struct fcm_entry e;
        fcm_manifest_entry(o->manifest, entry, &e);
        PyErr_Format(PyExc_ValueError, "the manifest's record of %s is damaged; it is not used",
                     e.path);
        return NULL;
    }
    return Py_BuildValue("sy#", "valid", record.data, (Py_ssize_t)record.size);
}

static PyObject *manifest_get(PyObject *self, PyObject *args) {
    struct manifest_object *o = manifest_of(self);
    uint32_t i, dependency;
    enum fcm_dependency_change change;
    int found = o ? find_entry(o, args, "O&s#:get", &i) : -1;
    if (found < 0) return NULL;
    if (!found) return Py_BuildValue("sO", "absent", Py_None);
    struct fcm_entry e;
    fcm_manifest_entry(o->manifest, i, &e);
    bool known = e.reason || e.raw_length > 0;
    bool valid = known && fcm_manifest_valid(o->manifest, i, &dependency, &change);
    if (valid && e.reason) return Py_BuildValue("sO", "native", Py_None);
    if (valid) return read_record(o, i);
    return Py_BuildValue("sO", e.raw_length > 0 ? "stale" : "absent", Py_None);
}

static PyObject *manifest_stale_reason(PyObject *self, PyObject *args) {
    struct manifest_object *o = manifest_of(self);
    uint32_t i, dependency;
    enum fcm_dependency_change change;
    int found = o ? find_entry(o, args, "O&s#:stale_reason", &i) : -1;
    if (found < 0) return NULL;
    if (!found || fcm_manifest_valid(o->manifest, i, &dependency, &change)) Py_RETURN_NONE;
    struct fcm_dependency_state was;
    const char *path;
    fcm_manifest_dependency(o->manifest, dependency, &was, &path);
    PyObject *name = PyUnicode_DecodeFSDefault(path);
    if (!name) return NULL;
    PyObject *line = PyUnicode_FromFormat("%U: %s", name, fcm_dependency_change_text(change));
    Py_DECREF(name);
    return line;
}

static PyObject *manifest_has_walked(PyObject *self, PyObject *args) {
    struct manifest_object *o = manifest_of(self);
    PyObject *path;
    int asked;
    uint32_t i, dependency;
    enum fcm_dependency_change change;
    if (!o || !PyArg_ParseTuple(args, "O&p:has_walked", PyUnicode_FSConverter, &path, &asked))
        return NULL;
    bool known = o->has_section && fcm_manifest_find(o->manifest, o->section, bytes_slice(path),
                                                     fcm_slice_text(FCM_WALKED), &i) == 0;
    Py_DECREF(path);
    if (known) {
        struct fcm_entry e;
        fcm_manifest_entry(o->manifest, i, &e);
        known = (e.reason != NULL) == asked && e.set != FCM_NO_SET &&
                fcm_manifest_valid(o->manifest, i, &dependency, &change);
    }
    return PyBool_FromLong(known);
}

static PyObject *manifest_native_reason(PyObject *self, PyObject *args) {
    struct manifest_object *o = manifest_of(self);
    uint32_t i;
    int found = o ? find_entry(o, args, "O&s#:native_reason", &i) : -1;
    if (found < 0) return NULL;
    struct fcm_entry e = {0};
    if (found) fcm_manifest_entry(o->manifest, i, &e);
    if (!e.reason) Py_RETURN_NONE;
    return PyUnicode_DecodeFSDefault(e.reason);
}

static PyObject *entry_key(const struct fcm_entry *e) {
    return Py_BuildValue(
        "NN", PyUnicode_DecodeFSDefault(e->path),
        PyUnicode_DecodeUTF8(e->collector, (Py_ssize_t)strlen(e->collector), "surrogatepass"));
}

static int add_duration(PyObject *durations, const struct fcm_entry *e) {
    PyObject *key = entry_key(e);
    PyObject *value = key ? PyFloat_FromDouble((double)e->duration) : NULL;
    int r = value ? PyDict_SetItem(durations, key, value) : -1;
    Py_XDECREF(key);
    Py_XDECREF(value);
    return r;
}

/* Other sections first: what was measured under the same options wins. */
static PyObject *manifest_durations(PyObject *self, PyObject *ignored) {
    struct manifest_object *o = manifest_of(self);
    PyObject *durations = o ? PyDict_New() : NULL;
    struct fcm_manifest_info info;
    if (!durations) return NULL;
    fcm_manifest_info(o->manifest, &info);
    for (int own = 0; own < 2; own++) {
        for (uint32_t i = 0; i < info.entries; i++) {
            struct fcm_entry e;
            fcm_manifest_entry(o->manifest, i, &e);
            if ((o->has_section && e.section == o->section) != own || !(e.duration > 0)) continue;
            if (add_duration(durations, &e) == 0) continue;
            Py_DECREF(durations);
            return NULL;
        }
    }
    return durations;
}

static PyObject *manifest_marked(PyObject *self, PyObject *reason) {
    struct manifest_object *o = manifest_of(self);
    const char *text = o ? PyUnicode_AsUTF8(reason) : NULL;
    PyObject *keys = text ? PyList_New(0) : NULL;
    struct fcm_manifest_info info;
    if (!keys) return NULL;
    fcm_manifest_info(o->manifest, &info);
    for (uint32_t i = 0; o->has_section && i < info.entries; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(o->manifest, i, &e);
        if (e.section != o->section || !e.reason || strcmp(e.reason, text) != 0) continue;
        PyObject *key = entry_key(&e);
        int r = key ? PyList_Append(keys, key) : -1;
        Py_XDECREF(key);
        if (r == 0) continue;
        Py_DECREF(keys);
        return NULL;
    }
    return keys;
}

struct ordered {
    uint32_t entry, sequence;
};

static int compare_ordered(const void *a, const void *b) {
    const struct ordered *x = a, *y = b;
    if (x->sequence != y->sequence) return x->sequence < y->sequence ? -1 : 1;
    return (x->entry > y->entry) - (x->entry < y->entry);
}

static Py_ssize_t collect_records(const struct manifest_object *o, struct ordered *ret) {
    struct fcm_manifest_info info;
    Py_ssize_t count = 0;
    fcm_manifest_info(o->manifest, &info);
    for (uint32_t i = 0; o->has_section && i < info.entries; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(o->manifest, i, &e);
        if (e.section != o->section || e.raw_length == 0) continue;
        if (ret) ret[count] = (struct ordered){i, e.sequence};
        count++;
    }
    return count;
}

static Py_ssize_t manifest_length(PyObject *self) {
    struct manifest_object *o = manifest_of(self);
    return o ? collect_records(o, NULL) : -1;
}

static PyObject *manifest_keys(PyObject *self, PyObject *ignored) {
    struct manifest_object *o = manifest_of(self);
    if (!o) return NULL;
    size_t count = (size_t)collect_records(o, NULL);
    FCM_AUTO_FREE struct ordered *ordered = calloc(count + 1, sizeof(*ordered));
    if (!ordered) return PyErr_NoMemory();
    collect_records(o, ordered);
    qsort(ordered, count, sizeof(*ordered), compare_ordered);
    PyObject *keys = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; keys && i < count; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(o->manifest, ordered[i].entry, &e);
        PyObject *key = entry_key(&e);
        if (key)
            PyList_SET_ITEM(keys, (Py_ssize_t)i, key);
        else
            Py_CLEAR(keys);
    }
    return keys;
}

static PyObject *manifest_touched(PyObject *self, void *ignored) {
    struct manifest_object *o = manifest_of(self);
    return o ? PyLong_FromUnsignedLong(fcm_manifest_touched(o->manifest)) : NULL;
}

static PyMethodDef manifest_methods[] = {
    {"check_all", manifest_check_all, METH_NOARGS, "Check every record; how many are stale."},
    {"get", manifest_get, METH_VARARGS, "(status, packed record or None) of a path and collector."},
    {"stale_reason", manifest_stale_reason, METH_VARARGS, "What made a record stale, or None."},
    {"has_walked", manifest_has_walked, METH_VARARGS,
     "Whether a folder has the entries that it had when pytest walked it."},
    {"native_reason", manifest_native_reason, METH_VARARGS,
     "Why a file is collected natively, or None."},
    {"marked", manifest_marked, METH_O, "(path, collector) of each file with that native reason."},
    {"durations", manifest_durations, METH_NOARGS, "Seconds by (path, collector)."},
    {"keys", manifest_keys, METH_NOARGS,
     "(path, collector) of each record, in order of collection."},
    {"close", manifest_close, METH_NOARGS, "Unmap the file."},
    {NULL},
};
static PyGetSetDef manifest_properties[] = {
    {"touched", manifest_touched, NULL, "Dependencies with other times and the same content.",
     NULL},
    {NULL},
};
static PyType_Slot manifest_slots[] = {
    {Py_tp_dealloc, manifest_dealloc},
    {Py_tp_methods, manifest_methods},
    {Py_tp_getset, manifest_properties},
    {Py_sq_length, manifest_length},
    {Py_tp_doc, "A mapped manifest and its section for one options key."},
    {0},
};
static PyType_Spec manifest_spec = {
    .name = "fastcollect_meta._manifest.Manifest",
    .basicsize = sizeof(struct manifest_object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = manifest_slots,
};

/* ---- update ---- */

/* What update() gave in C's terms. Python objects are kept by `held`, so that the GIL can be let
 * go. */
struct update_call {
    struct fcm_manifest_update c;
    struct fcm_slice *records;
    struct fcm_native_mark *natives;
    struct fcm_manifest_key *drop;
    struct fcm_walked_folder *walked;
    PyObject *held;
    struct fcm_buffer refused; /* path NUL collector NUL why NUL, ... */
};

static void update_call_done(struct update_call *u) {
    free(u->records);
    free(u->natives);
    free(u->drop);
    free(u->walked);
    fcm_buffer_done(&u->refused);
    Py_CLEAR(u->held);
}

static void on_refused(void *context, struct fcm_slice path, struct fcm_slice collector,
                       const char *why) {
    struct update_call *u = context;
    struct fcm_slice parts[] = {path, collector, fcm_slice_text(why)};
    for (size_t i = 0; i < FCM_COUNT(parts); i++) {
        fcm_buffer_add_u32(&u->refused, (uint32_t)parts[i].size);
        fcm_buffer_add_slice(&u->refused, parts[i]);
    }
}

/* The path as the file system has it, kept in `held`. */
static int take_path(struct update_call *u, PyObject *path, struct fcm_slice *ret) {
    PyObject *bytes;
    if (!PyUnicode_FSConverter(path, &bytes)) return -1;
    int r = PyList_Append(u->held, bytes);
    Py_DECREF(bytes);
    *ret = bytes_slice(bytes);
    return r;
}

/* UTF-8 that the str object owns, which is kept in `held`. */
static int take_text(struct update_call *u, PyObject *text, struct fcm_slice *ret) {
    Py_ssize_t size;
    const char *utf8 = PyUnicode_AsUTF8AndSize(text, &size);
    if (!utf8) return -1;
    *ret = fcm_slice_of(utf8, (size_t)size);
    return PyList_Append(u->held, text);
}

/* A sequence as list or tuple, kept in `held`; borrowed. Makes room for what is taken from it. */
static PyObject *take_sequence_borrowed(struct update_call *u, PyObject *sequence, size_t width,
                                        void **ret_room, size_t *ret_count) {
    PyObject *fast = PySequence_Fast(sequence, "a sequence is needed");
    if (!fast) return NULL;
    int r = PyList_Append(u->held, fast);
    Py_DECREF(fast);
    if (r < 0) return NULL;
    *ret_count = (size_t)PySequence_Fast_GET_SIZE(fast);
    *ret_room = calloc(*ret_count + 1, width);
    if (*ret_room) return fast;
    PyErr_NoMemory();
    return NULL;
}

static int take_records(struct update_call *u, PyObject *sequence) {
    void *room = NULL;
    PyObject *fast =
        take_sequence_borrowed(u, sequence, sizeof(*u->records), &room, &u->c.record_count);
    u->records = room;
    u->c.records = u->records;
    for (size_t i = 0; fast && i < u->c.record_count; i++) {
        PyObject *record = PySequence_Fast_GET_ITEM(fast, (Py_ssize_t)i);
        if (!PyBytes_Check(record)) {
            PyErr_SetString(PyExc_TypeError, "a record is bytes");
            return -1;
        }
        u->records[i] = bytes_slice(record);
    }
    return fast ? 0 : -1;
}

static int take_drop(struct update_call *u, PyObject *sequence) {
    void *room = NULL;
    PyObject *fast = take_sequence_borrowed(u, sequence, sizeof(*u->drop), &room, &u->c.drop_count);
    u->drop = room;
    u->c.drop = u->drop;
    for (size_t i = 0; fast && i < u->c.drop_count; i++) {
        PyObject *path, *collector;
        PyObject *key = PySequence_Fast_GET_ITEM(fast, (Py_ssize_t)i);
        if (!PyArg_ParseTuple(key, "OU:drop", &path, &collector)) return -1;
        if (take_path(u, path, &u->drop[i].path) < 0) return -1;
        if (take_text(u, collector, &u->drop[i].collector) < 0) return -1;
    }
    return fast ? 0 : -1;
}

static int take_walked(struct update_call *u, PyObject *sequence) {
    void *room = NULL;
    PyObject *fast =
        take_sequence_borrowed(u, sequence, sizeof(*u->walked), &room, &u->c.walked_count);
    u->walked = room;
    u->c.walked = u->walked;
    for (size_t i = 0; fast && i < u->c.walked_count; i++) {
        PyObject *path;
        int asked;
        PyObject *folder = PySequence_Fast_GET_ITEM(fast, (Py_ssize_t)i);
        if (!PyArg_ParseTuple(folder, "Op:walked", &path, &asked)) return -1;
        if (take_path(u, path, &u->walked[i].path) < 0) return -1;
        u->walked[i].asked = asked;
    }
    return fast ? 0 : -1;
}

static int take_natives(struct update_call *u, PyObject *sequence) {
    void *room = NULL;
    PyObject *fast =
        take_sequence_borrowed(u, sequence, sizeof(*u->natives), &room, &u->c.native_count);
    u->natives = room;
    u->c.natives = u->natives;
    for (size_t i = 0; fast && i < u->c.native_count; i++) {
        PyObject *path, *collector, *reason, *record = NULL;
        struct fcm_native_mark *n = &u->natives[i];
        PyObject *mark = PySequence_Fast_GET_ITEM(fast, (Py_ssize_t)i);
        if (!PyArg_ParseTuple(mark, "OUUd|S:native", &path, &collector, &reason, &n->duration,
                              &record)) {
            return -1;
        }
        if (record && PyList_Append(u->held, record) < 0) return -1;
        if (record) n->record = bytes_slice(record);
        if (take_path(u, path, &n->path) < 0 || take_text(u, collector, &n->collector) < 0 ||
            take_text(u, reason, &n->reason) < 0) {
            return -1;
        }
    }
    return fast ? 0 : -1;
}

static int take_refused(struct fcm_slice *rest, struct fcm_slice *ret) {
    uint32_t size;
    return fcm_read_u32(rest, &size) && fcm_read_slice(rest, size, ret) ? 0 : -1;
}

static PyObject *refused_list(const struct update_call *u) {
    PyObject *list = PyList_New(0);
    struct fcm_slice rest = fcm_buffer_slice(&u->refused), path, collector, why;
    while (list && rest.size > 0) {
        if (take_refused(&rest, &path) < 0 || take_refused(&rest, &collector) < 0 ||
            take_refused(&rest, &why) < 0) {
            break; /* memory ran out while it was written */
        }
        PyObject *entry = Py_BuildValue(
            "NNs#",
            PyUnicode_DecodeFSDefaultAndSize((const char *)path.data, (Py_ssize_t)path.size),
            PyUnicode_DecodeUTF8((const char *)collector.data, (Py_ssize_t)collector.size,
                                 "replace"),
            why.data, (Py_ssize_t)why.size);
        if (!entry || PyList_Append(list, entry) < 0) Py_CLEAR(list);
        Py_XDECREF(entry);
    }
    return list;
}

static PyObject *update_run(struct update_call *u, const char *path) {
    const char *why = "";
    int r;
    u->c.on_refused = on_refused;
    u->c.context = u;
    Py_BEGIN_ALLOW_THREADS r = fcm_manifest_update(path, &u->c, &why);
    Py_END_ALLOW_THREADS return r < 0 ? raise_error(r, path, why) : refused_list(u);
}

static PyObject *module_update(PyObject *module, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"path",   "options_key", "records", "drop", "rootdir",
                            "native", "started_ns",  "walked",  NULL};
    PyObject *path, *key, *records, *drop = NULL, *rootdir = NULL, *natives = NULL, *walked = NULL;
    PyObject *result = NULL;
    long long started = 0;
    struct identity identity;
    __attribute__((cleanup(update_call_done))) struct update_call u = {0};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O&SO|O$OOLO:update", names,
                                     PyUnicode_FSConverter, &path, &key, &records, &drop, &rootdir,
                                     &natives, &started, &walked)) {
        return NULL;
    }
    u.held = PyList_New(0);
    u.c.options_key = bytes_slice(key);
    u.c.started = started;
    bool ok = u.held && identity_init(&identity) == 0 && take_records(&u, records) == 0;
    if (ok && drop) ok = take_drop(&u, drop) == 0;
    if (ok && natives) ok = take_natives(&u, natives) == 0;
    if (ok && walked) ok = take_walked(&u, walked) == 0;
    if (ok && rootdir) {
        ok = take_path(&u, rootdir, &u.c.rootdir) == 0;
    } else if (ok) {
        PyErr_SetString(PyExc_TypeError, "update() needs rootdir");
        ok = false;
    }
    u.c.identity = identity.c;
    if (ok) result = update_run(&u, PyBytes_AS_STRING(path));
    Py_DECREF(path);
    return result;
}

/* ---- tests ---- */

/* ids as bytes, kept by `held`. */
static struct fcm_slice *id_slices(PyObject *held, size_t *ret_count) {
    *ret_count = (size_t)PySequence_Fast_GET_SIZE(held);
    struct fcm_slice *ids = calloc(*ret_count + 1, sizeof(*ids));
    if (!ids) PyErr_NoMemory();
    for (size_t i = 0; ids && i < *ret_count; i++) {
        PyObject *id = PySequence_Fast_GET_ITEM(held, (Py_ssize_t)i);
        if (PyBytes_Check(id)) {
            ids[i] = bytes_slice(id);
            continue;
        }
        PyErr_SetString(PyExc_TypeError, "an id is bytes");
        free(ids);
        return NULL;
    }
    return ids;
}

/* NULL where there are none that can be used. */
static struct fcm_test_durations *open_durations(const char *path) {
    struct fcm_test_durations *durations = NULL;
    const char *why;
    if (*path && fcm_test_durations_open(path, &durations, &why) < 0) return NULL;
    return durations;
}

static PyObject *module_shard(PyObject *module, PyObject *args) {
    PyObject *sequence, *path, *result = NULL;
    const char *text, *by;
    struct fcm_shard shard = {0};
    if (!PyArg_ParseTuple(args, "OssO&:shard", &sequence, &text, &by, PyUnicode_FSConverter, &path))
        return NULL;
    size_t count = 0;
    PyObject *held = PySequence_Fast(sequence, "a sequence is needed");
    FCM_AUTO_FREE struct fcm_slice *ids = held ? id_slices(held, &count) : NULL;
    FCM_AUTO_FREE bool *selected = ids ? calloc(count + 1, sizeof(*selected)) : NULL;
    FCM_AUTO(fcm_test_durations) *durations = open_durations(PyBytes_AS_STRING(path));
    if (!ids) goto out;
    if (fcm_shard_parse(text, &shard) < 0 || fcm_shard_parse_by(by, &shard.by) < 0) {
        PyErr_SetString(PyExc_ValueError, "no such shard");
        goto out;
    }
    if (!selected || fcm_shard_select(&shard, ids, count, durations, selected) < 0) {
        PyErr_NoMemory();
        goto out;
    }
    result = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; result && i < count; i++)
        PyList_SET_ITEM(result, (Py_ssize_t)i, PyBool_FromLong(selected[i]));
out:
    Py_XDECREF(held);
    Py_DECREF(path);
    return result;
}

static PyObject *module_add_durations(PyObject *module, PyObject *args) {
    PyObject *path, *sequence, *rootdir;
    struct identity identity;
    if (!PyArg_ParseTuple(args, "O&OO&:add_durations", PyUnicode_FSConverter, &path, &sequence,
                          PyUnicode_FSConverter, &rootdir))
        return NULL;
    PyObject *held = PySequence_Fast(sequence, "a sequence is needed");
    size_t count = held ? (size_t)PySequence_Fast_GET_SIZE(held) : 0;
    FCM_AUTO_FREE struct fcm_test_duration *tests = calloc(count + 1, sizeof(*tests));
    bool ok = held && tests && identity_init(&identity) == 0;
    for (size_t i = 0; ok && i < count; i++) {
        const char *id;
        Py_ssize_t size;
        ok = PyArg_ParseTuple(PySequence_Fast_GET_ITEM(held, (Py_ssize_t)i), "y#d:add_durations",
                              &id, &size, &tests[i].seconds) != 0;
        if (ok) tests[i].id = fcm_slice_of(id, (size_t)size);
    }
    int r = 0;
    const char *why = "";
    if (ok) {
        struct fcm_manifest_update u = {.identity = identity.c,
                                        .options_key = fcm_slice_text(FCM_DURATIONS_KEY),
                                        .rootdir = bytes_slice(rootdir),
                                        .tests = tests,
                                        .test_count = count};
        Py_BEGIN_ALLOW_THREADS r = fcm_manifest_update(PyBytes_AS_STRING(path), &u, &why);
        Py_END_ALLOW_THREADS if (r < 0) raise_error(r, PyBytes_AS_STRING(path), why);
    } else if (!PyErr_Occurred()) {
        PyErr_NoMemory();
    }
    Py_XDECREF(held);
    Py_DECREF(path);
    Py_DECREF(rootdir);
    if (!ok || r < 0) return NULL;
    Py_RETURN_NONE;
}

/* ---- module ---- */

static PyMethodDef module_methods[] = {
    {"open", module_open, METH_VARARGS, "Map a manifest that this Python and this pytest wrote."},
    {"update", (PyCFunction)(void (*)(void))module_update, METH_VARARGS | METH_KEYWORDS,
     "Merge records into a manifest. Returns what wasn't kept."},
    {"shard", module_shard, METH_VARARGS, "Which of the tests belong to a shard."},
    {"add_durations", module_add_durations, METH_VARARGS, "Merge durations of tests into a file."},
    {NULL},
};

static int module_exec(PyObject *module) {
    struct module_state *state = state_of(module);
    state->type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &manifest_spec, NULL);
    return state->type ? PyModule_AddType(module, state->type) : -1;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg) {
    Py_VISIT(state_of(module)->type);
    return 0;
}

static int module_clear(PyObject *module) {
    Py_CLEAR(state_of(module)->type);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {0},
};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "fastcollect_meta._manifest",
    .m_size = sizeof(struct module_state),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
};

PyMODINIT_FUNC PyInit__manifest(void);
PyMODINIT_FUNC PyInit__manifest(void) { return PyModuleDef_Init(&definition); }
