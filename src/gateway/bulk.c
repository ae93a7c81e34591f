/*
 * bulk.c - splicing a direction of a tunnel; see bulk.h.
 *
 * The hard thing is where the stream stands. A frame whose header was judged in the socket counts
 * as begun, with all of its bytes, those of the header too, as its rest: they pass unseen, by
 * splice or by read, whatever happens in between. And the pipe must be empty at the end: what is in
 * it has been taken from one side, and belongs to the other.
 */
#include "gateway/bulk.h"

#include "gateway/tunnel_parts.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    FULL_READS = 4,        /* in a row, half full at least: that is a flow */
    FLOW_MAX = 64,         /* so many short pieces more than long ones, and it is none any more */
    PIECE_MIN = 16 * 1024, /* below it, copying is cheaper than two system calls more */
    PIECES_PER_TURN = 2,   /* more save nothing, and make others wait */
};

/* One wake-up. */
struct haul {
    struct tunnel *tunnel;
    int from;
    const struct bulk_means *means;
    size_t held;      /* in the pipe */
    bool reset;       /* reading has failed */
    enum reason over; /* REASON_NONE: the tunnel goes on */
};

bool
bulk_is_wanted(const struct tunnel *tunnel, int from)
{
    return tunnel->sides[from].flow >= FULL_READS && tunnel->sides[CLIENT].stream.tls == NULL &&
           tunnel->sides[BACKEND].stream.tls == NULL && tunnel->rates == NULL && !tunnel->closing &&
           tunnel->sides[from].reading && !tunnel_is_dropping(tunnel, from) &&
           tunnel->rest[from] == NULL && !tunnel->frames[from].text;
}

static bool
is_checked(const struct haul *haul)
{
    return haul->tunnel->rules->terms.checked;
}

static bool
would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* Judges what the socket holds next. true: a large frame of data, or small ones and then that. */
static bool
look_ahead(struct haul *haul)
{
    struct tunnel *tunnel = haul->tunnel;
    char head[FRAME_HEAD_MAX];
    struct frames ahead = tunnel->frames[haul->from];
    struct frames_step step = {.budget = UINT64_MAX};
    ssize_t n =
        recv(tunnel->sides[haul->from].stream.fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);

    haul->reset = n == -1 && !would_block();
    if (n <= 0 ||
        frames_follow(&ahead, &tunnel->rules->terms.frames, head, (size_t)n, &step) != FRAMES_MORE)
        return false;
    if (ahead.left < PIECE_MIN || ahead.text)
        return false;
    ahead.left += step.used;
    tunnel->frames[haul->from] = ahead;
    return true;
}

/* How many bytes may pass unseen. */
static size_t
passable(struct haul *haul)
{
    const uint64_t *left = &haul->tunnel->frames[haul->from].left;

    if (!is_checked(haul))
        return BULK_PIECE_MAX;
    if (*left == 0 && !look_ahead(haul))
        return 0;
    return *left < BULK_PIECE_MAX ? (size_t)*left : (size_t)BULK_PIECE_MAX;
}

/* Empties the pipe. What the other side does not take goes the way of all that it does not: by a
 * write, which knows what is wrong, into its outbox. */
static void
deliver(struct haul *haul)
{
    const struct bulk_means *means = haul->means;
    struct tunnel *tunnel = haul->tunnel;
    struct stream *to = &tunnel->sides[tunnel_other(haul->from)].stream;
    struct stream_result result = {STREAM_OK, 0};

    while (haul->held > 0 && result.status == STREAM_OK) {
        result = splice_pipe_drain(means->pipe, to, haul->held);
        haul->held -= result.n;
    }
    while (haul->held > 0) {
        size_t n = splice_pipe_read(means->pipe, means->buffer,
                                    haul->held < means->bytes ? haul->held : means->bytes);
        if (n == 0) { /* it cannot be; the stream would lack them */
            haul->over = REASON_NO_MEMORY;
            n = haul->held;
        }
        haul->held -= n;
        if (haul->over == REASON_NONE && !tunnel_is_dropping(tunnel, haul->from))
            haul->over = tunnel_pass_on(tunnel, haul->from, means->buffer, n, means->now_ms);
    }
}

/* The last bytes of a frame, up to where the next header can be seen. */
static bool
reach_boundary(struct haul *haul, size_t bytes)
{
    struct tunnel *tunnel = haul->tunnel;
    uint64_t before = tunnel->bytes[haul->from];
    struct side *in = &tunnel->sides[haul->from];
    uint8_t flow = in->flow;

    deliver(haul);
    if (haul->over != REASON_NONE || !bulk_is_wanted(tunnel, haul->from))
        return false;
    haul->over =
        tunnel_readable(tunnel, haul->from, haul->means->buffer, bytes, haul->means->now_ms);
    in->flow = flow;
    return tunnel->bytes[haul->from] - before == bytes;
}

/* Into the pipe. true: there may be more. */
static bool
move_piece(struct haul *haul)
{
    struct tunnel *tunnel = haul->tunnel;
    const struct bulk_means *means = haul->means;

    if (haul->over != REASON_NONE || !bulk_is_wanted(tunnel, haul->from) ||
        !splice_pipe_ready(means->pipe, means->now_ms))
        return false;
    size_t bytes = passable(haul);
    if (bytes < PIECE_MIN)
        return bytes > 0 && reach_boundary(haul, bytes);
    struct stream_result result =
        splice_pipe_fill(means->pipe, &tunnel->sides[haul->from].stream, bytes);
    haul->reset = result.status == STREAM_ERROR;
    haul->held += result.n;
    tunnel->bytes[haul->from] += result.n;
    if (is_checked(haul))
        tunnel->frames[haul->from].left -= result.n;
    return result.n == bytes;
}

/* Pieces that are short again and again are better copied. */
static void
note_flow(struct side *in, uint64_t moved)
{
    if (moved == 0)
        in->flow = 0;
    else if (moved < PIECE_MIN)
        in->flow--;
    else if (in->flow < FLOW_MAX)
        in->flow++;
}

enum reason
bulk_readable(struct tunnel *tunnel, int from, const struct bulk_means *means)
{
    struct haul haul = {.tunnel = tunnel, .from = from, .means = means};
    uint64_t before = tunnel->bytes[from];

    for (int i = 0; i < PIECES_PER_TURN && move_piece(&haul); i++)
        continue;
    deliver(&haul);
    uint64_t moved = tunnel->bytes[from] - before;
    note_flow(&tunnel->sides[from], moved);
    if (haul.over != REASON_NONE)
        return haul.over;
    if (haul.reset)
        return tunnel_read_ended(tunnel, from, STREAM_ERROR, means->now_ms);
    if (moved == 0)
        return tunnel_readable(tunnel, from, means->buffer, means->bytes, means->now_ms);
    tunnel->active_ms = means->now_ms;
    if (tunnel->heartbeat != NULL)
        tunnel_heard(tunnel, from, means->now_ms);
    return REASON_NONE;
}
