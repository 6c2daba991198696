// Messages to frames and back: protobuf-c for the fields, zstd for the bytes. The structs of
// messages are protobuf-c's generated ones (Fcm__Walk ...); their functions are called only in
// here.
#pragma once

#include "fastcollect.pb-c.h"
#include "frame.h"

enum { FCM_CODEC_COMPRESS_FROM = 512 }; // bytes of payload from which it is tried

// The message's descriptor, NULL for a number that is no type.
const ProtobufCMessageDescriptor *fcm_codec_descriptor(unsigned type);

// Type by the message's name ("Want"); -ENOENT.
int fcm_codec_type(const char *name);

// Packs `message`, an initialised struct of that type. Caller owns the frame.
int fcm_codec_encode(enum fcm_type type, uint32_t id, const void *message,
                     struct fcm_frame *ret_frame);

// The same for a message that is packed already.
int fcm_codec_encode_packed(enum fcm_type type, uint32_t id, const uint8_t *packed, size_t size,
                            struct fcm_frame *ret_frame);

// The packed message in a frame, decompressed: *ret_packed points into the frame, or into
// *ret_owned, which the caller frees. -EBADMSG for bytes that don't decompress to raw_length.
int fcm_codec_unwrap(const struct fcm_frame *frame, const uint8_t **ret_packed, size_t *ret_size,
                     uint8_t **ret_owned);

// Unpacks a frame; the caller hands the message to fcm_codec_free. -EBADMSG, -ENOMEM.
int fcm_codec_decode(const struct fcm_frame *frame, void **ret_message);
void fcm_codec_free(void *message);
static inline void fcm_codec_freep(void *p) { fcm_codec_free(*(void **)p); }
#define FCM_AUTO_MESSAGE __attribute__((cleanup(fcm_codec_freep)))
