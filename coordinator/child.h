// Processes that the coordinator starts or looks after: exec, signals, death, what they used.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "util.h"

// What to execute.
struct fcm_child_spec {
    char *const *argv; // argv[0] is the program's path
    char *const *envp;
    const char *cwd; // NULL: the coordinator's
    int channel_fd;  // kept open across exec under the same number; -1 none
    int stderr_fd;   // becomes its stderr; -1: /dev/null
};

// To be called once, before the first child: remembers how signals were set, so that children get
// them that way, ignores those that main answers for, and adopts orphans of the children.
int fcm_child_setup(void);

// Starts it: own session, stdin and stdout /dev/null, killed when the coordinator dies. Returns 0
// when the program has been executed, otherwise the negative errno of what failed.
int fcm_child_spawn(const struct fcm_child_spec *spec, pid_t *ret_pid);

// A descriptor that becomes readable when the process dies; -ENOSYS, -errno.
int fcm_child_pidfd(pid_t pid);

// Whether the process is dead (or a zombie); for kernels without pidfd.
bool fcm_child_is_dead(pid_t pid);

// Sends a signal to the process and, where it leads one of its own, to its process group.
void fcm_child_signal(pid_t pid, int signal);

// SIGKILL to what is left of the process group that a dead process led.
void fcm_child_kill_group(pid_t pid);

// Reaps dead children until it meets one of those that is_awaited() claims, which stay as they are.
void fcm_child_reap_others(bool (*is_awaited)(const void *data, pid_t pid), const void *data);

// Collects the status of a dead child: 1, 0 while it lives, -ECHILD when it isn't ours.
int fcm_child_reap(pid_t pid, int *ret_status);

// Kills and reaps every child, and every orphan that is adopted meanwhile; gives up after
// timeout_ms. Returns 0, or -ETIMEDOUT.
int fcm_child_end_all(int timeout_ms);

// Seconds of CPU that a process has used; works on a zombie too. 0 when it is gone.
double fcm_child_cpu(pid_t pid);

// How many threads a process has, 0 when it is gone.
int fcm_child_threads(pid_t pid);

// Number of processes that the kernel killed for lack of memory since it started; -1 unknown.
long long fcm_child_oom_kills(void);

// "SIGSEGV" or "exit status 3" for a wait status.
void fcm_child_describe(int status, char *buffer, size_t size);

// An unnamed file in memory to catch what a process prints; -errno.
int fcm_child_memory_file(const char *name);

// The end of such a file as text: at most `size` - 1 bytes, whole lines if they fit. Returns its
// length.
size_t fcm_child_tail(int fd, char *buffer, size_t size);
