// What comes over a pipe: cut into frames, in pieces of any size, decompressed and decoded.
#include "codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fcm_parser parser;
    if (size == 0) return 0;
    size_t piece = (size_t)data[0] + 1;
    data++, size--;
    fcm_parser_init(&parser);
    while (size > 0) {
        struct fcm_frame frame;
        size_t used = 0;
        int r = fcm_parser_feed(&parser, data, size < piece ? size : piece, &used, &frame);
        if (r < 0) break;
        data += used, size -= used;
        if (r == 0) continue;
        void *message = NULL;
        // What promises more than a little is real, but slow to try.
        if (frame.header.raw_length < 1 << 20 && fcm_codec_decode(&frame, &message) == 0)
            fcm_codec_free(message);
        fcm_frame_done(&frame);
    }
    fcm_parser_done(&parser);
    return 0;
}
