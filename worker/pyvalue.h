// Python objects as values (schema/value.h). Both directions run with the GIL held.
#pragma once

#include <Python.h>

#include "value.h"

struct fcm_value_writer {
    size_t size;
    uint8_t bytes[FCM_VALUE_MAX];
};

// Writes `object` from the start of the buffer. Returns 1 when it was written, 0 when it is not of
// the types that travel by value, or too large or too deep (the buffer is then undefined), -1 with
// an exception set.
int fcm_value_write(struct fcm_value_writer *writer, PyObject *object);

// Reads one whole value. A new reference, or NULL with an exception (ValueError for malformed
// bytes).
PyObject *fcm_value_read(const void *bytes, size_t size);
