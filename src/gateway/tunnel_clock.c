/*
 * tunnel_clock.c - what falls due in a tunnel, and when.
 *
 * All is measured on the monotonic clock but a token's end, which the wall clock knows.
 */
#include "gateway/tunnel_parts.h"

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
            due = earlier(due, after(tunnel->progress_ms[to], tunnel->rules->terms.times.write));
    return due;
}

static bool
has_closed(const struct tunnel *tunnel)
{
    return tunnel->closing || tunnel->close_sent[CLIENT] || tunnel->close_sent[BACKEND];
}

/* The goodbye's end: after a Close, or while one direction still carries some. */
static uint64_t
fin_due(const struct tunnel *tunnel)
{
    const struct tunnel_times *times = &tunnel->rules->terms.times;

    if (tunnel->fin_ms == 0)
        return WHEEL_NEVER;
    return after(tunnel->fin_ms, has_closed(tunnel) ? times->close : times->fin);
}

static uint64_t
pause_due(const struct tunnel *tunnel)
{
    uint64_t due = WHEEL_NEVER;

    for (int from = CLIENT; from <= BACKEND; from++)
        if (tunnel->paused[from])
            due = earlier(due, rates_due(tunnel->rates, &tunnel->rules->terms.rates, from));
    return due;
}

uint64_t
tunnel_due(const struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms)
{
    if (tunnel->closing)
        return fin_due(tunnel);
    uint64_t idle_due_ms = after(tunnel->active_ms, tunnel->rules->terms.times.idle);
    uint64_t due = earlier(idle_due_ms, tunnel->lifetime_due_ms);

    if (tunnel->expiry_wall_ms != INT64_MAX) {
        int64_t left = tunnel->expiry_wall_ms - wall_ms;
        due = earlier(due, now_ms + (left > 0 ? (uint64_t)left : 0));
    }
    due = earlier(due, earlier(write_due(tunnel), tunnel->keep_alive_ms));
    due = earlier(due, earlier(tunnel_beat_due(tunnel), pause_due(tunnel)));
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
            tunnel_note_progress(tunnel, to, now_ms);
}

/* Who had the last word where no data was waited for any more; else that it was waited in vain. */
static enum reason
fin_overdue(const struct tunnel *tunnel)
{
    if (has_closed(tunnel))
        return tunnel->first_end;
    for (int from = CLIENT; from <= BACKEND; from++)
        if (!tunnel_direction_over(tunnel, from) && !tunnel_is_dropping(tunnel, from))
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
    if (now_ms >= after(tunnel->active_ms, tunnel->rules->terms.times.idle))
        return REASON_IDLE;
    return REASON_NONE;
}

/* Debts that are paid. */
static enum reason
end_pauses(struct tunnel *tunnel, uint64_t now_ms)
{
    enum reason over = REASON_NONE;

    for (int from = CLIENT; from <= BACKEND && over == REASON_NONE; from++) {
        if (!tunnel->paused[from] ||
            now_ms < rates_due(tunnel->rates, &tunnel->rules->terms.rates, from))
            continue;
        tunnel->paused[from] = false;
        over = tunnel_read_on(tunnel, from);
    }
    return over;
}

/* No longer waits for who takes nothing; the other side can still be told. */
static void
give_up_writing(struct tunnel *tunnel, uint64_t now_ms)
{
    for (int to = CLIENT; to <= BACKEND; to++)
        if (tunnel->sides[to].out != NULL &&
            now_ms >= after(tunnel->progress_ms[to], tunnel->rules->terms.times.write))
            side_abandon(&tunnel->sides[to]);
}

/* A Close that was not answered, or a direction that went on for too long: a last word, if there
 * can be one, and the end. */
static void
say_last_words(struct tunnel *tunnel, enum reason reason)
{
    tunnel->first_end = reason;
    tunnel->closing = true;
    tunnel_say_goodbye(tunnel, CLIENT);
    tunnel_say_goodbye(tunnel, BACKEND);
}

enum reason
tunnel_tick(struct tunnel *tunnel, uint64_t now_ms, int64_t wall_ms)
{
    look_for_progress(tunnel, now_ms);
    tunnel_keep_alive(tunnel, now_ms);
    enum reason reason = tunnel_overdue(tunnel, now_ms, wall_ms);

    if (tunnel->closing)
        return reason;
    if (reason == REASON_NONE)
        reason = end_pauses(tunnel, now_ms);
    if (reason == REASON_NONE)
        return tunnel_beat(tunnel, now_ms);
    if (now_ms >= fin_due(tunnel)) {
        say_last_words(tunnel, reason);
        return reason;
    }
    if (reason == REASON_WRITE_TIMEOUT && !tunnel->rules->terms.checked)
        return reason;
    if (reason == REASON_WRITE_TIMEOUT)
        give_up_writing(tunnel, now_ms);
    return tunnel_finish(tunnel, reason, now_ms);
}
