#include "shard.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 10000 };

int fcm_shard_parse(const char *text, struct fcm_shard *ret) {
    unsigned index, count;
    int end = -1;
    if (strspn(text, "0123456789/") != strlen(text)) return -EINVAL;
    if (sscanf(text, "%5u/%5u%n", &index, &count, &end) != 2 || text[end] != 0) return -EINVAL;
    if (count < 1 || count > SHARDS_MAX || index < 1 || index > count) return -EINVAL;
    ret->index = index - 1;
    ret->count = count;
    return 0;
}

int fcm_shard_parse_by(const char *text, enum fcm_shard_by *ret) {
    static const char *const names[] = {"test", "function", "class", "file"};
    for (size_t i = 0; i < FCM_COUNT(names); i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *ret = (enum fcm_shard_by)i;
        return 0;
    }
    return -EINVAL;
}

/* The part of an id that all of a group have in common. */
static struct fcm_slice group_of(struct fcm_slice id, enum fcm_shard_by by) {
    struct fcm_slice file, rest;
    if (by == FCM_SHARD_BY_TEST) return id;
    fcm_test_id_split(id, &file, &rest);
    if (by == FCM_SHARD_BY_FILE) return file;
    const uint8_t *bracket = rest.size ? memchr(rest.data, '[', rest.size) : NULL;
    size_t size = bracket ? (size_t)(bracket - rest.data) : rest.size;
    if (by == FCM_SHARD_BY_CLASS) {
        struct fcm_slice outer, inner;
        fcm_test_id_split(fcm_slice_of(rest.data, size), &outer, &inner);
        size = outer.size;
    }
    return fcm_slice_of(id.data, (size_t)(rest.data - id.data) + size);
}

struct member {
    struct fcm_slice group;
    size_t test;
    uint64_t weight;
};

static int compare_slices(struct fcm_slice a, struct fcm_slice b) {
    size_t common = a.size < b.size ? a.size : b.size;
    int order = common ? memcmp(a.data, b.data, common) : 0;
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_members(const void *a, const void *b) {
    return compare_slices(((const struct member *)a)->group, ((const struct member *)b)->group);
}

/* Tests in the order of their groups, and microseconds for each; the sum of these. */
static uint64_t weigh(struct member *members, const struct fcm_slice *ids, size_t count,
                      struct fcm_test_durations *durations, enum fcm_shard_by by) {
    uint64_t known = 0, sum = 0;
    for (size_t i = 0; i < count; i++) {
        int64_t found = durations ? fcm_test_durations_find(durations, ids[i]) : -1;
        members[i] = (struct member){group_of(ids[i], by), i, found > 0 ? (uint64_t)found : 0};
        known += found > 0;
        sum += members[i].weight;
    }
    uint64_t average = known && sum / known ? sum / known : 1;
    for (size_t i = 0; i < count; i++) {
        if (members[i].weight > 0) continue;
        members[i].weight = average;
        sum += average;
    }
    if (count > 1) qsort(members, count, sizeof(*members), compare_members);
    return sum;
}

/* Groups lie side by side on a line as long as their weights; the shards are its equal parts, and a
 * group belongs to the part in which its middle lies. */
int fcm_shard_select(const struct fcm_shard *shard, const struct fcm_slice *ids, size_t count,
                     struct fcm_test_durations *durations, bool *ret_selected) {
    FCM_AUTO_FREE struct member *members = calloc(count + 1, sizeof(*members));
    if (!members) return -ENOMEM;
    uint64_t total = weigh(members, ids, count, durations, shard->by), begin = 0;
    for (size_t i = 0, next; i < count; i = next) {
        uint64_t weight = 0;
        for (next = i; next < count; next++) {
            if (compare_slices(members[next].group, members[i].group) != 0) break;
            weight += members[next].weight;
        }
        __extension__ typedef unsigned __int128 wide;
        uint64_t at = (uint64_t)(((wide)begin * 2 + weight) * shard->count / ((wide)total * 2));
        if (at >= shard->count) at = shard->count - 1;
        for (size_t k = i; k < next; k++) ret_selected[members[k].test] = at == shard->index;
        begin += weight;
    }
    return 0;
}
