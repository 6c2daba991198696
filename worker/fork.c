#include <Python.h>

#include "fork.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static uint32_t micros_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t micros =
        (now.tv_sec - start->tv_sec) * INT64_C(1000000) + (now.tv_nsec - start->tv_nsec) / 1000;
    if (micros < 0) return 0;
    return micros > UINT32_MAX ? UINT32_MAX : (uint32_t)micros;
}

pid_t fcm_fork(uint32_t *ret_micros) {
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    // What os.fork() does: the import lock is held over the fork, hooks of os.register_at_fork()
    // run.
    PyOS_BeforeFork();
    pid_t pid = fork();
    int saved = errno;
    if (pid == 0) {
        PyOS_AfterFork_Child();
        return 0;
    }
    PyOS_AfterFork_Parent();
    if (pid < 0) return -saved;
    *ret_micros = micros_since(&start);
    return pid;
}
