/* listener.c - accepting; see listener.h. */
#include "gateway/listener.h"

#include "gateway/connection.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BACKLOG = 4096,         /* the kernel cuts it to net.core.somaxconn */
    ACCEPTS_PER_WAKEUP = 16 /* then the other sockets have their turn */
};

/* A socket file that nobody listens on is left over from a crash; one that answers is in use. */
static bool
remove_stale(const struct address *address)
{
    struct stat status;

    if (lstat(address->local.sun_path, &status) == -1 || !S_ISSOCK(status.st_mode))
        return true; /* bind will say what is wrong */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return false;
    bool stale = connect(fd, &address->any, address->len) == -1 && errno == ECONNREFUSED;
    (void)close(fd);
    if (stale)
        return unlink(address->local.sun_path) == 0;
    errno = EADDRINUSE; /* somebody answers, or is too busy to, or is of another kind */
    return false;
}

static bool
set_tcp_options(int fd, int family, bool alone)
{
    int on = 1, shared = !alone;

    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
        return false;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &shared, sizeof(shared)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0;
}

int
listener_bind(const struct listener_settings *settings, bool alone)
{
    const struct address *address = &settings->address;
    int family = address->any.sa_family;

    if (family == AF_UNIX && !remove_stale(address))
        return -1;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -1;
    if ((family == AF_UNIX || set_tcp_options(fd, family, alone)) &&
        bind(fd, &address->any, address->len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    (void)close(fd);
    errno = error;
    return -1;
}

/* Out of descriptors or memory: until the next tick. The log hears of it once a second. */
static void
rest(struct listener *listener, int error)
{
    struct worker *worker = listener->worker;

    if (listener->told_ms == 0 || worker->now_ms >= listener->told_ms + 1000) {
        log_message(worker->log, LOG_LEVEL_ERROR, "accept", "%s: %s; resting for a moment",
                    listener->settings->text, strerror(error));
        listener->told_ms = worker->now_ms;
    }
    (void)event_del(&listener->event);
    listener->resting = true;
}

/* false: stop accepting for now. */
static bool
accept_one(struct listener *listener)
{
    struct address peer;
    struct stream stream = {.fd = -1};

    peer.len = sizeof(struct sockaddr_un);
    stream.fd = accept4(listener->fd, &peer.any, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (stream.fd != -1) {
        address_normalize(&peer);
        connection_accepted(listener->worker, listener->settings, stream, &peer);
        return true;
    }
    if (errno == ECONNABORTED || errno == EINTR || errno == EPROTO)
        return true; /* that one is gone; others may wait */
    if (errno != EAGAIN) {
        rest(listener, errno);
    }
    return false;
}

static void
on_listener_readable(evutil_socket_t fd, short what, void *arg)
{
    struct listener *listener = arg;

    (void)fd, (void)what;
    worker_turn(listener->worker);
    for (int i = 0; i < ACCEPTS_PER_WAKEUP && accept_one(listener); i++)
        continue;
}

void
listener_use(struct listener *listener, struct worker *worker,
             const struct listener_settings *settings)
{
    listener->settings = settings;
    if (listener->worker != NULL)
        return;
    listener->worker = worker;
    event_assign(&listener->event, worker->base, listener->fd, EV_READ | EV_PERSIST,
                 on_listener_readable, listener);
    listener->resting = event_add(&listener->event, NULL) == -1;
}

void
listener_wake(struct listener *listener)
{
    if (listener->fd != -1 && listener->resting)
        listener->resting = event_add(&listener->event, NULL) == -1;
}

void
listener_retire(struct listener *listener)
{
    for (int i = 0; i < BACKLOG && listener->fd != -1 && accept_one(listener); i++)
        continue;
    listener_stop(listener);
}

void
listener_stop(struct listener *listener)
{
    if (listener->fd == -1)
        return;
    if (listener->worker != NULL)
        (void)event_del(&listener->event);
    (void)close(listener->fd);
    listener->fd = -1;
    listener->resting = false;
}
