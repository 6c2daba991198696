#include "io.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

enum {
    MAX_FDS = 8,
    IO_FD_HIGH = 200, // where raised descriptors start
};

ssize_t fcm_io_read(int fd, void *buffer, size_t size) {
    for (;;) {
        ssize_t n = read(fd, buffer, size);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

ssize_t fcm_io_write(int fd, const void *buffer, size_t size) {
    for (;;) {
        ssize_t n = write(fd, buffer, size);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

int fcm_io_wait(int fd, short events, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = events};
    int n = poll(&p, 1, timeout_ms);
    return n < 0 ? -errno : n;
}

// Waits through signals; for callers that have nothing else to do.
static int wait_through(int fd, short events) {
    int r;
    do r = fcm_io_wait(fd, events, -1);
    while (r == -EINTR);
    return r < 0 ? r : 0;
}

int fcm_io_read_full(int fd, void *buffer, size_t size) {
    uint8_t *p = buffer;
    while (size > 0) {
        ssize_t n = fcm_io_read(fd, p, size);
        if (n == -EAGAIN)
            n = wait_through(fd, POLLIN);
        else if (n == 0)
            return -ENODATA;
        if (n < 0) return (int)n;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

int fcm_io_write_full(int fd, const void *buffer, size_t size) {
    const uint8_t *p = buffer;
    while (size > 0) {
        ssize_t n = fcm_io_write(fd, p, size);
        if (n == -EAGAIN) n = wait_through(fd, POLLOUT);
        if (n < 0) return (int)n;
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

int fcm_io_socketpair(int ret_fds[2]) {
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0 ? -errno
                                                                                           : 0;
}

int fcm_io_duplicate(int fd) {
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    return copy < 0 ? -errno : copy;
}

int fcm_io_raise(int fd) {
    int raised = fd < 0 ? fd : fcntl(fd, F_DUPFD_CLOEXEC, IO_FD_HIGH);
    if (raised < 0) return fd;
    close(fd);
    return raised;
}

int fcm_io_set_nonblock(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
    return 0;
}

int fcm_io_set_cloexec(int fd, int on) {
    return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

ssize_t fcm_io_send(int fd, const void *head, size_t head_size, const void *body, size_t body_size,
                    const int *fds, size_t count) {
    if (count > MAX_FDS) return -EINVAL;
    struct iovec parts[2] = {
        {.iov_base = (void *)(uintptr_t)head, .iov_len = head_size},
        {.iov_base = (void *)(uintptr_t)body, .iov_len = body_size},
    };
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
    } control = {0};
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * count);
    }
    for (;;) {
        ssize_t n = sendmsg(fd, &message, MSG_NOSIGNAL);
        if (n >= 0) return n;
        if (errno != EINTR) return -errno;
    }
}

ssize_t fcm_io_receive(int fd, void *buffer, size_t size, int *ret_fds, size_t max,
                       size_t *ret_count) {
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
    } control;
    struct msghdr message;
    ssize_t n;
    do {
        message = (struct msghdr){
            .msg_iov = &part,
            .msg_iovlen = 1,
            .msg_control = control.bytes,
            .msg_controllen = sizeof control.bytes,
        };
        n = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return -errno;

    size_t count = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < here; i++) {
            int got;
            memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (count < max)
                ret_fds[count++] = got;
            else
                close(got);
        }
    }
    *ret_count = count;
    return n;
}

int fcm_io_read_file(const char *path, size_t max, char **ret_bytes, size_t *ret_size) {
    FCM_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    size_t size = 0, capacity = 4096;
    FCM_AUTO_FREE char *bytes = malloc(capacity);
    if (!bytes) return -ENOMEM;
    for (;;) {
        // One byte stays free for the NUL.
        ssize_t n = fcm_io_read(fd, bytes + size, capacity - size - 1);
        if (n < 0) return (int)n;
        if (n == 0) break;
        size += (size_t)n;
        if (size > max) return -EFBIG;
        if (capacity - size > 1) continue;
        char *grown = realloc(bytes, capacity * 2);
        if (!grown) return -ENOMEM;
        bytes = grown;
        capacity *= 2;
    }
    bytes[size] = '\0';
    *ret_bytes = fcm_take(&bytes);
    *ret_size = size;
    return 0;
}

static int write_and_sync(const char *path, const void *bytes, size_t size, mode_t mode) {
    FCM_AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0) return -errno;
    int r = fcm_io_write_full(fd, bytes, size);
    if (r < 0) return r;
    return fdatasync(fd) < 0 ? -errno : 0;
}

int fcm_io_write_file(const char *path, const void *bytes, size_t size, mode_t mode) {
    FCM_AUTO_FREE char *temporary = NULL;
    if (asprintf(&temporary, "%s.%d.tmp", path, (int)getpid()) < 0) {
        temporary = NULL;
        return -ENOMEM;
    }
    // One of that name can only be left from a process that died and had our pid.
    if (unlink(temporary) < 0 && errno != ENOENT) return -errno;
    int r = write_and_sync(temporary, bytes, size, mode);
    if (r == 0 && rename(temporary, path) < 0) r = -errno;
    if (r < 0) unlink(temporary);
    return r;
}
