// Which worker collects which file next. Knows files and hands, no processes and no clock.
//
// A file waits until a hand takes it: those that main asked for first, in the order of asking; then
// the longest by their recorded duration; then those without one, in the order of the walk. A hand
// holds one file and, while enough are left for everybody, one ahead. A file whose worker died is
// retried once, alone, by a hand that has done nothing before.
//
// A registrar is a file whose import changes what later files see: every hand imports it before
// those. As one becomes known, what other hands have collected after it is collected once more.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct fcm_scheduler;

enum {
    FCM_HAND_SIZE = 2,      // files that a worker holds: one in hand and one ahead
    FCM_FILE_MAX_DEATHS = 2 // workers that a file may cost
};

// What one worker holds. The scheduler writes it; it lives in the worker. Zeroed: a fresh one.
struct fcm_hand {
    struct fcm_hand *next;       // of the scheduler's list
    uint32_t ids[FCM_HAND_SIZE]; // in the order of assignment
    unsigned count;
    uint32_t begun;     // the one that is being collected, 0 none
    uint32_t number;    // of this hand among all that have joined, from 1
    uint32_t registrar; // the last in the walk that it has imported or is to import, 0 none
    bool used;          // it has begun with a file: no longer fresh
    bool extra;         // gets only files that are collected once more: set by the worker
    bool executed;      // its worker is no fork: set by the worker
    bool spent; // gets nothing any more: set by the worker, or a file that is to be collected alone
    bool alone; // it holds a file that is retried, and gets nothing else until that is answered
};

// What became of the file that was being collected when a hand was lost.
enum fcm_loss {
    FCM_LOSS_NONE,  // there was none, or it has been answered by another hand
    FCM_LOSS_RETRY, // waits for a fresh hand, or another hand has it
    FCM_LOSS_FINAL, // the caller reports it; it is done
};

struct fcm_scheduler *fcm_scheduler_new(void);
void fcm_scheduler_free(struct fcm_scheduler *scheduler);
FCM_DEFINE_AUTO(fcm_scheduler)

// Without prefetch only files that main asked for are handed out.
void fcm_scheduler_set_prefetch(struct fcm_scheduler *scheduler, bool prefetch);

// A file of the walk; ids count from 1 without a gap. `duration` in seconds, negative where
// unknown. -EINVAL for another id, -ENOMEM.
int fcm_scheduler_add(struct fcm_scheduler *scheduler, uint32_t id, double duration);

// What collecting a file took before, in seconds, as far as nobody has asked for it yet.
void fcm_scheduler_set_duration(struct fcm_scheduler *scheduler, uint32_t id, double duration);

// Main asks for it. 1, 0 when it is answered already, -ENOENT.
int fcm_scheduler_want(struct fcm_scheduler *scheduler, uint32_t id);

// Recorded duration of a file, negative where unknown.
double fcm_scheduler_duration(const struct fcm_scheduler *scheduler, uint32_t id);

void fcm_scheduler_join(struct fcm_scheduler *scheduler, struct fcm_hand *hand);

// Gives the hand a file if it should have one more: 1 with its id, or 0.
int fcm_scheduler_next(struct fcm_scheduler *scheduler, struct fcm_hand *hand, uint32_t *ret_id);

// The worker has begun with a file, or answered it. Returns 1; 0 for an answer that another hand
// gave before, or that is worth nothing; -EPROTO when the hand doesn't hold the file.
int fcm_scheduler_begin(struct fcm_scheduler *scheduler, struct fcm_hand *hand, uint32_t id);
int fcm_scheduler_answer(struct fcm_scheduler *scheduler, struct fcm_hand *hand, uint32_t id);

// The file is answered from elsewhere (a manifest).
void fcm_scheduler_settle(struct fcm_scheduler *scheduler, uint32_t id);

// A file that was lost is only to be retried by an executed worker. Called before
// fcm_scheduler_lose().
void fcm_scheduler_need_executed(struct fcm_scheduler *scheduler, uint32_t id);

// A file that is to be collected alone, in a fresh hand that gets no other file after it.
void fcm_scheduler_set_alone(struct fcm_scheduler *scheduler, uint32_t id);

// The worker is no more; its hand leaves. Files ahead wait again. `retry` false makes the loss
// final.
enum fcm_loss fcm_scheduler_lose(struct fcm_scheduler *scheduler, struct fcm_hand *hand, bool retry,
                                 uint32_t *ret_id);

// A file turns out to be a registrar, which `hand` has collected (NULL: somebody else). Answers
// about files after it are worth nothing, except those that `hand` is still to give: each of them
// is collected once more, by a hand that hasn't begun with it. Calls `revoked` for those that have
// been answered. Returns 1, 0 where it was known, -ENOENT, -ENOMEM.
int fcm_scheduler_note_registrar(struct fcm_scheduler *scheduler, uint32_t id,
                                 struct fcm_hand *hand, void (*revoked)(void *data, uint32_t id),
                                 void *data);

// The ids of all registrars, in the order in which they became known.
const uint32_t *fcm_scheduler_registrars(const struct fcm_scheduler *scheduler, size_t *ret_count);

// Files that a new hand could take now; those among them that need a fresh hand; files not
// answered.
size_t fcm_scheduler_waiting(const struct fcm_scheduler *scheduler);
size_t fcm_scheduler_alone(const struct fcm_scheduler *scheduler);
// Those of the latter that need an executed one.
size_t fcm_scheduler_alone_executed(const struct fcm_scheduler *scheduler);
// Whether there is a file to be collected once more that none of the hands can take.
bool fcm_scheduler_again_stuck(const struct fcm_scheduler *scheduler);
size_t fcm_scheduler_open(const struct fcm_scheduler *scheduler);
size_t fcm_scheduler_total(const struct fcm_scheduler *scheduler);
