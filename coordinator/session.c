#include "session.h"

#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "config.h"
#include "log.h"
#include "memory.h"

enum {
    END_MS = 5000,   // that killed processes get to go
    FLUSH_MS = 1000, // between two looks whether main is still there

    LEAST_GROWTH = 64 << 20, // bytes that a worker is taken to need
    SPARE_SHARE = 50,        // of all memory: less of it is too little
    GUILTY_SHARE = 4,        // of all memory: a worker that has more of it may be ended
    MEMORY_SECONDS = 1,      // between two looks at it
};

void fcm_session_leave(struct fcm_session *session, const char *format, ...) {
    if (session->leaving) return;
    session->leaving = true;
    va_list args;
    va_start(args, format);
    vsnprintf(session->reason, sizeof session->reason, format, args);
    va_end(args);
}

// ---- what is said to others ----

static int say_hello(struct fcm_peer *peer) {
    Fcm__Hello hello = FCM__HELLO__INIT;
    hello.protocol = FCM_PROTOCOL;
    hello.version = (char[]){FCM_VERSION};
    hello.pid = getpid();
    hello.role = (char[]){"coordinator"};
    return fcm_peer_send(peer, FCM_HELLO, 0, &hello);
}

int fcm_session_introduce(struct fcm_session *session, struct fcm_peer *peer) {
    int r = say_hello(peer);
    if (r < 0) return r;
    struct fcm_frame copy;
    r = fcm_frame_copy(&session->request_frame, &copy);
    return r < 0 ? r : fcm_peer_forward(peer, &copy);
}

// What can't be said to main would leave it waiting.
static void check_main(struct fcm_session *session, int r) {
    if (r < 0) fcm_session_leave(session, "cannot answer: %s", strerrordesc_np(-r));
}

void fcm_session_forward(struct fcm_session *session, struct fcm_frame *frame) {
    check_main(session, fcm_peer_forward(&session->main, frame));
}

void fcm_session_send_native(struct fcm_session *session, uint32_t id, const char *reason,
                             const char *detail) {
    Fcm__Native native = FCM__NATIVE__INIT;
    native.id = id;
    native.reason = (char *)(uintptr_t)reason;
    native.detail = (char *)(uintptr_t)detail;
    check_main(session, fcm_peer_send(&session->main, FCM_NATIVE, id, &native));
}

void fcm_session_send_failure(struct fcm_session *session, uint32_t id, const char *reason,
                              const char *detail) {
    Fcm__Failure failure = FCM__FAILURE__INIT;
    failure.id = id;
    failure.reason = (char *)(uintptr_t)reason;
    failure.detail = (char *)(uintptr_t)detail;
    check_main(session, fcm_peer_send(&session->main, FCM_FAILURE, id, &failure));
}

// ---- registrars ----

static void revoke_answer(void *data, uint32_t id) {
    struct fcm_session *session = data;
    Fcm__Revoke message = FCM__REVOKE__INIT;
    message.id = id;
    check_main(session, fcm_peer_send(&session->main, FCM_REVOKE, id, &message));
}

int fcm_session_note_registrar(struct fcm_session *session, uint32_t id, struct fcm_worker *from) {
    // What main still lacks then it collects itself.
    if (session->farm_done) return 0;
    int r = fcm_scheduler_note_registrar(session->scheduler, id, from ? &from->hand : NULL,
                                         revoke_answer, session);
    if (r == -ENOENT) return -EPROTO;
    return r < 0 ? r : 0;
}

static int on_registrar(struct fcm_session *session, const Fcm__Registrar *registrar) {
    return fcm_session_note_registrar(session, registrar->id, NULL);
}

// ---- walk ----

const char *fcm_session_path(const struct fcm_session *session, uint32_t id) {
    return id >= 1 && id <= session->path_count ? session->paths[id - 1] : "?";
}

static int remember_path(struct fcm_session *session, ProtobufCBinaryData path) {
    if (session->path_count == session->path_capacity) {
        size_t capacity = session->path_capacity ? 2 * session->path_capacity : 256;
        char **grown = realloc(session->paths, capacity * sizeof *grown);
        if (!grown) return -ENOMEM;
        session->paths = grown;
        session->path_capacity = capacity;
    }
    char *text = strndup(path.data ? (char *)path.data : "", path.len);
    if (!text) return -ENOMEM;
    session->paths[session->path_count++] = text;
    return 0;
}

// What the user wants with a file.
static void place_file(struct fcm_session *session, const Fcm__FoundFile *file) {
    if (file->native) {
        fcm_scheduler_settle(session->scheduler, file->id);
        fcm_session_send_native(session, file->id, "declared-native", "");
    } else if (file->alone) {
        fcm_scheduler_set_alone(session->scheduler, file->id);
    }
}

void fcm_session_on_walk(struct fcm_session *session, struct fcm_frame *frame) {
    FCM_AUTO_MESSAGE void *message = NULL;
    int r = session->walk_done ? -EPROTO : fcm_codec_decode(frame, &message);
    const Fcm__Walk *walk = message;
    for (size_t i = 0; r == 0 && i < walk->n_files; i++) {
        r = fcm_scheduler_add(session->scheduler, walk->files[i]->id, -1);
        if (r == 0) r = remember_path(session, walk->files[i]->path);
        if (r == 0) place_file(session, walk->files[i]);
    }
    if (r < 0) {
        fcm_frame_done(frame);
        fcm_session_leave(session, "the zygote's walk is nonsense (%s)", strerrordesc_np(-r));
        return;
    }
    session->walk_done = walk->done;
    fcm_session_forward(session, frame);
}

// ---- main ----

static int on_hello(struct fcm_session *session, const Fcm__Hello *hello) {
    session->greeted = true;
    if (hello->protocol != FCM_PROTOCOL || strcmp(hello->version, FCM_VERSION) != 0)
        fcm_session_leave(
            session, "the coordinator is version %s (protocol %d), the plugin %s (protocol %u)",
            FCM_VERSION, FCM_PROTOCOL, hello->version, hello->protocol);
    return 0;
}

static int on_request(struct fcm_session *session, void **message, struct fcm_frame *frame) {
    if (!session->greeted || session->request) return -EPROTO;
    session->request = fcm_take(message);
    session->request_frame = *frame;
    *frame = (struct fcm_frame){0};
    fcm_scheduler_set_prefetch(session->scheduler, session->request->prefetch);
    fcm_zygote_start(&session->zygote, session);
    return 0;
}

static int on_want(struct fcm_session *session, const Fcm__Want *want) {
    if (want->seconds > 0) fcm_scheduler_set_duration(session->scheduler, want->id, want->seconds);
    if (fcm_scheduler_want(session->scheduler, want->id) == -ENOENT)
        fcm_session_send_native(session, want->id, "not-in-walk", "");
    return 0;
}

static void on_main_frame(struct fcm_peer *peer, struct fcm_frame *frame) {
    struct fcm_session *session = peer->data;
    FCM_AUTO_MESSAGE void *message = NULL;
    int r = session->leaving ? -ECANCELED : fcm_codec_decode(frame, &message);
    if (r == 0) {
        switch (frame->header.type) {
        case FCM_HELLO: r = on_hello(session, message); break;
        case FCM_COLLECT_REQUEST: r = on_request(session, &message, frame); break;
        case FCM_WANT: r = on_want(session, message); break;
        case FCM_REGISTRAR: r = on_registrar(session, message); break;
        case FCM_GOODBYE: fcm_session_leave(session, "%s", ""); break;
        default: r = -EPROTO;
        }
    }
    fcm_frame_done(frame);
    if (r < 0) fcm_session_leave(session, "pytest sent nonsense (%s)", strerrordesc_np(-r));
}

static void on_main_end(struct fcm_peer *peer, int error) {
    (void)error;
    fcm_session_leave(peer->data, "%s", "pytest is gone");
}

static void on_main_death(struct ev_loop *loop, ev_io *watcher, int events) {
    (void)loop;
    // When it can't be watched, the end of the socket has to do.
    if (events & EV_ERROR) return;
    fcm_session_leave(watcher->data, "%s", "pytest is gone");
}

static void on_term(struct ev_loop *loop, ev_signal *watcher, int events) {
    (void)loop, (void)events;
    fcm_session_leave(watcher->data, "%s", "the coordinator was told to stop (SIGTERM)");
}

// ---- children that nobody waits for ----

static bool is_awaited(const void *data, pid_t pid) {
    const struct fcm_session *session = data;
    if (session->zygote.pid == pid && session->zygote.state != FCM_ZYGOTE_GONE) return true;
    for (const struct fcm_worker *worker = session->workers; worker; worker = worker->next)
        if (worker->executed && worker->pid == pid) return true;
    return false;
}

// Orphans of workers, and those that were killed because they weren't needed. The others have
// watchers.
static void on_child(struct ev_loop *loop, ev_signal *watcher, int events) {
    (void)loop, (void)events;
    fcm_child_reap_others(is_awaited, watcher->data);
}

// ---- what follows ----

static void sweep(struct fcm_session *session) {
    for (struct fcm_worker **at = &session->workers; *at;) {
        struct fcm_worker *worker = *at;
        if (worker->state != FCM_WORKER_GONE) {
            at = &worker->next;
            continue;
        }
        *at = worker->next;
        fcm_worker_free(worker);
    }
}

static bool takes_files(const struct fcm_worker *worker) {
    if (worker->hand.spent) return false;
    return worker->state == FCM_WORKER_FORKING || worker->state == FCM_WORKER_PREPARING ||
           worker->state == FCM_WORKER_READY;
}

// A file that is retried needs a worker that has done nothing yet.
static void make_room(struct fcm_session *session, bool executed) {
    for (struct fcm_worker *worker = session->workers; worker; worker = worker->next)
        if (takes_files(worker) && (worker->hand.used || (executed && !worker->executed)) &&
            worker->hand.count == 0) {
            fcm_worker_retire(worker);
            return;
        }
}

// Those that have grown too much, or have collected a file that wants to be alone.
static void let_go(struct fcm_session *session) {
    for (struct fcm_worker *worker = session->workers; worker; worker = worker->next)
        if (worker->hand.spent && worker->hand.count == 0) fcm_worker_retire(worker);
}

// Whether there is memory for one more, `fresh` of those present having nothing yet.
static bool affords_worker(struct fcm_session *session, size_t present, size_t fresh) {
    struct fcm_memory memory;
    if (present == 0 || fcm_memory_read("", &memory) < 0) return true;
    uint64_t each = session->growth > LEAST_GROWTH ? session->growth : LEAST_GROWTH;
    if (memory.available > memory.total / SPARE_SHARE + (fresh + 1) * each) return true;
    if (!session->memory_short)
        fcm_log("memory is short (%llu MiB to be had); going on with %zu workers",
                (unsigned long long)(memory.available >> 20), present);
    session->memory_short = true;
    return false;
}

// Better one file's end than that of who knows what.
static void on_memory(struct ev_loop *loop, ev_timer *watcher, int events) {
    (void)loop, (void)events;
    struct fcm_session *session = watcher->data;
    struct fcm_memory memory;
    if (!session->workers || fcm_memory_read("", &memory) < 0) return;
    if (memory.available >= memory.total / SPARE_SHARE) return;
    struct fcm_worker *largest = NULL;
    uint64_t most = memory.total / GUILTY_SHARE;
    for (struct fcm_worker *worker = session->workers; worker; worker = worker->next) {
        uint64_t size = worker->pid > 0 ? fcm_memory_of(worker->pid) : 0;
        if (size < most) continue;
        most = size;
        largest = worker;
    }
    if (largest) fcm_worker_end_for_memory(largest, most);
}

// As many workers as there is work for and main allows.
static void hire(struct fcm_session *session) {
    size_t most = session->request->workers ? session->request->workers : 1;
    size_t able = 0, idle = 0, fresh = 0, executed = 0, present = 0;
    for (struct fcm_worker *worker = session->workers; worker; worker = worker->next) {
        present++;
        if (!takes_files(worker)) continue;
        able++;
        idle += worker->hand.count == 0;
        fresh += !worker->hand.used && worker->hand.count == 0;
        executed += worker->executed && !worker->hand.used && worker->hand.count == 0;
    }
    size_t waiting = fcm_scheduler_waiting(session->scheduler);
    size_t alone = fcm_scheduler_alone(session->scheduler);
    size_t alone_executed = fcm_scheduler_alone_executed(session->scheduler);
    bool stuck = fcm_scheduler_again_stuck(session->scheduler);
    if ((alone > fresh || alone_executed > executed) && able >= most)
        make_room(session, alone_executed > executed);
    // Dying ones count too: a machine without memory isn't helped by more of them.
    // What is collected once more keeps main waiting.
    while (!session->leaving && present < most + stuck &&
           (stuck || idle < waiting || fresh < alone || executed < alone_executed)) {
        if (!affords_worker(session, present, fresh)) return;
        bool execute = executed < alone_executed;
        int r = fcm_worker_start(session, execute, present >= most);
        if (r < 0) {
            fcm_log("cannot start a worker (%s)%s", strerrordesc_np(-r),
                    present ? "; going on with fewer" : "");
            if (present == 0)
                fcm_session_leave(session, "cannot start a worker: %s", strerrordesc_np(-r));
            return;
        }
        present++, idle++, fresh++, executed += execute;
        stuck = false;
    }
}

static void feed(struct fcm_session *session) {
    // Those without a file first, then one ahead for each.
    for (unsigned held = 0; held < FCM_HAND_SIZE; held++)
        for (struct fcm_worker *worker = session->workers; worker; worker = worker->next)
            if (worker->hand.count == held) fcm_worker_feed(worker);
}

static void release_farm(struct fcm_session *session) {
    session->farm_done = true;
    while (session->workers) {
        struct fcm_worker *worker = session->workers;
        session->workers = worker->next;
        fcm_worker_free(worker);
    }
    fcm_zygote_stop(&session->zygote);
}

static void before_wait(struct ev_loop *loop, ev_prepare *watcher, int events) {
    struct fcm_session *session = watcher->data;
    (void)events;
    sweep(session);
    bool prepared =
        session->zygote.state == FCM_ZYGOTE_READY || session->zygote.state == FCM_ZYGOTE_BARREN;
    if (!session->leaving && prepared) {
        let_go(session);
        hire(session);
        feed(session);
        if (session->walk_done && fcm_scheduler_open(session->scheduler) == 0)
            release_farm(session);
    }
    if (session->leaving) ev_break(loop, EVBREAK_ALL);
}

// ---- life ----

int fcm_session_init(struct fcm_session *session, struct ev_loop *loop, int fd) {
    *session = (struct fcm_session){.loop = loop, .main_pid = getppid(), .main_pidfd = -1};
    session->zygote.pidfd = session->zygote.err_fd = -1;
    int r = fcm_peer_init(&session->main, loop, fd, on_main_frame, on_main_end, session);
    if (r < 0) return r;
    session->scheduler = fcm_scheduler_new();
    if (!session->scheduler) return -ENOMEM;

    ev_signal_init(&session->on_term, on_term, SIGTERM);
    ev_signal_init(&session->on_child, on_child, SIGCHLD);
    ev_prepare_init(&session->before_wait, before_wait);
    session->on_term.data = session->on_child.data = session->before_wait.data = session;
    ev_signal_start(loop, &session->on_term);
    ev_signal_start(loop, &session->on_child);
    ev_prepare_start(loop, &session->before_wait);
    ev_timer_init(&session->memory, on_memory, MEMORY_SECONDS, MEMORY_SECONDS);
    session->memory.data = session;
    ev_timer_start(loop, &session->memory);

    ev_init(&session->main_death, on_main_death);
    session->main_death.data = session;
    // Where there is no pidfd, the end of the socket has to do.
    session->main_pidfd = fcm_child_pidfd(session->main_pid);
    if (session->main_pidfd >= 0) {
        ev_io_set(&session->main_death, session->main_pidfd, EV_READ);
        ev_io_start(loop, &session->main_death);
    }
    return say_hello(&session->main);
}

// Statistics and Goodbye, as long as there is somebody to read them.
static void say_goodbye(struct fcm_session *session) {
    Fcm__Statistics statistics;
    fcm_statistics_message(&session->statistics, &statistics);
    Fcm__Goodbye goodbye = FCM__GOODBYE__INIT;
    goodbye.reason = session->reason;
    fcm_peer_send(&session->main, FCM_STATISTICS, 0, &statistics);
    fcm_peer_send(&session->main, FCM_GOODBYE, 0, &goodbye);
    while (getppid() == session->main_pid &&
           fcm_peer_flush(&session->main, FLUSH_MS) == -ETIMEDOUT) {
    }
}

int fcm_session_run(struct fcm_session *session) {
    ev_run(session->loop, 0);
    // Nothing is lost any more by a signal that ends this process.
    ev_signal_stop(session->loop, &session->on_term);
    ev_signal_stop(session->loop, &session->on_child);
    release_farm(session);
    if (fcm_child_end_all(END_MS) < 0)
        fcm_log("some processes of the farm can't be killed; they are left behind");
    say_goodbye(session);
    return 0;
}

void fcm_session_done(struct fcm_session *session) {
    struct ev_loop *loop = session->loop;
    while (session->workers) {
        struct fcm_worker *worker = session->workers;
        session->workers = worker->next;
        fcm_worker_free(worker);
    }
    fcm_zygote_done(&session->zygote);
    ev_signal_stop(loop, &session->on_term);
    ev_signal_stop(loop, &session->on_child);
    ev_prepare_stop(loop, &session->before_wait);
    ev_timer_stop(loop, &session->memory);
    ev_io_stop(loop, &session->main_death);
    fcm_peer_done(&session->main);
    fcm_close_at(&session->main_pidfd);
    fcm_codec_free(session->request);
    fcm_frame_done(&session->request_frame);
    fcm_scheduler_free(session->scheduler);
    for (size_t i = 0; i < session->path_count; i++) free(session->paths[i]);
    free(session->paths);
    fcm_statistics_done(&session->statistics);
}
