#include "child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"
#include "io.h"

static char *const no_environment[] = {NULL};

static int spawn(char *const *argv, int channel, int err, pid_t *ret_pid) {
    struct fcm_child_spec spec = {
        .argv = argv,
        .envp = no_environment,
        .cwd = "/",
        .channel_fd = channel,
        .stderr_fd = err,
    };
    return fcm_child_spawn(&spec, ret_pid);
}

static int wait_for(pid_t pid) {
    int status = -2, r;
    const struct timespec pause = {.tv_nsec = 1000000};
    for (int i = 0; (r = fcm_child_reap(pid, &status)) == 0 && i < 5000; i++)
        nanosleep(&pause, NULL);
    assert_int_equal(r, 1);
    return status;
}

static void a_program_runs_with_clean_stdio(void **state) {
    (void)state;
    pid_t pid;
    int before = open_descriptors(), err = fcm_child_memory_file("test");
    char tail[200];
    assert_true(err >= 0);
    char *argv[] = {"/bin/sh", "-c",
                    "exec 3>&1; readlink /proc/self/fd/0 /proc/self/fd/3 >&2; pwd >&2", NULL};
    assert_int_equal(spawn(argv, -1, err, &pid), 0);
    assert_int_equal(wait_for(pid), 0);
    fcm_child_tail(err, tail, sizeof tail);
    assert_string_equal(tail, "/dev/null\n/dev/null\n/");
    close(err);
    assert_int_equal(open_descriptors(), before);
}

static void a_missing_program_is_an_error(void **state) {
    (void)state;
    pid_t pid = -5;
    int before = open_descriptors();
    char *argv[] = {"/nowhere/at/all", NULL};
    assert_int_equal(spawn(argv, -1, -1, &pid), -ENOENT);
    assert_int_equal(pid, -5);
    char *folder[] = {"/tmp", NULL};
    assert_int_equal(spawn(folder, -1, -1, &pid), -EACCES);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); // nothing is left to reap
    assert_int_equal(open_descriptors(), before);
}

static void a_death_shows_on_the_pidfd(void **state) {
    (void)state;
    pid_t pid;
    char *argv[] = {"/bin/sleep", "100", NULL}, how[32];
    assert_int_equal(spawn(argv, -1, -1, &pid), 0);
    int fd = fcm_child_pidfd(pid);
    assert_false(fcm_child_is_dead(pid));
    if (fd >= 0) assert_int_equal(fcm_io_wait(fd, POLLIN, 0), 0);
    fcm_child_signal(pid, SIGKILL);
    if (fd >= 0) assert_int_equal(fcm_io_wait(fd, POLLIN, 5000), 1);
    while (!fcm_child_is_dead(pid)) {
    }
    int status = wait_for(pid);
    fcm_child_describe(status, how, sizeof how);
    assert_string_equal(how, "SIGKILL");
    if (fd >= 0) close(fd);
}

static void statuses_have_names(void **state) {
    (void)state;
    char how[32];
    fcm_child_describe(SIGSEGV, how, sizeof how);
    assert_string_equal(how, "SIGSEGV");
    fcm_child_describe(3 << 8, how, sizeof how);
    assert_string_equal(how, "exit status 3");
    fcm_child_describe(SIGRTMIN + 1, how, sizeof how);
    assert_true(strncmp(how, "signal ", 7) == 0 || strncmp(how, "SIG", 3) == 0);
}

static void tails_are_whole_lines(void **state) {
    (void)state;
    char tail[16];
    int fd = fcm_child_memory_file("test");
    assert_int_equal(fcm_child_tail(fd, tail, sizeof tail), 0);
    fcm_io_write_full(fd, "first line\nsecond\nthird\n", 24);
    assert_int_equal(fcm_child_tail(fd, tail, sizeof tail), 12);
    assert_string_equal(tail, "second\nthird");
    fcm_io_write_full(fd, "one line without an end", 23);
    fcm_child_tail(fd, tail, sizeof tail);
    assert_string_equal(tail, " without an end");
    close(fd);
    assert_int_equal(fcm_child_tail(-1, tail, sizeof tail), 0);
}

static void orphans_are_ended_too(void **state) {
    (void)state;
    pid_t pid;
    // A grandchild in a session of its own, whose parent ends at once.
    char *argv[] = {"/bin/sh", "-c", "setsid sleep 1000 & setsid sh -c 'sleep 1000; :' & exit 0",
                    NULL};
    assert_int_equal(fcm_child_setup(), 0);
    assert_int_equal(spawn(argv, -1, -1, &pid), 0);
    const struct timespec pause = {.tv_nsec = 50000000};
    nanosleep(&pause, NULL);
    assert_int_equal(fcm_child_end_all(5000), 0);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

static void cpu_is_counted(void **state) {
    (void)state;
    pid_t pid;
    char *argv[] = {"/bin/sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done", NULL};
    assert_int_equal(spawn(argv, -1, -1, &pid), 0);
    while (!fcm_child_is_dead(pid)) {
    }
    assert_true(fcm_child_cpu(pid) > 0);
    wait_for(pid);
    assert_true(fcm_child_cpu(pid) == 0);
    assert_true(fcm_child_oom_kills() >= -1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_program_runs_with_clean_stdio),
        cmocka_unit_test(a_missing_program_is_an_error),
        cmocka_unit_test(a_death_shows_on_the_pidfd),
        cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(tails_are_whole_lines),
        cmocka_unit_test(orphans_are_ended_too),
        cmocka_unit_test(cpu_is_counted),
    };
    return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
