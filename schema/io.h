// System calls on descriptors and files: safe against EINTR and short transfers, negative errno.
// Every descriptor made here is close-on-exec. This is the seam where tests make calls fail.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util.h"

// Up to `size` bytes; 0 at the end of file, -EAGAIN when a non-blocking descriptor has none.
ssize_t fcm_io_read(int fd, void *buffer, size_t size);
ssize_t fcm_io_write(int fd, const void *buffer, size_t size);

// All of it, waiting where the descriptor is non-blocking. -ENODATA when the file ends before.
int fcm_io_read_full(int fd, void *buffer, size_t size);
int fcm_io_write_full(int fd, const void *buffer, size_t size);

// Waits for `events` (POLLIN, POLLOUT). Returns 1, 0 after timeout_ms (negative: never), or -EINTR.
int fcm_io_wait(int fd, short events, int timeout_ms);

// A connected pair of stream sockets, both non-blocking.
int fcm_io_socketpair(int ret_fds[2]);
// Another descriptor of the same file.
int fcm_io_duplicate(int fd);
// The same under a number above those that tests see, who may show theirs; `fd` itself where the
// limit is too low. Takes over `fd`.
int fcm_io_raise(int fd);
int fcm_io_set_nonblock(int fd);
int fcm_io_set_cloexec(int fd, int on);

// Header and payload in one call, with `count` descriptors attached; never SIGPIPE. Returns the
// number of bytes sent; the descriptors went with the first of them.
ssize_t fcm_io_send(int fd, const void *head, size_t head_size, const void *body, size_t body_size,
                    const int *fds, size_t count);

// As fcm_io_read, and descriptors that came along: at most `max`, owned by the caller.
ssize_t fcm_io_receive(int fd, void *buffer, size_t size, int *ret_fds, size_t max,
                       size_t *ret_count);

// The whole file; -EFBIG above `max` bytes. The caller frees; there is a NUL behind the end.
int fcm_io_read_file(const char *path, size_t max, char **ret_bytes, size_t *ret_size);

// Written beside `path` under a temporary name, synced, renamed: readers see the old file or the
// new one.
int fcm_io_write_file(const char *path, const void *bytes, size_t size, mode_t mode);
