// One worker as the coordinator sees it, from the order to fork it until its wait status is known.
#pragma once

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "peer.h"
#include "scheduler.h"

struct fcm_session;

enum { FCM_WORKER_IDLE_DEATHS = 3 }; // in a row, none of them with a file begun: the farm gives up

enum fcm_worker_state {
    FCM_WORKER_FORKING,   // asked for, no pid yet
    FCM_WORKER_PREPARING, // executed, prepares pytest by itself
    FCM_WORKER_READY,     // takes files
    FCM_WORKER_ENDING,    // told to end, or has closed its channel; not dead yet
    FCM_WORKER_DEAD,      // its wait status isn't known yet
    FCM_WORKER_GONE,      // to be freed
};

// Why a worker was ended by us.
enum fcm_worker_end {
    FCM_END_NONE,     // it wasn't
    FCM_END_LATE,     // a file took longer than it may
    FCM_END_STALLED,  // forked, and used no CPU for a while: an executed one is to try
    FCM_END_MEMORY,   // took so much memory that none was left
    FCM_END_STUCK,    // it has been given a file and doesn't begin
    FCM_END_CHANNEL,  // it closed its channel and lives on
    FCM_END_NONSENSE, // it sent what is no answer
    FCM_END_RETIRED,  // not needed any more
};

struct fcm_worker {
    struct fcm_worker *next;
    struct fcm_session *session;
    unsigned number; // from 1
    enum fcm_worker_state state;
    enum fcm_worker_end end;
    bool executed; // our own child; otherwise the zygote's
    pid_t pid;     // 0 while forking
    struct fcm_peer peer;
    struct fcm_hand hand;
    size_t told; // how many of the registrars it knows of
    int pidfd;
    int err_fd;   // what it prints on stderr
    int out_fd;   // the same on stdout, -1 until it has begun with a file
    bool aborted; // SIGTERM has been in vain
    ev_io death;
    ev_timer poll;       // looks for its death where there is no pidfd
    ev_timer limit;      // of the file in hand
    ev_timer kill;       // SIGKILL after SIGTERM, or after the end of its channel
    ev_timer progress;   // looks whether a forked one still does something
    unsigned idle_looks; // in a row that saw no CPU being used
    double cpu;          // seconds used at the last look
    double cpu_begun;    // when it began with its file
    uint64_t size;       // bytes, where it was ended for them
    double allowed;      // seconds that the file in hand may take
    long long oom_kills; // of the machine when it started
};

// Orders one, forked where the zygote may fork and `execute` isn't set, otherwise executed; an
// `extra` one collects only what is to be collected once more. -errno.
int fcm_worker_start(struct fcm_session *session, bool execute, bool extra);

// Hands it one more file, if the scheduler says so.
void fcm_worker_feed(struct fcm_worker *worker);

// The zygote's answers. -EPROTO for one that nobody asked for.
int fcm_worker_on_forked(struct fcm_session *session, unsigned number, pid_t pid);
int fcm_worker_on_reaped(struct fcm_session *session, pid_t pid, int status);

// Ends it at once; nothing that it holds is lost to it.
void fcm_worker_retire(struct fcm_worker *worker);

// Ends it because it has so many bytes of memory that none is left.
void fcm_worker_end_for_memory(struct fcm_worker *worker, uint64_t size);

// Kills it and frees it without waiting for its status: at the end of a session.
void fcm_worker_free(struct fcm_worker *worker);
