// A whole session with a scripted farm: this program is pytest, and, executed by the coordinator,
// it is the zygote or a worker, which does what the names of the files say.
#include "session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "child.h"
#include "config.h"
#include "harness.h"
#include "io.h"

// ---- both sides ----

static int receive(struct fcm_channel *channel, int timeout_ms, struct fcm_frame *ret_frame) {
    for (;;) {
        int r = fcm_channel_receive(channel, ret_frame);
        if (r != 0) return r;
        r = fcm_io_wait(channel->fd, POLLIN, timeout_ms);
        if (r == 0) return 0;
        if (r < 0 && r != -EINTR) return r;
    }
}

static void send_message(struct fcm_channel *channel, enum fcm_type type, uint32_t id,
                         const void *message) {
    struct fcm_frame frame;
    if (fcm_codec_encode(type, id, message, &frame) < 0) abort();
    if (fcm_channel_post(channel, &frame, -1) < 0) abort();
    while (fcm_channel_flush(channel) == 1) fcm_io_wait(channel->fd, POLLOUT, -1);
}

static void send_hello(struct fcm_channel *channel, const char *version) {
    Fcm__Hello hello = FCM__HELLO__INIT;
    hello.protocol = FCM_PROTOCOL;
    hello.version = (char *)(uintptr_t)version;
    hello.role = (char[]){"test"};
    send_message(channel, FCM_HELLO, 0, &hello);
}

// ---- the farm ----

static void act(struct fcm_channel *channel, const char *name, uint32_t id, bool first) {
    if (strstr(name, "segv")) {
        dprintf(2, "about to crash in %s\n", name);
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    }
    if (strstr(name, "once") && !first) _exit(4); // works when it is alone
    if (strstr(name, "exit3")) _exit(3);
    if (strstr(name, "lost")) _exit(97);
    if (strstr(name, "broken")) _exit(98);
    if (strstr(name, "nonsense")) dprintf(channel->fd, "this is not a frame at all");
    if (strstr(name, "stranger")) id += 1000;
    if (strstr(name, "hang")) {
        signal(SIGTERM, SIG_IGN);
        for (;;) pause();
    }
    if (strstr(name, "close")) {
        close(channel->fd);
        for (;;) pause();
    }
    if (strstr(name, "orphan") && fork() == 0) { // keeps the channel open
        setsid();
        for (;;) pause();
    }
    if (strstr(name, "orphan")) _exit(5);
    if (strstr(name, "native")) {
        Fcm__Native native = FCM__NATIVE__INIT;
        native.id = id;
        native.reason = (char[]){"line"};
        send_message(channel, FCM_NATIVE, id, &native);
        return;
    }
    Fcm__Record record = FCM__RECORD__INIT;
    record.path = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)name, .len = strlen(name)};
    send_message(channel, FCM_RECORD, id, &record);
}

static _Noreturn void be_worker(struct fcm_channel *channel, const Fcm__CollectRequest *request) {
    bool first = true;
    for (;;) {
        struct fcm_frame frame;
        if (receive(channel, -1, &frame) < 0) _exit(0);
        if (frame.header.type != FCM_ASSIGN) _exit(55);
        uint32_t id = frame.header.id;
        fcm_frame_done(&frame);
        Fcm__Begun begun = FCM__BEGUN__INIT;
        begun.id = id;
        send_message(channel, FCM_BEGUN, id, &begun);
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)request->args[id - 1].len,
                 request->args[id - 1].data);
        act(channel, name, id, first);
        first = false;
    }
}

static void fork_worker(struct fcm_channel *zygote, const Fcm__CollectRequest *request,
                        uint32_t number) {
    int channel = fcm_channel_take_fd(zygote), err = fcm_channel_take_fd(zygote);
    Fcm__Forked forked = FCM__FORKED__INIT;
    forked.worker = number;
    forked.pid = fork();
    if (forked.pid == 0) {
        struct fcm_channel own;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        setsid();
        dup2(err, 2);
        fcm_channel_done(zygote);
        if (fcm_channel_init(&own, channel) < 0) abort();
        be_worker(&own, request);
    }
    close(channel);
    close(err);
    forked.micros = 100;
    send_message(zygote, FCM_FORKED, 0, &forked);
}

static void reap_worker(struct fcm_channel *zygote, int64_t pid) {
    Fcm__Reaped reaped = FCM__REAPED__INIT;
    int status;
    reaped.pid = waitpid((pid_t)pid, &status, 0);
    reaped.status = status;
    send_message(zygote, FCM_REAPED, 0, &reaped);
}

static bool has(const Fcm__CollectRequest *request, const char *option) {
    for (size_t i = 0; i < request->n_argv; i++)
        if (request->argv[i].len == strlen(option) &&
            memcmp(request->argv[i].data, option, strlen(option)) == 0)
            return true;
    return false;
}

static void send_walk(struct fcm_channel *channel, const Fcm__CollectRequest *request) {
    for (size_t i = 0; i < request->n_args; i++) {
        Fcm__FoundFile file = FCM__FOUND_FILE__INIT, *files[] = {&file};
        Fcm__Walk walk = FCM__WALK__INIT;
        file.id = (uint32_t)i + 1;
        file.path = request->args[i];
        walk.files = files;
        walk.n_files = 1;
        send_message(channel, FCM_WALK, 0, &walk);
    }
    Fcm__Walk end = FCM__WALK__INIT;
    end.done = 1;
    send_message(channel, FCM_WALK, 0, &end);
    Fcm__Prepared prepared = FCM__PREPARED__INIT;
    prepared.can_fork = !has(request, "threads");
    send_message(channel, FCM_PREPARED, 0, &prepared);
}

static _Noreturn void be_farm(const char *role) {
    struct fcm_channel channel;
    struct fcm_frame frame;
    void *message = NULL;
    if (fcm_channel_init(&channel, atoi(getenv("FASTCOLLECT_META_CHANNEL"))) < 0) abort();
    send_hello(&channel, FCM_VERSION);
    do {
        if (receive(&channel, -1, &frame) < 0) _exit(0);
    } while (frame.header.type != FCM_COLLECT_REQUEST);
    if (fcm_codec_decode(&frame, &message) < 0) abort();
    fcm_frame_done(&frame);
    const Fcm__CollectRequest *request = message;
    if (has(request, "die")) {
        dprintf(2, "no such module\n");
        _exit(7);
    }
    if (has(request, "refuse")) {
        Fcm__Goodbye goodbye = FCM__GOODBYE__INIT;
        goodbye.reason = (char[]){"conftest raised"};
        send_message(&channel, FCM_GOODBYE, 0, &goodbye);
        _exit(0);
    }
    send_walk(&channel, request);
    if (strcmp(role, "worker") == 0) be_worker(&channel, request);
    while (receive(&channel, -1, &frame) > 0) {
        if (fcm_codec_decode(&frame, &message) < 0) abort();
        if (frame.header.type == FCM_FORK && has(request, "drop")) raise(SIGKILL);
        if (frame.header.type == FCM_FORK)
            fork_worker(&channel, request, ((Fcm__Fork *)message)->worker);
        if (frame.header.type == FCM_REAP) reap_worker(&channel, ((Fcm__Reap *)message)->pid);
        fcm_frame_done(&frame);
        fcm_codec_free(message);
    }
    _exit(0);
}

// ---- pytest ----

enum { MAX_FILES = 300 };

struct run {
    struct fcm_channel channel;
    pid_t coordinator;
    size_t files;
    size_t answered;
    int answers[MAX_FILES + 1]; // type of the answer by id
    char text[MAX_FILES + 1][128];
    char goodbye[256];
    bool ended;
    uint32_t retried;
};

static char *program; // path of this program

static void start(struct run *run, const char *const *names, size_t count, const char *option,
                  double time_limit) {
    int fds[2];
    *run = (struct run){.files = count};
    assert_int_equal(fcm_io_socketpair(fds), 0);
    run->coordinator = fork();
    if (run->coordinator == 0) {
        struct fcm_session session;
        struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
        close(fds[0]);
        if (!getenv("LOG")) dup2(open("/dev/null", O_WRONLY), 2); // what it logs
        int r = fcm_child_setup();
        if (r == 0) r = fcm_session_init(&session, loop, fds[1]);
        if (r == 0) r = fcm_session_run(&session);
        fcm_session_done(&session);
        ev_loop_destroy(loop);
        exit(r < 0 || waitpid(-1, NULL, WNOHANG) != -1);
    }
    close(fds[1]);
    assert_int_equal(fcm_channel_init(&run->channel, fds[0]), 0);
    send_hello(&run->channel, FCM_VERSION);
    ProtobufCBinaryData args[MAX_FILES], argv[1];
    for (size_t i = 0; i < count; i++)
        args[i] =
            (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)names[i], .len = strlen(names[i])};
    Fcm__CollectRequest request = FCM__COLLECT_REQUEST__INIT;
    request.args = args;
    request.n_args = count;
    argv[0] = (ProtobufCBinaryData){.data = (uint8_t *)(uintptr_t)option, .len = strlen(option)};
    request.argv = argv;
    request.n_argv = 1;
    request.executable = (ProtobufCBinaryData){.data = (uint8_t *)program, .len = strlen(program)};
    request.workers = 2;
    request.prefetch = 1;
    request.time_limit = time_limit;
    send_message(&run->channel, FCM_COLLECT_REQUEST, 0, &request);
}

static void take(struct run *run, const struct fcm_frame *frame) {
    void *message;
    assert_int_equal(fcm_codec_decode(frame, &message), 0);
    uint32_t id = frame->header.id;
    switch (frame->header.type) {
    case FCM_RECORD:
    case FCM_NATIVE:
    case FCM_FAILURE:
        assert_in_range(id, 1, run->files);
        assert_int_equal(run->answers[id], 0); // once
        run->answers[id] = frame->header.type;
        run->answered++;
        break;
    default: break;
    }
    if (frame->header.type == FCM_NATIVE)
        snprintf(run->text[id], sizeof run->text[id], "%s", ((Fcm__Native *)message)->reason);
    if (frame->header.type == FCM_FAILURE)
        snprintf(run->text[id], sizeof run->text[id], "%s: %s", ((Fcm__Failure *)message)->reason,
                 ((Fcm__Failure *)message)->detail);
    if (frame->header.type == FCM_STATISTICS)
        run->retried = ((Fcm__Statistics *)message)->files_retried;
    if (frame->header.type == FCM_GOODBYE) {
        snprintf(run->goodbye, sizeof run->goodbye, "%s", ((Fcm__Goodbye *)message)->reason);
        run->ended = true;
    }
    fcm_codec_free(message);
}

// Until every file is answered or the coordinator says Goodbye.
static void collect(struct run *run) {
    while (!run->ended && run->answered < run->files) {
        struct fcm_frame frame;
        assert_int_equal(receive(&run->channel, 20000, &frame), 1);
        take(run, &frame);
        fcm_frame_done(&frame);
    }
}

static void finish(struct run *run) {
    int status;
    if (!run->ended) {
        Fcm__Goodbye goodbye = FCM__GOODBYE__INIT;
        send_message(&run->channel, FCM_GOODBYE, 0, &goodbye);
    }
    while (!run->ended) {
        struct fcm_frame frame;
        assert_int_equal(receive(&run->channel, 20000, &frame), 1);
        take(run, &frame);
        fcm_frame_done(&frame);
    }
    fcm_channel_done(&run->channel);
    assert_int_equal(waitpid(run->coordinator, &status, 0), run->coordinator);
    assert_int_equal(status, 0); // it has left no child behind
}

static void run_all(struct run *run, const char *const *names, size_t count, const char *option,
                    double time_limit) {
    start(run, names, count, option, time_limit);
    collect(run);
    finish(run);
}

static void every_file_is_answered(void **state) {
    (void)state;
    static struct run run;
    const char *names[MAX_FILES];
    for (size_t i = 0; i < MAX_FILES; i++) names[i] = i % 7 ? "plain" : "native";
    int before = open_descriptors();
    run_all(&run, names, MAX_FILES, "", 0);
    for (size_t id = 1; id <= MAX_FILES; id++)
        assert_int_equal(run.answers[id], (id - 1) % 7 ? FCM_RECORD : FCM_NATIVE);
    assert_string_equal(run.goodbye, "");
    assert_int_equal(open_descriptors(), before);
}

static void a_death_costs_one_file(void **state) {
    (void)state;
    static struct run run;
    const char *const names[] = {"a", "segv", "b",      "exit3",    "c",        "once",
                                 "d", "lost", "broken", "nonsense", "stranger", "e",
                                 "f", "g",    "orphan", "h",        "i",        "j"};
    run_all(&run, names, FCM_COUNT(names), "", 0);
    for (size_t i = 0; i < FCM_COUNT(names); i++)
        if (!names[i][1]) assert_int_equal(run.answers[i + 1], FCM_RECORD);
    assert_string_equal(run.text[2], "crashed: SIGSEGV\nabout to crash in segv");
    assert_string_equal(run.text[4], "exited: exit status 3");
    assert_int_equal(run.answers[6], FCM_RECORD);
    assert_string_equal(run.text[8], "closes-descriptors");
    assert_string_equal(run.text[9], "internal-error");
    assert_string_equal(run.text[10], "internal-error");
    assert_string_equal(run.text[11], "internal-error");
    assert_string_equal(run.text[15], "exited: exit status 5");
    assert_true(run.retried >= 6);
}

static void executed_workers_where_forking_is_not_possible(void **state) {
    (void)state;
    static struct run run;
    const char *const names[] = {"a", "segv", "b", "c"};
    run_all(&run, names, FCM_COUNT(names), "threads", 0);
    assert_int_equal(run.answers[1], FCM_RECORD);
    assert_string_equal(run.text[2], "crashed: SIGSEGV\nabout to crash in segv");
    assert_int_equal(run.answers[3], FCM_RECORD);
}

static void a_hang_ends(void **state) {
    (void)state;
    static struct run run;
    const char *const names[] = {"a", "hang", "b", "close", "c"};
    run_all(&run, names, FCM_COUNT(names), "", 0.3);
    assert_int_equal(run.answers[5], FCM_RECORD);
    assert_int_equal(run.answers[2], FCM_FAILURE);
    assert_int_equal(strncmp(run.text[2], "timed-out: ", 11), 0);
    assert_string_equal(run.text[4], "closes-descriptors");
}

static void check_reason(const char *option, const char *reason) {
    static struct run run;
    const char *const names[] = {"a", "b"};
    run_all(&run, names, FCM_COUNT(names), option, 0);
    assert_int_equal(run.answered, 0);
    assert_string_equal(run.goodbye, reason);
}

static void a_lost_zygote_is_explained(void **state) {
    (void)state;
    check_reason("die", "the farm ended while it prepared pytest (exit status 7): no such module");
    check_reason("refuse", "conftest raised");
    check_reason("drop", "the zygote ended (SIGKILL)");
}

static void a_missing_program_is_explained(void **state) {
    (void)state;
    char *saved = program;
    program = (char[]){"/nowhere/python"};
    check_reason("", "cannot start /nowhere/python: No such file or directory");
    program = saved;
}

static void an_end_of_main_ends_all(void **state) {
    (void)state;
    static struct run run;
    const char *const names[] = {"hang", "hang", "hang"};
    int status;
    start(&run, names, FCM_COUNT(names), "", 0);
    struct fcm_frame frame;
    do {
        assert_int_equal(receive(&run.channel, 20000, &frame), 1);
        int type = frame.header.type;
        fcm_frame_done(&frame);
        if (type == FCM_WALK) break;
    } while (true);
    const struct timespec pause = {.tv_nsec = 100000000};
    nanosleep(&pause, NULL);
    fcm_channel_done(&run.channel);
    assert_int_equal(waitpid(run.coordinator, &status, 0), run.coordinator);
    assert_int_equal(status, 0);
}

static void another_version_is_refused(void **state) {
    (void)state;
    static struct run run;
    const char *const names[] = {"a"};
    start(&run, names, 1, "", 0);
    finish(&run);
    // The same with a Hello of another version, by hand.
    int fds[2], status;
    assert_int_equal(fcm_io_socketpair(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct fcm_session session;
        struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
        close(fds[0]);
        int r = fcm_session_init(&session, loop, fds[1]);
        if (r == 0) r = fcm_session_run(&session);
        fcm_session_done(&session);
        ev_loop_destroy(loop);
        exit(r < 0);
    }
    close(fds[1]);
    run = (struct run){0};
    assert_int_equal(fcm_channel_init(&run.channel, fds[0]), 0);
    send_hello(&run.channel, "0.0.1");
    while (!run.ended) {
        struct fcm_frame frame;
        assert_int_equal(receive(&run.channel, 20000, &frame), 1);
        take(&run, &frame);
        fcm_frame_done(&frame);
    }
    assert_non_null(strstr(run.goodbye, "the plugin 0.0.1"));
    fcm_channel_done(&run.channel);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void) {
    const char *role = getenv("FASTCOLLECT_META_ROLE");
    if (role) be_farm(role);
    program = realpath("/proc/self/exe", NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_file_is_answered),
        cmocka_unit_test(a_death_costs_one_file),
        cmocka_unit_test(executed_workers_where_forking_is_not_possible),
        cmocka_unit_test(a_hang_ends),
        cmocka_unit_test(a_lost_zygote_is_explained),
        cmocka_unit_test(a_missing_program_is_explained),
        cmocka_unit_test(an_end_of_main_ends_all),
        cmocka_unit_test(another_version_is_refused),
    };
    int failed = cmocka_run_group_tests_name("session", tests, NULL, NULL);
    free(program);
    return failed;
}
