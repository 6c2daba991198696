// The zygote as the coordinator sees it: started once, prepares pytest and walks, then forks and
// reaps.
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <sys/types.h>

#include "peer.h"

struct fcm_session;
struct fcm_worker;

enum fcm_zygote_state {
    FCM_ZYGOTE_NONE,      // not started
    FCM_ZYGOTE_PREPARING, // started; walks
    FCM_ZYGOTE_READY,     // may fork
    FCM_ZYGOTE_BARREN,    // prepared, but may not fork: workers are executed
    FCM_ZYGOTE_GONE,      // dead, or let go
};

struct fcm_zygote {
    struct fcm_session *session;
    enum fcm_zygote_state state;
    pid_t pid;
    struct fcm_peer peer;
    int pidfd;
    ev_io death;
    ev_timer poll;     // looks for its death where there is no pidfd
    ev_timer watchdog; // runs while answers are due
    unsigned due;      // answers to Fork and Reap that are outstanding
    int err_fd;        // what it prints on stderr
};

// Starts the process and hands it main's request. A failure ends the session with its reason.
void fcm_zygote_start(struct fcm_zygote *zygote, struct fcm_session *session);

// Asks it for a worker; takes over the descriptors. To be used in state READY.
int fcm_zygote_fork(struct fcm_zygote *zygote, unsigned worker, int channel_fd, int err_fd);
int fcm_zygote_reap(struct fcm_zygote *zygote, pid_t pid);

// Kills it; it is reaped when the session ends.
void fcm_zygote_stop(struct fcm_zygote *zygote);
void fcm_zygote_done(struct fcm_zygote *zygote);

// Executes a process of the farm, role "zygote" or "worker", as main's request says: 0 with its
// pid, our end of its channel and the file of its stderr, all owned by the caller.
int fcm_zygote_execute(struct fcm_session *session, const char *role, pid_t *ret_pid,
                       int *ret_channel, int *ret_err);
