#include "io.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cores.h"
#include "harness.h"

static int set_up(void **state) {
    static char folder[64];
    strcpy(folder, "/tmp/fcm-test-io-XXXXXX");
    if (!mkdtemp(folder)) return -1;
    *state = folder;
    return 0;
}

static int tear_down(void **state) {
    return rmdir(*state); // fails when a temporary file is left
}

static void files_are_replaced_whole(void **state) {
    char path[128];
    snprintf(path, sizeof path, "%s/file", (char *)*state);
    int before = open_descriptors();
    assert_int_equal(fcm_io_write_file(path, "first", 5, 0644), 0);
    assert_int_equal(fcm_io_write_file(path, "second one", 10, 0600), 0);
    char *bytes;
    size_t size;
    assert_int_equal(fcm_io_read_file(path, 100, &bytes, &size), 0);
    assert_int_equal(size, 10);
    assert_string_equal(bytes, "second one");
    free(bytes);
    assert_int_equal(fcm_io_read_file(path, 9, &bytes, &size), -EFBIG);
    unlink(path);
    assert_int_equal(fcm_io_read_file(path, 9, &bytes, &size), -ENOENT);
    assert_int_equal(fcm_io_write_file("/nowhere/at/all", "x", 1, 0600), -ENOENT);
    assert_int_equal(open_descriptors(), before);
}

static void large_files_are_read(void **state) {
    char path[128];
    snprintf(path, sizeof path, "%s/file", (char *)*state);
    size_t total = 100000, size;
    char *text = malloc(total), *bytes;
    memset(text, 'x', total);
    assert_int_equal(fcm_io_write_file(path, text, total, 0600), 0);
    assert_int_equal(fcm_io_read_file(path, total, &bytes, &size), 0);
    assert_int_equal(size, total);
    assert_memory_equal(bytes, text, total);
    free(bytes);
    free(text);
    unlink(path);
}

static void short_files_end_early(void **state) {
    (void)state;
    int fds[2];
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    assert_int_equal(fcm_io_write_full(fds[1], "abc", 3), 0);
    close(fds[1]);
    char buffer[4];
    assert_int_equal(fcm_io_read_full(fds[0], buffer, 4), -ENODATA);
    close(fds[0]);
}

static void sockets_do_not_block_or_leak_into_children(void **state) {
    (void)state;
    int fds[2];
    char byte;
    assert_int_equal(fcm_io_socketpair(fds), 0);
    assert_int_equal(fcm_io_read(fds[0], &byte, 1), -EAGAIN);
    assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
    close(fds[0]);
    assert_int_equal(fcm_io_send(fds[1], "x", 1, NULL, 0, NULL, 0), -EPIPE); // and no signal
    close(fds[1]);
}

static void there_is_a_core(void **state) {
    (void)state;
    int affinity, quota, cores = fcm_cores_available(&affinity, &quota);
    assert_true(cores >= 1);
    assert_true(cores <= affinity && cores <= quota);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(files_are_replaced_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_files_are_read, set_up, tear_down),
        cmocka_unit_test(short_files_end_early),
        cmocka_unit_test(sockets_do_not_block_or_leak_into_children),
        cmocka_unit_test(there_is_a_core),
    };
    return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
