#include "recorder.h"

#include "dependency.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// More temporary files than this are treated like all others.
#define SCRATCH_MAX 1000

// Absolute path of what an event's argument names, as bytes; NULL, with no exception, if it isn't a
// path.
static PyObject *path_of(PyObject *argument) {
    PyObject *bytes = NULL;
    if (argument == Py_None)
        bytes = PyBytes_FromString(".");
    else if (PyUnicode_Check(argument))
        bytes = PyUnicode_EncodeFSDefault(argument);
    else if (PyBytes_Check(argument))
        bytes = Py_NewRef(argument);
    else if (!PyLong_Check(argument) && PyObject_HasAttrString(argument, "__fspath__")) {
        PyObject *plain = PyOS_FSPath(argument);
        if (plain && !PyUnicode_FSConverter(plain, &bytes)) bytes = NULL;
        Py_XDECREF(plain);
    }
    PyErr_Clear();
    if (!bytes || PyBytes_AS_STRING(bytes)[0] == '/') return bytes;
    char *cwd = getcwd(NULL, 0);
    const char *relative = PyBytes_AS_STRING(bytes);
    while (relative[0] == '.' && relative[1] == '/') relative += 2;
    bool here = strcmp(relative, ".") == 0 || !*relative;
    PyObject *absolute = !cwd   ? NULL
                         : here ? PyBytes_FromString(cwd)
                                : PyBytes_FromFormat("%s/%s", cwd, relative);
    free(cwd);
    Py_DECREF(bytes);
    PyErr_Clear();
    return absolute;
}

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text);
    size_t tail = strlen(end);
    return size >= tail && strcmp(text + size - tail, end) == 0;
}

// Files that nothing but speed depends on, and what isn't a file of the disk's.
static bool is_beside_the_point(const char *path) {
    static const char *const folders[] = {"/proc/", "/dev/", "/sys/"};
    static const char *const parts[] = {"/__pycache__/", ".pyc.", "/.pytest_cache/",
                                        "/.hypothesis/"};
    static const char *const ends[] = {".pyc", "/__pycache__", "/.pytest_cache", "/.hypothesis"};
    for (size_t i = 0; i < Py_ARRAY_LENGTH(folders); i++)
        if (strncmp(path, folders[i], strlen(folders[i])) == 0) return true;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(parts); i++)
        if (strstr(path, parts[i])) return true;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(ends); i++)
        if (ends_with(path, ends[i])) return true;
    return false;
}

// Whether the path is a temporary file or folder of this process' own making, or lies in one: what
// it reads there it has put there.
static bool is_scratch(const struct fcm_recorder *r, const char *path) {
    for (Py_ssize_t i = 0; r->scratch && i < PyList_GET_SIZE(r->scratch); i++) {
        PyObject *own = PyList_GET_ITEM(r->scratch, i);
        size_t size = (size_t)PyBytes_GET_SIZE(own);
        if (strncmp(path, PyBytes_AS_STRING(own), size) != 0) continue;
        if (path[size] == '\0' || path[size] == '/') return true;
    }
    return false;
}

// tempfile is about to make something of that name, which nobody can know beforehand.
static void on_scratch(struct fcm_recorder *r, PyObject *args) {
    PyObject *path = path_of(PyTuple_GET_ITEM(args, 0));
    struct stat info;
    if (path && lstat(PyBytes_AS_STRING(path), &info) < 0 && errno == ENOENT) {
        if (!r->scratch) r->scratch = PyList_New(0);
        if (r->scratch && PyList_GET_SIZE(r->scratch) < SCRATCH_MAX)
            PyList_Append(r->scratch, path);
    }
    PyErr_Clear();
    Py_XDECREF(path);
}

// A function may keep what it read and answer from that the next time: then whoever calls its
// module depends on it. Between files, code that runs outside of any import decides nothing but for
// its own module.
static void attribute(struct fcm_recorder *r, const struct fcm_place *place, enum fcm_fact kind,
                      int64_t fact, bool of_project) {
    if (place->importing || place->inner) fcm_recorder_add_fact(r, place->inner, kind, fact);
    for (unsigned i = 0; i < place->owners_count; i++) {
        enum fcm_owner owner = fcm_recorder_owner(r, place->owners[i]);
        if (owner == FCM_OWNER_PROJECT || (owner == FCM_OWNER_SITE && !of_project))
            fcm_recorder_add_fact(r, place->owners[i], kind, fact);
    }
}

// `metadata`: of a folder only what tells of installed packages was looked for.
static void note_path(struct fcm_recorder *r, PyObject *path, enum fcm_fact kind, bool metadata) {
    const char *text = PyBytes_AS_STRING(path);
    if ((size_t)PyBytes_GET_SIZE(path) != strlen(text) || is_beside_the_point(text) ||
        is_scratch(r, text))
        return;
    struct fcm_place place;
    fcm_recorder_place(r, &place);
    if (place.by_us || (place.by_framework && !place.importing && !place.inner)) return;
    if (kind != FCM_FACT_WRITTEN) {
        struct stat info;
        if (stat(text, &info) < 0)
            kind = FCM_FACT_ABSENT;
        else if (kind == FCM_FACT_FILE ? !S_ISREG(info.st_mode) : !S_ISDIR(info.st_mode))
            return;
    }
    bool of_project = fcm_recorder_path_owner(r, text) == FCM_OWNER_PROJECT;
    PyObject *fact = metadata && kind == FCM_FACT_DIRECTORY
                         ? PyBytes_FromFormat("%s" FCM_METADATA_LISTING, text)
                         : Py_NewRef(path);
    if (!fact) {
        PyErr_Clear();
        r->broken = true;
        return;
    }
    attribute(r, &place, kind, fcm_recorder_fact(r, fact), of_project);
}

static void on_open(struct fcm_recorder *r, PyObject *args) {
    PyObject *path = path_of(PyTuple_GET_ITEM(args, 0));
    if (!path) return;
    bool reads = true;
    bool writes = false;
    PyObject *mode = PyTuple_GET_ITEM(args, 1);
    PyObject *flags = PyTuple_GET_ITEM(args, 2);
    const char *text = PyUnicode_Check(mode) ? PyUnicode_AsUTF8(mode) : NULL;
    PyErr_Clear();
    if (text && *text) {
        writes = strpbrk(text, "wax+") != NULL;
        reads = strpbrk(text, "wax") == NULL;
    } else if (PyLong_Check(flags)) {
        long bits = PyLong_AsLong(flags);
        writes = (bits & O_ACCMODE) != O_RDONLY;
        reads = (bits & O_ACCMODE) == O_RDONLY ||
                ((bits & O_ACCMODE) == O_RDWR && !(bits & (O_TRUNC | O_EXCL)));
    }
    const char *name = PyBytes_AS_STRING(path);
    // The source that the import system reads is its module's own file, which the node has.
    PyFrameObject *frame = PyEval_GetFrame();
    bool source = ends_with(name, ".py") && frame && fcm_frame_is_importlib(frame);
    if (reads && !source) note_path(r, path, FCM_FACT_FILE, false);
    if (writes) note_path(r, path, FCM_FACT_WRITTEN, false);
    Py_DECREF(path);
}

static void on_file(struct fcm_recorder *r, PyObject *args) {
    PyObject *argument = PyTuple_GET_ITEM(args, 0);
    // A library by its name alone is the system's.
    if (!PyUnicode_Check(argument) ||
        PyUnicode_FindChar(argument, '/', 0, PyUnicode_GET_LENGTH(argument), 1) < 0)
        return;
    PyObject *path = path_of(argument);
    if (path) note_path(r, path, FCM_FACT_FILE, false);
    Py_XDECREF(path);
}

// Whether the code that lists is importlib.metadata, which looks for installed packages only.
static bool frame_is_metadata(PyFrameObject *frame) {
    PyCodeObject *code = PyFrame_GetCode(frame);
    const char *file =
        PyUnicode_Check(code->co_filename) ? PyUnicode_AsUTF8(code->co_filename) : "";
    bool is = file && ends_with(file, "/importlib/metadata/__init__.py");
    PyErr_Clear();
    Py_DECREF(code);
    return is;
}

static void on_list(struct fcm_recorder *r, PyObject *args) {
    PyFrameObject *frame = PyEval_GetFrame();
    if (frame && fcm_frame_is_importlib(frame)) return; // searches are noted by what they found
    PyObject *path = path_of(PyTuple_GET_ITEM(args, 0));
    if (path) note_path(r, path, FCM_FACT_DIRECTORY, frame && frame_is_metadata(frame));
    Py_XDECREF(path);
}

static void on_host_name(struct fcm_recorder *r, PyObject *args) {
    PyObject *path = PyBytes_FromString("/etc/hostname");
    if (path) note_path(r, path, FCM_FACT_FILE, false);
    Py_XDECREF(path);
}

static void set_reason(struct fcm_recorder *r, uint32_t node, const char *event) {
    struct fcm_module *module = &r->modules[node];
    if (!module->reason) module->reason = PyUnicode_FromString(event);
    if (!module->reason) r->broken = true;
}

// Whether a process is started that only says what the machine is, as os.cpu_count() does: what is
// collected depends on it no more than on any other answer of the operating system.
static bool asks_machine(const char *event, PyObject *args) {
    static const char *const programs[] = {"arch", "getconf", "lscpu", "nproc", "uname"};
    if (strcmp(event, "subprocess.Popen") != 0 && strcmp(event, "os.posix_spawn") != 0)
        return false;
    PyObject *program = PyTuple_GET_SIZE(args) ? PyTuple_GET_ITEM(args, 0) : NULL;
    const char *text = NULL;
    if (program && PyUnicode_CheckExact(program))
        text = PyUnicode_AsUTF8(program);
    else if (program && PyBytes_CheckExact(program))
        text = PyBytes_AS_STRING(program);
    if (!text) return false;
    const char *slash = strrchr(text, '/');
    for (size_t i = 0; i < Py_ARRAY_LENGTH(programs); i++)
        if (strcmp(slash ? slash + 1 : text, programs[i]) == 0) return true;
    return false;
}

// A process or a socket. An installed package that asks the system something while it is imported
// ("which CPU is this") is not the project's doing: the program asked counts as a file that was
// read.
static void on_outside(struct fcm_recorder *r, const char *event, PyObject *args) {
    struct fcm_place place;
    fcm_recorder_place(r, &place);
    if (place.by_us || (!place.importing && !place.inner) || asks_machine(event, args)) return;
    enum fcm_owner inner = fcm_recorder_owner(r, place.inner);
    bool project = inner != FCM_OWNER_SITE && inner != FCM_OWNER_STDLIB;
    for (unsigned i = 0; i < place.owners_count; i++) {
        if (fcm_recorder_owner(r, place.owners[i]) != FCM_OWNER_PROJECT) continue;
        project = true;
        set_reason(r, place.owners[i], event);
    }
    if (project)
        set_reason(r, place.inner, event);
    else if (PyTuple_GET_SIZE(args) && PyUnicode_Check(PyTuple_GET_ITEM(args, 0)))
        on_file(r, args);
}

// Whether a variable says how large the terminal is. That may change at any time: nobody keeps it.
static bool is_terminal_size(PyObject *key) {
    const char *name = PyBytes_AS_STRING(key);
    return strcmp(name, "COLUMNS") == 0 || strcmp(name, "LINES") == 0;
}

static void attribute_variable(struct fcm_recorder *r, const struct fcm_place *place,
                               PyObject *key) {
    struct fcm_place here = *place;
    if (is_terminal_size(key)) here.owners_count = 0;
    attribute(r, &here, FCM_FACT_ENVIRONMENT, fcm_recorder_fact(r, Py_NewRef(key)), false);
}

static bool reads_for_itself(const struct fcm_place *place) {
    return !place->importing && (place->by_us || place->by_framework);
}

// Whether the running lookup is made by the iteration over the environment's items or values.
static bool is_by_view(void) {
    PyFrameObject *frame = PyEval_GetFrame(); // os._Environ.__getitem__
    PyFrameObject *caller = frame ? PyFrame_GetBack(frame) : NULL;
    if (!caller) return false;
    PyCodeObject *code = PyFrame_GetCode(caller);
    bool is = PyUnicode_CompareWithASCIIString(code->co_name, "__iter__") == 0;
    Py_DECREF(code);
    Py_DECREF(caller);
    return is;
}

void fcm_recorder_note_variable(struct fcm_recorder *r, PyObject *key) {
    const char *name = PyBytes_AS_STRING(key);
    // The version of pytest is in the options' key.
    if (strcmp(name, "PYTEST_VERSION") == 0 || strncmp(name, "FASTCOLLECT_META_", 17) == 0) return;
    struct fcm_place place;
    fcm_recorder_place(r, &place);
    if (reads_for_itself(&place)) return;
    // A copy of the environment comes to every key first and then looks each up.
    if (r->iterated && r->iterated_epoch == r->epoch && r->iterated_inner == place.inner) {
        int iterated = PySet_Discard(r->iterated, key);
        PyErr_Clear();
        if (iterated == 1 && (r->iterated_all || is_by_view())) return;
    }
    attribute_variable(r, &place, key);
}

// The code and line that iterate over the environment, outside of the mapping's own. New reference,
// or NULL.
static PyObject *iterating_code(int *ret_line) {
    PyFrameObject *frame = (PyFrameObject *)Py_XNewRef(PyEval_GetFrame());
    while (frame) {
        PyObject *globals = fcm_frame_globals(frame);
        PyObject *name = globals ? PyDict_GetItemString(globals, "__name__") : NULL;
        bool outside = !name || !PyUnicode_Check(name) ||
                       (PyUnicode_CompareWithASCIIString(name, "os") != 0 &&
                        PyUnicode_CompareWithASCIIString(name, "collections.abc") != 0 &&
                        PyUnicode_CompareWithASCIIString(name, "_collections_abc") != 0);
        Py_XDECREF(globals);
        if (outside) break;
        PyFrameObject *back = PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    if (!frame) return NULL;
    *ret_line = PyFrame_GetLineNumber(frame);
    PyObject *code = (PyObject *)PyFrame_GetCode(frame);
    Py_DECREF(frame);
    return code;
}

// Attributes what an iteration is after. Whether that is everything.
static bool attribute_iteration(struct fcm_recorder *r, const struct fcm_place *place,
                                PyObject *code, int line) {
    PyObject *names = code && r->names_iterated
                          ? PyObject_CallFunction(r->names_iterated, "Oi", code, line)
                          : NULL;
    PyErr_Clear();
    if (!names || !PyList_Check(names)) Py_XSETREF(names, Py_BuildValue("[y]", "*"));
    bool all = false;
    for (Py_ssize_t i = 0; names && i < PyList_GET_SIZE(names); i++) {
        PyObject *name = PyList_GET_ITEM(names, i);
        if (!PyBytes_Check(name)) continue;
        all |= strcmp(PyBytes_AS_STRING(name), "*") == 0;
        attribute_variable(r, place, name);
    }
    if (!names) r->broken = true;
    Py_XDECREF(names);
    return all;
}

void fcm_recorder_note_iteration(struct fcm_recorder *r, PyObject *key) {
    struct fcm_place place;
    fcm_recorder_place(r, &place);
    if (reads_for_itself(&place)) return;
    int line = 0;
    PyObject *code = iterating_code(&line);
    if (!r->iterated || r->iterated_code != code || r->iterated_line != line ||
        r->iterated_epoch != r->epoch || r->iterated_inner != place.inner) {
        Py_XSETREF(r->iterated, PySet_New(NULL));
        Py_XSETREF(r->iterated_code, Py_XNewRef(code));
        r->iterated_line = line;
        r->iterated_epoch = r->epoch;
        r->iterated_inner = place.inner;
        r->iterated_all = place.copies || attribute_iteration(r, &place, code, line);
    }
    Py_XDECREF(code);
    if (!r->iterated || PySet_Add(r->iterated, key) < 0) r->broken = true;
    PyErr_Clear();
}

static void on_exec(struct fcm_recorder *r, PyObject *args) { r->epoch++; }

static const struct {
    const char *event;
    Py_ssize_t arguments; // at least
    void (*on_event)(struct fcm_recorder *r, PyObject *args);
} events[] = {
    {"open", 3, on_open},
    {"exec", 0, on_exec},
    {"os.listdir", 1, on_list},
    {"os.scandir", 1, on_list},
    {"ctypes.dlopen", 1, on_file},
    {"sqlite3.connect", 1, on_file},
    {"socket.gethostname", 0, on_host_name},
    {"tempfile.mkdtemp", 1, on_scratch},
    {"tempfile.mkstemp", 1, on_scratch},
    {"subprocess.Popen", 1, NULL},
    {"os.fork", 0, NULL},
    {"os.forkpty", 0, NULL},
    {"os.posix_spawn", 0, NULL},
    {"os.exec", 0, NULL},
    {"os.system", 0, NULL},
    {"pty.spawn", 0, NULL},
    {"socket.connect", 0, NULL},
    {"socket.bind", 0, NULL},
    {"socket.sendto", 0, NULL},
    {"socket.sendmsg", 0, NULL},
    {"socket.getaddrinfo", 0, NULL},
    {"socket.gethostbyname", 0, NULL},
    {"socket.gethostbyaddr", 0, NULL},
};

int fcm_recorder_audit(const char *event, PyObject *args, void *userdata) {
    struct fcm_recorder *r = userdata;
    if (!r->active || r->busy) return 0;
    // Most events are none of these: their first letters tell.
    if (!event[0] || !strchr("oescpt", event[0])) return 0;
    for (size_t i = 0; i < Py_ARRAY_LENGTH(events); i++) {
        if (strcmp(event, events[i].event) != 0) continue;
        if (!args || PyTuple_GET_SIZE(args) < events[i].arguments) return 0;
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        r->busy = true;
        if (events[i].on_event)
            events[i].on_event(r, args);
        else
            on_outside(r, event, args);
        r->busy = false;
        PyErr_Clear();
        PyErr_Restore(type, value, traceback);
        return 0;
    }
    return 0;
}
