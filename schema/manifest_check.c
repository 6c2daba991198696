#include "manifest_format.h"

#include <errno.h>

struct fcm_probe *fcm_manifest_probe(struct fcm_manifest *m, uint32_t string) {
    if (!m->probes) m->probes = calloc((size_t)m->strings + 1, sizeof(struct fcm_probe *));
    if (!m->probes) return NULL;
    if (!m->probes[string]) m->probes[string] = calloc(1, sizeof(struct fcm_probe));
    return m->probes[string];
}

enum fcm_dependency_change fcm_manifest_dependency_change(struct fcm_manifest *m, uint32_t i) {
    if (!m->change) m->change = calloc((size_t)m->dependencies + 1, 1);
    if (!m->change) return FCM_CHANGE_UNREADABLE;
    if (m->change[i] == 0) {
        struct fcm_dependency_state state;
        const char *path;
        fcm_manifest_dependency(m, i, &state, &path);
        struct fcm_probe *probe =
            fcm_manifest_probe(m, fcm_load_u32(m->dependency_string + (size_t)i * 4));
        enum fcm_dependency_change change =
            probe ? fcm_dependency_check(&state, path, probe, m->environment)
                  : FCM_CHANGE_UNREADABLE;
        if (change == FCM_CHANGE_TOUCHED) m->touched++;
        m->change[i] = (uint8_t)(change + 1);
    }
    return (enum fcm_dependency_change)(m->change[i] - 1);
}

static int on_dependency(void *context, uint32_t dependency) {
    struct fcm_manifest *m = context;
    if (!fcm_dependency_stale(fcm_manifest_dependency_change(m, dependency))) return 0;
    return (int)dependency + 1;
}

/* 1 valid, or 2 + the first dependency that changed. */
static uint32_t set_verdict(struct fcm_manifest *m, uint32_t set) {
    if (!m->verdict) m->verdict = calloc((size_t)m->sets + 1, sizeof(*m->verdict));
    if (!m->verdict) return 2;
    if (m->verdict[set] == 0) {
        int changed = fcm_manifest_each_dependency(m, set, on_dependency, m);
        m->verdict[set] = (uint32_t)changed + 1;
    }
    return m->verdict[set];
}

bool fcm_manifest_valid(struct fcm_manifest *m, uint32_t entry, uint32_t *ret_dependency,
                        enum fcm_dependency_change *ret_change) {
    uint32_t set = fcm_load_u32(fcm_manifest_entry_at(m, entry) + FCM_ENTRY_SET);
    if (set == FCM_NO_SET) return true;
    uint32_t verdict = set_verdict(m, set);
    if (verdict == 1) return true;
    *ret_dependency = verdict - 2;
    *ret_change = m->change ? (enum fcm_dependency_change)(m->change[verdict - 2] - 1)
                            : FCM_CHANGE_UNREADABLE;
    return false;
}

uint32_t fcm_manifest_check_section(struct fcm_manifest *m, uint32_t section) {
    uint32_t stale = 0, dependency;
    enum fcm_dependency_change change;
    for (uint32_t i = 0; i < m->entries; i++) {
        struct fcm_entry e;
        fcm_manifest_entry(m, i, &e);
        if (e.section != section || e.raw_length == 0) continue;
        if (!fcm_manifest_valid(m, i, &dependency, &change)) stale++;
    }
    return stale;
}

uint32_t fcm_manifest_touched(const struct fcm_manifest *m) { return m->touched; }

void fcm_manifest_set_environment(struct fcm_manifest *m, const char *const *environment) {
    m->environment = environment;
}
