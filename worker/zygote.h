// The zygote's loop: an interpreter that has pytest prepared forks a worker whenever it is told to.
#pragma once

#include <stdint.h>

// What a fresh worker gets to know.
struct fcm_zygote_child {
    uint32_t worker; // number that the coordinator gave it
    int channel;     // its own channel, owned by the caller, close-on-exec
    int err;         // file for its stderr, owned by the caller, or -1
};

// Answers Fork and Reap frames until the channel ends or a Goodbye comes: returns 0 then. Returns 1
// in each child that it forked, isolated (guard.h), with *ret_child; -errno; -EINTR with a Python
// exception set. Takes over fd. Called with the GIL, in a process with one thread of Python.
int fcm_zygote_serve(int fd, struct fcm_zygote_child *ret_child);
