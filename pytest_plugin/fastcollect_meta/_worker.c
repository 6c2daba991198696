// The worker's core for Python: the zygote's loop, and what sets a worker apart.
#include <Python.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "fork.h"
#include "guard.h"
#include "zygote.h"

static PyObject *os_error(int r) {
    if (!PyErr_Occurred()) {
        errno = -r;
        PyErr_SetFromErrno(PyExc_OSError);
    }
    return NULL;
}

static int int_arg(PyObject *arg, int *ret_value) {
    long value = PyLong_AsLong(arg);
    if (value == -1 && PyErr_Occurred()) return -1;
    if (value < INT_MIN || value > INT_MAX) {
        PyErr_SetString(PyExc_OverflowError, "no int");
        return -1;
    }
    *ret_value = (int)value;
    return 0;
}

static PyObject *worker_serve(PyObject *module, PyObject *arg) {
    int fd;
    if (int_arg(arg, &fd) < 0) return NULL;
    struct fcm_zygote_child child;
    int r = fcm_zygote_serve(fd, &child);
    if (r < 0) return os_error(r);
    if (r == 0) Py_RETURN_NONE;
    return Py_BuildValue("(Iii)", (unsigned)child.worker, child.channel, child.err);
}

static PyObject *worker_fork(PyObject *module, PyObject *unused) {
    uint32_t micros;
    pid_t pid = fcm_fork(&micros);
    if (pid < 0) return os_error((int)pid);
    return PyLong_FromLong(pid);
}

static PyObject *worker_isolate(PyObject *module, PyObject *arg) {
    int parent;
    if (int_arg(arg, &parent) < 0) return NULL;
    int r = fcm_guard_isolate((pid_t)parent);
    if (r < 0) return os_error(r);
    Py_RETURN_NONE;
}

static PyObject *worker_adopt(PyObject *module, PyObject *arg) {
    int adopt;
    if (int_arg(arg, &adopt) < 0) return NULL;
    bool before;
    int r = fcm_guard_adopt(adopt != 0, &before);
    if (r < 0) return os_error(r);
    return PyBool_FromLong(before);
}

static PyObject *worker_raise_fd(PyObject *module, PyObject *arg) {
    int fd;
    if (int_arg(arg, &fd) < 0) return NULL;
    int raised;
    int r = fcm_guard_raise_fd(fd, &raised);
    if (r < 0) return os_error(r);
    return PyLong_FromLong(raised);
}

static PyObject *worker_redirect_stdio(PyObject *module, PyObject *arg) {
    int err;
    if (int_arg(arg, &err) < 0) return NULL;
    int high_out;
    int high_err;
    int r = fcm_guard_stdio(err, &high_out, &high_err);
    if (r < 0) return os_error(r);
    return Py_BuildValue("(ii)", high_out, high_err);
}

static PyObject *worker_identify(PyObject *module, PyObject *arg) {
    int fd;
    if (int_arg(arg, &fd) < 0) return NULL;
    struct fcm_guard_identity identity;
    if (fcm_guard_identify(fd, &identity) < 0) Py_RETURN_NONE;
    return Py_BuildValue("(KK)", (unsigned long long)identity.device,
                         (unsigned long long)identity.inode);
}

static PyObject *worker_flush_stdio(PyObject *module, PyObject *unused) {
    fflush(stdout);
    fflush(stderr);
    Py_RETURN_NONE;
}

static PyMethodDef worker_methods[] = {
    {"serve", worker_serve, METH_O,
     "serve(fd)\n--\n\n"
     "Fork workers as told over the channel `fd`, which is taken over. Returns None in the zygote "
     "when\n"
     "the coordinator is done, and (worker, channel, stderr or -1) in each child."},
    {"fork", worker_fork, METH_NOARGS,
     "fork()\n--\n\n"
     "os.fork() without its warning about native threads. For a process with one thread of "
     "Python."},
    {"isolate", worker_isolate, METH_O,
     "isolate(parent)\n--\n\n"
     "New session, death with the process `parent` (0: whichever is the parent), no core files."},
    {"adopt", worker_adopt, METH_O,
     "adopt(adopt)\n--\n\n"
     "Whether this process becomes the parent of orphaned descendants; returns whether it was."},
    {"raise_fd", worker_raise_fd, METH_O,
     "raise_fd(fd)\n--\n\nMove a descriptor to a high number, close-on-exec; `fd` is closed."},
    {"redirect_stdio", worker_redirect_stdio, METH_O,
     "redirect_stdio(err)\n--\n\n"
     "stdin unreadable, stdout to a memory file, stderr to the file `err` (-1: to a memory file).\n"
     "Returns high-numbered descriptors (out, err) of the files."},
    {"identify", worker_identify, METH_O,
     "identify(fd)\n--\n\n(device, inode) of an open descriptor, None for a closed one."},
    {"flush_stdio", worker_flush_stdio, METH_NOARGS,
     "flush_stdio()\n--\n\nWrite what C's stdout and stderr have buffered."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot worker_slots[] = {
    {0, NULL},
};

static struct PyModuleDef worker_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_worker",
    .m_doc = "The worker's core: the zygote's loop, and what sets a worker apart.",
    .m_methods = worker_methods,
    .m_slots = worker_slots,
};

PyMODINIT_FUNC PyInit__worker(void);
PyMODINIT_FUNC PyInit__worker(void) { return PyModuleDef_Init(&worker_module); }
