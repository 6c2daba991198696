#include "options.h"

#include "harness.h"

static void numbers_are_whole_and_decimal(void **state) {
    (void)state;
    long number = 7;
    assert_int_equal(fcm_options_number("42", 0, 100, &number), 0);
    assert_int_equal(number, 42);
    assert_int_equal(fcm_options_number("-3", -5, 100, &number), 0);
    assert_int_equal(number, -3);
    const char *const bad[] = {"", " 1", "+1", "1 ", "1x", "x", "0x10", "1.5", "-", "--1"};
    for (size_t i = 0; i < FCM_COUNT(bad); i++)
        assert_int_equal(fcm_options_number(bad[i], -100, 100, &number), -EINVAL);
    assert_int_equal(fcm_options_number("101", 0, 100, &number), -ERANGE);
    assert_int_equal(fcm_options_number("-1", 0, 100, &number), -ERANGE);
    assert_int_equal(fcm_options_number("99999999999999999999", 0, 100, &number), -ERANGE);
    assert_int_equal(number, -3); // untouched
}

static int serve(int argc, char **argv, int *ret_fd, const char **ret_error) {
    struct fcm_serve_options options = {.fd = -7};
    int r = fcm_options_serve(argc, argv, &options, ret_error);
    *ret_fd = options.fd;
    return r;
}

static void serve_takes_a_descriptor(void **state) {
    (void)state;
    int fd;
    const char *error = NULL;
    assert_int_equal(serve(3, (char *[]){"serve", "--fd", "5", NULL}, &fd, &error), 0);
    assert_int_equal(fd, 5);
    assert_int_equal(serve(2, (char *[]){"serve", "--fd=6", NULL}, &fd, &error), 0);
    assert_int_equal(fd, 6);
}

static void serve_refuses_the_rest(void **state) {
    (void)state;
    char *const bad[][4] = {
        {"serve", NULL},           {"serve", "--fd", NULL},   {"serve", "--fd=-1", NULL},
        {"serve", "--fd=x", NULL}, {"serve", "--what", NULL}, {"serve", "--fd=3", "more", NULL},
    };
    for (size_t i = 0; i < FCM_COUNT(bad); i++) {
        int argc = 0, fd;
        const char *error = NULL;
        while (bad[i][argc]) argc++;
        char *argv[4];
        memcpy(argv, bad[i], sizeof argv);
        assert_int_equal(serve(argc, argv, &fd, &error), -EINVAL);
        assert_non_null(error);
        assert_int_equal(fd, -7);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_whole_and_decimal),
        cmocka_unit_test(serve_takes_a_descriptor),
        cmocka_unit_test(serve_refuses_the_rest),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
