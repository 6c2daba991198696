#include "frame.h"
#include "harness.h"

static const struct fcm_frame_header sample = {
    .version = FCM_FRAME_VERSION,
    .type = FCM_WANT,
    .id = 0x01020304,
    .length = 5,
    .raw_length = 5,
};

static void header_is_little_endian(void **state) {
    (void)state;
    uint8_t bytes[FCM_FRAME_HEADER];
    fcm_frame_header_pack(&sample, bytes);
    const uint8_t expected[] = {1, FCM_WANT, 0, 0, 4, 3, 2, 1, 5, 0, 0, 0, 5, 0, 0, 0};
    assert_memory_equal(bytes, expected, sizeof expected);
    struct fcm_frame_header back;
    assert_int_equal(fcm_frame_header_unpack(bytes, &back), 0);
    assert_memory_equal(&back, &sample, sizeof back);
}

static int unpack(struct fcm_frame_header header) {
    uint8_t bytes[FCM_FRAME_HEADER];
    fcm_frame_header_pack(&header, bytes);
    struct fcm_frame_header untouched = {.id = 77};
    int r = fcm_frame_header_unpack(bytes, &untouched);
    if (r < 0) assert_int_equal(untouched.id, 77);
    return r;
}

static void bad_headers_are_refused(void **state) {
    (void)state;
    struct fcm_frame_header h = sample;
    h.version = 2;
    assert_int_equal(unpack(h), -EPROTONOSUPPORT);
    h = sample, h.type = 0;
    assert_int_equal(unpack(h), -EPROTO);
    h = sample, h.type = FCM_TYPE_END;
    assert_int_equal(unpack(h), -EPROTO);
    h = sample, h.flags = 2;
    assert_int_equal(unpack(h), -EPROTO);
    h = sample, h.length = h.raw_length = FCM_FRAME_MAX + 1;
    assert_int_equal(unpack(h), -EMSGSIZE);
    h = sample, h.flags = FCM_FRAME_ZSTD, h.raw_length = FCM_FRAME_RAW_MAX + 1;
    assert_int_equal(unpack(h), -EMSGSIZE);
    h = sample, h.raw_length = 6; // not compressed, so they have to agree
    assert_int_equal(unpack(h), -EPROTO);
}

// Three frames, the second one empty.
static size_t make_stream(uint8_t *stream) {
    struct fcm_frame_header h = sample;
    fcm_frame_header_pack(&h, stream);
    memcpy(stream + 16, "hello", 5);
    h.length = h.raw_length = 0;
    fcm_frame_header_pack(&h, stream + 21);
    h.length = h.raw_length = 3;
    fcm_frame_header_pack(&h, stream + 37);
    memcpy(stream + 53, "end", 3);
    return 56;
}

static void parser_takes_pieces_of_any_size(void **state) {
    (void)state;
    uint8_t stream[64];
    size_t total = make_stream(stream);
    for (size_t piece = 1; piece <= total; piece++) {
        struct fcm_parser parser;
        fcm_parser_init(&parser);
        int frames = 0;
        for (size_t at = 0; at < total;) {
            size_t size = total - at < piece ? total - at : piece, used = 99;
            struct fcm_frame frame;
            int r = fcm_parser_feed(&parser, stream + at, size, &used, &frame);
            assert_true(r >= 0);
            assert_true(used <= size);
            assert_true(r == 1 || used == size);
            at += used;
            if (r == 0) continue;
            if (frames == 0) assert_memory_equal(frame.payload, "hello", 5);
            if (frames == 1) assert_null(frame.payload);
            if (frames == 2) assert_memory_equal(frame.payload, "end", 3);
            frames++;
            fcm_frame_done(&frame);
        }
        assert_int_equal(frames, 3);
        assert_false(fcm_parser_inside(&parser));
        fcm_parser_done(&parser);
    }
}

static void parser_survives_truncation_and_flips(void **state) {
    (void)state;
    uint8_t stream[64];
    size_t total = make_stream(stream);
    for (size_t cut = 0; cut < total; cut++)
        for (unsigned bit = 0; bit < 8; bit++) {
            uint8_t copy[64];
            memcpy(copy, stream, total);
            copy[cut] ^= (uint8_t)(1u << bit);
            struct fcm_parser parser;
            fcm_parser_init(&parser);
            size_t end = bit == 0 ? cut : total; // the first of each is also a truncation
            int r = 0;
            for (size_t at = 0; at < end && r >= 0;) {
                size_t used = 0;
                struct fcm_frame frame;
                r = fcm_parser_feed(&parser, copy + at, end - at, &used, &frame);
                if (r < 0) {
                    // It stays so.
                    assert_int_equal(fcm_parser_feed(&parser, stream, total, &used, &frame), r);
                    break;
                }
                at += used;
                if (r > 0) fcm_frame_done(&frame);
            }
            fcm_parser_done(&parser);
        }
}

static void parser_allocates_what_arrives(void **state) {
    (void)state;
    struct fcm_frame_header h = sample;
    h.length = h.raw_length = FCM_FRAME_MAX;
    uint8_t bytes[FCM_FRAME_HEADER + 1] = {0};
    fcm_frame_header_pack(&h, bytes);
    struct fcm_parser parser;
    fcm_parser_init(&parser);
    size_t used;
    struct fcm_frame frame;
    assert_int_equal(fcm_parser_feed(&parser, bytes, sizeof bytes, &used, &frame), 0);
    assert_true(parser.capacity <= 64 * 1024);
    fcm_parser_done(&parser);
}

static void copies_are_their_own(void **state) {
    (void)state;
    struct fcm_frame frame = {.header = sample, .payload = (uint8_t *)strdup("hell")}, copy;
    assert_int_equal(fcm_frame_copy(&frame, &copy), 0);
    assert_memory_equal(copy.payload, "hell", 5);
    fcm_frame_done(&frame);
    fcm_frame_done(&copy);
    fcm_frame_done(&copy);
}

static void names_are_the_schemas(void **state) {
    (void)state;
    for (unsigned type = 1; type < FCM_TYPE_END; type++) assert_non_null(fcm_frame_type_name(type));
    assert_string_equal(fcm_frame_type_name(FCM_COLLECT_REQUEST), "CollectRequest");
    assert_null(fcm_frame_type_name(0));
    assert_null(fcm_frame_type_name(FCM_TYPE_END));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_is_little_endian),
        cmocka_unit_test(bad_headers_are_refused),
        cmocka_unit_test(parser_takes_pieces_of_any_size),
        cmocka_unit_test(parser_survives_truncation_and_flips),
        cmocka_unit_test(parser_allocates_what_arrives),
        cmocka_unit_test(copies_are_their_own),
        cmocka_unit_test(names_are_the_schemas),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
