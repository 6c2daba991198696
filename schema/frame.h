// Frames: a header of 16 bytes and a payload. What crosses a pipe is a sequence of them.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "util.h"

enum {
    FCM_PROTOCOL = 1,      // number of the protocol as a whole, in Hello
    FCM_FRAME_VERSION = 1, // number of the header's layout, in each frame
    FCM_FRAME_HEADER = 16, // bytes
};

#define FCM_FRAME_MAX ((uint32_t)64 << 20)      // of payload as it travels
#define FCM_FRAME_RAW_MAX ((uint32_t)256 << 20) // of payload after decompression

enum {
    FCM_FRAME_ZSTD = 1 << 0, // the payload is one zstd frame
    FCM_FRAME_FLAGS = FCM_FRAME_ZSTD,
};

enum fcm_type {
    FCM_HELLO = 1,
    FCM_COLLECT_REQUEST = 2,
    FCM_WALK = 3,
    FCM_WANT = 4,
    FCM_FORK = 5,
    FCM_FORKED = 6,
    FCM_PREPARED = 7,
    FCM_REAP = 8,
    FCM_REAPED = 9,
    FCM_ASSIGN = 10,
    FCM_BEGUN = 11,
    FCM_RECORD = 12,
    FCM_NATIVE = 13,
    FCM_FAILURE = 14,
    FCM_GOODBYE = 15,
    FCM_STATISTICS = 16,
    FCM_REGISTRAR = 17,
    FCM_REVOKE = 18,
    FCM_TYPE_END, // one more than the last
};

// Little endian on the wire, in this order.
struct fcm_frame_header {
    uint8_t version;
    uint8_t type;        // enum fcm_type
    uint16_t flags;      // FCM_FRAME_*
    uint32_t id;         // file's id, 0 for none
    uint32_t length;     // bytes of payload that follow
    uint32_t raw_length; // bytes of payload after decompression
};

// A whole frame; owns its payload (NULL when it has none).
struct fcm_frame {
    struct fcm_frame_header header;
    uint8_t *payload;
};

// Name of a type as in the schema ("CollectRequest"), or NULL.
const char *fcm_frame_type_name(unsigned type);

void fcm_frame_header_pack(const struct fcm_frame_header *header, uint8_t *ret_bytes);

// Checks version, type, flags and both lengths: -EPROTONOSUPPORT, -EPROTO or -EMSGSIZE.
int fcm_frame_header_unpack(const uint8_t *bytes, struct fcm_frame_header *ret_header);

// A copy with a payload of its own; -ENOMEM.
int fcm_frame_copy(const struct fcm_frame *frame, struct fcm_frame *ret_copy);
void fcm_frame_done(struct fcm_frame *frame);

// Incremental parser. Takes bytes in pieces of any size; after an error it stays in error.
struct fcm_parser {
    uint8_t head[FCM_FRAME_HEADER];
    size_t head_size; // bytes of the header so far
    struct fcm_frame frame;
    size_t size;     // bytes of the payload so far
    size_t capacity; // bytes allocated: grows with what arrives, not with what the header promises
    int error;
};

void fcm_parser_init(struct fcm_parser *parser);
void fcm_parser_done(struct fcm_parser *parser);

// Takes up to `size` bytes and says in *ret_used how many it took. Returns 1 when a frame is
// complete, which the caller then owns in *ret_frame; 0 when it needs more; a negative errno for
// bytes that are no frame, or -ENOMEM.
int fcm_parser_feed(struct fcm_parser *parser, const uint8_t *bytes, size_t size, size_t *ret_used,
                    struct fcm_frame *ret_frame);

// Whether the parser is inside a frame: an end of file here is a truncated one.
static inline int fcm_parser_inside(const struct fcm_parser *parser) {
    return parser->head_size > 0;
}
