// One run of pytest: its socket, the zygote, the workers, and what is left to do. Callbacks only
// note what has happened; what follows from it is decided in one place, before the loop waits
// again.
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "codec.h"
#include "peer.h"
#include "scheduler.h"
#include "statistics.h"
#include "worker.h"
#include "zygote.h"

struct fcm_session {
    struct ev_loop *loop;
    struct fcm_peer main;
    ev_io main_death; // pidfd of main: its socket may be held open by a child of it
    int main_pidfd;
    pid_t main_pid;
    ev_signal on_term;
    ev_signal on_child;
    ev_prepare before_wait;

    Fcm__CollectRequest *request; // NULL until it has come
    struct fcm_frame request_frame;
    struct fcm_scheduler *scheduler;
    char **paths; // of the walk's files, for what is said about them; path of `id` at id - 1
    size_t path_count;
    size_t path_capacity;

    struct fcm_zygote zygote;
    struct fcm_worker *workers;
    unsigned next_worker;
    uint64_t growth;      // bytes: the most that a worker has grown by
    bool memory_short;    // it has been said
    ev_timer memory;      // looks whether it runs out
    unsigned idle_deaths; // workers in a row that died without having begun with a file
    struct fcm_statistics statistics;

    bool greeted;   // main has said Hello
    bool walk_done; // every file is known
    bool farm_done; // every file is answered, zygote and workers have been let go
    bool leaving;   // the loop ends: `reason` says why
    char reason[1024];
};

// Takes over main's socket, also on failure.
int fcm_session_init(struct fcm_session *session, struct ev_loop *loop, int fd);
void fcm_session_done(struct fcm_session *session);

// Runs until main or the farm ends it; leaves no process behind. Returns 0, or -errno of the loop.
int fcm_session_run(struct fcm_session *session);

// For zygote and workers:

// Ends the session; the first reason stays. An empty one is a normal end.
__attribute__((format(printf, 2, 3))) void fcm_session_leave(struct fcm_session *session,
                                                             const char *format, ...);

// First frames to a zygote or an executed worker: Hello and main's request.
int fcm_session_introduce(struct fcm_session *session, struct fcm_peer *peer);

// A Walk frame from the zygote; takes it over.
void fcm_session_on_walk(struct fcm_session *session, struct fcm_frame *frame);

// Path of a file of the walk, for messages.
const char *fcm_session_path(const struct fcm_session *session, uint32_t id);

// A file's import has changed what files see that are imported later: `from` (NULL for none) has
// imported it. What others have made of later files counts for nothing. -EPROTO, -ENOMEM.
int fcm_session_note_registrar(struct fcm_session *session, uint32_t id, struct fcm_worker *from);

// An answer of a worker, passed on as it is; takes the frame over.
void fcm_session_forward(struct fcm_session *session, struct fcm_frame *frame);
// An answer made here.
void fcm_session_send_native(struct fcm_session *session, uint32_t id, const char *reason,
                             const char *detail);
void fcm_session_send_failure(struct fcm_session *session, uint32_t id, const char *reason,
                              const char *detail);
