// secret.h: what our getrandom() hands out.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <sys/types.h>

#include "secret.h"

ssize_t getrandom(void *buffer, size_t size, unsigned flags);

#define HEX "000102030405060708090a0b0c0d0e0f10111213141516Ff"

static void test_once(void **state) {
    unsigned char bytes[FCM_SECRET_SIZE], other[FCM_SECRET_SIZE];
    assert_int_equal(fcm_secret_set(HEX), 0);
    // requests of another size don't get it, and don't use it up
    assert_int_equal(getrandom(bytes, 8, 0), 8);
    assert_int_equal(getrandom(bytes, sizeof(bytes), 0), sizeof(bytes));
    for (unsigned i = 0; i < FCM_SECRET_SIZE - 1; i++) assert_int_equal(bytes[i], i);
    assert_int_equal(bytes[FCM_SECRET_SIZE - 1], 0xff);
    assert_int_equal(getrandom(other, sizeof(other), 0), sizeof(other));
    assert_memory_not_equal(bytes, other, sizeof(bytes));
}

static void test_none(void **state) {
    unsigned char one[FCM_SECRET_SIZE], other[FCM_SECRET_SIZE];
    assert_int_equal(fcm_secret_set(HEX), 0);
    assert_int_equal(fcm_secret_set(NULL), 0);
    assert_int_equal(getrandom(one, sizeof(one), 0), sizeof(one));
    assert_int_equal(getrandom(other, sizeof(other), 0), sizeof(other));
    assert_memory_not_equal(one, other, sizeof(one));
}

static void test_malformed(void **state) {
    static const char *const texts[] = {
        "",
        "00",
        HEX "0",
        HEX "00",
        "00010203040506070809_a0b0c0d0e0f1011121314151617",
        "0001020304050607080900g00b0c0d0e0f10111213141516",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        assert_int_equal(fcm_secret_set(texts[i]), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
