// Reads the nodes that pytest's collection made of one collector and writes them as a Record. Runs
// in a worker, and in the main process for what that collects itself; with the GIL held.
#pragma once

#include <Python.h>

// `root` is the collector; `children` a dict from each collected collector to the list of its
// children; `extras` a dict:
//   warnings: list of dicts with the fields of WarningRaised     skip: (path: str, line: int,
//   message: str) captured_out, captured_err: bytes                            duration: float
//   dependencies: dict with the fields of Dependencies
// each of them optional. `support` is the module fastcollect_meta.introspection.
// Returns the packed message as new bytes, or NULL with an exception; reasons.Unrepresentable where
// a node can't be represented exactly.
PyObject *fcm_introspect(PyObject *root, PyObject *children, PyObject *extras, PyObject *support);
