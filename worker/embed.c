#include <Python.h>

#include "embed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Python is told that it is `executable`: from there it finds pyvenv.cfg, its prefix and its
// library. sys.orig_argv gets it too, as it would have it in the user's own interpreter.
static PyStatus configure(PyConfig *config, int argc, char **argv, const char *executable) {
    PyStatus status = PyConfig_SetBytesString(config, &config->program_name, executable);
    if (PyStatus_Exception(status)) return status;
    status = PyConfig_SetBytesString(config, &config->executable, executable);
    if (PyStatus_Exception(status)) return status;
    return PyConfig_SetBytesArgv(config, argc, argv);
}

int fcm_embed_run(int argc, char **argv, const char *executable) {
    char **args = calloc((size_t)argc + 1, sizeof(*args));
    if (!args) {
        fprintf(stderr, "fastcollect-meta-worker: out of memory; not started\n");
        return 1;
    }
    memcpy(args, argv, (size_t)argc * sizeof(*args));
    char *name = strdup(executable);
    if (name) args[0] = name;

    // Options such as -X utf8, -E and -I have to be known before anything is decoded.
    PyPreConfig preconfig;
    PyPreConfig_InitPythonConfig(&preconfig);
    PyStatus status = Py_PreInitializeFromBytesArgs(&preconfig, argc, args);
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);

    PyConfig config;
    PyConfig_InitPythonConfig(&config);
    status = configure(&config, argc, args, executable);
    if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
    PyConfig_Clear(&config);
    free(name);
    free(args);
    if (PyStatus_Exception(status)) Py_ExitStatusException(status);
    return Py_RunMain();
}
