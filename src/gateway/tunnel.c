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
#include "gateway/tunnel.h"

static int
other(int side)
{
    return 1 - side;
}

static enum reason
ended_by(int side, enum stream_status how)
{
    static const enum reason reasons[][2] = {
        [STREAM_END] = {REASON_CLIENT_CLOSED, REASON_BACKEND_ENDED},
        [STREAM_CUT] = {REASON_CLIENT_CUT, REASON_BACKEND_CUT},
        [STREAM_ERROR] = {REASON_CLIENT_RESET, REASON_BACKEND_RESET},
    };

    return reasons[how][side];
}

static void
note_end(struct tunnel *tunnel, int side, enum stream_status how, uint64_t now_ms)
{
    if (tunnel->first_end == REASON_NONE)
        tunnel->first_end = ended_by(side, how);
    if (tunnel->fin_ms == 0)
        tunnel->fin_ms = now_ms;
}

/* Nothing more will come from `from`, and all of it has been written. */
static bool
direction_over(const struct tunnel *tunnel, int from)
{
    return tunnel->sides[from].ended && tunnel->sides[other(from)].out == NULL;
}

/* What comes from `from` has nowhere to go. */
static bool
is_dropping(const struct tunnel *tunnel, int from)
{
    return tunnel->closing || tunnel->sides[other(from)].shut;
}

static enum reason
settle(struct tunnel *tunnel)
{
    bool both = direction_over(tunnel, CLIENT) && direction_over(tunnel, BACKEND);

    return both ? tunnel->first_end : REASON_NONE;
}

/* After an end: reads what was paused, to drop it. */
static enum reason
drain(struct tunnel *tunnel, int from)
{
    struct side *in = &tunnel->sides[from];

    return in->ended || side_read_on(in) ? settle(tunnel) : REASON_NO_MEMORY;
}

static enum reason
write_failed(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    note_end(tunnel, to, STREAM_ERROR, now_ms);
    return drain(tunnel, other(to));
}

/* The kernel took some of an outbox, so the peer took some of what the kernel had. */
static void
note_progress(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    tunnel->progress_ms[to] = tunnel->active_ms = now_ms;
    tunnel->unsent[to] = (uint32_t)stream_unsent(&tunnel->sides[to].stream);
}

static enum reason
pass_on(struct tunnel *tunnel, int from, const char *data, size_t bytes, uint64_t now_ms)
{
    int to = other(from);

    switch (side_send(&tunnel->sides[to], data, bytes)) {
    case SIDE_SENT:
        return REASON_NONE;
    case SIDE_KEPT:
        side_read_off(&tunnel->sides[from]);
        note_progress(tunnel, to, now_ms);
        return REASON_NONE;
    case SIDE_FAILED:
        return write_failed(tunnel, to, now_ms);
    }
    return REASON_NONE;
}

static enum reason
read_ended(struct tunnel *tunnel, int from, enum stream_status how, uint64_t now_ms)
{
    struct side *in = &tunnel->sides[from], *out = &tunnel->sides[other(from)];
    bool reset = how == STREAM_ERROR;

    note_end(tunnel, from, how, now_ms);
    in->ended = true;
    side_read_off(in);
    if (reset) /* it takes nothing any more either */
        side_abandon(in);
    enum reason over = reset ? drain(tunnel, other(from)) : settle(tunnel);
    if (over == REASON_NONE && out->out == NULL) /* else the close does it: a system call less */
        side_shutdown(out);
    return over;
}

enum reason
tunnel_readable(struct tunnel *tunnel, int from, char *buffer, size_t bytes, uint64_t now_ms)
{
    struct side *in = &tunnel->sides[from];

    if (!in->reading) /* switched off by an earlier callback of this turn */
        return REASON_NONE;
    struct stream_result result = side_read(in, buffer, bytes);
    switch (result.status) {
    case STREAM_OK:
        if (is_dropping(tunnel, from))
            return REASON_NONE;
        tunnel->bytes[from] += result.n;
        tunnel->active_ms = now_ms;
        return pass_on(tunnel, from, buffer, result.n, now_ms);
    case STREAM_AGAIN:
        return REASON_NONE;
    case STREAM_END:
    case STREAM_CUT:
    case STREAM_ERROR:
        break;
    }
    return read_ended(tunnel, from, result.status, now_ms);
}

enum reason
tunnel_writable(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    struct side *out = &tunnel->sides[to], *in = &tunnel->sides[other(to)];

    switch (side_flush(out)) {
    case SIDE_KEPT:
        note_progress(tunnel, to, now_ms);
        return REASON_NONE;
    case SIDE_FAILED:
        return write_failed(tunnel, to, now_ms);
    case SIDE_SENT:
        break;
    }
    tunnel->active_ms = now_ms;
    if (!in->ended && !tunnel->closing)
        return side_read_on(in) ? REASON_NONE : REASON_NO_MEMORY;
    side_shutdown(out);
    return settle(tunnel);
}

enum reason
tunnel_give(struct tunnel *tunnel, int from, const char *data, size_t bytes, size_t head,
            uint64_t now_ms)
{
    tunnel->bytes[from] += bytes - head;
    return bytes > 0 ? pass_on(tunnel, from, data, bytes, now_ms) : REASON_NONE;
}

enum reason
tunnel_open(struct tunnel *tunnel)
{
    for (int from = CLIENT; from <= BACKEND; from++) {
        const struct side *out = &tunnel->sides[other(from)];
        if (out->out == NULL && !out->shut && !side_read_on(&tunnel->sides[from]))
            return REASON_NO_MEMORY;
        if (out->out != NULL)
            side_read_off(&tunnel->sides[from]);
    }
    return REASON_NONE;
}

enum reason
tunnel_finish(struct tunnel *tunnel, enum reason reason, uint64_t now_ms)
{
    tunnel->first_end = reason;
    tunnel->fin_ms = now_ms;
    tunnel->closing = true;
    for (int i = CLIENT; i <= BACKEND; i++)
        if (tunnel->sides[i].out == NULL)
            side_shutdown(&tunnel->sides[i]);
    enum reason over = drain(tunnel, CLIENT);
    return over == REASON_NONE ? drain(tunnel, BACKEND) : over;
}

/* ---- Deadlines ---------------------------------------------------------- */

static uint64_t
after(uint64_t start_ms, uint64_t ms)
{
    return ms == 0 ? WHEEL_NEVER : start_ms + ms;
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Each direction for itself: one that flows must not hide one that stands. */
static uint64_t
write_due(const struct tunnel *tunnel)
{
    uint64_t due = WHEEL_NEVER;

    for (int to = CLIENT; to <= BACKEND; to++)
        if (tunnel->sides[to].out != NULL)
            due = earlier(due, after(tunnel->progress_ms[to], tunnel->times.write));
    return due;
}

/* The goodbye's end: bytes are only dropped, or one direction still carries some. */
static uint64_t
fin_due(const struct tunnel *tunnel)
{
    if (tunnel->fin_ms == 0)
        return WHEEL_NEVER;
    return after(tunnel->fin_ms, tunnel->closing ? tunnel->times.close : tunnel->times.fin);
}

uint64_t
tunnel_due(const struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms)
{
    if (tunnel->closing)
        return fin_due(tunnel);
    uint64_t due = earlier(after(tunnel->active_ms, tunnel->times.idle), tunnel->lifetime_due_ms);

    if (tunnel->expiry_wall_ms != INT64_MAX) {
        int64_t left = tunnel->expiry_wall_ms - wall_ms;
        due = earlier(due, now_ms + (left > 0 ? (uint64_t)left : 0));
    }
    due = earlier(due, earlier(write_due(tunnel), tunnel->keep_alive_ms));
    return earlier(due, fin_due(tunnel));
}

void
tunnel_keep_alive(struct tunnel *tunnel, uint64_t now_ms)
{
    if (now_ms < tunnel->keep_alive_ms)
        return;
    stream_keep_alive(&tunnel->sides[BACKEND].stream);
    tunnel->keep_alive_ms = WHEEL_NEVER;
}

/* The loop tells of room only when the kernel's buffer is a third empty: megabytes may have
 * gone. */
static void
look_for_progress(struct tunnel *tunnel, uint64_t now_ms)
{
    for (int to = CLIENT; to <= BACKEND; to++)
        if (tunnel->sides[to].out != NULL &&
            stream_unsent(&tunnel->sides[to].stream) < tunnel->unsent[to])
            note_progress(tunnel, to, now_ms);
}

/* Who had the last word where no data was waited for any more; else that it was waited in vain. */
static enum reason
fin_overdue(const struct tunnel *tunnel)
{
    for (int from = CLIENT; from <= BACKEND; from++)
        if (!direction_over(tunnel, from) && !is_dropping(tunnel, from))
            return REASON_FIN_TIMEOUT;
    return tunnel->first_end;
}

enum reason
tunnel_overdue(const struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms)
{
    if (now_ms >= fin_due(tunnel))
        return fin_overdue(tunnel);
    if (tunnel->closing)
        return REASON_NONE;
    if (wall_ms >= tunnel->expiry_wall_ms)
        return REASON_EXPIRED;
    if (now_ms >= tunnel->lifetime_due_ms)
        return tunnel->lifetime_reason;
    if (now_ms >= write_due(tunnel))
        return REASON_WRITE_TIMEOUT;
    if (now_ms >= after(tunnel->active_ms, tunnel->times.idle))
        return REASON_IDLE;
    return REASON_NONE;
}

enum reason
tunnel_tick(struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms)
{
    look_for_progress(tunnel, now_ms);
    tunnel_keep_alive(tunnel, now_ms);
    enum reason reason = tunnel_overdue(tunnel, now_ms, wall_ms);
    bool at_once = tunnel->closing || reason == REASON_WRITE_TIMEOUT || now_ms >= fin_due(tunnel);

    return reason == REASON_NONE || at_once ? reason : tunnel_finish(tunnel, reason, now_ms);
}
