/*
 * ws_frames.c - frames of ws_client.h (RFC 6455 5): ours masked, theirs judged.
 *
 * The input buffer holds a whole frame of the greatest size, so a frame is
 * looked at only when it is there in full.
 */
#include "base/clock.h"
#include "wsgatectl/ws_client.h"

#include <openssl/rand.h>
#include <stdlib.h>

enum {
    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    OPCODE_PONG = 10,
    CONTROL_MAX = 125,
    FRAME_HEAD_MAX = 14,
    ANSWER_TIMEOUT_US =
        5 * 1000 * 1000, /* for pongs and answers to a Close, which nobody waits for */
};

struct frame {
    bool fin;
    unsigned opcode;
    size_t head_len;
    uint64_t len;
};

/* ---- Sending --------------------------------------------------------------- */

static size_t
write_frame_head(uint8_t *head, unsigned opcode, size_t len)
{
    size_t extended = len <= CONTROL_MAX ? 0 : len <= 0xffff ? 2 : 8;

    head[0] = (uint8_t)(0x80 | opcode);
    head[1] = (uint8_t)(0x80 | (extended == 0 ? len : extended == 2 ? 126 : 127));
    for (size_t i = 0; i < extended; i++)
        head[2 + i] = (uint8_t)(len >> (8 * (extended - 1 - i)));
    return 2 + extended;
}

static bool
send_frame(struct ws_client *client, unsigned opcode, struct str payload, uint64_t deadline_us)
{
    uint8_t *frame = malloc(FRAME_HEAD_MAX + payload.len);
    uint8_t mask[4];

    client->error = "out of memory";
    if (!frame || RAND_bytes(mask, sizeof(mask)) != 1) {
        free(frame);
        return false;
    }
    size_t len = write_frame_head(frame, opcode, payload.len);
    memcpy(frame + len, mask, sizeof(mask));
    len += sizeof(mask);
    for (size_t i = 0; i < payload.len; i++)
        frame[len + i] = (uint8_t)payload.at[i] ^ mask[i % 4];
    bool sent = ws_socket_send(&client->sock, frame, len + payload.len, deadline_us);
    free(frame);
    client->error = client->sock.error;
    return sent;
}

bool
ws_client_send_text(struct ws_client *client, struct str text, uint64_t deadline_us)
{
    return send_frame(client, OPCODE_TEXT, text, deadline_us);
}

bool
ws_client_send_close(struct ws_client *client, unsigned code, uint64_t deadline_us)
{
    char payload[2] = {(char)(code >> 8), (char)code};
    size_t len = code == WS_CLIENT_CLOSE_NONE ? 0 : sizeof(payload);

    client->close_sent = true;
    return send_frame(client, OPCODE_CLOSE, (struct str){payload, len}, deadline_us);
}

/* ---- Judging --------------------------------------------------------------- */

/* NULL, or what is wrong. */
static const char *
frame_fault(const struct ws_client *client, const struct frame *frame, const uint8_t *head)
{
    unsigned len7 = head[1] & 0x7f;

    if (head[0] & 0x70)
        return "a frame with a reserved bit, but no extension was agreed on";
    if (head[1] & 0x80)
        return "a masked frame from the server";
    if ((len7 == 126 && frame->len <= CONTROL_MAX) || (len7 == 127 && frame->len <= 0xffff))
        return "a frame whose length is not in the shortest form";
    if (frame->opcode > OPCODE_PONG ||
        (frame->opcode > OPCODE_BINARY && frame->opcode < OPCODE_CLOSE))
        return "a frame with an unknown opcode";
    if (frame->opcode >= OPCODE_CLOSE)
        return frame->fin && frame->len <= CONTROL_MAX ? NULL
                                                       : "a control frame too long or in pieces";
    if (frame->opcode == OPCODE_CONTINUATION && client->opcode == 0)
        return "a continuation of no message";
    if (frame->opcode != OPCODE_CONTINUATION && client->opcode != 0)
        return "a new message within a message";
    if (frame->len > WS_CLIENT_MESSAGE_MAX - client->message_len)
        return "a message of more than 1 MiB, which is more than this tool takes";
    return NULL;
}

enum parse { PARSE_MORE, PARSE_DONE, PARSE_BAD };

static enum parse
parse_frame(struct ws_client *client, struct frame *frame)
{
    const uint8_t *head = client->in + client->start;
    size_t have = client->end - client->start;

    if (have < 2)
        return PARSE_MORE;
    *frame = (struct frame){.fin = head[0] & 0x80, .opcode = head[0] & 0x0f};
    unsigned len7 = head[1] & 0x7f;
    frame->head_len = len7 == 126 ? 4 : len7 == 127 ? 10 : 2;
    if (have < frame->head_len)
        return PARSE_MORE;
    frame->len = len7 < 126 ? len7 : 0;
    for (size_t i = 2; i < frame->head_len; i++)
        frame->len = frame->len << 8 | head[i];
    client->error = frame_fault(client, frame, head);
    if (client->error)
        return PARSE_BAD;
    return have - frame->head_len < frame->len ? PARSE_MORE : PARSE_DONE;
}

/* RFC 6455 7.4: 1005, 1006 and 1015 only ever stand for "there was none". */
static bool
close_code_may_be_sent(unsigned code)
{
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

/* ---- Taking ------------------------------------------------------------------ */

/* Pongs and answers to a Close: that the peer may have gone meanwhile will show when we read. */
static void
answer(struct ws_client *client, unsigned opcode, struct str payload)
{
    if (!send_frame(client, opcode, payload, clock_monotonic_us() + ANSWER_TIMEOUT_US))
        client->error = NULL;
}

static void
take_close(struct ws_client *client, struct str payload, struct ws_client_event *event)
{
    event->code = WS_CLIENT_CLOSE_NONE;
    if (payload.len >= 2) {
        event->code = (unsigned)(uint8_t)payload.at[0] << 8 | (uint8_t)payload.at[1];
        event->payload = (struct str){payload.at + 2, payload.len - 2};
    }
    if (payload.len == 1 || (payload.len >= 2 && !close_code_may_be_sent(event->code))) {
        event->kind = WS_CLIENT_BROKEN;
        client->error = "a Close frame with a code that must not be sent";
        return;
    }
    event->kind = WS_CLIENT_CLOSE;
    if (!client->close_sent) {
        client->close_sent = true;
        answer(client, OPCODE_CLOSE, (struct str){payload.at, payload.len < 2 ? 0 : 2});
    }
}

/* true: the message is whole. */
static bool
take_data(struct ws_client *client, const struct frame *frame, struct str payload,
          struct ws_client_event *event)
{
    if (frame->opcode != OPCODE_CONTINUATION) {
        client->opcode = frame->opcode;
        client->message_len = 0;
    }
    memcpy(client->message + client->message_len, payload.at, payload.len);
    client->message_len += payload.len;
    if (!frame->fin)
        return false;
    event->kind = client->opcode == OPCODE_TEXT ? WS_CLIENT_TEXT : WS_CLIENT_BINARY;
    event->payload = (struct str){(const char *)client->message, client->message_len};
    client->opcode = 0;
    client->message_len = 0;
    return true;
}

/* true: that is an event. */
static bool
take_frame(struct ws_client *client, const struct frame *frame, struct ws_client_event *event)
{
    const char *at = (const char *)client->in + client->start + frame->head_len;
    struct str payload = {at, (size_t)frame->len};

    client->start += frame->head_len + payload.len;
    if (frame->opcode == OPCODE_CLOSE) {
        take_close(client, payload, event);
        return true;
    }
    if (frame->opcode == OPCODE_PING)
        answer(client, OPCODE_PONG, payload);
    return frame->opcode < OPCODE_CLOSE && take_data(client, frame, payload, event);
}

/* true: there are more bytes; else the event says why not. */
static bool
fill(struct ws_client *client, uint64_t deadline_us, struct ws_client_event *event)
{
    size_t got = 0;

    memmove(client->in, client->in + client->start, client->end - client->start);
    client->end -= client->start;
    client->start = 0;
    switch (ws_socket_receive(&client->sock, client->in + client->end,
                              WS_CLIENT_IN_MAX - client->end, &got, deadline_us)) {
    case WS_SOCKET_DATA:
        client->end += got;
        return true;
    case WS_SOCKET_TIMEOUT:
        event->kind = WS_CLIENT_TIMEOUT;
        return false;
    case WS_SOCKET_FAILED:
        event->reset = true;
        break;
    case WS_SOCKET_END:
        break;
    }
    event->kind = WS_CLIENT_END;
    return false;
}

struct ws_client_event
ws_client_receive(struct ws_client *client, uint64_t deadline_us)
{
    for (;;) {
        struct ws_client_event event = {.kind = WS_CLIENT_BROKEN};
        struct frame frame;

        switch (parse_frame(client, &frame)) {
        case PARSE_BAD:
            return event;
        case PARSE_MORE:
            if (!fill(client, deadline_us, &event))
                return event;
            break;
        case PARSE_DONE:
            if (take_frame(client, &frame, &event))
                return event;
            break;
        }
    }
}
