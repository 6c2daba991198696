// How many cores this process may use.
#pragma once

// The smaller of the affinity mask's size and the CPU quota of the cgroup (v2 or v1), rounded up;
// at least 1. Each source that can't be read doesn't limit. Results may be NULL.
int fcm_cores_available(int *ret_affinity, int *ret_quota);
