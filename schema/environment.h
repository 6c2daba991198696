/* The digest of a whole environment, or of the variables with a prefix, for a file whose import
 * looked at all of them. As a dependency its name is the prefix and a "*". */
#ifndef FCM_ENVIRONMENT_H
#define FCM_ENVIRONMENT_H

#include <stdbool.h>
#include <stddef.h>

#define FCM_ENVIRONMENT_DIGEST 33 /* characters, with the terminating zero */

/* Digest of the "NAME=VALUE" entries, in any order, whose name begins with `prefix` ("" for all):
 * XXH3 with 128 bits, in hexadecimal, of the sorted entries, each with its terminating zero. Leaves
 * out what differs between two terminals (`_`, SHLVL, PWD, OLDPWD, COLUMNS, LINES), what says where
 * a run writes what it measures (COVERAGE_FILE, COV_CORE_DATAFILE, PARITY_OUT) and what pytest and
 * we set ourselves (PYTEST_VERSION, PYTEST_CURRENT_TEST, PYTEST_XDIST_*, FASTCOLLECT_META_*).
 * -ENOMEM leaves the result as it was. Runs in every process. */
int fcm_environment_digest(const char *const *entries, size_t count, const char *prefix,
                           char ret_digest[FCM_ENVIRONMENT_DIGEST]);

/* Whether the digest leaves out the variable with this name. */
bool fcm_environment_leaves_out(const char *name);

#endif
