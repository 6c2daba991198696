#include "statistics.h"

#include <sys/resource.h>

#include "util.h"

void fcm_statistics_done(struct fcm_statistics *s) {
    free(s->fork_micros);
    *s = (struct fcm_statistics){0};
}

void fcm_statistics_fork(struct fcm_statistics *s, uint32_t micros) {
    if (s->forks == s->capacity) {
        size_t capacity = s->capacity ? 2 * s->capacity : 16;
        uint32_t *grown = realloc(s->fork_micros, capacity * sizeof *grown);
        if (!grown) return; // one figure less
        s->fork_micros = grown;
        s->capacity = capacity;
    }
    s->fork_micros[s->forks++] = micros;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static double own_cpu(void) {
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) < 0) return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void fcm_statistics_message(struct fcm_statistics *s, Fcm__Statistics *ret_message) {
    Fcm__Statistics message = FCM__STATISTICS__INIT;
    message.forks = (uint32_t)s->forks;
    if (s->forks > 0) {
        qsort(s->fork_micros, s->forks, sizeof *s->fork_micros, by_value);
        message.fork_micros_median = s->fork_micros[s->forks / 2];
        message.fork_micros_max = s->fork_micros[s->forks - 1];
    }
    message.files_collected = s->files_collected;
    message.files_from_manifest = s->files_from_manifest;
    message.files_retried = s->files_retried;
    message.coordinator_cpu = own_cpu();
    message.workers_cpu = s->workers_cpu;
    *ret_message = message;
}
