/*
 * relay.c - the yardstick: a bare epoll TCP relay that stands for what a
 * copying user-space proxy cannot beat.
 *
 *     relay -l 127.0.0.1:PORT -b 127.0.0.1:PORT [-z]
 *
 * One thread, one shared buffer of 64 KiB, level-triggered events registered
 * once, nothing parsed: accept, connect, copy. A read at once after accept and
 * a write at once after connect, so that a handshake whose bytes are there
 * costs no extra turn. What the other side does not take is kept, and reading
 * stops until it has gone. With -z a direction that keeps filling the buffer
 * is spliced through a pipe instead.
 *
 * It does not pass on a half-close: the first FIN closes both sides as soon as
 * what came before it has been written. That is two system calls less than a
 * proxy owes its users, and part of why nothing beats it.
 *
 * A pair dies inside a batch of events that may still name it; the dead are
 * freed when the batch is done.
 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_BYTES 65536
#define PIPE_BYTES (256 * 1024)
#define STREAK_FOR_SPLICE 8 /* full buffers in a row before a direction counts as a stream */
#define BATCH 256

/* Bytes on their way to a side that would not take them: in memory or in a pipe. */
struct backlog {
    size_t at, len;
    char bytes[];
};

struct conduit {
    int in, out;
    size_t held;
    struct conduit *next;
};

struct side {
    int fd;
    bool is_backend;
    bool ended; /* its FIN was read */
    bool reading;
    bool writing;
    uint8_t streak;
    struct backlog *backlog; /* to be written to this side */
    struct conduit *conduit; /* likewise, while it is spliced to */
};

struct pair {
    struct side side[2];
    struct pair *next_dead;
    bool dead;
};

struct relay {
    struct sockaddr_in backend;
    struct conduit *spare;
    struct pair *dead;
    int epoll;
    int listener;
    bool splices;
    char buffer[BUFFER_BYTES];
};

static struct pair *
pair_of(struct side *side)
{
    return (struct pair *)(void *)((char *)(side - side->is_backend) - offsetof(struct pair, side));
}

static struct side *
other_side(struct side *side)
{
    return side->is_backend ? side - 1 : side + 1;
}

static struct conduit *
conduit_take(struct relay *relay)
{
    struct conduit *conduit = relay->spare;
    int fds[2];

    if (conduit) {
        relay->spare = conduit->next;
        return conduit;
    }
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC) != 0)
        return NULL;
    fcntl(fds[1], F_SETPIPE_SZ, PIPE_BYTES);
    conduit = tool_alloc(sizeof(*conduit));
    conduit->out = fds[0];
    conduit->in = fds[1];
    return conduit;
}

static void
conduit_give(struct relay *relay, struct side *side)
{
    struct conduit *conduit = side->conduit;

    side->conduit = NULL;
    if (!conduit)
        return;
    if (conduit->held > 0) {
        close(conduit->in);
        close(conduit->out);
        free(conduit);
        return;
    }
    conduit->next = relay->spare;
    relay->spare = conduit;
}

static void
pair_close(struct relay *relay, struct pair *pair)
{
    if (pair->dead)
        return;
    pair->dead = true;
    for (int i = 0; i < 2; i++) {
        if (pair->side[i].fd >= 0)
            close(pair->side[i].fd);
        free(pair->side[i].backlog);
        conduit_give(relay, &pair->side[i]);
    }
    pair->next_dead = relay->dead;
    relay->dead = pair;
}

static void
free_the_dead(struct relay *relay)
{
    while (relay->dead) {
        struct pair *pair = relay->dead;
        relay->dead = pair->next_dead;
        free(pair);
    }
}

static void
side_want(struct relay *relay, struct side *side, bool reading, bool writing)
{
    if (side->reading == reading && side->writing == writing)
        return;
    side->reading = reading;
    side->writing = writing;
    struct epoll_event event = {.events = (reading ? EPOLLIN : 0) | (writing ? EPOLLOUT : 0),
                                .data.ptr = side};
    epoll_ctl(relay->epoll, EPOLL_CTL_MOD, side->fd, &event);
}

static bool
would_block(void)
{
    return errno == EAGAIN || errno == EINTR;
}

/* `to` would not take everything: keep the rest, stop its source until it has gone. */
static void
side_hold(struct relay *relay, struct side *to)
{
    side_want(relay, other_side(to), false, other_side(to)->writing);
    side_want(relay, to, to->reading, true);
}

static void
side_release(struct relay *relay, struct side *to)
{
    struct side *from = other_side(to);

    side_want(relay, to, to->reading, false);
    if (from->ended)
        pair_close(relay, pair_of(to));
    else
        side_want(relay, from, true, from->writing);
}

static void
side_write(struct relay *relay, struct side *to, size_t len)
{
    ssize_t done = send(to->fd, relay->buffer, len, MSG_NOSIGNAL);

    if (done < 0 && !would_block()) {
        pair_close(relay, pair_of(to));
        return;
    }
    size_t written = done < 0 ? 0 : (size_t)done;
    if (written == len)
        return;
    to->backlog = malloc(sizeof(*to->backlog) + len - written);
    if (!to->backlog) {
        pair_close(relay, pair_of(to));
        return;
    }
    to->backlog->at = 0;
    to->backlog->len = len - written;
    memcpy(to->backlog->bytes, relay->buffer + written, len - written);
    side_hold(relay, to);
}

static void
side_ended(struct relay *relay, struct side *from)
{
    struct side *to = other_side(from);

    from->ended = true;
    if (to->backlog || to->conduit)
        side_want(relay, from, false, from->writing);
    else
        pair_close(relay, pair_of(from));
}

static void
side_copy(struct relay *relay, struct side *from)
{
    ssize_t got = recv(from->fd, relay->buffer, sizeof(relay->buffer), 0);

    if (got < 0) {
        if (!would_block())
            pair_close(relay, pair_of(from));
        return;
    }
    if (got == 0) {
        side_ended(relay, from);
        return;
    }
    if (got < BUFFER_BYTES)
        from->streak = 0;
    else if (from->streak < STREAK_FOR_SPLICE)
        from->streak++;
    side_write(relay, other_side(from), (size_t)got);
}

/* Moves what the conduit holds to `to`. False when the pair is gone or bytes are left. */
static bool
conduit_drain(struct relay *relay, struct side *to)
{
    struct conduit *conduit = to->conduit;

    while (conduit->held > 0) {
        ssize_t moved = splice(conduit->out, NULL, to->fd, NULL, conduit->held,
                               SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
        if (moved <= 0) {
            if (moved < 0 && would_block())
                side_hold(relay, to);
            else
                pair_close(relay, pair_of(to));
            return false;
        }
        conduit->held -= (size_t)moved;
    }
    conduit_give(relay, to);
    return true;
}

static void
side_splice(struct relay *relay, struct side *from)
{
    struct side *to = other_side(from);

    to->conduit = conduit_take(relay);
    if (!to->conduit) {
        side_copy(relay, from);
        return;
    }
    ssize_t got = splice(from->fd, NULL, to->conduit->in, NULL, PIPE_BYTES,
                         SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
    if (got > 0) {
        to->conduit->held = (size_t)got;
        conduit_drain(relay, to);
        return;
    }
    conduit_give(relay, to);
    from->streak = 0;
    if (got == 0)
        side_ended(relay, from);
    else if (!would_block())
        pair_close(relay, pair_of(from));
}

static void
on_readable(struct relay *relay, struct side *from)
{
    if (relay->splices && from->streak == STREAK_FOR_SPLICE)
        side_splice(relay, from);
    else
        side_copy(relay, from);
}

static void
on_writable(struct relay *relay, struct side *to)
{
    struct backlog *backlog = to->backlog;

    if (to->conduit) {
        if (conduit_drain(relay, to))
            side_release(relay, to);
        return;
    }
    if (!backlog)
        return;
    ssize_t done = send(to->fd, backlog->bytes + backlog->at, backlog->len, MSG_NOSIGNAL);
    if (done < 0) {
        if (!would_block())
            pair_close(relay, pair_of(to));
        return;
    }
    backlog->at += (size_t)done;
    backlog->len -= (size_t)done;
    if (backlog->len > 0)
        return;
    free(backlog);
    to->backlog = NULL;
    side_release(relay, to);
}

static bool
side_add(struct relay *relay, struct side *side)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = side};

    side->reading = true;
    return epoll_ctl(relay->epoll, EPOLL_CTL_ADD, side->fd, &event) == 0;
}

static void
on_client(struct relay *relay)
{
    int fd = accept4(relay->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    struct pair *pair = tool_alloc(sizeof(*pair));
    pair->side[1].is_backend = true;
    pair->side[0].fd = fd;
    pair->side[1].fd = tool_connect(&relay->backend);
    if (pair->side[1].fd < 0 || !side_add(relay, &pair->side[0]) ||
        !side_add(relay, &pair->side[1])) {
        pair_close(relay, pair);
        return;
    }
    side_copy(relay, &pair->side[0]);
}

static void
on_event(struct relay *relay, const struct epoll_event *event)
{
    struct side *side = event->data.ptr;

    if (!side) {
        on_client(relay);
        return;
    }
    struct pair *pair = pair_of(side);
    if (!pair->dead && side->writing && (event->events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        on_writable(relay, side);
    if (!pair->dead && side->reading && (event->events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        on_readable(relay, side);
    else if (!pair->dead && !side->reading && !side->writing)
        pair_close(relay, pair); /* only an error or a hang-up comes unasked */
}

static void
run(struct relay *relay)
{
    struct epoll_event events[BATCH];

    for (;;) {
        int count = epoll_wait(relay->epoll, events, BATCH, -1);
        for (int i = 0; i < count; i++)
            on_event(relay, &events[i]);
        free_the_dead(relay);
    }
}

int
main(int argc, char **argv)
{
    struct relay *relay = tool_alloc(sizeof(*relay));
    const char *listen_on = NULL, *backend = NULL;
    int option;

    while ((option = getopt(argc, argv, "l:b:z")) != -1) {
        if (option == 'l')
            listen_on = optarg;
        else if (option == 'b')
            backend = optarg;
        else if (option == 'z')
            relay->splices = true;
        else
            return 2;
    }
    if (!listen_on || !backend)
        tool_die("usage: relay -l ADDRESS:PORT -b ADDRESS:PORT [-z]");
    tool_raise_descriptor_limit();
    tool_exit_on_signals();
    struct sockaddr_in address = tool_address(listen_on);
    relay->backend = tool_address(backend);
    relay->listener = tool_listen(&address);
    relay->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (relay->epoll < 0 || epoll_ctl(relay->epoll, EPOLL_CTL_ADD, relay->listener, &event) != 0)
        tool_die("epoll");
    run(relay);
}
