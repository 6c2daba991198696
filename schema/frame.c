#include "frame.h"

#include <assert.h>
#include <string.h>

static const char *const type_names[FCM_TYPE_END] = {
    [FCM_HELLO] = "Hello",         [FCM_COLLECT_REQUEST] = "CollectRequest",
    [FCM_WALK] = "Walk",           [FCM_WANT] = "Want",
    [FCM_FORK] = "Fork",           [FCM_FORKED] = "Forked",
    [FCM_PREPARED] = "Prepared",   [FCM_REAP] = "Reap",
    [FCM_REAPED] = "Reaped",       [FCM_ASSIGN] = "Assign",
    [FCM_BEGUN] = "Begun",         [FCM_RECORD] = "Record",
    [FCM_NATIVE] = "Native",       [FCM_FAILURE] = "Failure",
    [FCM_GOODBYE] = "Goodbye",     [FCM_STATISTICS] = "Statistics",
    [FCM_REGISTRAR] = "Registrar", [FCM_REVOKE] = "Revoke",
};

const char *fcm_frame_type_name(unsigned type) {
    return type < FCM_TYPE_END ? type_names[type] : NULL;
}

static void put16(uint8_t *p, uint16_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v) {
    put16(p, (uint16_t)v);
    put16(p + 2, (uint16_t)(v >> 16));
}

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)get16(p) | (uint32_t)get16(p + 2) << 16;
}

void fcm_frame_header_pack(const struct fcm_frame_header *header, uint8_t *ret_bytes) {
    ret_bytes[0] = header->version;
    ret_bytes[1] = header->type;
    put16(ret_bytes + 2, header->flags);
    put32(ret_bytes + 4, header->id);
    put32(ret_bytes + 8, header->length);
    put32(ret_bytes + 12, header->raw_length);
}

int fcm_frame_header_unpack(const uint8_t *bytes, struct fcm_frame_header *ret_header) {
    struct fcm_frame_header h = {
        .version = bytes[0],
        .type = bytes[1],
        .flags = get16(bytes + 2),
        .id = get32(bytes + 4),
        .length = get32(bytes + 8),
        .raw_length = get32(bytes + 12),
    };
    if (h.version != FCM_FRAME_VERSION) return -EPROTONOSUPPORT;
    if (!fcm_frame_type_name(h.type)) return -EPROTO;
    if (h.flags & ~FCM_FRAME_FLAGS) return -EPROTO;
    if (h.length > FCM_FRAME_MAX || h.raw_length > FCM_FRAME_RAW_MAX) return -EMSGSIZE;
    if (!(h.flags & FCM_FRAME_ZSTD) && h.length != h.raw_length) return -EPROTO;
    *ret_header = h;
    return 0;
}

int fcm_frame_copy(const struct fcm_frame *frame, struct fcm_frame *ret_copy) {
    struct fcm_frame copy = {.header = frame->header};
    if (frame->header.length > 0) {
        copy.payload = malloc(frame->header.length);
        if (!copy.payload) return -ENOMEM;
        memcpy(copy.payload, frame->payload, frame->header.length);
    }
    *ret_copy = copy;
    return 0;
}

void fcm_frame_done(struct fcm_frame *frame) {
    free(frame->payload);
    *frame = (struct fcm_frame){0};
}

void fcm_parser_init(struct fcm_parser *parser) { *parser = (struct fcm_parser){0}; }

void fcm_parser_done(struct fcm_parser *parser) {
    fcm_frame_done(&parser->frame);
    fcm_parser_init(parser);
}

static int parser_fail(struct fcm_parser *parser, int error) {
    fcm_frame_done(&parser->frame);
    parser->error = error;
    return error;
}

// Room for `more` bytes of payload: doubles, never past the length that the header gives.
static int parser_reserve(struct fcm_parser *parser, size_t more) {
    size_t need = parser->size + more;
    if (need <= parser->capacity) return 0;
    size_t capacity = parser->capacity * 2;
    if (capacity < need) capacity = need;
    if (capacity < 64 * 1024) capacity = 64 * 1024;
    if (capacity > parser->frame.header.length) capacity = parser->frame.header.length;
    uint8_t *grown = realloc(parser->frame.payload, capacity);
    if (!grown) return -ENOMEM;
    parser->frame.payload = grown;
    parser->capacity = capacity;
    return 0;
}

int fcm_parser_feed(struct fcm_parser *parser, const uint8_t *bytes, size_t size, size_t *ret_used,
                    struct fcm_frame *ret_frame) {
    size_t used = 0;
    if (parser->error) return parser->error;

    if (parser->head_size < FCM_FRAME_HEADER) {
        size_t take = FCM_FRAME_HEADER - parser->head_size;
        if (take > size) take = size;
        if (take > 0) memcpy(parser->head + parser->head_size, bytes, take);
        parser->head_size += take;
        used = take;
        if (parser->head_size < FCM_FRAME_HEADER) {
            *ret_used = used;
            return 0;
        }
        int r = fcm_frame_header_unpack(parser->head, &parser->frame.header);
        if (r < 0) return parser_fail(parser, r);
    }

    assert(parser->size <= parser->frame.header.length);
    size_t take = parser->frame.header.length - parser->size;
    if (take > size - used) take = size - used;
    if (take > 0) {
        int r = parser_reserve(parser, take);
        if (r < 0) return parser_fail(parser, r);
        memcpy(parser->frame.payload + parser->size, bytes + used, take);
        parser->size += take;
        used += take;
    }
    *ret_used = used;
    if (parser->size < parser->frame.header.length) return 0;
    *ret_frame = parser->frame;
    fcm_parser_init(parser);
    return 1;
}
