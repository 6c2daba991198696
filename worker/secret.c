#include "secret.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

// Declared here and not through <sys/random.h>, whose attributes would tie it to libc's.
ssize_t getrandom(void *buffer, size_t size, unsigned flags);

static uint8_t secret[FCM_SECRET_SIZE];
static int secret_set; // it is there and hasn't been asked for

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -EINVAL;
}

int fcm_secret_set(const char *hex) {
    secret_set = 0;
    if (!hex) return 0;
    if (strlen(hex) != 2 * FCM_SECRET_SIZE) return -EINVAL;
    for (size_t i = 0; i < FCM_SECRET_SIZE; i++) {
        int high = hex_digit(hex[2 * i]);
        int low = hex_digit(hex[2 * i + 1]);
        if (high < 0 || low < 0) return -EINVAL;
        secret[i] = (uint8_t)(high << 4 | low);
    }
    secret_set = 1;
    return 0;
}

// CPython's first request for random bytes is the one for its hash secret, and it is the only one
// of that size; whatever asks before or after, from whichever library, gets the kernel's.
__attribute__((visibility("default"))) ssize_t getrandom(void *buffer, size_t size,
                                                         unsigned flags) {
    if (secret_set && size == FCM_SECRET_SIZE) {
        memcpy(buffer, secret, FCM_SECRET_SIZE);
        explicit_bzero(secret, sizeof(secret));
        secret_set = 0;
        return FCM_SECRET_SIZE;
    }
    return (ssize_t)syscall(SYS_getrandom, buffer, size, flags);
}
