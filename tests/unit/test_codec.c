#include "codec.h"
#include "harness.h"

static struct fcm_frame encode_walk(size_t files) {
    static char collector[] = "m:C"; // outlives the messages
    Fcm__FoundFile *items = calloc(files, sizeof *items);
    Fcm__FoundFile **list = calloc(files, sizeof *list);
    for (size_t i = 0; i < files; i++) {
        fcm__found_file__init(&items[i]);
        items[i].id = (uint32_t)i + 1;
        items[i].path = (ProtobufCBinaryData){.data = (uint8_t *)"/a/\xff", .len = 4};
        items[i].collector = collector;
        list[i] = &items[i];
    }
    Fcm__Walk walk = FCM__WALK__INIT;
    walk.files = list;
    walk.n_files = files;
    walk.done = 1;
    struct fcm_frame frame;
    assert_int_equal(fcm_codec_encode(FCM_WALK, 9, &walk, &frame), 0);
    free(items);
    free(list);
    return frame;
}

static void check_round_trip(size_t files, int squeezed) {
    struct fcm_frame frame = encode_walk(files);
    assert_int_equal(frame.header.type, FCM_WALK);
    assert_int_equal(frame.header.id, 9);
    assert_int_equal(!!(frame.header.flags & FCM_FRAME_ZSTD), squeezed);
    void *message;
    assert_int_equal(fcm_codec_decode(&frame, &message), 0);
    Fcm__Walk *walk = message;
    assert_int_equal(walk->n_files, files);
    assert_true(walk->done);
    if (files > 0) {
        assert_int_equal(walk->files[files - 1]->id, files);
        assert_memory_equal(walk->files[0]->path.data, "/a/\xff", 4);
    }
    fcm_codec_free(message);
    fcm_frame_done(&frame);
}

static void small_ones_travel_as_they_are(void **state) {
    (void)state;
    check_round_trip(0, 0);
    check_round_trip(1, 0);
}

static void large_ones_are_squeezed(void **state) {
    (void)state;
    check_round_trip(1000, 1);
}

static void noise_is_not_squeezed(void **state) {
    (void)state;
    uint8_t noise[2000];
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    struct fcm_frame frame;
    assert_int_equal(fcm_codec_encode_packed(FCM_RECORD, 1, noise, sizeof noise, &frame), 0);
    assert_int_equal(frame.header.flags, 0);
    assert_int_equal(frame.header.length, sizeof noise);
    fcm_frame_done(&frame);
}

static void decode_survives_truncation_and_flips(void **state) {
    (void)state;
    const size_t sizes[] = {3, 1000};
    for (size_t s = 0; s < FCM_COUNT(sizes); s++) {
        struct fcm_frame frame = encode_walk(sizes[s]);
        uint32_t length = frame.header.length;
        for (uint32_t at = 0; at < length; at++) {
            void *message;
            struct fcm_frame copy;
            assert_int_equal(fcm_frame_copy(&frame, &copy), 0);
            copy.payload[at] ^= 0x55;
            if (fcm_codec_decode(&copy, &message) == 0) fcm_codec_free(message);
            fcm_frame_done(&copy);

            assert_int_equal(fcm_frame_copy(&frame, &copy), 0);
            copy.header.length = at;
            if (!(copy.header.flags & FCM_FRAME_ZSTD)) copy.header.raw_length = at;
            int r = fcm_codec_decode(&copy, &message);
            if (copy.header.flags & FCM_FRAME_ZSTD) assert_int_equal(r, -EBADMSG);
            if (r == 0) fcm_codec_free(message);
            fcm_frame_done(&copy);
        }
        fcm_frame_done(&frame);
    }
}

static void a_wrong_size_is_refused(void **state) {
    (void)state;
    struct fcm_frame frame = encode_walk(1000);
    const uint8_t *packed;
    size_t size;
    uint8_t *owned;
    frame.header.raw_length = FCM_FRAME_RAW_MAX; // would allocate what nobody sends
    assert_int_equal(fcm_codec_unwrap(&frame, &packed, &size, &owned), -EBADMSG);
    fcm_frame_done(&frame);
}

static void types_have_names_and_descriptors(void **state) {
    (void)state;
    for (unsigned type = 1; type < FCM_TYPE_END; type++) {
        assert_string_equal(fcm_codec_descriptor(type)->short_name, fcm_frame_type_name(type));
        assert_int_equal(fcm_codec_type(fcm_frame_type_name(type)), type);
    }
    assert_null(fcm_codec_descriptor(0));
    assert_null(fcm_codec_descriptor(FCM_TYPE_END));
    assert_int_equal(fcm_codec_type("Nothing"), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_ones_travel_as_they_are),
        cmocka_unit_test(large_ones_are_squeezed),
        cmocka_unit_test(noise_is_not_squeezed),
        cmocka_unit_test(decode_survives_truncation_and_flips),
        cmocka_unit_test(a_wrong_size_is_refused),
        cmocka_unit_test(types_have_names_and_descriptors),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
