#include "environment.h"

#include "util.h"

#include <stdio.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Names of variables; those that end in "_" stand for all that begin so. */
static const char *const left_out[] = {
    "_",
    "SHLVL",
    "PWD",
    "OLDPWD",
    "COLUMNS",
    "LINES",
    "COVERAGE_FILE",
    "COV_CORE_DATAFILE",
    "PARITY_OUT",
    "PYTEST_VERSION",
    "PYTEST_CURRENT_TEST",
    "PYTEST_XDIST_",
    "FASTCOLLECT_META_",
};

bool fcm_environment_leaves_out(const char *name) {
    size_t size = strcspn(name, "=");
    for (size_t i = 0; i < FCM_COUNT(left_out); i++) {
        size_t known = strlen(left_out[i]);
        bool family = known > 1 && left_out[i][known - 1] == '_';
        if (size < known || (size > known && !family)) continue;
        if (memcmp(name, left_out[i], known) == 0) return true;
    }
    return false;
}

static int compare(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int fcm_environment_digest(const char *const *entries, size_t count, const char *prefix,
                           char ret_digest[FCM_ENVIRONMENT_DIGEST]) {
    FCM_AUTO_FREE const char **kept = calloc(count + 1, sizeof *kept);
    if (!kept) return -ENOMEM;
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (strncmp(entries[i], prefix, strlen(prefix)) == 0 &&
            !fcm_environment_leaves_out(entries[i]))
            kept[n++] = entries[i];
    qsort(kept, n, sizeof *kept, compare);
    XXH3_state_t state;
    XXH3_128bits_reset(&state);
    for (size_t i = 0; i < n; i++) XXH3_128bits_update(&state, kept[i], strlen(kept[i]) + 1);
    XXH128_hash_t hash = XXH3_128bits_digest(&state);
    snprintf(ret_digest, FCM_ENVIRONMENT_DIGEST, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    return 0;
}
