/*
 * tunnels.c - see tunnels.h.
 *
 * All tunnels send the same frame and expect the same answer, each laid down
 * once. In the first 8 bytes of the payload stands the number of the message,
 * put in anew each time the shared frame is used, so that a lost, repeated or
 * crossed message is seen.
 */
#include "tunnels.h"

#include "tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_MAX 14
#define MASK_BYTES 4
#define STAMP_BYTES 8
#define READ_BYTES (128 * 1024)
#define BATCH 512

enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, FIN_BIT = 0x80, MASK_BIT = 0x80 };

static const uint8_t the_mask[MASK_BYTES] = {0x5a, 0xc3, 0x17, 0xe8};

struct frame {
    uint8_t *bytes;
    size_t header_len, len;
    size_t stamp_len; /* so many bytes of the payload carry the number */
};

struct tunnel {
    int fd;
    uint32_t waits_for;
    uint64_t number; /* of the message under way */
    size_t sent, got;
    uint64_t sent_ns;
};

struct tunnels {
    const struct plan *plan;
    struct outcome *outcome;
    struct tunnel *row;
    struct frame frame, answer;
    struct frame last; /* of a stream */
    int epoll;
    size_t open; /* tunnels that are not through */
    uint8_t input[READ_BYTES];
};

static struct frame
frame_make(int opcode, bool masked, size_t payload)
{
    struct frame frame = {.header_len = 2, .stamp_len = payload < 8 ? payload : STAMP_BYTES};
    size_t length_bytes = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
    uint8_t *at = tool_alloc(HEADER_MAX + payload);

    frame.bytes = at;
    at[0] = (uint8_t)(FIN_BIT | opcode);
    at[1] = (uint8_t)((masked ? MASK_BIT : 0) |
                      (length_bytes == 0 ? payload : length_bytes == 2 ? 126u : 127u));
    for (size_t i = 0; i < length_bytes; i++)
        at[2 + i] = (uint8_t)((uint64_t)payload >> 8 * (length_bytes - 1 - i));
    frame.header_len += length_bytes;
    if (masked) {
        memcpy(at + frame.header_len, the_mask, MASK_BYTES);
        frame.header_len += MASK_BYTES;
    }
    for (size_t i = 0; i < payload; i++)
        at[frame.header_len + i] =
            (uint8_t)('a' + i % 23) ^ (masked ? the_mask[i % MASK_BYTES] : 0);
    frame.len = frame.header_len + payload;
    return frame;
}

/* Digits, so that a text frame stays UTF-8. */
static void
frame_stamp(const struct frame *frame, uint64_t number, bool masked)
{
    uint8_t *at = frame->bytes + frame->header_len;

    for (size_t i = 0; i < frame->stamp_len; i++, number /= 10)
        at[i] = (uint8_t)('0' + number % 10) ^ (masked ? the_mask[i % MASK_BYTES] : 0);
}

static void
tunnel_want(struct tunnels *run, struct tunnel *tunnel, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = tunnel};

    if (tunnel->waits_for == events)
        return;
    if (epoll_ctl(run->epoll, tunnel->waits_for ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, tunnel->fd,
                  &event) != 0)
        tool_die("epoll_ctl");
    tunnel->waits_for = events;
}

static void
tunnel_end(struct tunnels *run, struct tunnel *tunnel)
{
    epoll_ctl(run->epoll, EPOLL_CTL_DEL, tunnel->fd, NULL);
    tunnel->waits_for = 0;
    run->open--;
}

static void
tunnel_fault(struct tunnels *run, struct tunnel *tunnel, const char *what)
{
    plan_fault(run->outcome, "tunnel %zu, message %llu: %s", (size_t)(tunnel - run->row),
               (unsigned long long)tunnel->number, what);
    tunnel_end(run, tunnel);
}

/* What the socket takes of the frame. True when all of it has gone. */
static bool
tunnel_push(struct tunnels *run, struct tunnel *tunnel, const struct frame *frame)
{
    ssize_t done = send(tunnel->fd, frame->bytes + tunnel->sent, frame->len - tunnel->sent,
                        MSG_NOSIGNAL);

    if (done < 0 && errno != EAGAIN) {
        tunnel_fault(run, tunnel, "cannot be sent");
        return false;
    }
    tunnel->sent += done > 0 ? (size_t)done : 0;
    if (tunnel->sent == frame->len)
        return true;
    tunnel_want(run, tunnel, EPOLLIN | EPOLLOUT);
    return false;
}

/* One message of an echo, or what is left of it. */
static void
echo_send(struct tunnels *run, struct tunnel *tunnel)
{
    if (tunnel->sent == 0 && run->outcome->round_trip_ns)
        tunnel->sent_ns = tool_now_ns();
    frame_stamp(&run->frame, tunnel->number, true);
    if (tunnel_push(run, tunnel, &run->frame))
        tunnel_want(run, tunnel, EPOLLIN);
}

static void
echo_next(struct tunnels *run, struct tunnel *tunnel)
{
    struct outcome *outcome = run->outcome;

    if (outcome->round_trip_ns)
        outcome->round_trip_ns[outcome->round_trips++] =
            (uint32_t)(tool_now_ns() - tunnel->sent_ns);
    outcome->done++;
    outcome->payload_bytes += run->plan->message_size;
    tunnel->sent = tunnel->got = 0;
    if (++tunnel->number == run->plan->messages)
        tunnel_end(run, tunnel);
    else
        echo_send(run, tunnel);
}

/* Compares what came with the place in the answer where it should stand. */
static bool
answer_goes_on(struct tunnels *run, struct tunnel *tunnel, const struct frame *answer, size_t len)
{
    if (len > answer->len - tunnel->got)
        return false;
    frame_stamp(answer, tunnel->number, false);
    if (memcmp(run->input, answer->bytes + tunnel->got, len) != 0)
        return false;
    tunnel->got += len;
    return true;
}

/* Reads what is there of the expected answer; goes on with `whole` when that is complete. */
static void
answer_read(struct tunnels *run, struct tunnel *tunnel,
            void (*whole)(struct tunnels *, struct tunnel *))
{
    ssize_t got = recv(tunnel->fd, run->input, sizeof(run->input), 0);

    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0)
        tunnel_fault(run, tunnel, "closed");
    else if (!answer_goes_on(run, tunnel, &run->answer, (size_t)got))
        tunnel_fault(run, tunnel, "another answer than was sent");
    else if (tunnel->got == run->answer.len)
        whole(run, tunnel);
}

static void
on_echo(struct tunnels *run, struct tunnel *tunnel, uint32_t events)
{
    if (events & EPOLLOUT)
        echo_send(run, tunnel);
    if (tunnel->waits_for && (events & ~(uint32_t)EPOLLOUT))
        answer_read(run, tunnel, echo_next);
}

/* One frame a turn, so that all tunnels get theirs. */
static void
stream_send(struct tunnels *run, struct tunnel *tunnel)
{
    bool is_last = tunnel->number == run->plan->messages;

    if (is_last)
        frame_stamp(&run->last, tunnel->number, true);
    if (!tunnel_push(run, tunnel, is_last ? &run->last : &run->frame))
        return;
    tunnel->sent = 0;
    if (is_last) {
        tunnel_want(run, tunnel, EPOLLIN);
        return;
    }
    tunnel->number++;
    run->outcome->done++;
    run->outcome->payload_bytes += run->plan->message_size;
    tunnel_want(run, tunnel, EPOLLIN | EPOLLOUT);
}

static void
on_stream(struct tunnels *run, struct tunnel *tunnel, uint32_t events)
{
    if (events & EPOLLOUT)
        stream_send(run, tunnel);
    if (tunnel->waits_for && (events & ~(uint32_t)EPOLLOUT))
        answer_read(run, tunnel, tunnel_end);
}

static void
run_until_through(struct tunnels *run, const int *fds,
                  void (*begin)(struct tunnels *, struct tunnel *),
                  void (*on_event)(struct tunnels *, struct tunnel *, uint32_t))
{
    struct epoll_event events[BATCH];

    run->outcome->begin_ns = tool_now_ns();
    for (size_t i = 0; i < run->plan->count; i++) {
        run->row[i].fd = fds[i];
        begin(run, &run->row[i]);
    }
    while (run->open > 0) {
        int count = epoll_wait(run->epoll, events, BATCH, 1000);
        for (int i = 0; i < count; i++)
            on_event(run, events[i].data.ptr, events[i].events);
        if (tool_now_ns() > run->plan->deadline_ns) {
            plan_fault(run->outcome, "out of time with %zu tunnels under way", run->open);
            break;
        }
    }
    run->outcome->end_ns = tool_now_ns();
}

static struct tunnels *
tunnels_make(const struct plan *plan, struct outcome *outcome)
{
    struct tunnels *run = tool_alloc(sizeof(*run));

    run->plan = plan;
    run->outcome = outcome;
    run->open = plan->count;
    run->row = tool_alloc(plan->count * sizeof(*run->row));
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run->epoll < 0)
        tool_die("epoll");
    run->frame = frame_make(OPCODE_BINARY, true, plan->message_size);
    return run;
}

static void
tunnels_free(struct tunnels *run)
{
    close(run->epoll);
    free(run->frame.bytes);
    free(run->answer.bytes);
    free(run->last.bytes);
    free(run->row);
    free(run);
}

void
tunnels_echo(const struct plan *plan, const int *fds, struct outcome *outcome)
{
    if (plan->messages == 0)
        return;
    struct tunnels *run = tunnels_make(plan, outcome);
    run->answer = frame_make(OPCODE_BINARY, false, plan->message_size);
    run_until_through(run, fds, echo_send, on_echo);
    tunnels_free(run);
}

void
tunnels_stream(const struct plan *plan, const int *fds, struct outcome *outcome)
{
    struct tunnels *run = tunnels_make(plan, outcome);

    run->last = frame_make(OPCODE_TEXT, true, STAMP_BYTES);
    run->answer = frame_make(OPCODE_TEXT, false, STAMP_BYTES);
    run_until_through(run, fds, stream_send, on_stream);
    tunnels_free(run);
}
