#include "channel.h"

#include <string.h>

#include "io.h"

enum { READ_SIZE = 64 * 1024 };

struct fcm_channel_item {
    struct fcm_channel_item *next;
    struct fcm_frame frame;
    uint8_t head[FCM_FRAME_HEADER];
    int fds[2]; // to go with its first byte; used from the front, -1 for none
};

static void item_free(struct fcm_channel_item *item) {
    if (!item) return;
    fcm_frame_done(&item->frame);
    fcm_close_at(&item->fds[0]);
    fcm_close_at(&item->fds[1]);
    free(item);
}

int fcm_channel_init(struct fcm_channel *channel, int fd) {
    FCM_AUTO_CLOSE int owned = fd;
    int r = fcm_io_set_nonblock(fd);
    if (r < 0) return r;
    r = fcm_io_set_cloexec(fd, 1);
    if (r < 0) return r;
    uint8_t *in = malloc(READ_SIZE);
    if (!in) return -ENOMEM;
    *channel = (struct fcm_channel){.fd = fcm_take_fd(&owned), .in = in};
    fcm_parser_init(&channel->parser);
    return 0;
}

void fcm_channel_done(struct fcm_channel *channel) {
    if (!channel->in) return; // never initialised, or done before
    while (channel->out_first) {
        struct fcm_channel_item *item = channel->out_first;
        channel->out_first = item->next;
        item_free(item);
    }
    for (size_t i = 0; i < channel->fd_count; i++) close(channel->fds[i]);
    fcm_parser_done(&channel->parser);
    free(channel->in);
    fcm_close_at(&channel->fd);
    *channel = (struct fcm_channel){.fd = -1};
}

// 1 when there are new bytes, 0 when there are none now, -ENODATA at the end.
static int channel_fill(struct fcm_channel *channel) {
    if (channel->at_end) return -ENODATA;
    size_t count = 0;
    ssize_t n =
        fcm_io_receive(channel->fd, channel->in, READ_SIZE, channel->fds + channel->fd_count,
                       FCM_CHANNEL_FDS - channel->fd_count, &count);
    if (n == -EAGAIN) return 0;
    // A peer that died with unread bytes in its socket resets the connection: the end all the same.
    if (n == -ECONNRESET) n = 0;
    if (n < 0) return (int)n;
    channel->fd_count += count;
    if (n == 0) {
        channel->at_end = 1;
        return fcm_parser_inside(&channel->parser) ? -EPROTO : -ENODATA;
    }
    channel->in_at = 0;
    channel->in_size = (size_t)n;
    return 1;
}

int fcm_channel_receive(struct fcm_channel *channel, struct fcm_frame *ret_frame) {
    for (;;) {
        while (channel->in_at < channel->in_size) {
            size_t used = 0;
            int r = fcm_parser_feed(&channel->parser, channel->in + channel->in_at,
                                    channel->in_size - channel->in_at, &used, ret_frame);
            if (r < 0) return r;
            channel->in_at += used;
            if (r > 0) return 1;
        }
        int r = channel_fill(channel);
        if (r <= 0) return r;
    }
}

int fcm_channel_pending(const struct fcm_channel *channel) {
    return channel->in_at < channel->in_size;
}

int fcm_channel_take_fd(struct fcm_channel *channel) {
    if (channel->fd_count == 0) return -1;
    int fd = channel->fds[0];
    channel->fd_count--;
    memmove(channel->fds, channel->fds + 1, channel->fd_count * sizeof channel->fds[0]);
    return fd;
}

int fcm_channel_post(struct fcm_channel *channel, struct fcm_frame *frame, int pass_fd) {
    return fcm_channel_post_fds(channel, frame, pass_fd, -1);
}

int fcm_channel_post_fds(struct fcm_channel *channel, struct fcm_frame *frame, int first,
                         int second) {
    struct fcm_channel_item *item = malloc(sizeof *item);
    if (!item) {
        fcm_frame_done(frame);
        fcm_close_at(&first);
        fcm_close_at(&second);
        return -ENOMEM;
    }
    *item = (struct fcm_channel_item){.frame = *frame, .fds = {first, second}};
    *frame = (struct fcm_frame){0};
    fcm_frame_header_pack(&item->frame.header, item->head);
    if (channel->out_last)
        channel->out_last->next = item;
    else
        channel->out_first = item;
    channel->out_last = item;
    channel->out_bytes += FCM_FRAME_HEADER + item->frame.header.length;
    return 0;
}

// Sends what is left of the first frame; the number of bytes sent.
static ssize_t channel_send_first(struct fcm_channel *channel) {
    struct fcm_channel_item *item = channel->out_first;
    size_t head = channel->out_done < FCM_FRAME_HEADER ? FCM_FRAME_HEADER - channel->out_done : 0;
    size_t body_at = head > 0 ? 0 : channel->out_done - FCM_FRAME_HEADER;
    const uint8_t *body = item->frame.payload ? item->frame.payload + body_at : NULL;
    size_t count = (size_t)(item->fds[0] >= 0) + (size_t)(item->fds[1] >= 0);
    ssize_t n = fcm_io_send(channel->fd, item->head + (FCM_FRAME_HEADER - head), head, body,
                            item->frame.header.length - body_at, item->fds, count);
    if (n > 0) {
        fcm_close_at(&item->fds[0]);
        fcm_close_at(&item->fds[1]);
    }
    return n;
}

int fcm_channel_flush(struct fcm_channel *channel) {
    while (channel->out_first) {
        ssize_t n = channel_send_first(channel);
        if (n == -EAGAIN) return 1;
        if (n == -ECONNRESET) return -EPIPE;
        if (n < 0) return (int)n;
        channel->out_done += (size_t)n;
        channel->out_bytes -= (size_t)n;
        struct fcm_channel_item *item = channel->out_first;
        if (channel->out_done < FCM_FRAME_HEADER + item->frame.header.length) continue;
        channel->out_first = item->next;
        if (!channel->out_first) channel->out_last = NULL;
        channel->out_done = 0;
        item_free(item);
    }
    return 0;
}
