#include "cores.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "io.h"

enum { MAX_FILE = 1 << 20 };

static int cores_by_affinity(void) {
    // The kernel refuses a mask smaller than its own: grow until it fits.
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC((size_t)cpus);
        if (!set) return INT_MAX;
        size_t size = CPU_ALLOC_SIZE((size_t)cpus);
        int r = sched_getaffinity(0, size, set);
        int count = r < 0 ? 0 : CPU_COUNT_S(size, set);
        CPU_FREE(set);
        if (r == 0) return count > 0 ? count : INT_MAX;
        if (errno != EINVAL) return INT_MAX;
    }
    return INT_MAX;
}

static int quota_to_cores(long long quota, long long period) {
    if (quota <= 0 || period <= 0) return INT_MAX;
    long long cores = (quota + period - 1) / period;
    return cores < 1 ? 1 : cores > INT_MAX ? INT_MAX : (int)cores;
}

static int read_number(const char *folder, const char *name, long long *ret_number) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    FCM_AUTO_FREE char *text = NULL;
    size_t size;
    int r = fcm_io_read_file(path, MAX_FILE, &text, &size);
    if (r < 0) return r;
    return sscanf(text, "%lld", ret_number) == 1 ? 0 : -EINVAL;
}

static int cores_of_v2(const char *folder) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path) return INT_MAX;
    FCM_AUTO_FREE char *text = NULL;
    size_t size;
    long long quota, period;
    if (fcm_io_read_file(path, MAX_FILE, &text, &size) < 0) return INT_MAX;
    if (sscanf(text, "%lld %lld", &quota, &period) != 2) return INT_MAX; // "max 100000"
    return quota_to_cores(quota, period);
}

static int cores_of_v1(const char *folder) {
    long long quota, period;
    if (read_number(folder, "cpu.cfs_quota_us", &quota) < 0) return INT_MAX;
    if (read_number(folder, "cpu.cfs_period_us", &period) < 0) return INT_MAX;
    return quota_to_cores(quota, period);
}

// The smallest quota on the way from `path` below `root` up to `root` itself.
static int cores_upwards(const char *root, const char *path, int (*cores_of)(const char *)) {
    char folder[PATH_MAX];
    int least = INT_MAX;
    if (snprintf(folder, sizeof folder, "%s%s", root, path) >= (int)sizeof folder) return INT_MAX;
    size_t root_size = strlen(root);
    for (;;) {
        int cores = cores_of(folder);
        if (cores < least) least = cores;
        if (strlen(folder) <= root_size) return least;
        char *slash = strrchr(folder + root_size, '/');
        if (!slash) return least;
        *slash = '\0';
    }
}

static int names_cpu(const char *controllers) {
    FCM_AUTO_FREE char *copy = strdup(controllers);
    char *rest = NULL;
    for (char *name = copy ? strtok_r(copy, ",", &rest) : NULL; name;
         name = strtok_r(NULL, ",", &rest))
        if (strcmp(name, "cpu") == 0) return 1;
    return 0;
}

static int cores_by_quota(void) {
    FCM_AUTO_FREE char *text = NULL;
    size_t size;
    int least = INT_MAX;
    if (fcm_io_read_file("/proc/self/cgroup", MAX_FILE, &text, &size) < 0) return INT_MAX;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        // "0::/path" (v2) or "3:cpu,cpuacct:/path" (v1)
        char *controllers = strchr(line, ':');
        char *path = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        controllers++;
        int cores = INT_MAX;
        if (*controllers == '\0')
            cores = cores_upwards("/sys/fs/cgroup", path, cores_of_v2);
        else if (names_cpu(controllers))
            cores = cores_upwards("/sys/fs/cgroup/cpu", path, cores_of_v1);
        if (cores < least) least = cores;
    }
    return least;
}

int fcm_cores_available(int *ret_affinity, int *ret_quota) {
    int affinity = cores_by_affinity();
    int quota = cores_by_quota();
    int least = affinity < quota ? affinity : quota;
    if (ret_affinity) *ret_affinity = affinity;
    if (ret_quota) *ret_quota = quota;
    return least == INT_MAX ? 1 : least;
}
