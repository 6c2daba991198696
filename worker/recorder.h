// What the collection of a file depends on: who imported whom, which files, folders and variables
// were read, and by which module. One recorder per process (its audit hook can never be removed);
// runs in the zygote, in workers and in pytest's main process, always with the GIL held. Nothing
// here raises: what cannot be recorded makes the recorder `broken`, and then no record may be kept.
#pragma once

#include <Python.h>

#include <frameobject.h>

#include "graph.h"

// Who a module belongs to, by its name and where its file lies.
enum fcm_owner {
    FCM_OWNER_STDLIB,    // also built-in modules
    FCM_OWNER_SITE,      // an installed distribution
    FCM_OWNER_FRAMEWORK, // pytest and what drives it
    FCM_OWNER_OURS,
    FCM_OWNER_PROJECT, // everything else
};

// A module's name, its nodes (one per file) and the submodules that it has.
struct fcm_module_name {
    PyObject *text;
    struct fcm_numbers nodes;
    struct fcm_numbers children; // names
    uint32_t latest;             // node of the spec found last, plus one
    uint32_t loaded;             // node of the module that was found loaded last, plus one
};

// What belongs to a node besides its edges and facts. A root has no name: it stands for a test
// file, or, root 0, for what is there before the first one.
struct fcm_module {
    uint32_t name;      // plus one
    PyObject *file;     // str, or NULL
    PyObject *code;     // of its top level, or NULL
    PyObject *mentions; // set of strings in its code, if it may look modules up by them, or NULL
    uint32_t mentions_version; // how many nodes they have been compared with
    PyObject *words;           // set of names that its code uses, or NULL
    PyObject *reason;          // why it is volatile, or NULL
    struct fcm_numbers bound;  // names of modules that its code holds and may take attributes of
    enum fcm_owner owner;
    unsigned owner_version; // of the prefixes that `owner` was found with
};

// An entry of the table of imports that need no second look.
struct fcm_seen_import {
    PyObject *globals; // borrowed, compared only
    PyObject *name;
    PyObject *fromlist;
    long level;
    uint64_t epoch;
};
#define FCM_SEEN_IMPORTS 4096

// An extension module that is being loaded: no Python frame stands for it.
struct fcm_loading {
    struct fcm_loading *outer;
    uint32_t node;
    PyFrameObject *frame; // that called the loader
    PyThreadState *thread;
};

struct fcm_prefix {
    char *text;
    size_t size;
    enum fcm_owner owner;
};

struct fcm_recorder {
    bool installed;
    bool active;
    bool broken;
    bool busy; // our own code runs: its events are not the user's
    uint64_t epoch;

    struct fcm_graph graph;
    struct fcm_module *modules; // one for each node
    uint32_t modules_room;
    struct fcm_module_name *names;
    uint32_t names_count;
    uint32_t names_room;
    PyObject *name_ids; // dict: str -> int
    PyObject *node_ids; // dict: (str, str or None) -> int
    PyObject *root_ids; // dict: str -> int
    PyObject *fact_ids; // dict: bytes -> int
    PyObject *facts;    // list of bytes
    PyObject
        *scratch; // list of bytes: temporary files and folders that this process has made, or NULL
    PyObject *fresh; // list of tuples: modules whose file and search nobody has looked at yet

    struct fcm_numbers open_roots; // files being collected, innermost last
    PyFrameObject
        *floor; // frame of the module, if any, that was being imported when the file began
    PyThreadState *thread; // that collects the file, while there is one
    struct fcm_loading *loading;
    struct fcm_prefix *prefixes;
    size_t prefixes_count;
    unsigned prefixes_version;
    PyObject
        *names_iterated; // function(code, line) -> [bytes]: variables that an iteration is after
    PyObject *iterated;  // set: variables that an iteration came to and nobody looked up since...
    PyObject *iterated_code; // ...in this code...
    int iterated_line;
    uint64_t iterated_epoch; // ...in this epoch...
    uint32_t iterated_inner; // ...at this place...
    bool iterated_all;       // ...that is after all of them
    PyObject *search_path;   // tuple: sys.path as it was seen last
    struct fcm_seen_import seen[FCM_SEEN_IMPORTS];

    // what we replaced
    PyObject *import;
    PyObject *gcd_import;
    PyObject *find_spec;
    PyObject *create_dynamic;
    PyObject *exec_dynamic;
};

// Where the running thread is.
#define FCM_PLACE_OWNERS 48
struct fcm_place {
    uint32_t inner; // innermost module being imported, else the file being collected, else root 0
    bool importing; // `inner` is a module
    bool by_us;     // the innermost code that isn't the standard library's is ours
    bool by_framework; // the same, for pytest
    bool copies; // standard library code that copies the environment to restore or to pass it on
    uint32_t
        owners[FCM_PLACE_OWNERS]; // modules whose functions run inside of `inner`, innermost first
    unsigned owners_count;
};

// The process's recorder.
extern struct fcm_recorder fcm_recorder;

// Makes the tables. -1 with a Python exception.
int fcm_recorder_init(struct fcm_recorder *r);

// Number of a name; of the node for a module's name and file (file may be NULL); of the root for a
// path. -1 where it fails, with no exception set and the recorder broken; with `create` false also
// for what isn't there.
int64_t fcm_recorder_name(struct fcm_recorder *r, PyObject *text, bool create);
int64_t fcm_recorder_node(struct fcm_recorder *r, PyObject *name, PyObject *file, bool create);
int64_t fcm_recorder_root(struct fcm_recorder *r, PyObject *path);
// Number of a path or a variable's name. Steals `bytes`, which may be NULL.
int64_t fcm_recorder_fact(struct fcm_recorder *r, PyObject *bytes);

// The node of the module with these globals, -1 if none; makes it if `create`.
int64_t fcm_recorder_node_of_globals(struct fcm_recorder *r, PyObject *globals, bool create);

enum fcm_owner fcm_recorder_owner(struct fcm_recorder *r, uint32_t node);
enum fcm_owner fcm_recorder_path_owner(const struct fcm_recorder *r, const char *path);
void fcm_recorder_add_edge(struct fcm_recorder *r, uint32_t from, uint32_t to);
void fcm_recorder_add_fact(struct fcm_recorder *r, uint32_t node, enum fcm_fact kind, int64_t fact);
void fcm_recorder_place(struct fcm_recorder *r, struct fcm_place *ret);

// Frames: new references, NULL at the end.
PyObject *fcm_frame_globals(PyFrameObject *frame);
// Whether the frame belongs to the import system.
bool fcm_frame_is_importlib(PyFrameObject *frame);

// recorder_import.c: notes an import that has just been made by code with these globals. `called`
// says that a function of the import system was called with a name, rather than an import statement
// run.
void fcm_recorder_note_import(struct fcm_recorder *r, PyObject *globals, PyObject *name,
                              PyObject *fromlist, long level, bool called);
// The replacements for what they are named after. 0, or -1 with an exception.
int fcm_recorder_hook_imports(struct fcm_recorder *r);
int fcm_recorder_unhook_imports(struct fcm_recorder *r);

// recorder_audit.c: the audit hook, and the notes of the environment's keys.
int fcm_recorder_audit(const char *event, PyObject *args, void *userdata);
void fcm_recorder_note_variable(struct fcm_recorder *r, PyObject *key);
void fcm_recorder_note_iteration(struct fcm_recorder *r, PyObject *key);

// recorder_closure.c: everything that can be reached from `roots`, as nodes in `order`.
int fcm_recorder_closure(struct fcm_recorder *r, struct fcm_numbers *roots,
                         struct fcm_numbers *order);
