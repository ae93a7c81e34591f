/*
 * backend.c - what stands behind the gateways: answers the opening handshake,
 * then echoes frames (or, with -s, drops binary frames and echoes the others,
 * so that a stream can ask at its end whether all has arrived).
 *
 *     backend -l 127.0.0.1:PORT [-s]
 *
 * One thread, epoll, one shared input buffer and one shared output buffer.
 * Frames are answered as they come, unmasked while they are copied, never
 * gathered: a connection at rest holds no buffer. What a client does not take
 * is kept, and reading stops until it has gone. The clients are the bench's
 * own, so a protocol error just closes.
 */
#include "opening.h"
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT_BYTES (256 * 1024)
#define HEAD_MAX 8192
#define HEADER_MAX 14
#define MASK_BYTES 4
#define BATCH 256

enum { OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

struct client {
    int fd;
    bool upgraded;
    bool closing; /* a Close was answered */
    bool dropping;
    uint8_t header_len;
    uint8_t header[HEADER_MAX];
    uint8_t mask[MASK_BYTES];
    uint64_t payload_left;
    size_t payload_at; /* modulo 4: the place in the mask */
    char *held;        /* the head so far, or output that was not taken */
    size_t held_len;
};

struct backend {
    int epoll;
    int listener;
    bool sinks;
    size_t output_len;
    uint8_t input[INPUT_BYTES];
    uint8_t output[INPUT_BYTES + HEADER_MAX];
};

static void
client_close(struct client *client)
{
    close(client->fd);
    free(client->held);
    free(client);
}

static void
client_want(const struct backend *backend, struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = client};

    epoll_ctl(backend->epoll, EPOLL_CTL_MOD, client->fd, &event);
}

static bool
client_hold(struct client *client, const void *bytes, size_t len)
{
    char *grown = realloc(client->held, client->held_len + len);

    if (!grown)
        return false;
    memcpy(grown + client->held_len, bytes, len);
    client->held = grown;
    client->held_len += len;
    return true;
}

static void
client_drop_held(struct client *client)
{
    free(client->held);
    client->held = NULL;
    client->held_len = 0;
}

/* False: the connection is to be closed. */
static bool
client_write(struct backend *backend, struct client *client, const void *bytes, size_t len)
{
    ssize_t done = send(client->fd, bytes, len, MSG_NOSIGNAL);

    if (done < 0 && errno != EAGAIN)
        return false;
    size_t written = done < 0 ? 0 : (size_t)done;
    if (written == len)
        return true;
    client_want(backend, client, EPOLLOUT);
    return client_hold(client, (const char *)bytes + written, len - written);
}

static size_t
header_length(const uint8_t *header)
{
    size_t length = header[1] & 0x7f;

    return 2 + MASK_BYTES + (length == 126 ? 2 : length == 127 ? 8 : 0);
}

/* A whole, masked header: remember it, and emit the header of the answer. */
static bool
frame_begin(struct backend *backend, struct client *client)
{
    uint8_t *header = client->header;
    size_t plain_len = client->header_len - MASK_BYTES;
    int opcode = header[0] & 0x0f;
    uint64_t length = header[1] & 0x7f;

    if (!(header[1] & 0x80))
        return false;
    if (plain_len > 2) {
        length = 0;
        for (size_t i = 2; i < plain_len; i++)
            length = length << 8 | header[i];
    }
    memcpy(client->mask, header + plain_len, MASK_BYTES);
    client->payload_left = length;
    client->payload_at = 0;
    client->header_len = 0;
    client->dropping = (backend->sinks && opcode == OPCODE_BINARY) || opcode == OPCODE_PONG;
    client->closing = client->closing || opcode == OPCODE_CLOSE;
    if (client->dropping)
        return true;
    header[0] = opcode == OPCODE_PING ? 0x80 | OPCODE_PONG : header[0];
    header[1] &= 0x7f;
    memcpy(backend->output + backend->output_len, header, plain_len);
    backend->output_len += plain_len;
    return true;
}

static void
unmask(uint8_t *to, const uint8_t *from, size_t len, const uint8_t *mask, size_t at)
{
    uint8_t turned[8];
    uint64_t wide, word;
    size_t i = 0;

    for (size_t j = 0; j < 8; j++)
        turned[j] = mask[(at + j) % MASK_BYTES];
    memcpy(&wide, turned, 8);
    for (; i + 8 <= len; i += 8) {
        memcpy(&word, from + i, 8);
        word ^= wide;
        memcpy(to + i, &word, 8);
    }
    for (; i < len; i++)
        to[i] = from[i] ^ turned[i % 8];
}

static size_t
frame_payload(struct backend *backend, struct client *client, const uint8_t *bytes, size_t len)
{
    size_t take = len < client->payload_left ? len : (size_t)client->payload_left;

    if (!client->dropping) {
        unmask(backend->output + backend->output_len, bytes, take, client->mask,
               client->payload_at);
        backend->output_len += take;
    }
    client->payload_at = (client->payload_at + take) % MASK_BYTES;
    client->payload_left -= take;
    return take;
}

/* The answer is never longer than what asked for it, but for a header held from before. */
static bool
client_frames(struct backend *backend, struct client *client, const uint8_t *bytes, size_t len)
{
    size_t at = 0;

    backend->output_len = 0;
    while (at < len) {
        if (client->payload_left > 0) {
            at += frame_payload(backend, client, bytes + at, len - at);
            continue;
        }
        client->header[client->header_len++] = bytes[at++];
        if (client->header_len >= 2 && client->header_len == header_length(client->header) &&
            !frame_begin(backend, client))
            return false;
    }
    if (backend->output_len > 0 &&
        !client_write(backend, client, backend->output, backend->output_len))
        return false;
    return !client->closing || client->payload_left > 0 || client->held;
}

static bool
client_upgrade(struct backend *backend, struct client *client, const char *head, size_t len)
{
    char accept[OPENING_ACCEPT_CHARS + 1], answer[256];
    size_t key_len;
    const char *key = opening_header(head, len, "Sec-WebSocket-Key", &key_len);

    if (!key || key_len != OPENING_KEY_CHARS)
        return false;
    opening_accept(key, accept);
    int answer_len = snprintf(answer, sizeof(answer),
                              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                              accept);
    client->upgraded = true;
    return client_write(backend, client, answer, (size_t)answer_len);
}

static bool
client_opening(struct backend *backend, struct client *client, const uint8_t *bytes, size_t len)
{
    if (!client_hold(client, bytes, len))
        return false;
    size_t head_len = opening_head_length(client->held, client->held_len);
    if (head_len == 0)
        return client->held_len < HEAD_MAX;
    char *head = client->held;
    size_t rest = client->held_len - head_len;
    client->held = NULL;
    client->held_len = 0;
    bool going = client_upgrade(backend, client, head, head_len) && !client->held &&
                 (rest == 0 ||
                  client_frames(backend, client, (const uint8_t *)head + head_len, rest));
    free(head);
    return going;
}

static bool
client_read(struct backend *backend, struct client *client)
{
    ssize_t got = recv(client->fd, backend->input, sizeof(backend->input), 0);

    if (got < 0)
        return errno == EAGAIN;
    if (got == 0)
        return false;
    if (client->upgraded)
        return client_frames(backend, client, backend->input, (size_t)got);
    return client_opening(backend, client, backend->input, (size_t)got);
}

static bool
client_flush(struct backend *backend, struct client *client)
{
    ssize_t done = send(client->fd, client->held, client->held_len, MSG_NOSIGNAL);

    if (done < 0)
        return errno == EAGAIN;
    client->held_len -= (size_t)done;
    if (client->held_len > 0) {
        memmove(client->held, client->held + done, client->held_len);
        return true;
    }
    client_drop_held(client);
    client_want(backend, client, EPOLLIN);
    return !client->closing;
}

static void
on_client(struct backend *backend)
{
    int fd = accept4(backend->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    struct client *client = tool_alloc(sizeof(*client));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
    client->fd = fd;
    if (epoll_ctl(backend->epoll, EPOLL_CTL_ADD, fd, &event) != 0 || !client_read(backend, client))
        client_close(client);
}

static void
on_event(struct backend *backend, const struct epoll_event *event)
{
    struct client *client = event->data.ptr;

    if (!client)
        on_client(backend);
    else if (event->events & EPOLLOUT ? !client_flush(backend, client)
                                      : !client_read(backend, client))
        client_close(client);
}

int
main(int argc, char **argv)
{
    struct backend *backend = tool_alloc(sizeof(*backend));
    struct epoll_event event = {.events = EPOLLIN}, events[BATCH];
    const char *listen_on = NULL;
    int option;

    while ((option = getopt(argc, argv, "l:s")) != -1) {
        if (option == 'l')
            listen_on = optarg;
        else if (option == 's')
            backend->sinks = true;
        else
            return 2;
    }
    if (!listen_on)
        tool_die("usage: backend -l ADDRESS:PORT [-s]");
    tool_raise_descriptor_limit();
    tool_exit_on_signals();
    struct sockaddr_in address = tool_address(listen_on);
    backend->listener = tool_listen(&address);
    backend->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (backend->epoll < 0 ||
        epoll_ctl(backend->epoll, EPOLL_CTL_ADD, backend->listener, &event) != 0)
        tool_die("epoll");
    for (;;) {
        int count = epoll_wait(backend->epoll, events, BATCH, -1);
        for (int i = 0; i < count; i++)
            on_event(backend, &events[i]);
    }
}
