// The hash secret of the main process, handed to an embedded interpreter: the program's own
// getrandom() stands before libc's, and the interpreter takes its secret from there.
#pragma once

#include <stddef.h>

enum { FCM_SECRET_SIZE = 24 }; // sizeof(_Py_HashSecret_t)

// Reads the secret from `hex` (48 digits), to be given out once. NULL clears it. -EINVAL.
int fcm_secret_set(const char *hex);
