/* Which shard each test belongs to. A function of the ids, their durations and the number of
 * shards alone: the same on every machine, whatever order the tests are given in. */
#ifndef FCM_SHARD_H
#define FCM_SHARD_H

#include <stdbool.h>

#include "bytes.h"
#include "test_durations.h"

/* What is never divided between shards. */
enum fcm_shard_by {
    FCM_SHARD_BY_TEST,
    FCM_SHARD_BY_FUNCTION, /* with all its parameters */
    FCM_SHARD_BY_CLASS,    /* the outermost; a function outside of classes */
    FCM_SHARD_BY_FILE,
};

struct fcm_shard {
    uint32_t index; /* from 0 */
    uint32_t count;
    enum fcm_shard_by by;
};

/* "I/N" with 1 <= I <= N <= 10000. -EINVAL. */
int fcm_shard_parse(const char *text, struct fcm_shard *ret);
/* "test", "function", "class", "file". -EINVAL. */
int fcm_shard_parse_by(const char *text, enum fcm_shard_by *ret);

/* Fills selected[], one entry a test. `durations` may be NULL: then each test counts the same, and
 * otherwise one that isn't known counts as much as those that are do on average. -ENOMEM. */
int fcm_shard_select(const struct fcm_shard *shard, const struct fcm_slice *ids, size_t count,
                     struct fcm_test_durations *durations, bool *ret_selected);

#endif
