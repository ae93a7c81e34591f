/*
 * tunnel_close.c - Close frames of the peers and of our own, and the end that we make.
 *
 * Towards each side one Close goes out, whoever's it is; what follows is FIN. Ours goes where the
 * stream towards that side stands between two frames. Where it stands within one, the rest of that
 * frame is still passed on, within times.close; and where the rest cannot come, or must not, the
 * stream is cut there: FIN, so that nobody takes our Close for payload.
 */
#include "gateway/tunnel_parts.h"

static const enum reason_side reason_sides[] = {[CLIENT] = REASON_OF_CLIENT,
                                                [BACKEND] = REASON_OF_BACKEND};

bool
tunnel_is_finishing(const struct tunnel *tunnel, int from)
{
    int to = tunnel_other(from);
    const struct side *in = &tunnel->sides[from], *out = &tunnel->sides[to];
    bool revoked = from == CLIENT && reason_revokes(tunnel->first_end);

    return tunnel->closing && tunnel->rules->terms.checked && !tunnel->frames[from].over &&
           !frames_at_boundary(&tunnel->frames[from]) && !tunnel->close_sent[to] && !in->ended &&
           !out->ended && !out->shut && !revoked;
}

bool
tunnel_writing_over(const struct tunnel *tunnel, int to)
{
    int from = tunnel_other(to);

    if (tunnel->closing)
        return !tunnel_is_finishing(tunnel, from);
    return tunnel->sides[from].ended || (tunnel->close_sent[CLIENT] && tunnel->close_sent[BACKEND]);
}

/* A side that has sent a Close itself gets its own code back (RFC 6455 5.5.1). */
static unsigned
code_towards(const struct tunnel *tunnel, int to)
{
    if (tunnel->frames[to].closed)
        return tunnel->frames[to].close_code;
    return reason_close_code(tunnel->first_end, reason_sides[to]);
}

static void
note_code(struct tunnel *tunnel, unsigned code)
{
    if (!tunnel->close_sent[CLIENT] && !tunnel->close_sent[BACKEND])
        tunnel->close_code = (uint16_t)code;
}

const uint8_t *
tunnel_mask(int to)
{
    static const uint8_t mask[FRAME_MASK_LEN] = {0x77, 0x73, 0x67, 0x74};

    return to == BACKEND ? mask : NULL;
}

/* The reason's word goes to whom it is about, and to nobody else. */
static void
send_close(struct tunnel *tunnel, int to)
{
    unsigned code = code_towards(tunnel, to);
    bool about = reason_cause(tunnel->first_end) == reason_sides[to];
    char frame[FRAME_CONTROL_MAX];
    size_t len =
        frame_close(frame, code, str_of(about ? reason_word(tunnel->first_end) : NULL),
                    tunnel_mask(to));

    note_code(tunnel, code);
    tunnel->close_sent[to] = true;
    (void)!side_send(&tunnel->sides[to], frame, len); /* if it fails, reading will tell */
}

void
tunnel_say_goodbye(struct tunnel *tunnel, int to)
{
    int from = tunnel_other(to);
    struct side *out = &tunnel->sides[to];

    if (out->shut || tunnel_is_finishing(tunnel, from))
        return;
    bool wanted = tunnel->frames[to].closed ||
                  reason_close_code(tunnel->first_end, reason_sides[to]) != 0;
    if (tunnel->rules->terms.checked && wanted && !tunnel->close_sent[to] &&
        frames_at_boundary(&tunnel->frames[from]))
        send_close(tunnel, to);
    if (out->out == NULL)
        side_shutdown(out);
}

enum reason
tunnel_finish(struct tunnel *tunnel, enum reason reason, uint64_t now_ms)
{
    if (tunnel->closing)
        return REASON_NONE;
    tunnel->first_end = reason;
    tunnel->fin_ms = now_ms;
    tunnel->closing = true;
    tunnel->paused[CLIENT] = tunnel->paused[BACKEND] = false;
    int cause = reason_cause(reason) == REASON_OF_BACKEND ? BACKEND : CLIENT;
    tunnel_say_goodbye(tunnel, cause); /* first: the code in the log is this one's */
    tunnel_say_goodbye(tunnel, tunnel_other(cause));
    enum reason over = tunnel_read_on(tunnel, CLIENT);
    return over == REASON_NONE ? tunnel_read_on(tunnel, BACKEND) : over;
}

enum reason
tunnel_close_passed(struct tunnel *tunnel, int from, uint64_t now_ms)
{
    static const enum reason closed_by[] = {REASON_CLIENT_CLOSED, REASON_BACKEND_ENDED};

    note_code(tunnel, tunnel->frames[from].close_code);
    tunnel->close_sent[tunnel_other(from)] = true;
    if (tunnel->first_end == REASON_NONE)
        tunnel->first_end = closed_by[from];
    if (tunnel->fin_ms == 0)
        tunnel->fin_ms = now_ms;
    for (int side = CLIENT; side <= BACKEND; side++)
        if (tunnel_writing_over(tunnel, side) && tunnel->sides[side].out == NULL)
            side_shutdown(&tunnel->sides[side]);
    return tunnel_read_on(tunnel, from);
}
