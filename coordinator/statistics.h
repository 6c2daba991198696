// What a session counts.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "codec.h"

struct fcm_statistics {
    uint32_t *fork_micros; // one for each fork
    size_t forks;
    size_t capacity;
    uint32_t files_collected;
    uint32_t files_from_manifest;
    uint32_t files_retried;
    double workers_cpu; // seconds, of zygote and workers that have died
};

void fcm_statistics_done(struct fcm_statistics *statistics);
void fcm_statistics_fork(struct fcm_statistics *statistics, uint32_t micros);

// Fills the message; sorts fork_micros.
void fcm_statistics_message(struct fcm_statistics *statistics, Fcm__Statistics *ret_message);
