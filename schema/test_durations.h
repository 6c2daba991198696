/* How long each test ran, by its id, in a file beside a manifest (PATH.durations) that has the
 * manifest's own format: one section, and for each test file an entry whose path is the first part
 * of its ids and whose record holds a hash of the rest and seconds. Any process. */
#ifndef FCM_TEST_DURATIONS_H
#define FCM_TEST_DURATIONS_H

#include "manifest.h"

#define FCM_DURATIONS_COLLECTOR "durations"
#define FCM_DURATIONS_KEY "durations"
/* In a record: u64 hash, f32 seconds; ascending. */
#define FCM_DURATION_SIZE 12

struct fcm_test_durations;

/* -ENOENT where there are none; others as fcm_manifest_open(). */
int fcm_test_durations_open(const char *path, struct fcm_test_durations **ret,
                            const char **ret_why);
void fcm_test_durations_free(struct fcm_test_durations *d);
FCM_DEFINE_AUTO(fcm_test_durations)
/* Microseconds, at least 1; -1: not known. Quick where tests of one file follow each other. */
int64_t fcm_test_durations_find(struct fcm_test_durations *d, struct fcm_slice id);

/* Cuts an id at the first "::". */
void fcm_test_id_split(struct fcm_slice id, struct fcm_slice *ret_file, struct fcm_slice *ret_rest);

/* For the writer: appends the record of one file's tests, sorted, each once (the last counts). */
int fcm_test_durations_pack(const struct fcm_test_duration *tests, size_t count,
                            struct fcm_buffer *ret);
/* Appends the union of two records; `newer` counts where both have a test. Bytes that are no record
 * count as empty. */
int fcm_test_durations_merge(struct fcm_slice older, struct fcm_slice newer,
                             struct fcm_buffer *ret);

#endif
