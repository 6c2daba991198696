// One end of a socket that carries frames: a descriptor, a parser for what comes and a queue for
// what goes. Never blocks; whoever owns it waits (libev in the coordinator, poll in Python).
#pragma once

#include "frame.h"

enum { FCM_CHANNEL_FDS = 8 }; // descriptors that may wait to be taken

struct fcm_channel {
    int fd;
    struct fcm_parser parser;

    // Bytes that were read and not parsed yet: in[in_at .. in_size).
    uint8_t *in;
    size_t in_at;
    size_t in_size;
    int at_end; // the peer has closed

    // Descriptors that came along, oldest first.
    int fds[FCM_CHANNEL_FDS];
    size_t fd_count;

    // Frames to write, oldest first; `out_done` bytes of the first are away.
    struct fcm_channel_item *out_first;
    struct fcm_channel_item *out_last;
    size_t out_done;
    size_t out_bytes; // in the queue in total
};

// Takes over fd, also on failure, and makes it non-blocking and close-on-exec. -ENOMEM, -errno.
int fcm_channel_init(struct fcm_channel *channel, int fd);

// Closes the descriptor and drops whatever is queued. Takes a zeroed or a done one.
void fcm_channel_done(struct fcm_channel *channel);

// Next frame, owned by the caller: 1, or 0 when there is none yet, -ENODATA at the end of the
// stream, -EPROTO and the like for bytes that are no frame (or an end inside one), -errno.
int fcm_channel_receive(struct fcm_channel *channel, struct fcm_frame *ret_frame);

// Whether a frame may be had without reading from the descriptor.
int fcm_channel_pending(const struct fcm_channel *channel);

// Oldest descriptor that came along, owned by the caller, or -1.
int fcm_channel_take_fd(struct fcm_channel *channel);

// Puts a frame at the end of the queue. Takes over the frame's payload and pass_fd (-1: none), also
// on failure.
int fcm_channel_post(struct fcm_channel *channel, struct fcm_frame *frame, int pass_fd);

// The same with up to two descriptors, taken over too; -1 for none.
int fcm_channel_post_fds(struct fcm_channel *channel, struct fcm_frame *frame, int first,
                         int second);

// Writes what the socket takes: 0 when the queue is empty, 1 when it has to wait, -EPIPE, -errno.
int fcm_channel_flush(struct fcm_channel *channel);
