// How much memory this process and its children may still use.
#pragma once

#include <stdint.h>

struct fcm_memory {
    uint64_t total;     // bytes: of the machine, or the limit of a cgroup that this process is in
    uint64_t available; // bytes of it that can be had without harm to others
};

// The tightest of MemAvailable and the limits of the memory cgroups (v2 or v1) on the way up.
// `root` is "" but in tests: a folder that stands for /. -errno where /proc/meminfo can't be read.
int fcm_memory_read(const char *root, struct fcm_memory *ret_memory);

// Bytes of anonymous memory that a process has resident, 0 where it can't be told.
uint64_t fcm_memory_of(int pid);
