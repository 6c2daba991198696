// Opens the input as a manifest, and uses all that it says it holds. Checksums are put right first,
// or nothing beyond them would ever be reached; in every fourth input they stay as they are.
#include <xxhash.h>

#include "manifest_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_dependency(void *context, uint32_t dependency) {
    struct fcm_dependency_state state;
    const char *path;
    fcm_manifest_dependency(context, dependency, &state, &path);
    return strlen(path) == SIZE_MAX;
}

static void fix(uint8_t *file, size_t size) {
    if (size < FCM_HEADER_LENGTH) return;
    memcpy(file, FCM_MANIFEST_MAGIC, FCM_MANIFEST_MAGIC_SIZE);
    fcm_store_u64(file + FCM_HEADER_SIZE, size);
    for (size_t b = 0; b < FCM_BLOCKS; b++) {
        uint8_t *at = file + FCM_HEADER_BLOCK + b * FCM_HEADER_BLOCK_SIZE;
        uint64_t offset = fcm_load_u64(at);
        uint32_t length = fcm_load_u32(at + 8);
        if (offset > size || length > size - offset) continue;
        fcm_store_u64(at + 16, XXH3_64bits(file + offset, length));
    }
    fcm_store_u64(file + FCM_HEADER_CHECKSUM, XXH3_64bits(file, FCM_HEADER_CHECKSUM));
}

static void use(struct fcm_manifest *m) {
    struct fcm_manifest_info info;
    fcm_manifest_info(m, &info);
    for (uint32_t i = 0; i < info.entries && i < 64; i++) {
        FCM_AUTO_BUFFER record = {0};
        struct fcm_entry e, found;
        uint32_t same;
        fcm_manifest_entry(m, i, &e);
        if (e.raw_length < 1 << 20) (void)fcm_manifest_read_record(m, i, &record);
        if (e.set != FCM_NO_SET) fcm_manifest_each_dependency(m, e.set, on_dependency, m);
        if (fcm_manifest_find(m, e.section, fcm_slice_text(e.path), fcm_slice_text(e.collector),
                              &same) == 0) {
            fcm_manifest_entry(m, same, &found);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FCM_AUTO(fcm_manifest) *m = NULL;
    const char *why;
    uint8_t *file = malloc(size ? size : 1);
    if (!file) return 0;
    memcpy(file, data, size);
    if (size % 4) fix(file, size);
    if (fcm_manifest_open_bytes(fcm_slice_of(file, size), NULL, &m, &why) == 0) use(m);
    fcm_manifest_free(fcm_take(&m));
    free(file);
    return 0;
}
