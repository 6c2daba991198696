#include "channel.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "codec.h"
#include "harness.h"
#include "io.h"

struct pair {
    struct fcm_channel a, b;
    int descriptors; // before
};

static int set_up(void **state) {
    struct pair *pair = calloc(1, sizeof *pair);
    int fds[2];
    pair->descriptors = open_descriptors();
    assert_int_equal(fcm_io_socketpair(fds), 0);
    assert_int_equal(fcm_channel_init(&pair->a, fds[0]), 0);
    assert_int_equal(fcm_channel_init(&pair->b, fds[1]), 0);
    *state = pair;
    return 0;
}

static int tear_down(void **state) {
    struct pair *pair = *state;
    fcm_channel_done(&pair->a);
    fcm_channel_done(&pair->b);
    fcm_channel_done(&pair->b); // may be done twice
    assert_int_equal(open_descriptors(), pair->descriptors);
    free(pair);
    return 0;
}

// A byte that doesn't compress.
static uint8_t noise(size_t i) {
    uint32_t x = (uint32_t)i * 2654435761u;
    x ^= x >> 15;
    x *= 2246822519u;
    return (uint8_t)(x >> 24);
}

static struct fcm_frame payload(uint32_t id, size_t size) {
    struct fcm_frame frame;
    uint8_t *bytes = calloc(1, size + 1);
    for (size_t i = 0; i < size; i++) bytes[i] = noise(i);
    assert_int_equal(fcm_codec_encode_packed(FCM_RECORD, id, bytes, size, &frame), 0);
    free(bytes);
    return frame;
}

static void frames_arrive_in_order(void **state) {
    struct pair *pair = *state;
    for (uint32_t id = 1; id <= 3; id++) {
        struct fcm_frame frame = payload(id, id * 10);
        assert_int_equal(fcm_channel_post(&pair->a, &frame, -1), 0);
    }
    assert_int_equal(fcm_channel_flush(&pair->a), 0);
    assert_int_equal(pair->a.out_bytes, 0);
    struct fcm_frame frame;
    for (uint32_t id = 1; id <= 3; id++) {
        assert_int_equal(fcm_channel_receive(&pair->b, &frame), 1);
        assert_int_equal(frame.header.id, id);
        fcm_frame_done(&frame);
    }
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), 0);
    assert_false(fcm_channel_pending(&pair->b));
}

static void what_the_socket_does_not_take_waits(void **state) {
    struct pair *pair = *state;
    enum { COUNT = 40 };
    for (uint32_t id = 1; id <= COUNT; id++) {
        struct fcm_frame frame = payload(id, 100000);
        assert_int_equal(fcm_channel_post(&pair->a, &frame, -1), 0);
    }
    assert_int_equal(fcm_channel_flush(&pair->a), 1);
    assert_true(pair->a.out_bytes > 0);
    uint32_t seen = 0;
    while (seen < COUNT) {
        struct fcm_frame frame;
        int r = fcm_channel_receive(&pair->b, &frame);
        assert_true(r >= 0);
        if (r == 0) {
            assert_true(fcm_channel_flush(&pair->a) >= 0);
            continue;
        }
        assert_int_equal(frame.header.id, ++seen);
        const uint8_t *bytes;
        size_t size;
        uint8_t *owned;
        assert_int_equal(fcm_codec_unwrap(&frame, &bytes, &size, &owned), 0);
        assert_int_equal(size, 100000);
        assert_int_equal(bytes[99999], noise(99999));
        free(owned);
        fcm_frame_done(&frame);
    }
}

static void descriptors_travel(void **state) {
    struct pair *pair = *state;
    struct stat sent, got;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC),
        zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    fstat(zero, &sent);
    struct fcm_frame frame = payload(1, 10);
    assert_int_equal(fcm_channel_post(&pair->a, &frame, -1), 0);
    frame = payload(2, 10);
    assert_int_equal(fcm_channel_post_fds(&pair->a, &frame, null, zero), 0);
    assert_int_equal(fcm_channel_flush(&pair->a), 0);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), 1);
    fcm_frame_done(&frame);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), 1);
    fcm_frame_done(&frame);
    int first = fcm_channel_take_fd(&pair->b), second = fcm_channel_take_fd(&pair->b);
    assert_true(first >= 0 && second >= 0);
    fstat(second, &got);
    assert_int_equal(got.st_rdev, sent.st_rdev);
    assert_int_equal(fcntl(second, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcm_channel_take_fd(&pair->b), -1);
    close(first);
    close(second);
}

static void unsent_and_untaken_descriptors_are_closed(void **state) {
    struct pair *pair = *state;
    struct fcm_frame frame = payload(1, 10);
    fcm_channel_post(&pair->a, &frame, open("/dev/null", O_RDONLY | O_CLOEXEC));
    fcm_channel_flush(&pair->a);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), 1);
    fcm_frame_done(&frame);
    frame = payload(2, 10);
    fcm_channel_post(&pair->a, &frame, open("/dev/null", O_RDONLY | O_CLOEXEC));
    // tear_down counts
}

static void the_end_is_told_apart(void **state) {
    struct pair *pair = *state;
    struct fcm_frame frame = payload(1, 10);
    fcm_channel_post(&pair->a, &frame, -1);
    fcm_channel_flush(&pair->a);
    fcm_channel_done(&pair->a);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), 1);
    fcm_frame_done(&frame);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), -ENODATA);
    frame = payload(1, 10);
    fcm_channel_post(&pair->b, &frame, -1);
    assert_int_equal(fcm_channel_flush(&pair->b), -EPIPE);
}

static void an_end_inside_a_frame_is_an_error(void **state) {
    struct pair *pair = *state;
    uint8_t head[FCM_FRAME_HEADER];
    struct fcm_frame frame = payload(1, 10);
    fcm_frame_header_pack(&frame.header, head);
    fcm_frame_done(&frame);
    assert_int_equal(fcm_io_write_full(pair->a.fd, head, 9), 0);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), 0);
    fcm_channel_done(&pair->a);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), -EPROTO);
}

static void nonsense_is_refused(void **state) {
    struct pair *pair = *state;
    struct fcm_frame frame;
    assert_int_equal(fcm_io_write_full(pair->a.fd, "GET / HTTP/1.1\r\n\r\n", 18), 0);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), -EPROTONOSUPPORT);
    assert_int_equal(fcm_channel_receive(&pair->b, &frame), -EPROTONOSUPPORT);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(frames_arrive_in_order), CASE(what_the_socket_does_not_take_waits),
        CASE(descriptors_travel),     CASE(unsent_and_untaken_descriptors_are_closed),
        CASE(the_end_is_told_apart),  CASE(an_end_inside_a_frame_is_an_error),
        CASE(nonsense_is_refused),
    };
    return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
