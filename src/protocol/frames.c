/*
 * frames.c - following frames; see frames.h.
 *
 * The first two bytes of a header say most of what can be wrong with it, so they are judged as
 * soon as both are there; length and mask follow when they are whole.
 */
#include "protocol/frames.h"

#include "protocol/utf8.h"

enum { LEN7 = 0x7f, LEN_16 = 126, LEN_64 = 127, CONTROL_BIT = 0x8 };

void
frames_init(struct frames *frames, bool masked, bool deflate)
{
    *frames = (struct frames){.masked = masked, .deflate = deflate};
}

static bool
is_fault(enum frames_found found)
{
    return found > FRAMES_CONTROL;
}

/* ---- Payload ------------------------------------------------------------------ */

/* Judges text as it passes. Returns how many bytes are good. */
static size_t
follow_text(struct frames *frames, const char *at, size_t len)
{
    uint8_t state = frames->utf8;

    for (size_t i = 0; i < len; i++) {
        uint8_t key = frames->masked ? frames->mask[(frames->mask_at + i) % FRAME_MASK_LEN] : 0;
        state = utf8_next(state, (uint8_t)at[i] ^ key);
        if (state == UTF8_BAD)
            return i;
    }
    frames->mask_at = (uint8_t)(frames->mask_at + len) % FRAME_MASK_LEN;
    frames->utf8 = state;
    return len;
}

/* Payload up to `len` bytes; adds to step->used. */
static enum frames_found
follow_payload(struct frames *frames, const char *at, size_t len, struct frames_step *step)
{
    size_t n = frames->left < len ? (size_t)frames->left : len;
    size_t good = frames->text ? follow_text(frames, at, n) : n;

    frames->left -= good;
    step->used += good;
    if (good < n)
        return FRAMES_UTF8;
    return frames->left == 0 && frames->final && frames->text && frames->utf8 != UTF8_WHOLE
               ? FRAMES_UTF8
               : FRAMES_MORE;
}

/* ---- Headers ------------------------------------------------------------------- */

/* What the first two bytes must be. */
static enum frames_found
judge_start(const struct frames *frames, const struct frames_rules *rules, unsigned first,
            unsigned second)
{
    unsigned opcode = first & FRAME_OPCODE, rsv = first & FRAME_RSV;

    if ((second >> 7) != frames->masked)
        return FRAMES_PROTOCOL;
    if (opcode & CONTROL_BIT)
        return opcode <= OPCODE_PONG && (first & FRAME_FIN) && rsv == 0 &&
                       (second & LEN7) <= FRAME_CONTROL_PAYLOAD_MAX
                   ? FRAMES_CONTROL
                   : FRAMES_PROTOCOL;
    if (opcode == OPCODE_CONTINUATION)
        return frames->opcode != 0 && rsv == 0 ? FRAMES_MORE : FRAMES_PROTOCOL;
    if (opcode > OPCODE_BINARY || frames->opcode != 0 ||
        (rsv != 0 && !(rsv == FRAME_RSV1 && frames->deflate)))
        return FRAMES_PROTOCOL;
    return rules->allow & (1U << opcode) ? FRAMES_MORE : FRAMES_TYPE;
}

static uint64_t
big_endian(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;

    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* The payload's length in its shortest form, below 2^63. `extended`: bytes of it behind the
 * second. */
static bool
read_length(const uint8_t *head, size_t extended, uint64_t *len)
{
    *len = extended == 0 ? head[1] & LEN7 : big_endian(head + 2, extended);
    if (extended == 2)
        return *len > FRAME_CONTROL_PAYLOAD_MAX;
    return extended == 0 || (*len > UINT16_MAX && *len <= INT64_MAX);
}

/* A data frame begins. */
static enum frames_found
begin_frame(struct frames *frames, const struct frames_rules *rules, const uint8_t *head,
            uint64_t len, struct frames_step *step)
{
    unsigned opcode = head[0] & FRAME_OPCODE;
    uint64_t message = opcode != OPCODE_CONTINUATION ? 0 : frames->message;

    if (rules->max_frame != 0 && len > rules->max_frame)
        return FRAMES_FRAME_TOO_LARGE;
    if (rules->max_message != 0 &&
        (len > rules->max_message || message > rules->max_message - len))
        return FRAMES_MESSAGE_TOO_LARGE;
    if (opcode != OPCODE_CONTINUATION) {
        if (step->budget == 0)
            return FRAMES_TOO_MANY;
        step->budget--;
        frames->text = rules->validate_utf8 && opcode == OPCODE_TEXT && !(head[0] & FRAME_RSV1);
        frames->utf8 = UTF8_WHOLE;
        frames->opcode = opcode & 3;
    }
    frames->message = message + len;
    frames->left = len;
    frames->final = head[0] >> 7;
    if (frames->final) {
        frames->opcode = 0;
        frames->messages++;
    }
    return FRAMES_MORE;
}

static enum frames_found
judge_close(struct frames *frames, const char *frame)
{
    char buffer[FRAME_CONTROL_PAYLOAD_MAX];
    struct str payload = frame_payload(frame, buffer);
    uint8_t state = UTF8_WHOLE;

    if (payload.len == 0)
        return FRAMES_CONTROL;
    unsigned code = payload.len == 1 ? 0 : (unsigned)big_endian((const uint8_t *)payload.at, 2);
    if (!frame_close_code_is_valid(code))
        return FRAMES_PROTOCOL;
    for (size_t i = 2; i < payload.len; i++)
        state = utf8_next(state, (uint8_t)payload.at[i]);
    if (state != UTF8_WHOLE)
        return FRAMES_UTF8;
    frames->close_code = (uint16_t)code;
    return FRAMES_CONTROL;
}

/* A control frame that is good so far. MORE: it is not whole. */
static enum frames_found
judge_control(struct frames *frames, const char *at, size_t len, struct frames_step *step)
{
    enum frames_found found = FRAMES_CONTROL;

    step->opcode = (uint8_t)at[0] & FRAME_OPCODE;
    step->len = 2 + (frames->masked ? FRAME_MASK_LEN : 0) + ((uint8_t)at[1] & LEN7);
    if (step->len > len)
        return FRAMES_MORE;
    if (step->opcode == OPCODE_CLOSE) {
        found = judge_close(frames, at);
        frames->over = true;
        frames->closed = found == FRAMES_CONTROL;
    } else if (step->budget == 0) {
        found = FRAMES_TOO_MANY;
    } else {
        step->budget--;
    }
    return found;
}

/* The header at `at`; adds to step->used what may go on of it. *whole: it was there in full. */
static enum frames_found
follow_header(struct frames *frames, const struct frames_rules *rules, const char *at, size_t len,
              struct frames_step *step, bool *whole)
{
    const uint8_t *head = (const uint8_t *)at;
    uint64_t payload;

    *whole = false;
    if (len < 2)
        return FRAMES_MORE;
    enum frames_found found = judge_start(frames, rules, head[0], head[1]);
    if (found == FRAMES_CONTROL)
        return judge_control(frames, at, len, step);
    size_t len7 = head[1] & LEN7, extended = len7 < LEN_16 ? 0 : len7 == LEN_16 ? 2 : 8;
    size_t size = 2 + extended + (frames->masked ? FRAME_MASK_LEN : 0);
    if (found != FRAMES_MORE || len < size)
        return found;
    if (!read_length(head, extended, &payload))
        return FRAMES_PROTOCOL;
    found = begin_frame(frames, rules, head, payload, step);
    if (found != FRAMES_MORE)
        return found;
    if (frames->text && frames->masked) {
        memcpy(frames->mask, at + size - FRAME_MASK_LEN, FRAME_MASK_LEN);
        frames->mask_at = 0;
    }
    step->used += size;
    *whole = true;
    return FRAMES_MORE;
}

enum frames_found
frames_follow(struct frames *frames, const struct frames_rules *rules, const char *at, size_t len,
              struct frames_step *step)
{
    enum frames_found found = FRAMES_MORE;
    bool whole = !frames->over;

    step->used = 0;
    if (frames->left > 0 && whole)
        found = follow_payload(frames, at, len, step);
    while (found == FRAMES_MORE && whole && frames->left == 0) {
        found = follow_header(frames, rules, at + step->used, len - step->used, step, &whole);
        if (found == FRAMES_MORE && whole)
            found = follow_payload(frames, at + step->used, len - step->used, step);
    }
    if (is_fault(found))
        frames->over = true;
    return found;
}
