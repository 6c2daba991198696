// What keeps a process that imports other people's modules apart from the rest: its session, its
// end when its parent ends, its stdio, the place of its channel. Called in a zygote or a fresh
// worker, before any test module is imported.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

// A session (and process group) of its own, death with `parent` (SIGKILL), no core files. -ESRCH
// when the parent is gone already. A process that leads a group keeps it.
int fcm_guard_isolate(pid_t parent);

// Whether this process becomes the parent of orphaned descendants. *ret_before: whether it was
// that already.
int fcm_guard_adopt(bool adopt, bool *ret_before);

// Moves a descriptor to a high number, out of the way of modules that count on low ones,
// close-on-exec. Takes over fd, also on failure.
int fcm_guard_raise_fd(int fd, int *ret_fd);

// stdin: reading fails. stdout: a memory file. stderr: the file `err`, or a memory file for -1.
// Returned are high-numbered descriptors of both files, close-on-exec, owned by the caller. `err`
// stays the caller's.
int fcm_guard_stdio(int err, int *ret_out, int *ret_err);

// Which file a descriptor is of; a module may close it or put another one in its place.
struct fcm_guard_identity {
    dev_t device;
    ino_t inode;
};
int fcm_guard_identify(int fd, struct fcm_guard_identity *ret_identity);
