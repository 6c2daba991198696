#include "codec.h"

#include <string.h>
#include <zstd.h>

static const ProtobufCMessageDescriptor *const descriptors[FCM_TYPE_END] = {
    [FCM_HELLO] = &fcm__hello__descriptor,
    [FCM_COLLECT_REQUEST] = &fcm__collect_request__descriptor,
    [FCM_WALK] = &fcm__walk__descriptor,
    [FCM_WANT] = &fcm__want__descriptor,
    [FCM_FORK] = &fcm__fork__descriptor,
    [FCM_FORKED] = &fcm__forked__descriptor,
    [FCM_PREPARED] = &fcm__prepared__descriptor,
    [FCM_REAP] = &fcm__reap__descriptor,
    [FCM_REAPED] = &fcm__reaped__descriptor,
    [FCM_ASSIGN] = &fcm__assign__descriptor,
    [FCM_BEGUN] = &fcm__begun__descriptor,
    [FCM_RECORD] = &fcm__record__descriptor,
    [FCM_NATIVE] = &fcm__native__descriptor,
    [FCM_FAILURE] = &fcm__failure__descriptor,
    [FCM_GOODBYE] = &fcm__goodbye__descriptor,
    [FCM_STATISTICS] = &fcm__statistics__descriptor,
    [FCM_REGISTRAR] = &fcm__registrar__descriptor,
    [FCM_REVOKE] = &fcm__revoke__descriptor,
};

const ProtobufCMessageDescriptor *fcm_codec_descriptor(unsigned type) {
    return type < FCM_TYPE_END ? descriptors[type] : NULL;
}

int fcm_codec_type(const char *name) {
    for (unsigned type = 1; type < FCM_TYPE_END; type++)
        if (strcmp(fcm_frame_type_name(type), name) == 0) return (int)type;
    return -ENOENT;
}

// Takes over `packed`, also on failure.
static int wrap(enum fcm_type type, uint32_t id, uint8_t *packed, size_t size,
                struct fcm_frame *ret_frame) {
    FCM_AUTO_FREE uint8_t *payload = packed;
    if (size > FCM_FRAME_RAW_MAX) return -EMSGSIZE;
    struct fcm_frame_header header = {
        .version = FCM_FRAME_VERSION,
        .type = (uint8_t)type,
        .id = id,
        .length = (uint32_t)size,
        .raw_length = (uint32_t)size,
    };
    if (size >= FCM_CODEC_COMPRESS_FROM) {
        size_t bound = ZSTD_compressBound(size);
        FCM_AUTO_FREE uint8_t *squeezed = malloc(bound);
        if (!squeezed) return -ENOMEM;
        size_t n = ZSTD_compress(squeezed, bound, payload, size, 1);
        if (!ZSTD_isError(n) && n < size) {
            uint8_t *fitted = realloc(squeezed, n);
            if (fitted) squeezed = fitted;
            free(payload);
            payload = fcm_take(&squeezed);
            header.flags = FCM_FRAME_ZSTD;
            header.length = (uint32_t)n;
        }
    }
    if (header.length > FCM_FRAME_MAX) return -EMSGSIZE;
    ret_frame->header = header;
    ret_frame->payload = fcm_take(&payload);
    return 0;
}

int fcm_codec_encode_packed(enum fcm_type type, uint32_t id, const uint8_t *packed, size_t size,
                            struct fcm_frame *ret_frame) {
    if (size > FCM_FRAME_RAW_MAX) return -EMSGSIZE;
    uint8_t *copy = NULL;
    if (size > 0) {
        copy = malloc(size);
        if (!copy) return -ENOMEM;
        memcpy(copy, packed, size);
    }
    return wrap(type, id, copy, size, ret_frame);
}

int fcm_codec_encode(enum fcm_type type, uint32_t id, const void *message,
                     struct fcm_frame *ret_frame) {
    size_t size = protobuf_c_message_get_packed_size(message);
    if (size > FCM_FRAME_RAW_MAX) return -EMSGSIZE;
    uint8_t *packed = NULL;
    if (size > 0) {
        packed = malloc(size);
        if (!packed) return -ENOMEM;
        protobuf_c_message_pack(message, packed);
    }
    return wrap(type, id, packed, size, ret_frame);
}

int fcm_codec_unwrap(const struct fcm_frame *frame, const uint8_t **ret_packed, size_t *ret_size,
                     uint8_t **ret_owned) {
    const struct fcm_frame_header *h = &frame->header;
    if (!(h->flags & FCM_FRAME_ZSTD)) {
        *ret_packed = frame->payload;
        *ret_size = h->length;
        *ret_owned = NULL;
        return 0;
    }
    // A frame that claims a large size has to be able to hold it: zstd says so in its own header.
    unsigned long long claimed = ZSTD_getFrameContentSize(frame->payload, h->length);
    if (claimed != h->raw_length) return -EBADMSG;
    FCM_AUTO_FREE uint8_t *raw = malloc(h->raw_length ? h->raw_length : 1);
    if (!raw) return -ENOMEM;
    size_t n = ZSTD_decompress(raw, h->raw_length, frame->payload, h->length);
    if (ZSTD_isError(n) || n != h->raw_length) return -EBADMSG;
    *ret_packed = raw;
    *ret_size = n;
    *ret_owned = fcm_take(&raw);
    return 0;
}

int fcm_codec_decode(const struct fcm_frame *frame, void **ret_message) {
    const ProtobufCMessageDescriptor *descriptor = fcm_codec_descriptor(frame->header.type);
    if (!descriptor) return -EPROTO;
    const uint8_t *packed;
    size_t size;
    FCM_AUTO_FREE uint8_t *owned = NULL;
    int r = fcm_codec_unwrap(frame, &packed, &size, &owned);
    if (r < 0) return r;
    void *message = protobuf_c_message_unpack(descriptor, NULL, size, packed);
    if (!message) return -EBADMSG;
    *ret_message = message;
    return 0;
}

void fcm_codec_free(void *message) {
    if (message) protobuf_c_message_free_unpacked(message, NULL);
}
