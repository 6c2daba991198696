#include "manifest_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "io.h"
#include "util.h"

#define RETRY_NANOSECONDS 5000000

static char *beside(const char *path, const char *suffix) {
    char *name;
    return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

int fcm_manifest_lock(const char *path, unsigned timeout, int *ret_fd) {
    FCM_AUTO_FREE char *name = beside(path, ".lock");
    if (!name) return -ENOMEM;
    FCM_AUTO_CLOSE int fd =
        open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0666);
    if (fd < 0) return -errno;
    /* polled, since a lock that is waited for can't time out; a lock of this kind goes with its
     * last descriptor */
    uint64_t tries = (uint64_t)timeout * 1000000000 / RETRY_NANOSECONDS;
    for (;;) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_SETLK, &lock) == 0) break;
        if (errno != EAGAIN && errno != EACCES && errno != EINTR) return -errno;
        if (tries-- == 0) return -EBUSY;
        nanosleep(&(struct timespec){.tv_nsec = RETRY_NANOSECONDS}, NULL);
    }
    *ret_fd = fcm_take_fd(&fd);
    return 0;
}

/* Unlocks as well as closes: a child that was forked meanwhile may hold the descriptor too. */
void fcm_manifest_unlock(int *fd) {
    if (*fd < 0) return;
    struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    (void)fcntl(*fd, F_OFD_SETLK, &lock);
    close(*fd);
    *fd = -1;
}

static int write_synced(const char *name, struct fcm_slice bytes) {
    FCM_AUTO_CLOSE int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) return -errno;
    int r = fcm_io_write_full(fd, bytes.data, bytes.size);
    if (r < 0) return r;
    if (fsync(fd) < 0) return -errno;
    return close(fcm_take_fd(&fd)) < 0 ? -errno : 0;
}

static int sync_folder(const char *path) {
    FCM_AUTO_FREE char *copy = strdup(path);
    if (!copy) return -ENOMEM;
    FCM_AUTO_CLOSE int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    /* some file systems can't sync a folder; the rename is done all the same */
    return fsync(fd) < 0 && errno != EINVAL && errno != ENOTSUP ? -errno : 0;
}

int fcm_manifest_replace(const char *path, struct fcm_slice bytes) {
    /* One name for all: only who holds the lock uses it, and what a killed writer left goes now. */
    FCM_AUTO_FREE char *name = beside(path, ".new");
    if (!name) return -ENOMEM;
    if (unlink(name) < 0 && errno != ENOENT) return -errno;
    int r = write_synced(name, bytes);
    if (r == 0 && rename(name, path) < 0) r = -errno;
    if (r < 0) {
        unlink(name);
        return r;
    }
    return sync_folder(path);
}
