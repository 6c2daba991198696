#include "context.h"

#include <xxhash.h>

void fcm_context_digest(struct fcm_slice paths, uint8_t ret_digest[FCM_CONTEXT_SIZE]) {
    XXH64_canonical_t canonical;
    XXH64_canonicalFromHash(&canonical, XXH3_64bits(paths.data, paths.size));
    _Static_assert(sizeof canonical.digest == FCM_CONTEXT_SIZE, "a digest of 64 bits");
    memcpy(ret_digest, canonical.digest, FCM_CONTEXT_SIZE);
}

bool fcm_context_holds(const Fcm__Record *record, struct fcm_slice paths, bool filtered) {
    uint8_t digest[FCM_CONTEXT_SIZE] = {0};
    if (paths.size > 0) fcm_context_digest(paths, digest);
    for (size_t i = 0; i < record->n_contexts; i++) {
        const ProtobufCBinaryData *context = &record->contexts[i];
        if (context->len == 0 && paths.size == 0) return true;
        if (context->len < FCM_CONTEXT_SIZE) continue;
        if (context->len > FCM_CONTEXT_SIZE && filtered) continue;
        if (memcmp(context->data, digest, FCM_CONTEXT_SIZE) == 0) return true;
    }
    return record->n_contexts == 0 && paths.size == 0;
}
