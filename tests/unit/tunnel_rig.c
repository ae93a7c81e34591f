/* tunnel_rig.c - a tunnel whose loop is turned by hand; see tunnel_rig.h. */
#include "tunnel_rig.h"

#include "base/compiler.h"
#include "gateway/bulk.h"
#include "tcp_pair.h"

#include <check.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct event_base *base;
static struct event reads[2];
struct tunnel tunnel;
struct tunnel_rules rules;
int peers[2];
bool rig_local;
enum reason over;
bool rig_bulk;
static char buffer[RIG_BUFFER];
struct splice_pipe rig_pipe = {.in = -1, .out = -1};
static const struct bulk_means means = {&rig_pipe, buffer, sizeof(buffer), 1000};

static void
judged(enum reason reason)
{
    if (over == REASON_NONE)
        over = reason;
}

static void
on_ready(evutil_socket_t fd, short what, void *arg)
{
    int side = fd == tunnel.sides[CLIENT].stream.fd ? CLIENT : BACKEND;

    (void)arg;
    if ((what & EV_WRITE) != 0)
        judged(tunnel_writable(&tunnel, side, 1000));
    else if (rig_bulk && bulk_is_wanted(&tunnel, side))
        judged(bulk_readable(&tunnel, side, &means));
    else
        judged(tunnel_readable(&tunnel, side, buffer, sizeof(buffer), 1000));
}

/* TCP, for resets. */
static void
socket_pair(int fds[2])
{
    if (rig_local) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        return;
    }
    tcp_pair(fds);
}

void
rig_setup(void)
{
    base = event_base_new();
    memset(&tunnel, 0, sizeof(tunnel));
    memset(&rules, 0, sizeof(rules));
    ck_assert(tunnel_begin(&tunnel, &rules, false, 7, 1000));
    over = REASON_NONE;
    for (int i = CLIENT; i <= BACKEND; i++) {
        int fds[2];
        socket_pair(fds);
        peers[i] = fds[0];
        side_init(&tunnel.sides[i], &reads[i], base, on_ready, NULL);
        side_open(&tunnel.sides[i], (struct stream){fds[1], NULL});
    }
    tunnel.expiry_wall_ms = INT64_MAX;
    tunnel.lifetime_due_ms = WHEEL_NEVER;
    tunnel.keep_alive_ms = WHEEL_NEVER;
    tunnel.lifetime_reason = REASON_LIFETIME;
    ck_assert_int_eq(tunnel_open(&tunnel), REASON_NONE);
}

void
rig_teardown(void)
{
    side_close(&tunnel.sides[CLIENT]);
    side_close(&tunnel.sides[BACKEND]);
    for (int i = 0; i < 2; i++)
        if (peers[i] != -1)
            close(peers[i]);
    event_base_free(base);
    splice_pipe_close(&rig_pipe);
    rig_pipe.retry_ms = 0;
}

void
turn(void)
{
    for (int i = 0; i < 20 && over == REASON_NONE; i++) {
        usleep(500);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

void
leave(int peer, bool reset)
{
    struct linger now = {1, 0};

    if (reset)
        setsockopt(peers[peer], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(peers[peer]);
    peers[peer] = -1;
}

void
expect(int peer, const char *text)
{
    char got[256];
    ssize_t n = recv(peers[peer], got, sizeof(got), 0);

    ck_assert_int_eq(n, (ssize_t)strlen(text));
    ck_assert_mem_eq(got, text, strlen(text));
}

void
close_if_over(void)
{
    if (over == REASON_NONE)
        return;
    side_close(&tunnel.sides[CLIENT]);
    side_close(&tunnel.sides[BACKEND]);
}

void
expect_end(int peer)
{
    char byte;

    close_if_over();
    ck_assert_int_eq(recv(peers[peer], &byte, 1, 0), 0);
}
