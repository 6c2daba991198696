#include "zygote.h"

#include <signal.h>
#include <string.h>

#include "child.h"
#include "session.h"

enum {
    TAIL_SIZE = 600,    // of what it printed, in a reason
    POLL_MS = 50,       // where there is no pidfd
    ANSWER_SECONDS = 60 // for a fork or a reap: it does nothing else
};

static bool is_alive(const struct fcm_zygote *zygote) {
    return zygote->state != FCM_ZYGOTE_NONE && zygote->state != FCM_ZYGOTE_GONE;
}

static void zygote_release(struct fcm_zygote *zygote) {
    struct ev_loop *loop = zygote->session->loop;
    ev_io_stop(loop, &zygote->death);
    ev_timer_stop(loop, &zygote->poll);
    ev_timer_stop(loop, &zygote->watchdog);
    zygote->state = FCM_ZYGOTE_GONE;
}

// It has died by itself: nothing can be forked any more, and its workers die with it.
static void zygote_lost(struct fcm_zygote *zygote) {
    if (!is_alive(zygote)) return;
    char how[64] = "closed its channel", tail[TAIL_SIZE];
    int status;
    bool preparing = zygote->state == FCM_ZYGOTE_PREPARING;
    zygote->session->statistics.workers_cpu += fcm_child_cpu(zygote->pid);
    if (fcm_child_reap(zygote->pid, &status) > 0)
        fcm_child_describe(status, how, sizeof how);
    else
        fcm_child_signal(zygote->pid, SIGKILL);
    zygote_release(zygote);
    size_t length = fcm_child_tail(zygote->err_fd, tail, sizeof tail);
    fcm_session_leave(zygote->session, "%s (%s)%s%s",
                      preparing ? "the farm ended while it prepared pytest" : "the zygote ended",
                      how, length ? ": " : "", tail);
}

static void zygote_expect(struct fcm_zygote *zygote) {
    if (zygote->due++ > 0) return;
    ev_timer_again(zygote->session->loop, &zygote->watchdog);
}

static void zygote_answered(struct fcm_zygote *zygote) {
    if (zygote->due > 0) zygote->due--;
    if (zygote->due == 0)
        ev_timer_stop(zygote->session->loop, &zygote->watchdog);
    else
        ev_timer_again(zygote->session->loop, &zygote->watchdog);
}

// ---- what it says ----

static int on_hello(struct fcm_zygote *zygote, const Fcm__Hello *hello) {
    if (hello->protocol == FCM_PROTOCOL) return 0;
    fcm_session_leave(zygote->session, "the zygote speaks protocol %u, not %d", hello->protocol,
                      FCM_PROTOCOL);
    return -EPROTO;
}

static int on_prepared(struct fcm_zygote *zygote, const Fcm__Prepared *prepared) {
    if (zygote->state != FCM_ZYGOTE_PREPARING) return -EPROTO;
    zygote->state = prepared->can_fork ? FCM_ZYGOTE_READY : FCM_ZYGOTE_BARREN;
    return 0;
}

static int on_goodbye(struct fcm_zygote *zygote, const Fcm__Goodbye *goodbye) {
    fcm_session_leave(zygote->session, "%s",
                      goodbye->reason[0] ? goodbye->reason : "the zygote stopped");
    return 0;
}

static int on_forked(struct fcm_zygote *zygote, const Fcm__Forked *forked) {
    zygote_answered(zygote);
    if (forked->pid > 0) fcm_statistics_fork(&zygote->session->statistics, forked->micros);
    return fcm_worker_on_forked(zygote->session, forked->worker, (pid_t)forked->pid);
}

static int on_reaped(struct fcm_zygote *zygote, const Fcm__Reaped *reaped) {
    zygote_answered(zygote);
    return fcm_worker_on_reaped(zygote->session, (pid_t)reaped->pid, reaped->status);
}

static int dispatch(struct fcm_zygote *zygote, unsigned type, void *message) {
    switch (type) {
    case FCM_HELLO: return on_hello(zygote, message);
    case FCM_PREPARED: return on_prepared(zygote, message);
    case FCM_FORKED: return on_forked(zygote, message);
    case FCM_REAPED: return on_reaped(zygote, message);
    case FCM_GOODBYE: return on_goodbye(zygote, message);
    default: return -EPROTO;
    }
}

static void on_frame(struct fcm_peer *peer, struct fcm_frame *frame) {
    struct fcm_zygote *zygote = peer->data;
    if (frame->header.type == FCM_WALK) {
        fcm_session_on_walk(zygote->session, frame);
        return;
    }
    FCM_AUTO_MESSAGE void *message = NULL;
    int r = fcm_codec_decode(frame, &message);
    if (r == 0) r = dispatch(zygote, frame->header.type, message);
    fcm_frame_done(frame);
    if (r < 0)
        fcm_session_leave(zygote->session, "the zygote sent nonsense (%s)", strerrordesc_np(-r));
}

static void on_end(struct fcm_peer *peer, int error) {
    struct fcm_zygote *zygote = peer->data;
    if (error < 0 || !is_alive(zygote)) {
        zygote_lost(zygote);
        return;
    }
    // Its death gives a better reason than the end of the stream, and comes right behind it.
    zygote->watchdog.repeat = 1;
    ev_timer_again(zygote->session->loop, &zygote->watchdog);
}

static void on_death(struct ev_loop *loop, ev_io *watcher, int events) {
    struct fcm_zygote *zygote = watcher->data;
    if (events & EV_ERROR) { // it can't be watched
        ev_timer_start(loop, &zygote->poll);
        return;
    }
    fcm_peer_drain(&zygote->peer);
    zygote_lost(zygote);
}

static void on_poll(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop, (void)events;
    struct fcm_zygote *zygote = watcher->data;
    if (!fcm_child_is_dead(zygote->pid)) return;
    fcm_peer_drain(&zygote->peer);
    zygote_lost(zygote);
}

static void on_late(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop, (void)events;
    struct fcm_zygote *zygote = watcher->data;
    fcm_peer_drain(&zygote->peer);
    if (!zygote->peer.open)
        zygote_lost(zygote);
    else if (zygote->due > 0)
        fcm_session_leave(zygote->session, "the zygote doesn't answer");
}

// ---- what it is told ----

void fcm_zygote_start(struct fcm_zygote *zygote, struct fcm_session *session) {
    int channel = -1;
    *zygote = (struct fcm_zygote){.session = session, .pidfd = -1, .err_fd = -1};
    int r = fcm_zygote_execute(session, "zygote", &zygote->pid, &channel, &zygote->err_fd);
    if (r < 0) {
        ProtobufCBinaryData program = session->request->worker_program.len > 0
                                          ? session->request->worker_program
                                          : session->request->executable;
        fcm_session_leave(session, "cannot start %.*s: %s", (int)program.len, program.data,
                          strerrordesc_np(-r));
        return;
    }
    zygote->state = FCM_ZYGOTE_PREPARING;
    ev_init(&zygote->death, on_death);
    zygote->death.data = zygote;
    ev_timer_init(&zygote->poll, on_poll, POLL_MS / 1e3, POLL_MS / 1e3);
    zygote->poll.data = zygote;
    ev_timer_init(&zygote->watchdog, on_late, 0, ANSWER_SECONDS);
    zygote->watchdog.data = zygote;
    zygote->pidfd = fcm_child_pidfd(zygote->pid);
    if (zygote->pidfd >= 0) {
        ev_io_set(&zygote->death, zygote->pidfd, EV_READ);
        ev_io_start(session->loop, &zygote->death);
    } else {
        ev_timer_start(session->loop, &zygote->poll);
    }
    r = fcm_peer_init(&zygote->peer, session->loop, channel, on_frame, on_end, zygote);
    if (r == 0) r = fcm_session_introduce(session, &zygote->peer);
    if (r < 0) fcm_session_leave(session, "cannot talk to the zygote: %s", strerrordesc_np(-r));
}

int fcm_zygote_fork(struct fcm_zygote *zygote, unsigned worker, int channel_fd, int err_fd) {
    Fcm__Fork fork = FCM__FORK__INIT;
    fork.worker = worker;
    int r = fcm_peer_send_fds(&zygote->peer, FCM_FORK, &fork, channel_fd, err_fd);
    if (r == 0) zygote_expect(zygote);
    return r;
}

int fcm_zygote_reap(struct fcm_zygote *zygote, pid_t pid) {
    Fcm__Reap reap = FCM__REAP__INIT;
    reap.pid = pid;
    int r = fcm_peer_send(&zygote->peer, FCM_REAP, 0, &reap);
    if (r == 0) zygote_expect(zygote);
    return r;
}

void fcm_zygote_stop(struct fcm_zygote *zygote) {
    if (!is_alive(zygote)) return;
    zygote->session->statistics.workers_cpu += fcm_child_cpu(zygote->pid);
    fcm_child_signal(zygote->pid, SIGKILL);
    zygote_release(zygote);
}

void fcm_zygote_done(struct fcm_zygote *zygote) {
    if (zygote->state == FCM_ZYGOTE_NONE) return;
    fcm_zygote_stop(zygote);
    fcm_peer_done(&zygote->peer);
    fcm_close_at(&zygote->pidfd);
    fcm_close_at(&zygote->err_fd);
}
