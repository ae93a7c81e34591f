/* ws_socket.c - see ws_socket.h. The descriptor is non-blocking; poll does the waiting. */
#include "wsgatectl/ws_socket.h"

#include "base/clock.h"
#include "wsgatectl/ws_tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

bool
ws_socket_fail(struct ws_socket *sock, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sock->error, sizeof(sock->error), format, arguments);
    va_end(arguments);
    return false;
}

int
ws_socket_wait(const struct ws_socket *sock, short events, uint64_t deadline_us)
{
    struct pollfd entry = {.fd = sock->fd, .events = events};
    int ready;

    do {
        int timeout_ms = -1;
        if (deadline_us != WS_SOCKET_NO_DEADLINE) {
            uint64_t now_us = clock_monotonic_us();
            if (now_us >= deadline_us)
                return 0;
            uint64_t left_ms = (deadline_us - now_us + 999) / 1000;
            timeout_ms = left_ms > INT_MAX ? INT_MAX : (int)left_ms;
        }
        ready = poll(&entry, 1, timeout_ms);
    } while (ready == 0 || (ready == -1 && errno == EINTR));
    return ready;
}

static bool
bind_to(struct ws_socket *sock, const struct addrinfo *remote, const char *bind_address)
{
    const struct addrinfo hints = {
        .ai_family = remote->ai_family, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *local;

    int status = getaddrinfo(bind_address, NULL, &hints, &local);
    if (status != 0)
        return ws_socket_fail(sock, "bind to %s: %s", bind_address, gai_strerror(status));
    status = bind(sock->fd, local->ai_addr, local->ai_addrlen);
    int reason = errno;
    freeaddrinfo(local);
    return status == 0 || ws_socket_fail(sock, "bind to %s: %s", bind_address, strerror(reason));
}

static bool
finish_connect(struct ws_socket *sock, uint64_t deadline_us)
{
    int reason = 0;
    socklen_t len = sizeof(reason);

    int ready = ws_socket_wait(sock, POLLOUT, deadline_us);
    if (ready == 0)
        return ws_socket_fail(sock, "connect: no answer in time");
    if (ready == -1 || getsockopt(sock->fd, SOL_SOCKET, SO_ERROR, &reason, &len) == -1)
        reason = errno;
    return reason == 0 || ws_socket_fail(sock, "connect: %s", strerror(reason));
}

static bool
connect_to(struct ws_socket *sock, const struct addrinfo *remote, const char *bind_address,
           uint64_t deadline_us)
{
    int type = remote->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC;

    sock->fd = socket(remote->ai_family, type, remote->ai_protocol);
    if (sock->fd == -1)
        return ws_socket_fail(sock, "socket: %s", strerror(errno));
    if (bind_address && !bind_to(sock, remote, bind_address))
        return false;
    if (connect(sock->fd, remote->ai_addr, remote->ai_addrlen) == 0)
        return true;
    if (errno != EINPROGRESS)
        return ws_socket_fail(sock, "connect: %s", strerror(errno));
    return finish_connect(sock, deadline_us);
}

bool
ws_socket_connect(struct ws_socket *sock, const char *host, const char *port,
                  const char *bind_address, uint64_t deadline_us)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found;
    bool connected = false;

    *sock = (struct ws_socket){.fd = -1};
    int status = getaddrinfo(host, port, &hints, &found);
    if (status != 0)
        return ws_socket_fail(sock, "%s: %s", host, gai_strerror(status));
    for (struct addrinfo *one = found; one && !connected; one = one->ai_next) {
        ws_socket_close(sock);
        connected = connect_to(sock, one, bind_address, deadline_us);
    }
    freeaddrinfo(found);
    if (!connected)
        ws_socket_close(sock);
    return connected;
}

/* The kernel answers at once unless the listener's queue is full, and poll cannot wait for that:
 * the connect itself does, for as long as the socket may take to send. */
static bool
connect_to_path(struct ws_socket *sock, const struct sockaddr_un *remote, uint64_t deadline_us)
{
    struct timeval left = {0}; /* for ever */
    uint64_t now_us = clock_monotonic_us();

    if (deadline_us != WS_SOCKET_NO_DEADLINE) {
        uint64_t left_us = deadline_us > now_us ? deadline_us - now_us : 1;
        left = (struct timeval){(time_t)(left_us / 1000000), (suseconds_t)(left_us % 1000000)};
    }
    sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock->fd == -1 ||
        setsockopt(sock->fd, SOL_SOCKET, SO_SNDTIMEO, &left, sizeof(left)) == -1)
        return ws_socket_fail(sock, "socket: %s", strerror(errno));
    if (connect(sock->fd, (const struct sockaddr *)remote, sizeof(*remote)) == -1)
        return ws_socket_fail(sock, "connect to %s: %s", remote->sun_path,
                              errno == EAGAIN ? "no answer in time" : strerror(errno));
    return fcntl(sock->fd, F_SETFL, O_NONBLOCK) == 0 ||
           ws_socket_fail(sock, "socket: %s", strerror(errno));
}

bool
ws_socket_connect_unix(struct ws_socket *sock, const char *path, uint64_t deadline_us)
{
    struct sockaddr_un remote = {.sun_family = AF_UNIX};

    *sock = (struct ws_socket){.fd = -1};
    if (strlen(path) > WS_SOCKET_PATH_MAX)
        return ws_socket_fail(sock, "the path of a Unix socket has at most %d bytes",
                              WS_SOCKET_PATH_MAX);
    memcpy(remote.sun_path, path, strlen(path)); /* a NUL is behind it */
    bool connected = connect_to_path(sock, &remote, deadline_us);
    if (!connected)
        ws_socket_close(sock);
    return connected;
}

bool
ws_socket_send(struct ws_socket *sock, const void *data, size_t len, uint64_t deadline_us)
{
    const char *at = data;

    if (sock->tls)
        return ws_tls_send(sock, data, len, deadline_us);
    while (len > 0) {
        ssize_t sent = send(sock->fd, at, len, MSG_NOSIGNAL);
        if (sent >= 0) {
            at += sent;
            len -= (size_t)sent;
        } else if (errno == EAGAIN) {
            int ready = ws_socket_wait(sock, POLLOUT, deadline_us);
            if (ready != 1)
                return ws_socket_fail(sock, "send: %s", ready == 0 ? "timed out" : strerror(errno));
        } else if (errno != EINTR) {
            return ws_socket_fail(sock, "send: %s", strerror(errno));
        }
    }
    return true;
}

enum ws_socket_read
ws_socket_receive(struct ws_socket *sock, void *buffer, size_t room, size_t *len,
                  uint64_t deadline_us)
{
    ssize_t got;

    if (sock->tls)
        return ws_tls_receive(sock, buffer, room, len, deadline_us);
    while ((got = recv(sock->fd, buffer, room, 0)) == -1) {
        if (errno == EINTR)
            continue;
        int ready = errno == EAGAIN ? ws_socket_wait(sock, POLLIN, deadline_us) : -1;
        if (ready == 0)
            return WS_SOCKET_TIMEOUT;
        if (ready == -1) {
            (void)ws_socket_fail(sock, "%s", strerror(errno));
            return WS_SOCKET_FAILED;
        }
    }
    *len = (size_t)got;
    return got == 0 ? WS_SOCKET_END : WS_SOCKET_DATA;
}

void
ws_socket_close(struct ws_socket *sock)
{
    ws_tls_end(sock);
    if (sock->fd != -1)
        close(sock->fd);
    sock->fd = -1;
}
