#include "memory.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "io.h"

enum { MAX_FILE = 1 << 20 };

static int read_text(const char *folder, const char *name, char **ret_text) {
    char path[PATH_MAX];
    size_t size;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return -ENAMETOOLONG;
    return fcm_io_read_file(path, MAX_FILE, ret_text, &size);
}

// A number, "max" and what can't be read being UINT64_MAX.
static uint64_t read_number(const char *folder, const char *name) {
    FCM_AUTO_FREE char *text = NULL;
    unsigned long long number;
    if (read_text(folder, name, &text) < 0) return UINT64_MAX;
    return sscanf(text, "%llu", &number) == 1 ? number : UINT64_MAX;
}

// The number behind a word at the beginning of a line, 0 where there is none.
static uint64_t line_number(const char *text, const char *word) {
    size_t length = strlen(word);
    for (const char *line = text; line && *line;) {
        unsigned long long number;
        if (strncmp(line, word, length) == 0 && sscanf(line + length, " %llu", &number) == 1)
            return number;
        line = strchr(line, '\n');
        if (line) line++;
    }
    return 0;
}

struct names {
    const char *limit, *usage, *cache;
};
static const struct names v2 = {"memory.max", "memory.current", "inactive_file"};
static const struct names v1 = {"memory.limit_in_bytes", "memory.usage_in_bytes",
                                "total_inactive_file"};

static void limit_by(const char *folder, const struct names *names, struct fcm_memory *memory) {
    uint64_t limit = read_number(folder, names->limit);
    uint64_t usage = read_number(folder, names->usage);
    if (limit == UINT64_MAX || usage == UINT64_MAX || limit >= memory->total) return;
    // What files have left in the cache is given back when it is needed.
    FCM_AUTO_FREE char *text = NULL;
    uint64_t cache =
        read_text(folder, "memory.stat", &text) < 0 ? 0 : line_number(text, names->cache);
    usage = usage > cache ? usage - cache : 0;
    uint64_t available = limit > usage ? limit - usage : 0;
    memory->total = limit;
    if (available < memory->available) memory->available = available;
}

static void limit_upwards(const char *root, const char *mount, const char *path,
                          const struct names *names, struct fcm_memory *memory) {
    char folder[PATH_MAX];
    if (snprintf(folder, sizeof folder, "%s%s%s", root, mount, path) >= (int)sizeof folder) return;
    size_t root_size = strlen(root) + strlen(mount);
    for (;;) {
        limit_by(folder, names, memory);
        char *slash = strlen(folder) > root_size ? strrchr(folder + root_size, '/') : NULL;
        if (!slash) return;
        *slash = '\0';
    }
}

static bool names_memory(const char *controllers) {
    const char *found = strstr(controllers, "memory");
    return found && (found == controllers || found[-1] == ',') &&
           (found[6] == '\0' || found[6] == ',');
}

int fcm_memory_read(const char *root, struct fcm_memory *ret_memory) {
    FCM_AUTO_FREE char *info = NULL;
    int r = read_text(root, "proc/meminfo", &info);
    if (r < 0) return r;
    struct fcm_memory memory = {
        .total = line_number(info, "MemTotal:") * 1024,
        .available = line_number(info, "MemAvailable:") * 1024,
    };
    if (memory.total == 0) return -EBADMSG;

    FCM_AUTO_FREE char *groups = NULL;
    if (read_text(root, "proc/self/cgroup", &groups) == 0) {
        char *rest = NULL;
        for (char *line = strtok_r(groups, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
            // "0::/path" (v2) or "4:memory:/path" (v1)
            char *controllers = strchr(line, ':');
            char *path = controllers ? strchr(controllers + 1, ':') : NULL;
            if (!path) continue;
            *path++ = '\0';
            controllers++;
            if (*controllers == '\0')
                limit_upwards(root, "/sys/fs/cgroup", path, &v2, &memory);
            else if (names_memory(controllers))
                limit_upwards(root, "/sys/fs/cgroup/memory", path, &v1, &memory);
        }
    }
    *ret_memory = memory;
    return 0;
}

uint64_t fcm_memory_of(int pid) {
    char folder[64];
    snprintf(folder, sizeof folder, "/proc/%d", pid);
    FCM_AUTO_FREE char *text = NULL;
    unsigned long long resident, shared;
    if (read_text(folder, "statm", &text) < 0) return 0;
    if (sscanf(text, "%*u %llu %llu", &resident, &shared) != 2 || shared > resident) return 0;
    return (resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}
