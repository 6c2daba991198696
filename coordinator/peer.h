// A channel in the event loop: frames arrive by callback, what is sent is written when there is
// room.
#pragma once

#include <ev.h>
#include <stdbool.h>

#include "channel.h"

struct fcm_peer;

// Gets a frame and owns it.
typedef void fcm_peer_on_frame(struct fcm_peer *peer, struct fcm_frame *frame);
// The peer has closed (error 0) or talks nonsense (negative errno). Called once; the peer is
// stopped.
typedef void fcm_peer_on_end(struct fcm_peer *peer, int error);

struct fcm_peer {
    struct ev_loop *loop;
    struct fcm_channel channel;
    ev_io watcher;
    bool open;
    fcm_peer_on_frame *on_frame;
    fcm_peer_on_end *on_end;
    void *data;
};

// Takes over fd, also on failure.
int fcm_peer_init(struct fcm_peer *peer, struct ev_loop *loop, int fd, fcm_peer_on_frame *on_frame,
                  fcm_peer_on_end *on_end, void *data);
void fcm_peer_done(struct fcm_peer *peer);

// Queues a message; writes at once what the socket takes. An error shows as the peer's end, later.
// Returns 0, -ENOMEM, or -EPIPE when it is closed.
int fcm_peer_send(struct fcm_peer *peer, enum fcm_type type, uint32_t id, const void *message);
// The same with two descriptors (-1: none), which are taken over, also on failure.
int fcm_peer_send_fds(struct fcm_peer *peer, enum fcm_type type, const void *message, int first,
                      int second);
// The same for a frame that is ready; takes it over.
int fcm_peer_forward(struct fcm_peer *peer, struct fcm_frame *frame);

// Handles what has arrived so far.
void fcm_peer_drain(struct fcm_peer *peer);

// Writes what is queued, waiting for room at most timeout_ms in total: 0, -ETIMEDOUT, -EPIPE.
int fcm_peer_flush(struct fcm_peer *peer, int timeout_ms);
