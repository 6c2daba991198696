#include "options.h"

#include <getopt.h>
#include <limits.h>

int fcm_options_number(const char *text, long least, long most, long *ret_number) {
    char *end;
    // strtol would take leading space and "+".
    if (!(text[0] >= '0' && text[0] <= '9') && text[0] != '-') return -EINVAL;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (*end || end == text) return -EINVAL;
    if (errno == ERANGE || number < least || number > most) return -ERANGE;
    *ret_number = number;
    return 0;
}

int fcm_options_serve(int argc, char **argv, struct fcm_serve_options *ret_options,
                      const char **ret_error) {
    static const struct option known[] = {{"fd", required_argument, NULL, 'f'}, {0}};
    struct fcm_serve_options options = {.fd = -1};
    int c;
    optind = 0; // start over, glibc's way
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
        long number;
        if (c != 'f') {
            *ret_error = "serve takes --fd=N only";
            return -EINVAL;
        }
        if (fcm_options_number(optarg, 0, INT_MAX, &number) < 0) {
            *ret_error = "--fd takes the number of an open descriptor";
            return -EINVAL;
        }
        options.fd = (int)number;
    }
    if (optind < argc) {
        *ret_error = "serve takes no arguments";
        return -EINVAL;
    }
    if (options.fd < 0) {
        *ret_error =
            "serve needs --fd=N, an open socket; pytest starts it, see -p fastcollect_meta";
        return -EINVAL;
    }
    *ret_options = options;
    return 0;
}
