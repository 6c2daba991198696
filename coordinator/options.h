// Command line of `fastcollect-meta serve`.
#pragma once

#include "util.h"

struct fcm_serve_options {
    int fd; // main's socket
};

// A whole decimal number from `least` to `most`: 0, -EINVAL, -ERANGE.
int fcm_options_number(const char *text, long least, long most, long *ret_number);

// -EINVAL, with the reason in *ret_error (static text), for arguments that make no sense. argv[0]
// is the subcommand.
int fcm_options_serve(int argc, char **argv, struct fcm_serve_options *ret_options,
                      const char **ret_error);
