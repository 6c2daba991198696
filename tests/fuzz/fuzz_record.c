// The split of a packed record, its unpacking, and the ids that `list` makes of it.
#include "node_id.h"
#include "record_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    FCM_AUTO_BUFFER rest = {0};
    FCM_AUTO_BUFFER dependencies = {0};
    FCM_AUTO_BUFFER base = {0};
    FCM_AUTO_NODE_IDS ids = {0};
    struct fcm_record_head head;
    Fcm__Record *r;
    (void)fcm_record_split(fcm_slice_of(data, size), &head, &rest, &dependencies, &base);
    if (fcm_record_unpack(data, size, &r) < 0) return 0;
    (void)fcm_node_ids_init(&ids, r, "/root", "/root/a/test_x.py");
    fcm_record_free(r);
    return 0;
}
