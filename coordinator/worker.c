#include "worker.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "child.h"
#include "io.h"
#include "log.h"
#include "memory.h"
#include "session.h"

enum {
    EXIT_LOST_CHANNEL = 97,  // the module closed its descriptors; the file is fine otherwise
    EXIT_WORKER_FAILED = 98, // our own code in it failed

    POLL_MS = 50,          // where there is no pidfd
    LIMIT_UNKNOWN = 300,   // seconds that a file may take which has no recorded duration
    LIMIT_LEAST = 120,     // seconds that every other file may take
    LIMIT_TIMES = 20,      // its recorded duration
    KILL_AFTER = 2,        // seconds between SIGTERM, SIGABRT and SIGKILL
    END_AFTER_CHANNEL = 1, // seconds between the end of its channel and SIGKILL
    TAIL_SIZE = 16000,     // bytes of its last output on stderr, with its stacks, in a failure
    OUT_TAIL_SIZE = 2000,  // the same of stdout
    DETAIL_SIZE = TAIL_SIZE + OUT_TAIL_SIZE + 256,
    PREPARE_SECONDS = 600, // an executed worker may take to prepare
    LOOK_SECONDS = 5,      // between two looks whether a worker does something
    STILL_LOOKS = 4,       // that see nothing of it until it is taken to hang
};
static const double STILL_CPU = 0.02;               // seconds in one look that are nothing
static const double BUSY_SHARE = 0.1;               // of its time that one uses which doesn't wait
static const uint64_t GROWTH_MOST = 1024 * 1048576; // bytes that a worker may grow by

// Whether a state may follow another.
__attribute__((unused)) // by builds without assertions
static const bool follows[FCM_WORKER_GONE + 1][FCM_WORKER_GONE + 1] = {
    [FCM_WORKER_FORKING] = {[FCM_WORKER_READY] = true, [FCM_WORKER_GONE] = true},
    [FCM_WORKER_PREPARING] =
        {[FCM_WORKER_READY] = true, [FCM_WORKER_ENDING] = true, [FCM_WORKER_DEAD] = true},
    [FCM_WORKER_READY] = {[FCM_WORKER_ENDING] = true, [FCM_WORKER_DEAD] = true},
    [FCM_WORKER_ENDING] = {[FCM_WORKER_DEAD] = true},
    [FCM_WORKER_DEAD] = {[FCM_WORKER_GONE] = true},
};

static void worker_become(struct fcm_worker *worker, enum fcm_worker_state state) {
    assert(follows[worker->state][state]);
    worker->state = state;
}

static void worker_stop_timers(struct fcm_worker *worker) {
    struct ev_loop *loop = worker->session->loop;
    ev_io_stop(loop, &worker->death);
    ev_timer_stop(loop, &worker->poll);
    ev_timer_stop(loop, &worker->limit);
    ev_timer_stop(loop, &worker->kill);
    ev_timer_stop(loop, &worker->progress);
}

// ---- ends ----

static const char *worker_file(const struct fcm_worker *worker) {
    return worker->hand.begun ? fcm_session_path(worker->session, worker->hand.begun) : "no file";
}

// Ends it for a reason that its verdict will tell. SIGTERM first: it prints where it is.
static void worker_end(struct fcm_worker *worker, enum fcm_worker_end end, int signal,
                       double kill_after) {
    if (worker->state == FCM_WORKER_FORKING) {
        // There is no pid to send a signal to yet.
        if (worker->end == FCM_END_NONE) worker->end = end;
        return;
    }
    if (worker->state != FCM_WORKER_READY && worker->state != FCM_WORKER_PREPARING) return;
    worker_become(worker, FCM_WORKER_ENDING);
    worker->end = end;
    ev_timer_stop(worker->session->loop, &worker->limit);
    if (signal) fcm_child_signal(worker->pid, signal);
    worker->kill.repeat = kill_after;
    ev_timer_again(worker->session->loop, &worker->kill);
}

// Reason and detail of a loss.
static const char *verdict(const struct fcm_worker *worker, int status, char *detail, size_t size) {
    char how[64], out[OUT_TAIL_SIZE], tail[TAIL_SIZE];
    const char *reason = "crashed", *more = "";
    fcm_child_describe(status, how, sizeof how);
    if (status == -1) {
        snprintf(how, sizeof how, "its wait status is unknown");
    } else if (worker->end == FCM_END_LATE) {
        snprintf(how, sizeof how, "took longer than %.0f s", worker->allowed);
        reason = "timed-out";
        if (worker->session->request->time_limit <= 0)
            more = "; the ini option fastcollect_meta_time_limit sets another limit";
    } else if (worker->end == FCM_END_MEMORY) {
        snprintf(how, sizeof how, "took %llu MiB of memory until there was no more",
                 (unsigned long long)(worker->size >> 20));
        reason = "out-of-memory";
    } else if (WIFEXITED(status)) {
        reason = "exited";
    } else if (WTERMSIG(status) == SIGKILL && worker->oom_kills >= 0 &&
               fcm_child_oom_kills() > worker->oom_kills) {
        reason = "out-of-memory";
        more = ", the system was out of memory";
    }
    size_t length = fcm_child_tail(worker->err_fd, tail, sizeof tail);
    size_t printed = fcm_child_tail(worker->out_fd, out, sizeof out);
    snprintf(detail, size, "%s%s%s%s%s%s", how, more, printed ? "\n" : "", out, length ? "\n" : "",
             tail);
    return reason;
}

// Whether the loss says nothing against importing the file in main: what kept the worker from
// answering is of our own making, or wouldn't have kept pytest from collecting it.
static bool is_harmless(const struct fcm_worker *worker, int status, const char **ret_reason) {
    int code = status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    bool closed = code == EXIT_LOST_CHANNEL || worker->end == FCM_END_CHANNEL;
    *ret_reason = closed ? "closes-descriptors" : "internal-error";
    return closed || code == EXIT_WORKER_FAILED || worker->end == FCM_END_NONSENSE || status == -1;
}

// The farm has no answer for the file in hand, for good.
static void report_loss(struct fcm_worker *worker, uint32_t id, int status) {
    char detail[DETAIL_SIZE];
    const char *reason = verdict(worker, status, detail, sizeof detail), *native;
    if (is_harmless(worker, status, &native))
        fcm_session_send_native(worker->session, id, native, detail);
    else
        fcm_session_send_failure(worker->session, id, reason, detail);
}

// What a fork can hang on and a fresh process can't: a lock that a thread held which wasn't copied.
static bool hangs_by_fork(const struct fcm_worker *worker) {
    if (worker->executed) return false;
    if (worker->end == FCM_END_STALLED) return true;
    return worker->end == FCM_END_LATE &&
           worker->cpu - worker->cpu_begun < BUSY_SHARE * worker->allowed;
}

static bool is_worth_retrying(const struct fcm_worker *worker, int status) {
    if (hangs_by_fork(worker)) return true;
    if (worker->end == FCM_END_LATE || worker->end == FCM_END_CHANNEL) return false;
    return !(status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_LOST_CHANNEL);
}

static void log_loss(const struct fcm_worker *worker, const char *path, int status,
                     const char *consequence) {
    char how[64];
    if (worker->end == FCM_END_LATE)
        snprintf(how, sizeof how, "%.0f s are over", worker->allowed);
    else
        fcm_child_describe(status, how, sizeof how);
    fcm_log("worker %u died (%s) in %s; %s", worker->number, how, path, consequence);
}

// It is dead and how is known: decides about the files that it held.
static void worker_bury(struct fcm_worker *worker, int status) {
    struct fcm_session *session = worker->session;
    uint32_t id = 0;
    bool began = worker->hand.used;
    unsigned held = worker->hand.count;
    const char *path = worker_file(worker);
    if (hangs_by_fork(worker)) fcm_scheduler_need_executed(session->scheduler, worker->hand.begun);
    enum fcm_loss loss = fcm_scheduler_lose(session->scheduler, &worker->hand,
                                            is_worth_retrying(worker, status), &id);
    if (loss == FCM_LOSS_RETRY) {
        session->statistics.files_retried++;
        log_loss(worker, path, status, "retrying it alone");
    } else if (loss == FCM_LOSS_FINAL) {
        const char *reason;
        log_loss(worker, path, status,
                 is_harmless(worker, status, &reason) ? "pytest collects it natively"
                                                      : "the file is reported as an error");
        report_loss(worker, id, status);
    } else if (worker->end == FCM_END_NONE && held > 0) {
        log_loss(worker, "no file", status, "others take its files");
    }
    if (began || worker->end == FCM_END_RETIRED) {
        session->idle_deaths = 0;
    } else if (++session->idle_deaths >= FCM_WORKER_IDLE_DEATHS) {
        char detail[DETAIL_SIZE];
        verdict(worker, status, detail, sizeof detail);
        fcm_session_leave(session, "workers die before they begin (%s)", detail);
    }
    worker_become(worker, FCM_WORKER_GONE);
}

static void worker_died(struct fcm_worker *worker) {
    int status;
    if (worker->state == FCM_WORKER_DEAD || worker->state == FCM_WORKER_GONE) return;
    // What it said before it died counts.
    fcm_peer_drain(&worker->peer);
    if (worker->state == FCM_WORKER_GONE) return;
    worker_stop_timers(worker);
    // What it started stays in its process group.
    fcm_child_kill_group(worker->pid);
    worker->cpu = fcm_child_cpu(worker->pid);
    worker->session->statistics.workers_cpu += worker->cpu;
    worker_become(worker, FCM_WORKER_DEAD);
    int r = fcm_child_reap(worker->pid, &status);
    if (r > 0) worker_bury(worker, status);
    // The zygote's end is about to end the session.
    else if (fcm_zygote_reap(&worker->session->zygote, worker->pid) < 0)
        worker_bury(worker, -1);
}

static void on_death(struct ev_loop *loop, ev_io *watcher, int events) {
    struct fcm_worker *worker = watcher->data;
    if (events & EV_ERROR) // it can't be watched
        ev_timer_start(loop, &worker->poll);
    else
        worker_died(worker);
}

static void on_poll(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop, (void)events;
    struct fcm_worker *worker = watcher->data;
    if (fcm_child_is_dead(worker->pid)) worker_died(worker);
}

static void on_kill(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct fcm_worker *worker = watcher->data;
    (void)events;
    if (worker->end == FCM_END_LATE && !worker->aborted) {
        // It keeps SIGTERM off: faulthandler answers this one too.
        worker->aborted = true;
        fcm_child_signal(worker->pid, SIGABRT);
        return;
    }
    ev_timer_stop(loop, watcher);
    if (worker->end == FCM_END_NONE) worker->end = FCM_END_CHANNEL;
    fcm_child_signal(worker->pid, SIGKILL);
}

// A forked one that waits for something for long, where threads of the zygote may have held locks.
static void on_progress(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)events;
    struct fcm_worker *worker = watcher->data;
    fcm_peer_drain(&worker->peer);
    if (worker->state != FCM_WORKER_READY || !worker->hand.begun) {
        ev_timer_stop(loop, watcher);
        return;
    }
    double cpu = fcm_child_cpu(worker->pid);
    worker->idle_looks = cpu - worker->cpu < STILL_CPU ? worker->idle_looks + 1 : 0;
    worker->cpu = cpu;
    if (worker->idle_looks < STILL_LOOKS) return;
    if (fcm_child_threads(worker->session->zygote.pid) <= 1) return;
    ev_timer_stop(loop, watcher);
    worker_end(worker, FCM_END_STALLED, SIGKILL, KILL_AFTER);
}

static void on_limit(struct ev_loop *loop, ev_timer *watcher, int events) {
    struct fcm_worker *worker = watcher->data;
    uint32_t id = worker->hand.begun;
    (void)events;
    // The answer may be waiting: this process may have been stopped for a while itself.
    fcm_peer_drain(&worker->peer);
    if (worker->state == FCM_WORKER_PREPARING) {
        worker_end(worker, FCM_END_STUCK, SIGTERM, KILL_AFTER);
        return;
    }
    if (worker->state != FCM_WORKER_READY) return;
    if (id != worker->hand.begun || worker->hand.count == 0) return;
    ev_timer_stop(loop, watcher);
    worker_end(worker, id ? FCM_END_LATE : FCM_END_STUCK, SIGTERM, KILL_AFTER);
}

// ---- what it says ----

static void start_limit(struct fcm_worker *worker, double seconds) {
    worker->allowed = seconds;
    worker->limit.repeat = seconds;
    ev_timer_again(worker->session->loop, &worker->limit);
}

static double limit_of(const struct fcm_session *session, uint32_t id) {
    if (session->request->time_limit > 0) return session->request->time_limit;
    double before = fcm_scheduler_duration(session->scheduler, id);
    if (before < 0) return LIMIT_UNKNOWN;
    double seconds = LIMIT_TIMES * before;
    return seconds > LIMIT_LEAST ? seconds : LIMIT_LEAST;
}

static int on_begun(struct fcm_worker *worker, const struct fcm_frame *frame) {
    FCM_AUTO_MESSAGE void *message = NULL;
    int r = fcm_codec_decode(frame, &message);
    if (r < 0) return r;
    uint32_t id = ((Fcm__Begun *)message)->id;
    int out = fcm_channel_take_fd(&worker->peer.channel);
    if (out >= 0) {
        fcm_close_at(&worker->out_fd);
        worker->out_fd = out;
    }
    r = fcm_scheduler_begin(worker->session->scheduler, &worker->hand, id);
    if (r < 0) return r;
    start_limit(worker, limit_of(worker->session, id));
    if (!worker->executed) {
        worker->cpu = worker->cpu_begun = fcm_child_cpu(worker->pid);
        worker->idle_looks = 0;
        ev_timer_again(worker->session->loop, &worker->progress);
    }
    return r;
}

// What it has that the zygote doesn't have. One that has grown too much makes room for a fresh one.
static void check_growth(struct fcm_worker *worker) {
    struct fcm_session *session = worker->session;
    if (worker->pid <= 0) return;
    uint64_t size = fcm_memory_of(worker->pid), before = fcm_memory_of(session->zygote.pid);
    uint64_t growth = size > before ? size - before : 0;
    if (growth > session->growth) session->growth = growth;
    uint64_t most = session->request->worker_memory ? session->request->worker_memory : GROWTH_MOST;
    if (growth > most) worker->hand.spent = true;
}

static int on_registrar(struct fcm_worker *worker, const struct fcm_frame *frame) {
    FCM_AUTO_MESSAGE void *message = NULL;
    int r = fcm_codec_decode(frame, &message);
    if (r < 0) return r;
    uint32_t id = ((Fcm__Registrar *)message)->id;
    if (id != worker->hand.begun) return -EPROTO;
    return fcm_session_note_registrar(worker->session, id, worker);
}

// Passes a Record or Native on; takes the frame over.
static int on_answer(struct fcm_worker *worker, struct fcm_frame *frame) {
    struct fcm_session *session = worker->session;
    int r = fcm_scheduler_answer(session->scheduler, &worker->hand, frame->header.id);
    if (r >= 0 && worker->hand.count == 0)
        ev_timer_stop(session->loop, &worker->limit);
    else if (r >= 0)
        start_limit(worker, limit_of(session, worker->hand.ids[0]));
    check_growth(worker);
    if (r > 0) {
        session->statistics.files_collected++;
        fcm_session_forward(session, frame);
    } else {
        fcm_frame_done(frame);
    }
    return r;
}

static int on_prepared(struct fcm_worker *worker) {
    if (worker->state != FCM_WORKER_PREPARING) return -EPROTO;
    ev_timer_stop(worker->session->loop, &worker->limit);
    worker_become(worker, FCM_WORKER_READY);
    return 0;
}

static int on_goodbye(struct fcm_worker *worker, const struct fcm_frame *frame) {
    FCM_AUTO_MESSAGE void *message = NULL;
    int r = fcm_codec_decode(frame, &message);
    if (r < 0) return r;
    // It couldn't prepare what the zygote could, or has been told to go.
    const char *reason = ((Fcm__Goodbye *)message)->reason;
    if (reason[0]) fcm_session_leave(worker->session, "%s", reason);
    return 0;
}

static void on_frame(struct fcm_peer *peer, struct fcm_frame *frame) {
    struct fcm_worker *worker = peer->data;
    int r = 0;
    // Nobody trusts it any more.
    if (worker->end == FCM_END_NONSENSE) {
        fcm_frame_done(frame);
        return;
    }
    switch (frame->header.type) {
    case FCM_RECORD:
    case FCM_NATIVE: r = on_answer(worker, frame); break;
    case FCM_BEGUN: r = on_begun(worker, frame); break;
    case FCM_REGISTRAR: r = on_registrar(worker, frame); break;
    case FCM_PREPARED: r = on_prepared(worker); break;
    case FCM_GOODBYE: r = on_goodbye(worker, frame); break;
    case FCM_HELLO:
    case FCM_WALK: r = worker->executed ? 0 : -EPROTO; break; // the zygote's walk counts
    default: r = -EPROTO;
    }
    fcm_frame_done(frame);
    if (r < 0) worker_end(worker, FCM_END_NONSENSE, SIGKILL, KILL_AFTER);
}

static void on_end(struct fcm_peer *peer, int error) {
    struct fcm_worker *worker = peer->data;
    if (error < 0) worker_end(worker, FCM_END_NONSENSE, SIGKILL, KILL_AFTER);
    // Most often it is dying. A module that closed all descriptors doesn't.
    else
        worker_end(worker, FCM_END_NONE, 0, END_AFTER_CHANNEL);
}

// ---- start ----

static struct fcm_worker *worker_find(struct fcm_session *session, unsigned number) {
    struct fcm_worker *worker = session->workers;
    while (worker && worker->number != number) worker = worker->next;
    return worker;
}

// Takes over channel and err.
static int worker_new(struct fcm_session *session, int channel, int err, bool executed,
                      struct fcm_worker **ret_worker) {
    struct fcm_worker *worker = calloc(1, sizeof *worker);
    if (!worker) {
        fcm_close_at(&channel);
        fcm_close_at(&err);
        return -ENOMEM;
    }
    worker->session = session;
    worker->number = ++session->next_worker;
    worker->state = executed ? FCM_WORKER_PREPARING : FCM_WORKER_FORKING;
    worker->executed = executed;
    worker->pidfd = -1;
    worker->err_fd = err;
    worker->out_fd = -1;
    worker->oom_kills = fcm_child_oom_kills();
    ev_init(&worker->death, on_death);
    ev_timer_init(&worker->poll, on_poll, POLL_MS / 1e3, POLL_MS / 1e3);
    ev_timer_init(&worker->limit, on_limit, 0, 0);
    ev_timer_init(&worker->kill, on_kill, 0, 0);
    ev_timer_init(&worker->progress, on_progress, 0, LOOK_SECONDS);
    worker->progress.data = worker;
    worker->death.data = worker->poll.data = worker->limit.data = worker->kill.data = worker;
    int r = fcm_peer_init(&worker->peer, session->loop, channel, on_frame, on_end, worker);
    if (r < 0) {
        fcm_close_at(&worker->err_fd);
        free(worker);
        return r;
    }
    fcm_scheduler_join(session->scheduler, &worker->hand);
    worker->hand.executed = executed;
    worker->next = session->workers;
    session->workers = worker;
    *ret_worker = worker;
    return 0;
}

static void watch_death(struct fcm_worker *worker) {
    struct ev_loop *loop = worker->session->loop;
    worker->pidfd = fcm_child_pidfd(worker->pid);
    if (worker->pidfd >= 0) {
        ev_io_set(&worker->death, worker->pidfd, EV_READ);
        ev_io_start(loop, &worker->death);
    } else {
        ev_timer_start(loop, &worker->poll);
    }
}

static int start_forked(struct fcm_session *session) {
    int pair[2];
    int r = fcm_io_socketpair(pair);
    if (r < 0) return r;
    FCM_AUTO_CLOSE int theirs = pair[1];
    FCM_AUTO_CLOSE int ours = pair[0];
    FCM_AUTO_CLOSE int err = fcm_child_memory_file("fastcollect-meta-stderr");
    if (err < 0) return err;
    FCM_AUTO_CLOSE int their_err = fcm_io_duplicate(err);
    if (their_err < 0) return their_err;
    struct fcm_worker *worker;
    r = worker_new(session, fcm_take_fd(&ours), fcm_take_fd(&err), false, &worker);
    if (r < 0) return r;
    r = fcm_zygote_fork(&session->zygote, worker->number, fcm_take_fd(&theirs),
                        fcm_take_fd(&their_err));
    if (r < 0) {
        uint32_t id;
        fcm_scheduler_lose(session->scheduler, &worker->hand, true, &id);
        worker_become(worker, FCM_WORKER_GONE);
    }
    return r;
}

static int start_executed(struct fcm_session *session) {
    pid_t pid;
    int channel, err;
    int r = fcm_zygote_execute(session, "worker", &pid, &channel, &err);
    if (r < 0) return r;
    struct fcm_worker *worker;
    r = worker_new(session, channel, err, true, &worker);
    if (r < 0) {
        fcm_child_signal(pid, SIGKILL);
        return r;
    }
    worker->pid = pid;
    watch_death(worker);
    start_limit(worker, PREPARE_SECONDS);
    return fcm_session_introduce(session, &worker->peer);
}

int fcm_worker_start(struct fcm_session *session, bool execute, bool extra) {
    int r = execute || session->zygote.state == FCM_ZYGOTE_BARREN ? start_executed(session)
                                                                  : start_forked(session);
    if (r == 0) session->workers->hand.extra = extra;
    return r;
}

int fcm_worker_on_forked(struct fcm_session *session, unsigned number, pid_t pid) {
    struct fcm_worker *worker = worker_find(session, number);
    if (!worker || worker->state != FCM_WORKER_FORKING) return -EPROTO;
    if (pid <= 0) {
        uint32_t id;
        fcm_scheduler_lose(session->scheduler, &worker->hand, true, &id);
        worker_become(worker, FCM_WORKER_GONE);
        fcm_log("cannot fork a worker: %s", strerrordesc_np((int)-pid));
        if (++session->idle_deaths >= FCM_WORKER_IDLE_DEATHS)
            fcm_session_leave(session, "cannot fork a worker: %s", strerrordesc_np((int)-pid));
        return 0;
    }
    worker->pid = pid;
    worker_become(worker, FCM_WORKER_READY);
    watch_death(worker);
    // It may have ended, or have been given up, before its pid was known.
    if (worker->end != FCM_END_NONE)
        worker_end(worker, worker->end, SIGKILL, KILL_AFTER);
    else if (!worker->peer.open)
        worker_end(worker, FCM_END_NONE, 0, END_AFTER_CHANNEL);
    return 0;
}

int fcm_worker_on_reaped(struct fcm_session *session, pid_t pid, int status) {
    for (struct fcm_worker *worker = session->workers; worker; worker = worker->next) {
        if (worker->pid != pid || worker->state != FCM_WORKER_DEAD) continue;
        worker_bury(worker, status);
        return 0;
    }
    return -EPROTO;
}

// ---- work ----

void fcm_worker_feed(struct fcm_worker *worker) {
    uint32_t id;
    // A forked one gets its first files while its pid is on the way.
    if (worker->state != FCM_WORKER_READY && worker->state != FCM_WORKER_FORKING) return;
    if (!worker->peer.open) return;
    if (fcm_scheduler_next(worker->session->scheduler, &worker->hand, &id) == 0) return;
    Fcm__Assign assign = FCM__ASSIGN__INIT;
    assign.id = id;
    // It keeps those in mind that come later in the walk than this file.
    struct fcm_session *session = worker->session;
    size_t count;
    const uint32_t *registrars = fcm_scheduler_registrars(session->scheduler, &count);
    assign.registrars = (uint32_t *)(uintptr_t)(count ? registrars + worker->told : NULL);
    assign.n_registrars = count - worker->told;
    worker->told = count;
    int r = fcm_peer_send(&worker->peer, FCM_ASSIGN, id, &assign);
    if (r < 0 && r != -EPIPE) { // it would wait for ever
        worker_end(worker, FCM_END_STUCK, SIGKILL, KILL_AFTER);
        return;
    }
    // Until it says that it has begun.
    if (worker->hand.count == 1) start_limit(worker, limit_of(worker->session, id));
}

void fcm_worker_retire(struct fcm_worker *worker) {
    worker_end(worker, FCM_END_RETIRED, SIGKILL, KILL_AFTER);
}

void fcm_worker_end_for_memory(struct fcm_worker *worker, uint64_t size) {
    worker->size = size;
    worker_end(worker, FCM_END_MEMORY, SIGTERM, 1);
}

void fcm_worker_free(struct fcm_worker *worker) {
    if (!worker) return;
    worker_stop_timers(worker);
    if (worker->pid > 0 && worker->state != FCM_WORKER_DEAD && worker->state != FCM_WORKER_GONE) {
        worker->session->statistics.workers_cpu += fcm_child_cpu(worker->pid);
        fcm_child_signal(worker->pid, SIGKILL);
    }
    fcm_peer_done(&worker->peer);
    fcm_close_at(&worker->pidfd);
    fcm_close_at(&worker->out_fd);
    fcm_close_at(&worker->err_fd);
    free(worker);
}
