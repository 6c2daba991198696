// The extension module fastcollect_meta._native: records in both directions. `encode` reads
// pytest's nodes and packs a record; the type Record unpacks one, answers for single nodes and
// builds lazy nodes. See _native.pyi for the interface as Python sees it.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "containers.h"
#include "context.h"
#include "introspect.h"
#include "pyrecord.h"
#include "record.h"

static PyObject *native_encode(PyObject *module, PyObject *args) {
    PyObject *root, *children, *extras;
    if (!PyArg_ParseTuple(args, "OO!O!", &root, &PyDict_Type, &children, &PyDict_Type, &extras))
        return NULL;
    PyObject *support = PyImport_ImportModule("fastcollect_meta.introspection");
    if (!support) return NULL;
    PyObject *packed = fcm_introspect(root, children, extras, support);
    Py_DECREF(support);
    return packed;
}

// The interpreter's secret for hashes of str and bytes, which it exports for its own extension
// modules. Its headers don't declare it any more.
#if PY_VERSION_HEX >= 0x030D0000
PyAPI_DATA(unsigned char) _Py_HashSecret[24];
#endif

static PyObject *native_hash_secret(PyObject *module, PyObject *unused) {
    return PyBytes_FromStringAndSize((const char *)&_Py_HashSecret, sizeof _Py_HashSecret);
}

static PyObject *native_context_digest(PyObject *module, PyObject *args) {
    const char *paths;
    Py_ssize_t size;
    uint8_t digest[FCM_CONTEXT_SIZE];
    if (!PyArg_ParseTuple(args, "y#", &paths, &size)) return NULL;
    fcm_context_digest(fcm_slice_of(paths, (size_t)size), digest);
    return PyBytes_FromStringAndSize((const char *)digest, FCM_CONTEXT_SIZE);
}

// Calls `original` with all arguments, then `finished` with the last one. `state`: (original,
// finished).
static PyObject *followed_call(PyObject *state, PyObject *const *args, Py_ssize_t count) {
    PyObject *result = PyObject_Vectorcall(PyTuple_GET_ITEM(state, 0), args, (size_t)count, NULL);
    if (!result || count == 0) return result;
    PyObject *done = PyObject_CallOneArg(PyTuple_GET_ITEM(state, 1), args[count - 1]);
    if (!done) Py_CLEAR(result);
    Py_XDECREF(done);
    return result;
}

static PyMethodDef followed_definition = {"followed", (PyCFunction)(void (*)(void))followed_call,
                                          METH_FASTCALL, NULL};

static PyObject *native_followed(PyObject *module, PyObject *args) {
    PyObject *original, *finished;
    if (!PyArg_ParseTuple(args, "OO", &original, &finished)) return NULL;
    PyObject *function = PyCFunction_New(&followed_definition, args);
    PyObject *method = function ? PyInstanceMethod_New(function) : NULL;
    Py_XDECREF(function);
    return method;
}

static PyMethodDef native_methods[] = {
    {"changed_sizes", fcm_changed_sizes, METH_VARARGS,
     "changed_sizes(containers, sizes, /)\n--\n\n"
     "Indices of the containers whose length isn't what `sizes` says, which says it afterwards."},
    {"unknown_keys", fcm_unknown_keys, METH_VARARGS,
     "unknown_keys(dict, known, /)\n--\n\nKeys of the dict, of type str, that aren't in the set."},
    {"followed", native_followed, METH_VARARGS,
     "followed(original, finished, /)\n--\n\n"
     "A method that calls `original`, then `finished` with its last argument, in no frame of its "
     "own."},
    {"context_digest", native_context_digest, METH_VARARGS,
     "context_digest(paths, /)\n--\n\nThe digest of registrars: their paths joined by NUL."},
    {"hash_secret", native_hash_secret, METH_NOARGS,
     "hash_secret()\n--\n\nThe secret of this process's hashes of str and bytes."},
    {"encode", native_encode, METH_VARARGS,
     "encode(root, children, extras, /)\n--\n\n"
     "Pack what pytest's collection made of the collector `root` as a Record message."},
    {NULL, NULL, 0, NULL},
};

static int native_exec(PyObject *module) {
    if (PyModule_AddIntConstant(module, "RECORD_FORMAT", FCM_RECORD_FORMAT) < 0) return -1;
    return fcm_pyrecord_register(module);
}

static PyModuleDef_Slot native_slots[] = {
    {Py_mod_exec, native_exec},
    {0, NULL},
};

static struct PyModuleDef native_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "fastcollect_meta._native",
    .m_doc = "Records: from pytest's nodes, and to lazy nodes.",
    .m_methods = native_methods,
    .m_slots = native_slots,
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&native_module); }
