#include "scheduler.h"

#include "harness.h"

static struct fcm_scheduler *with_files(const double *durations, size_t count) {
    struct fcm_scheduler *s = fcm_scheduler_new();
    assert_non_null(s);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(fcm_scheduler_add(s, (uint32_t)i + 1, durations ? durations[i] : -1), 0);
    return s;
}

static uint32_t next(struct fcm_scheduler *s, struct fcm_hand *hand) {
    uint32_t id = 0;
    int r = fcm_scheduler_next(s, hand, &id);
    assert_int_equal(r, id != 0);
    return id;
}

// Begins with the file and answers it.
static void finish(struct fcm_scheduler *s, struct fcm_hand *hand, uint32_t id) {
    assert_int_equal(fcm_scheduler_begin(s, hand, id), 1);
    assert_int_equal(fcm_scheduler_answer(s, hand, id), 1);
}

static void the_walks_order_without_history(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 20);
    struct fcm_hand hand;
    fcm_scheduler_join(s, &hand);
    for (uint32_t id = 1; id <= 20; id++) {
        assert_int_equal(next(s, &hand), id);
        finish(s, &hand, id);
    }
    assert_int_equal(next(s, &hand), 0);
    assert_int_equal(fcm_scheduler_open(s), 0);
}

static void the_longest_first_with_history(void **state) {
    (void)state;
    const double durations[] = {1, -1, 5, 0, 5, -1};
    const uint32_t order[] = {3, 5, 1, 4, 2, 6};
    FCM_AUTO(fcm_scheduler) *s = with_files(durations, 6);
    struct fcm_hand hand;
    fcm_scheduler_join(s, &hand);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(next(s, &hand), order[i]);
        finish(s, &hand, order[i]);
    }
}

static void history_that_main_knows(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 4);
    struct fcm_hand hand;
    fcm_scheduler_join(s, &hand);
    assert_true(fcm_scheduler_duration(s, 3) < 0);
    fcm_scheduler_set_duration(s, 3, 2.5);
    fcm_scheduler_set_duration(s, 5, 1); // there is none
    assert_true(fcm_scheduler_duration(s, 3) == 2.5);
    assert_int_equal(fcm_scheduler_want(s, 1), 1);
    fcm_scheduler_set_duration(s, 1, 7); // too late
    assert_true(fcm_scheduler_duration(s, 1) < 0);
    const uint32_t order[] = {1, 3, 2, 4};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(next(s, &hand), order[i]);
        finish(s, &hand, order[i]);
    }
}

static void wanted_ones_before_all(void **state) {
    (void)state;
    const double durations[] = {9, 8, 7, 6, 5};
    FCM_AUTO(fcm_scheduler) *s = with_files(durations, 5);
    struct fcm_hand hand;
    fcm_scheduler_join(s, &hand);
    assert_int_equal(fcm_scheduler_want(s, 4), 1);
    assert_int_equal(fcm_scheduler_want(s, 2), 1);
    assert_int_equal(fcm_scheduler_want(s, 4), 1); // asking again changes nothing
    assert_int_equal(fcm_scheduler_want(s, 6), -ENOENT);
    assert_int_equal(fcm_scheduler_want(s, 0), -ENOENT);
    const uint32_t order[] = {4, 2, 1, 3, 5};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(next(s, &hand), order[i]);
        finish(s, &hand, order[i]);
    }
    assert_int_equal(fcm_scheduler_want(s, 4), 0);
}

static void one_in_hand_and_one_ahead(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 10);
    struct fcm_hand a, b;
    fcm_scheduler_join(s, &a);
    fcm_scheduler_join(s, &b);
    assert_int_equal(next(s, &a), 1);
    assert_int_equal(next(s, &b), 2);
    assert_int_equal(next(s, &a), 3);
    assert_int_equal(next(s, &a), 0);
    finish(s, &a, 1);
    assert_int_equal(next(s, &a), 4);
}

static void nothing_ahead_towards_the_end(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 5);
    struct fcm_hand a, b;
    fcm_scheduler_join(s, &a);
    fcm_scheduler_join(s, &b);
    assert_int_equal(next(s, &a), 1);
    assert_int_equal(next(s, &b), 2);
    assert_int_equal(next(s, &a), 0); // 3 files are left for 2 hands
    finish(s, &b, 2);
    assert_int_equal(next(s, &b), 3);
}

static void without_prefetch_only_wanted_ones(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 5);
    fcm_scheduler_set_prefetch(s, false);
    struct fcm_hand hand;
    fcm_scheduler_join(s, &hand);
    assert_int_equal(fcm_scheduler_waiting(s), 0);
    assert_int_equal(next(s, &hand), 0);
    fcm_scheduler_want(s, 3);
    assert_int_equal(fcm_scheduler_waiting(s), 1);
    assert_int_equal(next(s, &hand), 3);
    assert_int_equal(next(s, &hand), 0);
    finish(s, &hand, 3);
    assert_int_equal(next(s, &hand), 0);
}

static void a_death_is_retried_alone_in_a_fresh_hand(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 20);
    struct fcm_hand a, b, c;
    uint32_t id = 0;
    fcm_scheduler_join(s, &a);
    fcm_scheduler_join(s, &b);
    assert_int_equal(next(s, &a), 1);
    assert_int_equal(next(s, &a), 2);
    assert_int_equal(next(s, &b), 3);
    fcm_scheduler_begin(s, &a, 1);
    fcm_scheduler_begin(s, &b, 3);
    assert_int_equal(fcm_scheduler_lose(s, &a, true, &id), FCM_LOSS_RETRY);
    assert_int_equal(id, 1);
    assert_int_equal(fcm_scheduler_alone(s), 1);
    // The file ahead goes to whoever is there, the poisoned one doesn't.
    assert_int_equal(fcm_scheduler_answer(s, &b, 3), 1);
    assert_int_equal(next(s, &b), 2);
    fcm_scheduler_join(s, &c);
    assert_int_equal(next(s, &c), 1);
    assert_int_equal(next(s, &c), 0); // alone
    fcm_scheduler_begin(s, &c, 1);
    assert_int_equal(fcm_scheduler_lose(s, &c, true, &id), FCM_LOSS_FINAL);
    assert_int_equal(id, 1);
    assert_int_equal(fcm_scheduler_alone(s), 0);
    assert_int_equal(fcm_scheduler_want(s, 1), 0);
}

static void some_are_retried_by_executed_workers_only(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 3);
    struct fcm_hand a, b, c;
    uint32_t id = 0;
    fcm_scheduler_join(s, &a);
    fcm_scheduler_begin(s, &a, next(s, &a));
    fcm_scheduler_need_executed(s, 1);
    assert_int_equal(fcm_scheduler_lose(s, &a, true, &id), FCM_LOSS_RETRY);
    fcm_scheduler_join(s, &b);
    assert_int_equal(fcm_scheduler_alone_executed(s), 1);
    assert_int_equal(next(s, &b), 2);
    fcm_scheduler_join(s, &c);
    c.executed = true;
    assert_int_equal(next(s, &c), 1);
    assert_int_equal(fcm_scheduler_alone_executed(s), 0);
    finish(s, &c, 1);
    assert_int_equal(next(s, &c), 3);
}

static void some_are_always_alone(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 3);
    struct fcm_hand a, b;
    fcm_scheduler_set_alone(s, 2);
    assert_int_equal(fcm_scheduler_alone(s), 1);
    fcm_scheduler_join(s, &a);
    assert_int_equal(next(s, &a), 2);
    assert_int_equal(next(s, &a), 0);
    finish(s, &a, 2);
    assert_int_equal(next(s, &a), 0);
    assert_true(a.spent);
    fcm_scheduler_join(s, &b);
    assert_int_equal(next(s, &b), 1);
}

static void alone_ones_wait_to_be_wanted(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = fcm_scheduler_new();
    struct fcm_hand a;
    fcm_scheduler_set_prefetch(s, false);
    for (uint32_t id = 1; id <= 3; id++) assert_int_equal(fcm_scheduler_add(s, id, -1), 0);
    fcm_scheduler_set_alone(s, 2);
    assert_int_equal(fcm_scheduler_waiting(s), 0);
    fcm_scheduler_join(s, &a);
    assert_int_equal(next(s, &a), 0);
    assert_int_equal(fcm_scheduler_want(s, 2), 1);
    assert_int_equal(fcm_scheduler_want(s, 2), 1);
    assert_int_equal(fcm_scheduler_alone(s), 1);
    assert_int_equal(next(s, &a), 2);
    finish(s, &a, 2);
    assert_int_equal(fcm_scheduler_open(s), 2);
}

static void a_retry_that_works_gives_a_normal_hand(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 20);
    struct fcm_hand a, b;
    uint32_t id;
    fcm_scheduler_join(s, &a);
    next(s, &a);
    fcm_scheduler_begin(s, &a, 1);
    fcm_scheduler_lose(s, &a, true, &id);
    fcm_scheduler_join(s, &b);
    assert_int_equal(next(s, &b), 1);
    finish(s, &b, 1);
    assert_int_equal(next(s, &b), 2);
    assert_int_equal(next(s, &b), 3);
}

static void a_time_out_is_final(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 3);
    struct fcm_hand a;
    uint32_t id = 0;
    fcm_scheduler_join(s, &a);
    next(s, &a);
    fcm_scheduler_begin(s, &a, 1);
    assert_int_equal(fcm_scheduler_lose(s, &a, false, &id), FCM_LOSS_FINAL);
    assert_int_equal(id, 1);
    assert_int_equal(fcm_scheduler_open(s), 2);
}

static void a_death_without_a_file_blames_nobody(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 10);
    struct fcm_hand a, b;
    uint32_t id = 0;
    fcm_scheduler_join(s, &a);
    next(s, &a);
    next(s, &a);
    assert_int_equal(fcm_scheduler_lose(s, &a, true, &id), FCM_LOSS_NONE);
    assert_int_equal(id, 0);
    fcm_scheduler_join(s, &b);
    assert_int_equal(next(s, &b), 1);
    assert_int_equal(next(s, &b), 2);
}

static void a_wanted_file_ahead_is_given_out_twice(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 4);
    struct fcm_hand a, b;
    uint32_t id = 0;
    fcm_scheduler_join(s, &a);
    assert_int_equal(next(s, &a), 1);
    fcm_scheduler_begin(s, &a, 1);
    assert_int_equal(next(s, &a), 2); // ahead, behind a slow one
    fcm_scheduler_join(s, &b);
    assert_int_equal(fcm_scheduler_want(s, 2), 1);
    assert_int_equal(next(s, &b), 2);
    finish(s, &b, 2);
    // The first hand begins with it all the same; its answer is dropped, its death costs the file
    // nothing.
    assert_int_equal(fcm_scheduler_answer(s, &a, 1), 1);
    assert_int_equal(fcm_scheduler_begin(s, &a, 2), 0);
    assert_int_equal(fcm_scheduler_lose(s, &a, true, &id), FCM_LOSS_NONE);
    assert_int_equal(fcm_scheduler_open(s), 2);
}

static void answers_nobody_asked_for_are_refused(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 4);
    struct fcm_hand a;
    fcm_scheduler_join(s, &a);
    next(s, &a);
    assert_int_equal(fcm_scheduler_answer(s, &a, 3), -EPROTO);
    assert_int_equal(fcm_scheduler_begin(s, &a, 3), -EPROTO);
    finish(s, &a, 1);
    assert_int_equal(fcm_scheduler_answer(s, &a, 1), -EPROTO);
    assert_int_equal(fcm_scheduler_answer(s, &a, 99), -EPROTO);
}

static void ids_have_no_gaps(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 4);
    assert_int_equal(fcm_scheduler_add(s, 4, -1), -EINVAL);
    assert_int_equal(fcm_scheduler_add(s, 6, -1), -EINVAL);
    assert_int_equal(fcm_scheduler_add(s, 0, -1), -EINVAL);
    assert_int_equal(fcm_scheduler_total(s), 4);
}

static void settled_files_are_not_handed_out(void **state) {
    (void)state;
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 3);
    struct fcm_hand a;
    fcm_scheduler_join(s, &a);
    fcm_scheduler_settle(s, 1);
    fcm_scheduler_settle(s, 1);
    fcm_scheduler_settle(s, 77);
    assert_int_equal(next(s, &a), 2);
    assert_int_equal(fcm_scheduler_open(s), 2);
}

static void note_again(void *data, uint32_t id) {
    int *outcomes = data;
    outcomes[id]--;
}

// Random workers that die at random, random registrars: every file is answered or given up, none
// twice.
static void chaos_answers_every_file_once(void **state) {
    (void)state;
    uint32_t x = 12345;
#define RANDOM(n) ((x = x * 1664525 + 1013904223, x >> 16) % (n))
    for (int round = 0; round < 200; round++) {
        enum { FILES = 60, HANDS = 4 };
        FCM_AUTO(fcm_scheduler) *s = with_files(NULL, FILES);
        struct fcm_hand hands[HANDS];
        int outcomes[FILES + 1] = {0}, steps = 0;
        fcm_scheduler_set_prefetch(s, RANDOM(2));
        for (int h = 0; h < HANDS; h++) fcm_scheduler_join(s, &hands[h]);
        while (fcm_scheduler_open(s) > 0) {
            assert_true(++steps < 100000);
            struct fcm_hand *hand = &hands[RANDOM(HANDS)];
            uint32_t id = 0;
            switch (RANDOM(8)) {
            case 4: // what it has begun with turns out to be a registrar
                if (RANDOM(20) || !hand->begun) break;
                fcm_scheduler_note_registrar(s, hand->begun, hand, note_again, outcomes);
                break;
            case 0: fcm_scheduler_want(s, 1 + RANDOM(FILES)); break;
            case 1: // dies
                if (RANDOM(3)) break;
                if (fcm_scheduler_lose(s, hand, RANDOM(4), &id) == FCM_LOSS_FINAL) outcomes[id]++;
                fcm_scheduler_join(s, hand);
                break;
            case 2:
            case 3: fcm_scheduler_next(s, hand, &id); break;
            default:
                if (hand->count == 0) break;
                id = hand->ids[0];
                if (hand->begun != id)
                    fcm_scheduler_begin(s, hand, id);
                else if (fcm_scheduler_answer(s, hand, id) == 1)
                    outcomes[id]++;
            }
            // A fresh hand is always to be had for a file that needs one.
            bool needed = fcm_scheduler_alone(s) > 0 || fcm_scheduler_again_stuck(s);
            if (hand->count == 0 && (hand->spent || (needed && hand->used))) {
                fcm_scheduler_lose(s, hand, true, &id);
                fcm_scheduler_join(s, hand);
            }
        }
        for (int id = 1; id <= FILES; id++) assert_int_equal(outcomes[id], 1);
    }
}

static void note_revoked(void *data, uint32_t id) {
    uint32_t *list = data;
    while (*list) list++;
    *list = id;
}

// Gives the hand file `id`, which begins with it.
static void begin_next(struct fcm_scheduler *s, struct fcm_hand *hand, uint32_t id) {
    assert_int_equal(next(s, hand), id);
    assert_int_equal(fcm_scheduler_begin(s, hand, id), 1);
}

// The first file turns out to be a registrar: what the other worker has answered or holds is
// collected once more by the one that has found it.
static void files_after_a_registrar_are_redone(void **state) {
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 20);
    struct fcm_hand first, second;
    uint32_t revoked[6] = {0};
    size_t count;
    (void)state;
    fcm_scheduler_join(s, &first);
    fcm_scheduler_join(s, &second);
    begin_next(s, &first, 1);
    begin_next(s, &second, 2);
    assert_int_equal(fcm_scheduler_answer(s, &second, 2), 1);
    begin_next(s, &second, 3);
    assert_int_equal(next(s, &first), 4);
    assert_int_equal(fcm_scheduler_note_registrar(s, 1, &first, note_revoked, revoked), 1);
    assert_int_equal(fcm_scheduler_note_registrar(s, 1, &first, note_revoked, revoked), 0);
    assert_int_equal(fcm_scheduler_note_registrar(s, 21, &first, note_revoked, revoked), -ENOENT);
    assert_int_equal(fcm_scheduler_registrars(s, &count)[0], 1);
    assert_int_equal(count, 1);
    assert_int_equal(revoked[0], 2);
    assert_int_equal(revoked[1], 0);
    assert_int_equal(fcm_scheduler_open(s), 20);
    // the registrar's own answer counts, and what its worker collects after it
    assert_int_equal(fcm_scheduler_answer(s, &first, 1), 1);
    assert_int_equal(fcm_scheduler_begin(s, &first, 4), 1);
    // already while it is at another: the sooner, the fewer later registrars has it imported
    assert_int_equal(next(s, &first), 2);
    assert_int_equal(fcm_scheduler_answer(s, &first, 4), 1);
    assert_int_equal(fcm_scheduler_answer(s, &second, 3), 0);
    assert_false(fcm_scheduler_again_stuck(s));
    // nothing is imported twice in one process
    assert_int_equal(next(s, &second), 5);
    finish(s, &first, 2);
    assert_int_equal(next(s, &first), 3);
    finish(s, &first, 3);
    assert_int_equal(next(s, &first), 6);
    assert_int_equal(fcm_scheduler_open(s), 16);
}

// A worker that has imported a later registrar can't import one before it any more.
static void registrars_are_imported_in_order(void **state) {
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 20);
    struct fcm_hand first, second, third;
    uint32_t revoked[6] = {0}, id;
    (void)state;
    fcm_scheduler_join(s, &first);
    fcm_scheduler_join(s, &second);
    begin_next(s, &first, 1);
    begin_next(s, &second, 2);
    assert_int_equal(fcm_scheduler_note_registrar(s, 2, &second, note_revoked, revoked), 1);
    assert_int_equal(fcm_scheduler_answer(s, &second, 2), 1);
    assert_int_equal(fcm_scheduler_note_registrar(s, 1, &first, note_revoked, revoked), 1);
    assert_int_equal(fcm_scheduler_answer(s, &first, 1), 1);
    assert_int_equal(revoked[0], 2);
    assert_true(second.spent);
    assert_false(first.spent);
    // the first has not begun with 2
    begin_next(s, &first, 2);
    assert_int_equal(next(s, &first), 3);
    // a third process that knows both
    assert_int_equal(fcm_scheduler_lose(s, &second, true, &id), FCM_LOSS_NONE);
    fcm_scheduler_join(s, &third);
    assert_int_equal(next(s, &third), 4);
    assert_int_equal(third.registrar, 2);
}

// Where all have begun with a file, or with a later registrar, a fresh one is needed, for this
// only.
static void a_fresh_hand_redoes_what_others_cannot(void **state) {
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 20);
    struct fcm_hand first, second;
    uint32_t revoked[6] = {0};
    (void)state;
    fcm_scheduler_join(s, &first);
    for (uint32_t id = 1; id <= 4; id++) {
        begin_next(s, &first, id);
        assert_int_equal(fcm_scheduler_answer(s, &first, id), 1);
    }
    // main itself has collected the second file
    assert_int_equal(fcm_scheduler_note_registrar(s, 2, NULL, note_revoked, revoked), 1);
    assert_int_equal(revoked[1], 4);
    assert_true(fcm_scheduler_again_stuck(s));
    assert_int_equal(next(s, &first), 5);
    fcm_scheduler_join(s, &second);
    second.extra = true;
    assert_false(fcm_scheduler_again_stuck(s));
    for (uint32_t id = 3; id <= 4; id++) {
        assert_int_equal(next(s, &second), id);
        finish(s, &second, id);
    }
    assert_int_equal(next(s, &second), 0);
    assert_true(second.spent);
}

// A hand that came after all that have begun with a file redoes it, whatever else it has done.
static void one_fresh_hand_redoes_what_two_have_begun(void **state) {
    FCM_AUTO(fcm_scheduler) *s = with_files(NULL, 6);
    struct fcm_hand hands[3];
    uint32_t revoked[7] = {0};
    (void)state;
    for (unsigned h = 0; h < 3; h++) {
        fcm_scheduler_join(s, &hands[h]);
        for (uint32_t id = h + 1; id <= 6; id++) {
            assert_int_equal(next(s, &hands[h]), id);
            finish(s, &hands[h], id);
        }
        if (h == 2) break;
        memset(revoked, 0, sizeof revoked);
        assert_int_equal(fcm_scheduler_note_registrar(s, h + 1, NULL, note_revoked, revoked), 1);
        assert_true(fcm_scheduler_again_stuck(s));
    }
    assert_int_equal(fcm_scheduler_open(s), 0);
}

// What comes before a registrar in the walk is nothing for a hand that has imported it.
static void a_registrar_taken_early_leaves_earlier_files_to_others(void **state) {
    const double durations[] = {1, 2, 3, 9, 4, 5};
    FCM_AUTO(fcm_scheduler) *s = with_files(durations, 6);
    struct fcm_hand first, second;
    uint32_t revoked[7] = {0};
    (void)state;
    fcm_scheduler_join(s, &first);
    fcm_scheduler_join(s, &second);
    begin_next(s, &first, 4);
    begin_next(s, &second, 6);
    assert_int_equal(fcm_scheduler_answer(s, &second, 6), 1);
    assert_int_equal(fcm_scheduler_note_registrar(s, 4, &first, note_revoked, revoked), 1);
    assert_int_equal(revoked[0], 6);
    assert_int_equal(fcm_scheduler_answer(s, &first, 4), 1);
    begin_next(s, &first, 6);
    assert_int_equal(fcm_scheduler_answer(s, &first, 6), 1);
    begin_next(s, &first, 5);
    assert_int_equal(fcm_scheduler_answer(s, &first, 5), 1);
    assert_int_equal(next(s, &first), 0);
    assert_true(first.spent);
    for (uint32_t id = 3; id >= 1; id--) {
        assert_int_equal(next(s, &second), id);
        finish(s, &second, id);
    }
    assert_int_equal(fcm_scheduler_open(s), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_walks_order_without_history),
        cmocka_unit_test(the_longest_first_with_history),
        cmocka_unit_test(history_that_main_knows),
        cmocka_unit_test(wanted_ones_before_all),
        cmocka_unit_test(one_in_hand_and_one_ahead),
        cmocka_unit_test(nothing_ahead_towards_the_end),
        cmocka_unit_test(without_prefetch_only_wanted_ones),
        cmocka_unit_test(a_death_is_retried_alone_in_a_fresh_hand),
        cmocka_unit_test(some_are_retried_by_executed_workers_only),
        cmocka_unit_test(some_are_always_alone),
        cmocka_unit_test(alone_ones_wait_to_be_wanted),
        cmocka_unit_test(a_retry_that_works_gives_a_normal_hand),
        cmocka_unit_test(a_time_out_is_final),
        cmocka_unit_test(a_death_without_a_file_blames_nobody),
        cmocka_unit_test(a_wanted_file_ahead_is_given_out_twice),
        cmocka_unit_test(answers_nobody_asked_for_are_refused),
        cmocka_unit_test(ids_have_no_gaps),
        cmocka_unit_test(settled_files_are_not_handed_out),
        cmocka_unit_test(files_after_a_registrar_are_redone),
        cmocka_unit_test(registrars_are_imported_in_order),
        cmocka_unit_test(a_fresh_hand_redoes_what_others_cannot),
        cmocka_unit_test(one_fresh_hand_redoes_what_two_have_begun),
        cmocka_unit_test(a_registrar_taken_early_leaves_earlier_files_to_others),
        cmocka_unit_test(chaos_answers_every_file_once),
    };
    return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
