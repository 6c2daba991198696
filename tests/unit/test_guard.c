// guard.h: sessions, death with the parent, stdio, descriptors.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"

// Runs `body` in a child; it reports with its exit status.
static int in_child(int (*body)(void)) {
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) _exit(body());
    assert_true(pid > 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define CHECK(condition)                                                                           \
    if (!(condition)) return __LINE__ % 250 + 1

static int isolated(void) {
    CHECK(fcm_guard_isolate(getppid()) == 0);
    CHECK(getsid(0) == getpid());
    CHECK(getpgrp() == getpid());
    struct rlimit core;
    CHECK(getrlimit(RLIMIT_CORE, &core) == 0);
    CHECK(core.rlim_cur == 0);
    // again: it leads a session already
    CHECK(fcm_guard_isolate(0) == 0);
    return 0;
}

static int orphaned(void) { return fcm_guard_isolate(getpid()) == -ESRCH ? 0 : 1; }

static void test_isolate(void **state) {
    assert_int_equal(in_child(isolated), 0);
    assert_int_equal(in_child(orphaned), 0);
}

// A process whose parent is killed dies with it: the pipe's other end is closed then.
static void test_dies_with_parent(void **state) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t middle = fork();
    if (middle == 0) {
        pid_t parent = getpid();
        if (fork() == 0) {
            if (fcm_guard_isolate(parent) < 0) _exit(1);
            if (write(ends[1], "r", 1) != 1) _exit(1);
            close(STDOUT_FILENO);
            pause();
        }
        pause();
    }
    close(ends[1]);
    char ready;
    assert_int_equal(read(ends[0], &ready, 1), 1);
    assert_int_equal(kill(middle, SIGKILL), 0);
    assert_int_equal(read(ends[0], &ready, 1), 0);
    close(ends[0]);
    assert_int_equal(waitpid(middle, NULL, 0), middle);
}

static void test_raise_fd(void **state) {
    int fd = open("/dev/null", O_RDONLY);
    struct fcm_guard_identity before, after;
    assert_int_equal(fcm_guard_identify(fd, &before), 0);
    int raised = -1;
    assert_int_equal(fcm_guard_raise_fd(fd, &raised), 0);
    assert_true(raised >= 64);
    assert_int_equal(fcntl(raised, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFD), -1); // taken over
    assert_int_equal(fcm_guard_identify(raised, &after), 0);
    assert_true(before.device == after.device && before.inode == after.inode);
    close(raised);

    int untouched = -7;
    assert_int_equal(fcm_guard_raise_fd(raised, &untouched), -EBADF);
    assert_int_equal(untouched, -7);
    assert_int_equal(fcm_guard_identify(raised, &after), -EBADF);
}

static int low_limit(void) {
    struct rlimit files = {.rlim_cur = 20, .rlim_max = 20};
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    int fd = dup(STDIN_FILENO);
    int raised;
    CHECK(fcm_guard_raise_fd(fd, &raised) == 0);
    CHECK(raised >= 3 && raised < 20);
    return 0;
}

static void test_raise_fd_low_limit(void **state) { assert_int_equal(in_child(low_limit), 0); }

static int own_files(void) {
    int out, err;
    char text[8];
    CHECK(fcm_guard_stdio(-1, &out, &err) == 0);
    CHECK(read(STDIN_FILENO, text, 1) == -1 && errno == EBADF);
    CHECK(write(STDOUT_FILENO, "out", 3) == 3);
    CHECK(write(STDERR_FILENO, "error", 5) == 5);
    CHECK(pread(out, text, sizeof(text), 0) == 3 && memcmp(text, "out", 3) == 0);
    CHECK(pread(err, text, sizeof(text), 0) == 5 && memcmp(text, "error", 5) == 0);
    CHECK(fcntl(out, F_GETFD) == FD_CLOEXEC && fcntl(err, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(STDOUT_FILENO, F_GETFD) == 0);
    return 0;
}

static int given_file(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    int out, err;
    char text[8];
    CHECK(fcm_guard_stdio(ends[1], &out, &err) == 0);
    CHECK(write(STDERR_FILENO, "error", 5) == 5);
    CHECK(read(ends[0], text, sizeof(text)) == 5);
    CHECK(fcntl(ends[1], F_GETFD) == 0); // stays the caller's
    return 0;
}

static int closed_stdio(void) {
    for (int fd = 0; fd < 3; fd++) close(fd);
    int out, err;
    CHECK(fcm_guard_stdio(-1, &out, &err) == 0);
    CHECK(write(STDOUT_FILENO, "out", 3) == 3);
    struct stat status;
    CHECK(fstat(out, &status) == 0 && status.st_size == 3);
    for (int fd = 0; fd < 3; fd++) CHECK(fcntl(fd, F_GETFD) >= 0);
    return 0;
}

static void test_stdio(void **state) {
    assert_int_equal(in_child(own_files), 0);
    assert_int_equal(in_child(given_file), 0);
    assert_int_equal(in_child(closed_stdio), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isolate),  cmocka_unit_test(test_dies_with_parent),
        cmocka_unit_test(test_raise_fd), cmocka_unit_test(test_raise_fd_low_limit),
        cmocka_unit_test(test_stdio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
