#include "peer.h"

#include <poll.h>
#include <string.h>

#include "codec.h"
#include "io.h"

enum { FRAMES_AT_ONCE = 64 }; // so that one loud peer doesn't keep the others waiting

static void peer_watch(struct fcm_peer *peer) {
    int events = EV_READ | (peer->channel.out_first ? EV_WRITE : 0);
    if (ev_is_active(&peer->watcher) && peer->watcher.events == events) return;
    ev_io_stop(peer->loop, &peer->watcher);
    ev_io_set(&peer->watcher, peer->channel.fd, events);
    ev_io_start(peer->loop, &peer->watcher);
}

static void peer_end(struct fcm_peer *peer, int error) {
    if (!peer->open) return;
    peer->open = false;
    ev_io_stop(peer->loop, &peer->watcher);
    peer->on_end(peer, error == -ENODATA ? 0 : error);
}

// Returns how many frames were handled.
static int peer_read(struct fcm_peer *peer, int limit) {
    for (int n = 0; n < limit && peer->open; n++) {
        struct fcm_frame frame;
        int r = fcm_channel_receive(&peer->channel, &frame);
        if (r == 0) return n;
        if (r < 0) {
            peer_end(peer, r);
            return n;
        }
        peer->on_frame(peer, &frame);
    }
    return limit;
}

// Sends what can be sent. A broken pipe shows when reading, after what the peer said last; any
// other error ends it as soon as the loop goes on.
static void peer_write(struct fcm_peer *peer) {
    int r = fcm_channel_flush(&peer->channel);
    if (r < 0 && r != -EPIPE)
        ev_feed_event(peer->loop, &peer->watcher, EV_ERROR);
    else
        peer_watch(peer);
}

static void on_ready(struct ev_loop *loop, ev_io *watcher, int events) {
    struct fcm_peer *peer = watcher->data;
    if (events & EV_ERROR) {
        // It can't be watched or written to any more. What it has said counts.
        peer_read(peer, FRAMES_AT_ONCE);
        peer_end(peer, -EIO);
        return;
    }
    if (events & EV_WRITE) peer_write(peer);
    if (events & EV_READ) {
        peer_read(peer, FRAMES_AT_ONCE);
        if (peer->open && fcm_channel_pending(&peer->channel))
            ev_feed_event(loop, &peer->watcher, EV_READ);
    }
}

int fcm_peer_init(struct fcm_peer *peer, struct ev_loop *loop, int fd, fcm_peer_on_frame *on_frame,
                  fcm_peer_on_end *on_end, void *data) {
    *peer = (struct fcm_peer){.loop = loop, .on_frame = on_frame, .on_end = on_end, .data = data};
    int r = fcm_channel_init(&peer->channel, fd);
    if (r < 0) return r;
    ev_init(&peer->watcher, on_ready);
    peer->watcher.data = peer;
    peer->open = true;
    peer_watch(peer);
    return 0;
}

void fcm_peer_done(struct fcm_peer *peer) {
    if (peer->open) ev_io_stop(peer->loop, &peer->watcher);
    peer->open = false;
    fcm_channel_done(&peer->channel);
}

// Takes over the frame and the descriptors.
static int peer_post(struct fcm_peer *peer, struct fcm_frame *frame, int first, int second) {
    if (!peer->open) {
        fcm_frame_done(frame);
        fcm_close_at(&first);
        fcm_close_at(&second);
        return -EPIPE;
    }
    int r = fcm_channel_post_fds(&peer->channel, frame, first, second);
    if (r < 0) return r;
    peer_write(peer);
    return 0;
}

int fcm_peer_forward(struct fcm_peer *peer, struct fcm_frame *frame) {
    return peer_post(peer, frame, -1, -1);
}

int fcm_peer_send_fds(struct fcm_peer *peer, enum fcm_type type, const void *message, int first,
                      int second) {
    struct fcm_frame frame;
    int r = fcm_codec_encode(type, 0, message, &frame);
    if (r < 0) {
        fcm_close_at(&first);
        fcm_close_at(&second);
        return r;
    }
    return peer_post(peer, &frame, first, second);
}

int fcm_peer_send(struct fcm_peer *peer, enum fcm_type type, uint32_t id, const void *message) {
    struct fcm_frame frame;
    int r = fcm_codec_encode(type, id, message, &frame);
    return r < 0 ? r : peer_post(peer, &frame, -1, -1);
}

void fcm_peer_drain(struct fcm_peer *peer) {
    while (peer->open && peer_read(peer, FRAMES_AT_ONCE) == FRAMES_AT_ONCE) {
    }
}

int fcm_peer_flush(struct fcm_peer *peer, int timeout_ms) {
    for (;;) {
        if (!peer->open) return -EPIPE;
        int r = fcm_channel_flush(&peer->channel);
        if (r <= 0) return r;
        r = fcm_io_wait(peer->channel.fd, POLLOUT, timeout_ms);
        if (r == -EINTR) continue;
        if (r < 0) return r;
        if (r == 0) return -ETIMEDOUT;
    }
}
