// fork() of a process that holds a Python interpreter.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// Returns 0 in the child and its pid in the parent, or -errno. *ret_micros (parent only) is the
// time that it took, with what the interpreter does before and after. Called with the GIL.
pid_t fcm_fork(uint32_t *ret_micros);
