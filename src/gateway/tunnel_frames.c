/*
 * tunnel_frames.c - what comes is followed frame by frame, and what is judged goes on.
 *
 * The bytes stay where they were read. Those that must wait for more are copied away, and stand in
 * front of the next ones, so that all of it goes out in one write.
 */
#include "gateway/tunnel_parts.h"

#include <stdlib.h>

struct frame_rest {
    uint8_t len;
    char bytes[];
};

size_t
tunnel_show_rest(const struct tunnel *tunnel, int from, char *buffer)
{
    const struct frame_rest *rest = tunnel->rest[from];

    if (rest == NULL)
        return 0;
    memcpy(buffer, rest->bytes, rest->len);
    return rest->len;
}

void
tunnel_drop_rest(struct tunnel *tunnel, int from)
{
    free(tunnel->rest[from]);
    tunnel->rest[from] = NULL;
}

static bool
keep_rest(struct tunnel *tunnel, int from, const char *bytes, size_t len)
{
    tunnel_drop_rest(tunnel, from);
    if (len == 0)
        return true;
    struct frame_rest *rest = malloc(sizeof(*rest) + len);
    if (rest == NULL)
        return false;
    rest->len = (uint8_t)len; /* below FRAME_CONTROL_MAX */
    memcpy(rest->bytes, bytes, len);
    tunnel->rest[from] = rest;
    return true;
}

static enum reason
reason_of(enum frames_found found, int from)
{
    static const enum reason reasons[FRAMES_FOUND_COUNT][2] = {
        [FRAMES_PROTOCOL] = {REASON_CLIENT_PROTOCOL, REASON_BACKEND_PROTOCOL},
        [FRAMES_UTF8] = {REASON_CLIENT_UTF8, REASON_BACKEND_UTF8},
        [FRAMES_TYPE] = {REASON_CLIENT_TYPE, REASON_BACKEND_TYPE},
        [FRAMES_FRAME_TOO_LARGE] = {REASON_CLIENT_FRAME, REASON_BACKEND_FRAME},
        [FRAMES_MESSAGE_TOO_LARGE] = {REASON_CLIENT_MESSAGE, REASON_BACKEND_MESSAGE},
        [FRAMES_TOO_MANY] = {REASON_CLIENT_MESSAGE_RATE, REASON_BACKEND_MESSAGE_RATE},
    };

    return reasons[found][from];
}

/* What of a buffer is good. Pongs to pings of ours are taken out of it. */
struct passage {
    char *data;
    size_t good, next, end; /* up to `good` it goes on; from `next` on it is to be judged */
    size_t ours;            /* bytes that were taken out */
    struct frames_step step;
};

static void
take_in(struct passage *passage, size_t bytes)
{
    if (passage->good != passage->next)
        memmove(passage->data + passage->good, passage->data + passage->next, bytes);
    passage->good += bytes;
    passage->next += bytes;
}

static void
take_out(struct passage *passage, size_t bytes)
{
    passage->next += bytes;
    passage->ours += bytes;
    passage->step.budget++; /* who answers us pays for nothing */
}

static enum frames_found
judge(const struct tunnel *tunnel, int from, struct frames *frames, struct passage *passage)
{
    enum frames_found found;

    do {
        struct frames_step *step = &passage->step;
        found = frames_follow(frames, &tunnel->rules->terms.frames, passage->data + passage->next,
                              passage->end - passage->next, step);
        take_in(passage, step->used);
        if (found != FRAMES_CONTROL)
            break;
        if (tunnel->heartbeat != NULL && step->opcode == OPCODE_PONG &&
            tunnel_is_our_pong(tunnel, from, passage->data + passage->next))
            take_out(passage, step->len);
        else
            take_in(passage, step->len);
    } while (!frames->over);
    return found;
}

/* After what was good has gone on. */
static enum reason
conclude(struct tunnel *tunnel, int from, enum frames_found found, uint64_t now_ms)
{
    if (tunnel->closing) {
        tunnel_say_goodbye(tunnel, tunnel_other(from));
        return tunnel_read_on(tunnel, from);
    }
    if (found == FRAMES_CONTROL)
        return tunnel_close_passed(tunnel, from, now_ms);
    return found == FRAMES_MORE ? REASON_NONE
                                : tunnel_finish(tunnel, reason_of(found, from), now_ms);
}

enum reason
tunnel_judge(struct tunnel *tunnel, int from, char *data, size_t bytes, size_t head,
             uint64_t now_ms)
{
    struct frames *frames = &tunnel->frames[from];
    struct passage passage = {.data = data, .good = head, .next = head, .end = head + bytes};
    uint64_t budget = UINT64_MAX / 2;

    if (tunnel->rates != NULL)
        budget = rates_budget(tunnel->rates, &tunnel->rules->terms.rates, from, now_ms);
    if (tunnel->closing && frames->left < bytes) /* the rest of that frame, and no more */
        passage.end = head + (size_t)frames->left;
    passage.step.budget = budget;
    enum frames_found found = judge(tunnel, from, frames, &passage);

    tunnel->bytes[from] -= passage.ours;
    if (tunnel->heartbeat != NULL && passage.good > 0)
        tunnel->active_ms = now_ms;
    size_t rest = found == FRAMES_MORE ? passage.end - passage.next : 0;
    if (!keep_rest(tunnel, from, data + passage.next, rest))
        return REASON_NO_MEMORY;
    enum reason over = REASON_NONE;
    if (passage.good > 0)
        over = tunnel_pass_on(tunnel, from, data, passage.good, now_ms);
    if (over == REASON_NONE)
        over = conclude(tunnel, from, found, now_ms);
    if (over == REASON_NONE && tunnel->rates != NULL)
        over = tunnel_pay(tunnel, from, budget - passage.step.budget, passage.good - head, now_ms);
    return over;
}
