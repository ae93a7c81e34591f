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
    };

    return reasons[found][from];
}

enum reason
tunnel_judge(struct tunnel *tunnel, int from, char *data, size_t bytes, size_t head,
             uint64_t now_ms)
{
    struct frames *frames = &tunnel->frames[from];
    struct frames_step step = {.budget = UINT64_MAX};
    enum frames_found found;
    size_t good = head, end = head + bytes;

    if (tunnel->closing && frames->left < bytes) /* the rest of that frame, and no more */
        end = head + (size_t)frames->left;
    do {
        found = frames_follow(frames, &tunnel->rules->terms.frames, data + good, end - good, &step);
        good += step.used + (found == FRAMES_CONTROL ? step.len : 0);
    } while (found == FRAMES_CONTROL && !frames->over);

    if (!keep_rest(tunnel, from, data + good, found == FRAMES_MORE ? end - good : 0))
        return REASON_NO_MEMORY;
    enum reason over = good > 0 ? tunnel_pass_on(tunnel, from, data, good, now_ms) : REASON_NONE;
    if (over != REASON_NONE)
        return over;
    if (found == FRAMES_CONTROL)
        return tunnel_close_passed(tunnel, from, now_ms);
    if (found != FRAMES_MORE && !tunnel->closing)
        return tunnel_finish(tunnel, reason_of(found, from), now_ms);
    if (!tunnel->closing)
        return REASON_NONE;
    tunnel_say_goodbye(tunnel, tunnel_other(from));
    return tunnel_read_on(tunnel, from);
}
