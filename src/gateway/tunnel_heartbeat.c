/*
 * tunnel_heartbeat.c - pings of our own to both sides.
 *
 * A ping goes out between two frames, when nothing waits to be written. Its answer is known by the
 * payload, and goes no further: the other side did not ask. Whatever a side sends shows that it is
 * there: one that is in the middle of a large frame cannot answer. And of one that is not listened
 * to, because the other is slow, nothing is expected.
 */
#include "gateway/tunnel_parts.h"

#include <stdlib.h>

enum { RETRY_MS = 1000 }; /* when a ping could not go just then */

struct ping {
    uint32_t nonce; /* the same in all pings of a tunnel, another in each tunnel */
    uint32_t number;
};

struct heartbeat {
    uint32_t nonce;
    uint32_t sent[2];    /* pings to the client, to the backend */
    uint64_t due_ms[2];  /* of the next ping, or of a sign of life */
    bool waiting[2];
};

struct heartbeat *
heartbeat_new(const struct tunnel_times *times, uint64_t random, uint64_t now_ms)
{
    struct heartbeat *heartbeat = calloc(1, sizeof(*heartbeat));

    if (heartbeat == NULL)
        return NULL;
    heartbeat->nonce = (uint32_t)random;
    /* The first up to half an interval sooner: those who came together are not asked together. */
    for (int to = CLIENT; to <= BACKEND; to++)
        heartbeat->due_ms[to] = now_ms + times->ping - random % (times->ping / 2 + 1);
    return heartbeat;
}

void
tunnel_heard(struct tunnel *tunnel, int from, uint64_t now_ms)
{
    struct heartbeat *heartbeat = tunnel->heartbeat;

    if (!heartbeat->waiting[from])
        return;
    heartbeat->waiting[from] = false;
    heartbeat->due_ms[from] = now_ms + tunnel->rules->terms.times.ping;
}

bool
tunnel_is_our_pong(const struct tunnel *tunnel, int from, const char *frame)
{
    char buffer[FRAME_CONTROL_PAYLOAD_MAX];
    struct str payload = frame_payload(frame, buffer);
    struct ping ping;

    if (payload.len != sizeof(ping))
        return false;
    memcpy(&ping, payload.at, sizeof(ping));
    return ping.nonce == tunnel->heartbeat->nonce && ping.number < tunnel->heartbeat->sent[from];
}

static enum reason
send_ping(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    struct heartbeat *heartbeat = tunnel->heartbeat;
    const struct tunnel_times *times = &tunnel->rules->terms.times;
    struct ping ping = {heartbeat->nonce, heartbeat->sent[to]};
    char frame[FRAME_CONTROL_MAX];
    struct str payload = {(const char *)&ping, sizeof(ping)};
    size_t len = frame_control(frame, OPCODE_PING, payload, tunnel_mask(to));

    heartbeat->sent[to]++;
    heartbeat->waiting[to] = times->pong != 0;
    heartbeat->due_ms[to] = now_ms + (times->pong != 0 ? times->pong : times->ping);
    return tunnel_pass_on(tunnel, tunnel_other(to), frame, len, now_ms);
}

static bool
is_asked(const struct tunnel *tunnel, int to)
{
    const struct side *side = &tunnel->sides[to];

    return !tunnel->closing && !side->ended && !side->shut && !tunnel->close_sent[to];
}

static enum reason
beat(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    static const enum reason silent[] = {REASON_CLIENT_SILENT, REASON_BACKEND_SILENT};
    struct heartbeat *heartbeat = tunnel->heartbeat;
    bool can_ask = frames_at_boundary(&tunnel->frames[tunnel_other(to)]) &&
                   tunnel->sides[to].out == NULL;

    if (!is_asked(tunnel, to) || now_ms < heartbeat->due_ms[to])
        return REASON_NONE;
    if (!heartbeat->waiting[to] && can_ask)
        return send_ping(tunnel, to, now_ms);
    if (heartbeat->waiting[to] && tunnel->sides[to].reading)
        return tunnel_finish(tunnel, silent[to], now_ms);
    heartbeat->due_ms[to] = now_ms + RETRY_MS;
    return REASON_NONE;
}

enum reason
tunnel_beat(struct tunnel *tunnel, uint64_t now_ms)
{
    if (tunnel->heartbeat == NULL)
        return REASON_NONE;
    enum reason over = beat(tunnel, CLIENT, now_ms);
    return over == REASON_NONE ? beat(tunnel, BACKEND, now_ms) : over;
}

uint64_t
tunnel_beat_due(const struct tunnel *tunnel)
{
    uint64_t due = WHEEL_NEVER;

    for (int to = CLIENT; tunnel->heartbeat != NULL && to <= BACKEND; to++)
        if (is_asked(tunnel, to) && tunnel->heartbeat->due_ms[to] < due)
            due = tunnel->heartbeat->due_ms[to];
    return due;
}
