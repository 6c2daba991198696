#include "guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

enum {
    GUARD_FD_HIGH = 1000, // where raised descriptors start, if the limit allows
    GUARD_FD_ROOM = 16,   // how far below the limit they start otherwise
};

int fcm_guard_isolate(pid_t parent) {
    // The leader of a process group can't have a new session; its group is its own anyway.
    if (setsid() < 0 && errno != EPERM) return -errno;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) return -errno;
    // It may have died before the signal was asked for.
    if (parent > 0 && getppid() != parent) return -ESRCH;

    struct rlimit core;
    if (getrlimit(RLIMIT_CORE, &core) < 0) return -errno;
    core.rlim_cur = 0;
    return setrlimit(RLIMIT_CORE, &core) < 0 ? -errno : 0;
}

int fcm_guard_adopt(bool adopt, bool *ret_before) {
    int before;
    if (prctl(PR_GET_CHILD_SUBREAPER, &before, 0, 0, 0) < 0) return -errno;
    if (prctl(PR_SET_CHILD_SUBREAPER, adopt, 0, 0, 0) < 0) return -errno;
    *ret_before = before != 0;
    return 0;
}

static int high_fd(void) {
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0) return 3;
    if (files.rlim_cur > GUARD_FD_HIGH + GUARD_FD_ROOM) return GUARD_FD_HIGH;
    if (files.rlim_cur > 4 * GUARD_FD_ROOM) return (int)files.rlim_cur - GUARD_FD_ROOM;
    return 3;
}

int fcm_guard_raise_fd(int fd, int *ret_fd) {
    FCM_AUTO_CLOSE int old = fd;
    int raised = fcntl(old, F_DUPFD_CLOEXEC, high_fd());
    if (raised < 0) return -errno;
    *ret_fd = raised;
    return 0;
}

// A memory file under a high number.
static int memory_file(const char *name, int *ret_fd) {
    int fd = memfd_create(name, MFD_CLOEXEC);
    if (fd < 0) return -errno;
    return fcm_guard_raise_fd(fd, ret_fd);
}

int fcm_guard_stdio(int err, int *ret_out, int *ret_err) {
    FCM_AUTO_CLOSE int high_out = -1;
    FCM_AUTO_CLOSE int high_err = -1;
    int r = memory_file("fastcollect-meta-stdout", &high_out);
    if (r < 0) return r;
    if (err >= 0) {
        high_err = fcntl(err, F_DUPFD_CLOEXEC, high_fd());
        if (high_err < 0) return -errno;
    } else {
        r = memory_file("fastcollect-meta-stderr", &high_err);
        if (r < 0) return r;
    }

    // Open for writing only: a module that reads from stdin gets an error instead of an end of
    // file, and goes the native way, where it may ask the user.
    FCM_AUTO_CLOSE int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null < 0) return -errno;
    if (dup2(null, STDIN_FILENO) < 0) return -errno;
    if (dup2(high_out, STDOUT_FILENO) < 0) return -errno;
    if (dup2(high_err, STDERR_FILENO) < 0) return -errno;
    // With a standard descriptor closed, open() may have taken its number.
    if (null <= STDERR_FILENO) null = -1;

    *ret_out = fcm_take_fd(&high_out);
    *ret_err = fcm_take_fd(&high_err);
    return 0;
}

int fcm_guard_identify(int fd, struct fcm_guard_identity *ret_identity) {
    struct stat status;
    if (fstat(fd, &status) < 0) return -errno;
    ret_identity->device = status.st_dev;
    ret_identity->inode = status.st_ino;
    return 0;
}
