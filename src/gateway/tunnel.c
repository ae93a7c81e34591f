/*
 * tunnel.c - two sides that feed each other; see tunnel.h.
 *
 * For side `from` and its other: reading from `from` is on, or paused (the other
 * has an outbox), or over (from->ended). Writing to a side is open or shut. The tunnel is over
 * when both sides have been read to the end, and nothing is left to write.
 *
 * The hard thing is a peer that goes while bytes are under way. What it sent before must still
 * reach the other side, even where a failed write to it was what told us; and a socket that is
 * closed with unread bytes in it resets, which takes along what its peer has not received yet. So
 * both sides are read to their ends: what can no longer go anywhere is dropped.
 */
#include "gateway/tunnel_parts.h"

#include <stdlib.h>

/* FIN is the usual end where frames are not followed, and of one who is lost where they are. */
static enum reason
ended_by(const struct tunnel *tunnel, int side, enum stream_status how)
{
    static const enum reason reasons[][2] = {
        [STREAM_END] = {REASON_CLIENT_CLOSED, REASON_BACKEND_ENDED},
        [STREAM_CUT] = {REASON_CLIENT_CUT, REASON_BACKEND_CUT},
        [STREAM_ERROR] = {REASON_CLIENT_RESET, REASON_BACKEND_RESET},
    };
    static const enum reason lost[] = {REASON_CLIENT_LOST, REASON_BACKEND_LOST};

    return how == STREAM_END && tunnel->rules->terms.checked ? lost[side] : reasons[how][side];
}

static void
note_end(struct tunnel *tunnel, int side, enum stream_status how, uint64_t now_ms)
{
    if (tunnel->first_end == REASON_NONE)
        tunnel->first_end = ended_by(tunnel, side, how);
    if (tunnel->fin_ms == 0)
        tunnel->fin_ms = now_ms;
}

bool
tunnel_direction_over(const struct tunnel *tunnel, int from)
{
    return tunnel->sides[from].ended && tunnel->sides[tunnel_other(from)].out == NULL;
}

bool
tunnel_is_dropping(const struct tunnel *tunnel, int from)
{
    if (tunnel->closing)
        return !tunnel_is_finishing(tunnel, from);
    return tunnel->sides[tunnel_other(from)].shut || tunnel->frames[from].over;
}

enum reason
tunnel_settle(const struct tunnel *tunnel)
{
    bool both = tunnel_direction_over(tunnel, CLIENT) && tunnel_direction_over(tunnel, BACKEND);

    return both ? tunnel->first_end : REASON_NONE;
}

enum reason
tunnel_read_on(struct tunnel *tunnel, int from)
{
    struct side *in = &tunnel->sides[from];

    if (in->ended)
        return tunnel_settle(tunnel);
    bool waits = tunnel->sides[tunnel_other(from)].out != NULL || tunnel->paused[from];
    if (waits && !tunnel_is_dropping(tunnel, from))
        return REASON_NONE;
    return side_read_on(in) ? tunnel_settle(tunnel) : REASON_NO_MEMORY;
}

static enum reason
write_failed(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    note_end(tunnel, to, STREAM_ERROR, now_ms);
    return tunnel_read_on(tunnel, tunnel_other(to));
}

/* The kernel took some of an outbox, so the peer took some of what the kernel had. */
void
tunnel_note_progress(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    tunnel->progress_ms[to] = tunnel->active_ms = now_ms;
    tunnel->unsent[to] = (uint32_t)stream_unsent(&tunnel->sides[to].stream);
}

enum reason
tunnel_pass_on(struct tunnel *tunnel, int from, const char *data, size_t bytes, uint64_t now_ms)
{
    int to = tunnel_other(from);

    switch (side_send(&tunnel->sides[to], data, bytes)) {
    case SIDE_SENT:
        return REASON_NONE;
    case SIDE_KEPT:
        side_read_off(&tunnel->sides[from]);
        tunnel_note_progress(tunnel, to, now_ms);
        return REASON_NONE;
    case SIDE_FAILED:
        return write_failed(tunnel, to, now_ms);
    }
    return REASON_NONE;
}

/* A backend that has left without a Close is lost, and the client is told; one that left instead of
 * answering the client's Close is answered for. */
static enum reason
backend_lost(struct tunnel *tunnel, enum stream_status how, uint64_t now_ms)
{
    bool after_close = tunnel->frames[CLIENT].closed;

    return tunnel_finish(
        tunnel, after_close ? REASON_CLIENT_CLOSED : ended_by(tunnel, BACKEND, how), now_ms);
}

/* Once the client has left without a Close there is nobody to tell: the backend's end is the answer
 * to the FIN that was passed on. */
static bool
is_backend_lost(const struct tunnel *tunnel, int from)
{
    bool client_lost = tunnel->sides[CLIENT].ended && !tunnel->frames[CLIENT].closed;

    return tunnel->rules->terms.checked && from == BACKEND && !tunnel->closing &&
           !tunnel->frames[BACKEND].closed && !client_lost;
}

enum reason
tunnel_read_ended(struct tunnel *tunnel, int from, enum stream_status how, uint64_t now_ms)
{
    int to = tunnel_other(from);
    struct side *in = &tunnel->sides[from];
    bool reset = how == STREAM_ERROR;

    note_end(tunnel, from, how, now_ms);
    in->ended = true;
    side_read_off(in);
    if (reset) /* it takes nothing any more either */
        side_abandon(in);
    if (is_backend_lost(tunnel, from))
        return backend_lost(tunnel, how, now_ms);
    enum reason over = reset ? tunnel_read_on(tunnel, to) : tunnel_settle(tunnel);
    if (over == REASON_NONE && tunnel->sides[to].out == NULL) /* else the close does it: a system
                                                                 call less */
        side_shutdown(&tunnel->sides[to]);
    return over;
}

/* ---- Bytes ------------------------------------------------------------------- */

/* `bytes` of theirs behind the first `head`, which are ours. */
static enum reason
arrived(struct tunnel *tunnel, int from, char *data, size_t bytes, size_t head, uint64_t now_ms)
{
    if (tunnel->rules->terms.checked)
        return tunnel_judge(tunnel, from, data, bytes, head, now_ms);
    enum reason over = tunnel_pass_on(tunnel, from, data, head + bytes, now_ms);
    return over == REASON_NONE ? tunnel_pay(tunnel, from, 0, bytes, now_ms) : over;
}

/* Of one that goes on and on the buffer is at least half full each time. All of it, it may never
 * be: a socket's first window is a little less than 64 KiB, and grows only if we are quick. */
static void
note_flow(struct side *side, bool half_full)
{
    if (!half_full)
        side->flow = 0;
    else if (side->flow < UINT8_MAX)
        side->flow++;
}

enum reason
tunnel_readable(struct tunnel *tunnel, int from, char *buffer, size_t bytes, uint64_t now_ms)
{
    struct side *in = &tunnel->sides[from];

    if (!in->reading) /* switched off by an earlier callback of this turn */
        return REASON_NONE;
    size_t held = tunnel_show_rest(tunnel, from, buffer);
    struct stream_result result = side_read(in, buffer + held, bytes - held);
    switch (result.status) {
    case STREAM_OK:
        if (tunnel_is_dropping(tunnel, from))
            return REASON_NONE;
        tunnel->bytes[from] += result.n;
        note_flow(in, result.n >= (bytes - held) / 2);
        if (tunnel->heartbeat == NULL)
            tunnel->active_ms = now_ms;
        else
            tunnel_heard(tunnel, from, now_ms);
        return arrived(tunnel, from, buffer, held + result.n, 0, now_ms);
    case STREAM_AGAIN:
        return REASON_NONE;
    case STREAM_END:
    case STREAM_CUT:
    case STREAM_ERROR:
        break;
    }
    return tunnel_read_ended(tunnel, from, result.status, now_ms);
}

enum reason
tunnel_writable(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    struct side *out = &tunnel->sides[to];

    switch (side_flush(out)) {
    case SIDE_KEPT:
        tunnel_note_progress(tunnel, to, now_ms);
        return REASON_NONE;
    case SIDE_FAILED:
        return write_failed(tunnel, to, now_ms);
    case SIDE_SENT:
        break;
    }
    tunnel->active_ms = now_ms;
    if (!tunnel_writing_over(tunnel, to))
        return tunnel_read_on(tunnel, tunnel_other(to));
    side_shutdown(out);
    return tunnel_settle(tunnel);
}

enum reason
tunnel_give(struct tunnel *tunnel, int from, char *data, size_t bytes, size_t head,
            uint64_t now_ms)
{
    if (bytes == 0 || tunnel_is_dropping(tunnel, from))
        return REASON_NONE;
    tunnel->bytes[from] += bytes - head;
    return arrived(tunnel, from, data, bytes - head, head, now_ms);
}

/* Post paid: what one read brings may be over the limit. */
enum reason
tunnel_pay(struct tunnel *tunnel, int from, uint64_t messages, uint64_t bytes, uint64_t now_ms)
{
    static const enum reason over[] = {REASON_CLIENT_BYTE_RATE, REASON_BACKEND_BYTE_RATE};
    const struct rates_terms *terms = &tunnel->rules->terms.rates;

    if (tunnel->rates == NULL || tunnel_is_dropping(tunnel, from) || tunnel->closing ||
        rates_spend(tunnel->rates, terms, from, messages, bytes, now_ms))
        return REASON_NONE;
    if (!terms->delay)
        return tunnel_finish(tunnel, over[from], now_ms);
    tunnel->paused[from] = true;
    side_read_off(&tunnel->sides[from]);
    return REASON_NONE;
}

/* ---- Beginning and end --------------------------------------------------------- */

bool
tunnel_begin(struct tunnel *tunnel, const struct tunnel_rules *rules, bool deflate,
             uint64_t random, uint64_t now_ms)
{
    const struct tunnel_terms *terms = &rules->terms;
    bool rated = rates_wanted(&terms->rates), beats = terms->checked && terms->times.ping != 0;

    tunnel->rules = rules;
    tunnel->active_ms = now_ms;
    frames_init(&tunnel->frames[CLIENT], true, deflate);
    frames_init(&tunnel->frames[BACKEND], false, deflate);
    if (rated)
        tunnel->rates = rates_new(&terms->rates, now_ms);
    if (beats)
        tunnel->heartbeat = heartbeat_new(&terms->times, random, now_ms);
    return (tunnel->rates != NULL || !rated) && (tunnel->heartbeat != NULL || !beats);
}

enum reason
tunnel_open(struct tunnel *tunnel)
{
    enum reason over = REASON_NONE;

    for (int from = CLIENT; from <= BACKEND && over == REASON_NONE; from++) {
        if (tunnel->sides[tunnel_other(from)].out != NULL)
            side_read_off(&tunnel->sides[from]);
        over = tunnel_read_on(tunnel, from);
    }
    return over;
}

void
tunnel_end(struct tunnel *tunnel, struct tunnel_rules **list)
{
    tunnel_drop_rest(tunnel, CLIENT);
    tunnel_drop_rest(tunnel, BACKEND);
    free(tunnel->rates);
    free(tunnel->heartbeat);
    tunnel->rates = NULL;
    tunnel->heartbeat = NULL;
    tunnel_rules_drop(list, tunnel->rules);
    tunnel->rules = NULL;
}
