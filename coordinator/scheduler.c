#include "scheduler.h"

#include <assert.h>
#include <string.h>

enum file_state {
    FILE_WAITING, // in the heap
    FILE_HELD,    // by one hand or more
    FILE_ALONE,   // waits for a fresh hand, in the queue `alone`
    FILE_AGAIN,   // waits to be collected once more, in the list `again`
    FILE_DONE,
};

struct file {
    double duration;
    uint64_t wanted;    // number of main's question, 0 none
    size_t heap_at;     // while waiting
    uint32_t next;      // id of the next in `alone` or `again`
    uint32_t begun_by;  // number of the hand that has begun with it, 0 none
    uint32_t begun_max; // the largest such number
    unsigned holders;
    unsigned deaths;
    bool begun_twice; // by more than one
    bool executed;    // only for a worker that is no fork
    bool declared;    // to be collected alone
    bool settled;     // answered from elsewhere
    bool again;       // what its holder answers is worth nothing
    enum file_state state;
};

struct fcm_scheduler {
    struct file *files; // file `id` stands at id - 1
    size_t count;
    size_t capacity;
    uint32_t *heap; // ids, first the one to take next
    size_t heap_count;
    size_t heap_wanted; // how many in the heap main asked for
    uint32_t alone_first;
    uint32_t alone_last;
    size_t alone_count;
    size_t alone_executed;
    uint32_t again_first; // in the order of the walk
    size_t again_count;
    uint32_t *registrars; // as they became known
    size_t registrar_count;
    size_t registrar_capacity;
    size_t open;
    size_t hand_count;
    uint32_t hands_joined;
    struct fcm_hand *hands;
    uint64_t questions;
    bool prefetch;
};

struct fcm_scheduler *fcm_scheduler_new(void) {
    struct fcm_scheduler *s = calloc(1, sizeof *s);
    if (s) s->prefetch = true;
    return s;
}

void fcm_scheduler_free(struct fcm_scheduler *s) {
    if (!s) return;
    free(s->files);
    free(s->heap);
    free(s->registrars);
    free(s);
}

void fcm_scheduler_set_prefetch(struct fcm_scheduler *s, bool prefetch) { s->prefetch = prefetch; }

// NULL for an id from outside that is none.
static struct file *file_of(const struct fcm_scheduler *s, uint32_t id) {
    return id >= 1 && id <= s->count ? &s->files[id - 1] : NULL;
}

// For ids of our own lists.
static struct file *file_at(const struct fcm_scheduler *s, uint32_t id) {
    assert(id >= 1 && id <= s->count);
    return &s->files[id - 1];
}

// ---- heap of waiting files ----

static bool before(const struct fcm_scheduler *s, uint32_t a, uint32_t b) {
    const struct file *x = file_at(s, a), *y = file_at(s, b);
    if (x->wanted != y->wanted) {
        if (!x->wanted || !y->wanted) return x->wanted != 0;
        return x->wanted < y->wanted;
    }
    if (x->duration > y->duration) return true;
    if (x->duration < y->duration) return false;
    return a < b;
}

static void heap_put(struct fcm_scheduler *s, size_t at, uint32_t id) {
    s->heap[at] = id;
    file_at(s, id)->heap_at = at;
}

static void heap_up(struct fcm_scheduler *s, size_t at) {
    uint32_t id = s->heap[at];
    while (at > 0 && before(s, id, s->heap[(at - 1) / 2])) {
        heap_put(s, at, s->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    heap_put(s, at, id);
}

static void heap_down(struct fcm_scheduler *s, size_t at) {
    uint32_t id = s->heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= s->heap_count) break;
        if (child + 1 < s->heap_count && before(s, s->heap[child + 1], s->heap[child])) child++;
        if (!before(s, s->heap[child], id)) break;
        heap_put(s, at, s->heap[child]);
        at = child;
    }
    heap_put(s, at, id);
}

static void heap_push(struct fcm_scheduler *s, uint32_t id) {
    struct file *file = file_at(s, id);
    file->state = FILE_WAITING;
    s->heap_wanted += file->wanted != 0;
    s->heap[s->heap_count++] = id; // as large as `files`
    heap_up(s, s->heap_count - 1);
}

static void heap_remove(struct fcm_scheduler *s, uint32_t id) {
    struct file *file = file_at(s, id);
    size_t at = file->heap_at;
    assert(s->heap[at] == id);
    s->heap_wanted -= file->wanted != 0;
    uint32_t moved = s->heap[--s->heap_count];
    if (moved == id) return;
    heap_put(s, at, moved);
    heap_up(s, at);
    heap_down(s, file_at(s, moved)->heap_at);
}

// ---- files ----

int fcm_scheduler_add(struct fcm_scheduler *s, uint32_t id, double duration) {
    if (id != s->count + 1) return -EINVAL;
    if (s->count == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 256;
        struct file *files = realloc(s->files, capacity * sizeof *files);
        if (!files) return -ENOMEM;
        s->files = files;
        uint32_t *heap = realloc(s->heap, capacity * sizeof *heap);
        if (!heap) return -ENOMEM;
        s->heap = heap;
        s->capacity = capacity;
    }
    s->files[s->count++] = (struct file){.duration = duration >= 0 ? duration : -1};
    s->open++;
    heap_push(s, id);
    return 0;
}

static void alone_push(struct fcm_scheduler *s, uint32_t id) {
    struct file *file = file_at(s, id);
    file->state = FILE_ALONE;
    file->next = 0;
    if (s->alone_last)
        file_at(s, s->alone_last)->next = id;
    else
        s->alone_first = id;
    s->alone_last = id;
    s->alone_count++;
    s->alone_executed += file->executed;
}

void fcm_scheduler_set_duration(struct fcm_scheduler *s, uint32_t id, double duration) {
    struct file *file = file_of(s, id);
    if (!file || file->wanted || !(duration > file->duration)) return;
    file->duration = duration;
    if (file->state == FILE_WAITING) heap_up(s, file->heap_at);
}

int fcm_scheduler_want(struct fcm_scheduler *s, uint32_t id) {
    struct file *file = file_of(s, id);
    if (!file) return -ENOENT;
    if (file->state == FILE_DONE) return 0;
    if (file->wanted) return 1;
    if (file->declared && file->state == FILE_WAITING) {
        heap_remove(s, id);
        alone_push(s, id);
    }
    file->wanted = ++s->questions;
    if (file->state == FILE_WAITING) {
        s->heap_wanted++;
        heap_up(s, file->heap_at);
    }
    return 1;
}

double fcm_scheduler_duration(const struct fcm_scheduler *s, uint32_t id) {
    const struct file *file = file_of(s, id);
    return file ? file->duration : -1;
}

// The first one for such a worker, 0 none.
static uint32_t alone_pop(struct fcm_scheduler *s, bool executed) {
    uint32_t before = 0, id = s->alone_first;
    while (id && file_at(s, id)->executed && !executed) {
        before = id;
        id = file_at(s, id)->next;
    }
    if (!id) return 0;
    struct file *file = file_at(s, id);
    if (before)
        file_at(s, before)->next = file->next;
    else
        s->alone_first = file->next;
    if (s->alone_last == id) s->alone_last = before;
    s->alone_count--;
    s->alone_executed -= file->executed;
    return id;
}

static void file_done(struct fcm_scheduler *s, struct file *file) {
    assert(file->state != FILE_DONE);
    file->state = FILE_DONE;
    s->open--;
}

void fcm_scheduler_settle(struct fcm_scheduler *s, uint32_t id) {
    struct file *file = file_of(s, id);
    if (!file || file->state == FILE_DONE) return;
    // One that waits in another queue stays in its count: it is only settled by its hand.
    if (file->state == FILE_ALONE || file->state == FILE_AGAIN) return;
    if (file->state == FILE_WAITING) heap_remove(s, id);
    file->settled = true;
    file_done(s, file);
}

void fcm_scheduler_need_executed(struct fcm_scheduler *s, uint32_t id) {
    struct file *file = file_of(s, id);
    if (file && file->state == FILE_HELD) file->executed = true;
}

void fcm_scheduler_set_alone(struct fcm_scheduler *s, uint32_t id) {
    struct file *file = file_of(s, id);
    if (!file || file->state != FILE_WAITING) return;
    file->declared = true;
    if (!s->prefetch && !file->wanted) return;
    heap_remove(s, id);
    alone_push(s, id);
}

// ---- hands ----

void fcm_scheduler_join(struct fcm_scheduler *s, struct fcm_hand *hand) {
    *hand = (struct fcm_hand){.next = s->hands, .number = ++s->hands_joined};
    s->hands = hand;
    s->hand_count++;
}

static bool is_registrar(const struct fcm_scheduler *s, uint32_t id) {
    for (size_t i = 0; i < s->registrar_count; i++)
        if (s->registrars[i] == id) return true;
    return false;
}

static void take(struct fcm_scheduler *s, struct fcm_hand *hand, uint32_t id) {
    struct file *file = file_at(s, id);
    file->state = FILE_HELD;
    file->holders++;
    // Its worker imports the known ones before the file.
    for (size_t i = 0; i < s->registrar_count; i++)
        if (s->registrars[i] <= id && s->registrars[i] > hand->registrar)
            hand->registrar = s->registrars[i];
    hand->ids[hand->count++] = id;
}

// Whether a file comes after the registrars that the hand has imported: they are imported in order
// only.
static bool is_in_order(const struct fcm_hand *hand, uint32_t id) { return id > hand->registrar; }

// A file that main waits for and that stands ahead in another hand, behind one that takes long.
// Both will collect it; the first answer counts.
static uint32_t wanted_elsewhere(const struct fcm_scheduler *s, const struct fcm_hand *hand) {
    uint32_t best = 0;
    for (const struct fcm_hand *other = s->hands; other; other = other->next) {
        if (other == hand || other->count < 2) continue;
        uint32_t id = other->ids[1];
        const struct file *file = file_at(s, id);
        if (!file->wanted || file->state == FILE_DONE || file->holders != 1) continue;
        if (!is_in_order(hand, id)) continue;
        if (!best || file->wanted < file_at(s, best)->wanted) best = id;
    }
    return best;
}

// Nothing can be imported twice.
static bool can_redo(const struct fcm_scheduler *s, const struct fcm_hand *hand, uint32_t id) {
    const struct file *file = file_at(s, id);
    if (hand->spent || !is_in_order(hand, id)) return false;
    if (!hand->used || hand->number > file->begun_max) return true;
    return file->begun_by != hand->number && !file->begun_twice;
}

static void again_push(struct fcm_scheduler *s, uint32_t id) {
    uint32_t *at = &s->again_first;
    while (*at && *at < id) at = &file_at(s, *at)->next;
    struct file *file = file_at(s, id);
    file->state = FILE_AGAIN;
    file->next = *at;
    *at = id;
    s->again_count++;
}

// The first one for such a hand, 0 none.
static uint32_t again_pop(struct fcm_scheduler *s, const struct fcm_hand *hand) {
    for (uint32_t *at = &s->again_first; *at; at = &file_at(s, *at)->next) {
        uint32_t id = *at;
        if (!can_redo(s, hand, id)) continue;
        *at = file_at(s, id)->next;
        s->again_count--;
        return id;
    }
    return 0;
}

// The waiting one to take next that comes after the registrars which the hand has imported, 0 none.
static uint32_t first_waiting(const struct fcm_scheduler *s, const struct fcm_hand *hand) {
    if (is_in_order(hand, s->heap[0])) return s->heap[0];
    uint32_t best = 0;
    for (size_t i = 1; i < s->heap_count; i++) {
        uint32_t id = s->heap[i];
        if (!is_in_order(hand, id) || (!s->prefetch && !file_at(s, id)->wanted)) continue;
        if (!best || before(s, id, best)) best = id;
    }
    return best;
}

int fcm_scheduler_next(struct fcm_scheduler *s, struct fcm_hand *hand, uint32_t *ret_id) {
    uint32_t id = 0;
    if (hand->count == FCM_HAND_SIZE || hand->alone || hand->spent) return 0;
    bool idle = hand->count == 0;
    if (idle && !hand->used && s->alone_count > 0) {
        id = alone_pop(s, hand->executed);
        hand->alone = id != 0;
        hand->spent = id != 0 && file_at(s, id)->declared;
    }
    if (!id) id = again_pop(s, hand);
    if (!id && hand->extra) {
        hand->spent = idle;
        return 0;
    }
    if (!id && idle && s->heap_wanted == 0) {
        id = wanted_elsewhere(s, hand);
    }
    if (!id && s->heap_count > 0 && (s->prefetch || s->heap_wanted > 0)) {
        // Towards the end nothing is held ahead: a file should go to whoever is free first.
        if (!idle && s->heap_count < 2 * s->hand_count) return 0;
        id = first_waiting(s, hand);
        if (id)
            heap_remove(s, id);
        else
            hand->spent = idle;
    }
    if (!id) return 0;
    take(s, hand, id);
    *ret_id = id;
    return 1;
}

static int hand_find(const struct fcm_hand *hand, uint32_t id) {
    for (unsigned i = 0; i < hand->count; i++)
        if (hand->ids[i] == id) return (int)i;
    return -EPROTO;
}

static void hand_drop(struct fcm_hand *hand, unsigned at) {
    hand->count--;
    for (unsigned i = at; i < hand->count; i++) hand->ids[i] = hand->ids[i + 1];
}

int fcm_scheduler_begin(struct fcm_scheduler *s, struct fcm_hand *hand, uint32_t id) {
    int at = hand_find(hand, id);
    if (at < 0) return at;
    hand->begun = id;
    hand->used = true;
    struct file *file = file_at(s, id);
    if (file->begun_by && file->begun_by != hand->number) file->begun_twice = true;
    file->begun_by = hand->number;
    if (file->begun_max < hand->number) file->begun_max = hand->number;
    return file->state != FILE_DONE;
}

// Whatever has been collected of it counts for nothing.
static void redo(struct fcm_scheduler *s, uint32_t id) {
    struct file *file = file_at(s, id);
    file->again = false;
    if (file->declared || file->deaths > 0)
        alone_push(s, id);
    else
        again_push(s, id);
}

int fcm_scheduler_answer(struct fcm_scheduler *s, struct fcm_hand *hand, uint32_t id) {
    int at = hand_find(hand, id);
    if (at < 0) return at;
    struct file *file = file_at(s, id);
    hand_drop(hand, (unsigned)at);
    hand->used = true;
    hand->alone = false;
    if (hand->begun == id) hand->begun = 0;
    file->holders--;
    if (file->state == FILE_DONE) return 0;
    if (file->again) {
        // another that holds it began as early
        if (file->holders > 0) return 0;
        redo(s, id);
        return 0;
    }
    file_done(s, file);
    return 1;
}

static bool holds(const struct fcm_hand *hand, uint32_t id) {
    return hand && hand_find(hand, id) >= 0;
}

// Answers about files after `id` are worth nothing, except those that `hand` is still to give.
static void redo_after(struct fcm_scheduler *s, uint32_t id, const struct fcm_hand *hand,
                       void (*revoked)(void *data, uint32_t id), void *data) {
    for (uint32_t later = id + 1; later <= s->count; later++) {
        struct file *file = file_at(s, later);
        if (file->state == FILE_HELD) {
            if (!holds(hand, later) || file->holders > 1) file->again = true;
        } else if (file->state == FILE_DONE && !file->settled) {
            s->open++;
            revoked(data, later);
            if (file->holders > 0) {
                // its second holder is still at it
                file->state = FILE_HELD;
                file->again = true;
            } else {
                redo(s, later);
            }
        }
    }
}

int fcm_scheduler_note_registrar(struct fcm_scheduler *s, uint32_t id, struct fcm_hand *hand,
                                 void (*revoked)(void *data, uint32_t id), void *data) {
    if (!file_of(s, id)) return -ENOENT;
    if (is_registrar(s, id)) return 0;
    if (s->registrar_count == s->registrar_capacity) {
        size_t capacity = s->registrar_capacity ? 2 * s->registrar_capacity : 16;
        uint32_t *grown = realloc(s->registrars, capacity * sizeof *grown);
        if (!grown) return -ENOMEM;
        s->registrars = grown;
        s->registrar_capacity = capacity;
    }
    s->registrars[s->registrar_count++] = id;
    const struct fcm_hand *in_order = hand && hand->registrar <= id ? hand : NULL;
    // Where a later one has been imported already, the order can't be had any more.
    for (struct fcm_hand *other = s->hands; other; other = other->next)
        if (other->registrar > id) other->spent = true;
    if (in_order) {
        hand->registrar = id;
        for (unsigned i = 0; i < hand->count; i++)
            if (hand->ids[i] < id && file_at(s, hand->ids[i])->state == FILE_HELD)
                file_at(s, hand->ids[i])->again = true;
    }
    redo_after(s, id, in_order, revoked, data);
    return 1;
}

const uint32_t *fcm_scheduler_registrars(const struct fcm_scheduler *s, size_t *ret_count) {
    *ret_count = s->registrar_count;
    return s->registrars;
}

// A held file comes back from a lost hand.
static enum fcm_loss hand_back(struct fcm_scheduler *s, uint32_t id, bool guilty, bool retry,
                               bool alone) {
    struct file *file = file_at(s, id);
    file->holders--;
    if (file->state == FILE_DONE) return FCM_LOSS_NONE;
    if (guilty) file->deaths++;
    if (guilty && (!retry || file->deaths >= FCM_FILE_MAX_DEATHS)) {
        file_done(s, file);
        return FCM_LOSS_FINAL;
    }
    if (file->holders == 0) {
        bool again = file->again;
        file->again = false;
        if (guilty || alone || file->declared)
            alone_push(s, id);
        else if (again)
            again_push(s, id);
        else
            heap_push(s, id);
    }
    return guilty ? FCM_LOSS_RETRY : FCM_LOSS_NONE;
}

enum fcm_loss fcm_scheduler_lose(struct fcm_scheduler *s, struct fcm_hand *hand, bool retry,
                                 uint32_t *ret_id) {
    enum fcm_loss loss = FCM_LOSS_NONE;
    for (unsigned i = 0; i < hand->count; i++) {
        uint32_t id = hand->ids[i];
        bool guilty = id == hand->begun;
        enum fcm_loss one = hand_back(s, id, guilty, retry, hand->alone);
        if (!guilty) continue;
        loss = one;
        *ret_id = id;
    }
    for (struct fcm_hand **at = &s->hands; *at; at = &(*at)->next) {
        if (*at != hand) continue;
        *at = hand->next;
        s->hand_count--;
        break;
    }
    *hand = (struct fcm_hand){0};
    return loss;
}

size_t fcm_scheduler_waiting(const struct fcm_scheduler *s) {
    return s->alone_count + s->again_count + (s->prefetch ? s->heap_count : s->heap_wanted);
}

size_t fcm_scheduler_alone_executed(const struct fcm_scheduler *s) { return s->alone_executed; }

bool fcm_scheduler_again_stuck(const struct fcm_scheduler *s) {
    for (uint32_t id = s->again_first; id; id = file_at(s, id)->next) {
        const struct fcm_hand *hand = s->hands;
        while (hand && !can_redo(s, hand, id)) hand = hand->next;
        if (!hand) return true;
    }
    return false;
}

size_t fcm_scheduler_alone(const struct fcm_scheduler *s) { return s->alone_count; }

size_t fcm_scheduler_open(const struct fcm_scheduler *s) { return s->open; }

size_t fcm_scheduler_total(const struct fcm_scheduler *s) { return s->count; }
