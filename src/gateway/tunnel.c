/*
 * tunnel.c - two sides that feed each other; see tunnel.h.
 *
 * For side `from` and its other: reading from `from` is on, or paused (the other
 * has an outbox), or over (from->ended). Writing to a side is open or shut. The tunnel is over
 * when both directions are: read to the end or unwanted, and nothing left to write.
 *
 * The hard thing is a peer that resets: what it sent before must still reach the
 * other side, even where a write to it was what told us. So a failed write only shuts that
 * direction; the reading goes on until the kernel has nothing more.
 */
#include "gateway/tunnel.h"

static int
other(int side)
{
    return 1 - side;
}

static enum reason
ended_by(int side, bool reset)
{
    if (reset)
        return side == CLIENT ? REASON_CLIENT_RESET : REASON_BACKEND_RESET;
    return side == CLIENT ? REASON_CLIENT_CLOSED : REASON_BACKEND_ENDED;
}

static void
note_end(struct tunnel *tunnel, int side, bool reset, uint64_t now_ms)
{
    if (tunnel->first_end == REASON_NONE)
        tunnel->first_end = ended_by(side, reset);
    if (tunnel->fin_ms == 0)
        tunnel->fin_ms = now_ms;
}

/* Nothing more will come from `from`, and all of it has been written. */
static bool
direction_over(const struct tunnel *tunnel, int from)
{
    const struct side *in = &tunnel->sides[from], *out = &tunnel->sides[other(from)];

    return out->shut || (in->ended && out->out == NULL);
}

static enum reason
settle(struct tunnel *tunnel)
{
    bool both = direction_over(tunnel, CLIENT) && direction_over(tunnel, BACKEND);

    return both ? tunnel->first_end : REASON_NONE;
}

/* The other side takes nothing any more: what comes for it is read no longer. */
static void
write_failed(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    note_end(tunnel, to, true, now_ms);
    side_read_off(&tunnel->sides[other(to)]);
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
        tunnel->progress_ms[to] = now_ms;
        return REASON_NONE;
    case SIDE_FAILED:
        write_failed(tunnel, to, now_ms);
        return settle(tunnel);
    }
    return REASON_NONE;
}

static enum reason
read_ended(struct tunnel *tunnel, int from, bool reset, uint64_t now_ms)
{
    struct side *in = &tunnel->sides[from], *out = &tunnel->sides[other(from)];

    note_end(tunnel, from, reset, now_ms);
    in->ended = true;
    side_read_off(in);
    if (reset) { /* it takes nothing any more either */
        side_abandon(in);
        side_read_off(out);
    }
    enum reason over = settle(tunnel); /* then the close ends it: a system call less */
    if (over == REASON_NONE && out->out == NULL)
        side_shutdown(out);
    return over;
}

enum reason
tunnel_readable(struct tunnel *tunnel, int from, char *buffer, size_t bytes, uint64_t now_ms)
{
    struct side *in = &tunnel->sides[from];

    if (!in->reading) /* switched off by an earlier callback of this turn */
        return REASON_NONE;
    struct stream_result result = stream_read(&in->stream, buffer, bytes);
    switch (result.status) {
    case STREAM_OK:
        tunnel->bytes[from] += result.n;
        tunnel->active_ms = now_ms;
        return pass_on(tunnel, from, buffer, result.n, now_ms);
    case STREAM_AGAIN:
        return REASON_NONE;
    case STREAM_END:
    case STREAM_ERROR:
        break;
    }
    return read_ended(tunnel, from, result.status == STREAM_ERROR, now_ms);
}

enum reason
tunnel_writable(struct tunnel *tunnel, int to, uint64_t now_ms)
{
    struct side *out = &tunnel->sides[to], *in = &tunnel->sides[other(to)];

    switch (side_flush(out)) {
    case SIDE_KEPT:
        tunnel->progress_ms[to] = now_ms;
        return REASON_NONE;
    case SIDE_FAILED:
        write_failed(tunnel, to, now_ms);
        return settle(tunnel);
    case SIDE_SENT:
        break;
    }
    if (in->ended) {
        side_shutdown(out);
        return settle(tunnel);
    }
    return side_read_on(in) ? REASON_NONE : REASON_NO_MEMORY;
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

uint64_t
tunnel_due(const struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms)
{
    uint64_t due = earlier(after(tunnel->active_ms, tunnel->times.idle), tunnel->lifetime_due_ms);

    if (tunnel->expiry_wall_ms != INT64_MAX) {
        int64_t left = tunnel->expiry_wall_ms - wall_ms;
        due = earlier(due, now_ms + (left > 0 ? (uint64_t)left : 0));
    }
    due = earlier(due, earlier(write_due(tunnel), tunnel->keep_alive_ms));
    if (tunnel->fin_ms != 0)
        due = earlier(due, after(tunnel->fin_ms, tunnel->times.fin));
    return due;
}

void
tunnel_keep_alive(struct tunnel *tunnel, uint64_t now_ms)
{
    if (now_ms < tunnel->keep_alive_ms)
        return;
    stream_keep_alive(&tunnel->sides[BACKEND].stream);
    tunnel->keep_alive_ms = WHEEL_NEVER;
}

enum reason
tunnel_overdue(const struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms)
{
    if (wall_ms >= tunnel->expiry_wall_ms)
        return REASON_EXPIRED;
    if (now_ms >= tunnel->lifetime_due_ms)
        return tunnel->lifetime_reason;
    if (now_ms >= write_due(tunnel))
        return REASON_WRITE_TIMEOUT;
    if (tunnel->fin_ms != 0 && now_ms >= after(tunnel->fin_ms, tunnel->times.fin))
        return REASON_FIN_TIMEOUT;
    if (now_ms >= after(tunnel->active_ms, tunnel->times.idle))
        return REASON_IDLE;
    return REASON_NONE;
}
