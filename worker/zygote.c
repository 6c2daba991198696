#include <Python.h>

#include "zygote.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "channel.h"
#include "codec.h"
#include "fork.h"
#include "guard.h"
#include "io.h"

enum {
    ZYGOTE_REAPING = 64,   // workers that may be waited for at once
    ZYGOTE_REAP_EVERY = 2, // ms between two looks at them
};

struct fcm_zygote {
    struct fcm_channel channel;
    pid_t reaping[ZYGOTE_REAPING]; // asked for by the coordinator, not dead yet
    size_t reaping_count;
};

static void fcm_zygote_done(struct fcm_zygote *zygote) { fcm_channel_done(&zygote->channel); }

// Waits for the channel with the GIL released. 1, 0 after the timeout, -EINTR with an exception.
static int zygote_wait(struct fcm_zygote *zygote, short events, int timeout_ms) {
    int r;
    Py_BEGIN_ALLOW_THREADS r = fcm_io_wait(zygote->channel.fd, events, timeout_ms);
    Py_END_ALLOW_THREADS if (r == -EINTR) return PyErr_CheckSignals() < 0 ? -EINTR : 0;
    return r;
}

static int zygote_send(struct fcm_zygote *zygote, enum fcm_type type, const void *message) {
    struct fcm_frame frame;
    int r = fcm_codec_encode(type, 0, message, &frame);
    if (r < 0) return r;
    r = fcm_channel_post(&zygote->channel, &frame, -1);
    while (r >= 0 && (r = fcm_channel_flush(&zygote->channel)) > 0)
        r = zygote_wait(zygote, POLLOUT, -1);
    return r;
}

static int zygote_reaped(struct fcm_zygote *zygote, pid_t pid, int status) {
    Fcm__Reaped reaped = FCM__REAPED__INIT;
    reaped.pid = pid;
    reaped.status = status;
    return zygote_send(zygote, FCM_REAPED, &reaped);
}

// Answers for those workers that have died meanwhile. A pid that is none of our children has status
// -1.
static int zygote_look(struct fcm_zygote *zygote) {
    for (size_t i = 0; i < zygote->reaping_count;) {
        pid_t pid = zygote->reaping[i];
        int status = -1;
        if (waitpid(pid, &status, WNOHANG) == 0) {
            i++;
            continue;
        }
        zygote->reaping[i] = zygote->reaping[--zygote->reaping_count];
        int r = zygote_reaped(zygote, pid, status);
        if (r < 0) return r;
    }
    return 0;
}

static int on_reap(struct fcm_zygote *zygote, const Fcm__Reap *reap) {
    if (reap->pid <= 0 || zygote->reaping_count == FCM_COUNT(zygote->reaping))
        return zygote_reaped(zygote, (pid_t)reap->pid, -1);
    zygote->reaping[zygote->reaping_count++] = (pid_t)reap->pid;
    return zygote_look(zygote);
}

// In the child: its own channel, and nothing of the zygote's.
static int become_worker(struct fcm_zygote *zygote, pid_t parent, struct fcm_zygote_child *child) {
    fcm_channel_done(&zygote->channel);
    int channel = fcm_take_fd(&child->channel);
    int r = fcm_guard_isolate(parent);
    if (r >= 0)
        r = fcm_guard_raise_fd(channel, &child->channel);
    else
        close(channel);
    return r;
}

// 1 in the child.
static int on_fork(struct fcm_zygote *zygote, const Fcm__Fork *fork, struct fcm_zygote_child *ret) {
    FCM_AUTO_CLOSE int channel = fcm_channel_take_fd(&zygote->channel);
    FCM_AUTO_CLOSE int err = fcm_channel_take_fd(&zygote->channel);
    Fcm__Forked forked = FCM__FORKED__INIT;
    forked.worker = fork->worker;
    if (channel < 0) {
        forked.pid = -EBADF;
        return zygote_send(zygote, FCM_FORKED, &forked);
    }

    pid_t parent = getpid();
    pid_t pid = fcm_fork(&forked.micros);
    if (pid == 0) {
        struct fcm_zygote_child child = {.worker = fork->worker, .channel = fcm_take_fd(&channel)};
        child.err = fcm_take_fd(&err);
        if (become_worker(zygote, parent, &child) < 0) _exit(127);
        *ret = child;
        return 1;
    }
    forked.pid = pid;
    return zygote_send(zygote, FCM_FORKED, &forked);
}

// One frame: 0, 1 in a child, -ENODATA for a Goodbye.
static int zygote_answer(struct fcm_zygote *zygote, const struct fcm_frame *frame,
                         struct fcm_zygote_child *ret_child) {
    if (frame->header.type == FCM_GOODBYE) return -ENODATA;
    FCM_AUTO_MESSAGE void *message = NULL;
    int r = fcm_codec_decode(frame, &message);
    if (r < 0) return r;
    switch (frame->header.type) {
    case FCM_FORK: return on_fork(zygote, message, ret_child);
    case FCM_REAP: return on_reap(zygote, message);
    default: return -EPROTO;
    }
}

int fcm_zygote_serve(int fd, struct fcm_zygote_child *ret_child) {
    FCM_AUTO_DONE(fcm_zygote) zygote = {0};
    int r = fcm_channel_init(&zygote.channel, fd);
    while (r >= 0) {
        struct fcm_frame frame;
        r = fcm_channel_receive(&zygote.channel, &frame);
        if (r > 0) {
            r = zygote_answer(&zygote, &frame, ret_child);
            fcm_frame_done(&frame);
            if (r > 0) return 1;
        } else if (r == 0) {
            r = zygote_wait(&zygote, POLLIN, zygote.reaping_count ? ZYGOTE_REAP_EVERY : -1);
            if (r >= 0) r = zygote_look(&zygote);
        }
    }
    // The coordinator has gone, one way or the other.
    return r == -ENODATA || r == -EPIPE || r == -ECONNRESET ? 0 : r;
}
