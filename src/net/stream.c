/* stream.c - a plain socket, or TLS, behind the same calls; see stream.h. */
#include "net/stream.h"

#include "net/tls.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct stream_result
result_of(ssize_t n)
{
    if (n > 0)
        return (struct stream_result){STREAM_OK, (size_t)n};
    if (n == 0)
        return (struct stream_result){STREAM_END, 0};
    if (errno == EAGAIN)
        return (struct stream_result){STREAM_AGAIN, 0};
    return (struct stream_result){STREAM_ERROR, 0};
}

enum stream_status
stream_handshake(struct stream *stream)
{
    return stream->tls != NULL ? tls_handshake(stream->tls) : STREAM_OK;
}

bool
stream_wants_write(const struct stream *stream)
{
    return stream->tls != NULL && tls_wants_write(stream->tls);
}

bool
stream_is_up(const struct stream *stream)
{
    return stream->tls == NULL || tls_is_up(stream->tls);
}

const char *
stream_fault(const struct stream *stream)
{
    return stream->tls != NULL ? tls_fault(stream->tls) : NULL;
}

static struct stream_result
receive(const struct stream *stream, void *buffer, size_t bytes, int flags)
{
    ssize_t n;

    do
        n = recv(stream->fd, buffer, bytes, flags);
    while (n == -1 && errno == EINTR);
    return result_of(n);
}

struct stream_result
stream_read(struct stream *stream, void *buffer, size_t bytes)
{
    return stream->tls != NULL ? tls_read(stream->tls, buffer, bytes)
                               : receive(stream, buffer, bytes, 0);
}

struct stream_result
stream_receive(struct stream *stream, void *buffer, size_t bytes)
{
    return receive(stream, buffer, bytes, 0);
}

struct stream_result
stream_peek(struct stream *stream, void *buffer, size_t bytes)
{
    return receive(stream, buffer, bytes, MSG_PEEK);
}

struct stream_result
stream_write(struct stream *stream, const void *data, size_t bytes, bool more)
{
    ssize_t n;

    if (bytes == 0)
        return (struct stream_result){STREAM_OK, 0};
    if (stream->tls != NULL)
        return tls_write(stream->tls, data, bytes, more);
    do
        n = send(stream->fd, data, bytes, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    while (n == -1 && errno == EINTR);
    return result_of(n);
}

bool
stream_pending(const struct stream *stream)
{
    return stream->tls != NULL && tls_pending(stream->tls);
}

enum stream_status
stream_shutdown(struct stream *stream)
{
    if (stream->tls != NULL && tls_goodbye(stream->tls) == STREAM_AGAIN)
        return STREAM_AGAIN;
    (void)shutdown(stream->fd, SHUT_WR); /* fails only where the peer is gone */
    return STREAM_OK;
}

size_t
stream_unsent(const struct stream *stream)
{
    int bytes = 0;

    return ioctl(stream->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

void
stream_close(struct stream *stream)
{
    if (stream->fd == -1)
        return;
    if (stream->tls != NULL)
        (void)tls_goodbye(stream->tls);
    tls_free(stream->tls);
    (void)close(stream->fd);
    *stream = STREAM_CLOSED;
}

bool
stream_connect(struct stream *stream, const struct address *address)
{
    int family = address->any.sa_family;
    int on = 1;

    stream->tls = NULL;
    stream->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd == -1)
        return false;
    if (family != AF_UNIX)
        (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connect(stream->fd, &address->any, address->len) == 0 || errno == EINPROGRESS ||
        errno == EINTR)
        return true;
    int error = errno;
    stream_close(stream);
    errno = error;
    return false;
}

bool
stream_local(const struct stream *stream, struct address *address)
{
    address->len = sizeof(address->local);
    if (getsockname(stream->fd, &address->any, &address->len) == -1)
        return false;
    address_normalize(address);
    return true;
}

void
stream_keep_alive(struct stream *stream)
{
    int on = 1;

    (void)setsockopt(stream->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

int
stream_connect_error(struct stream *stream)
{
    int error = 0;
    socklen_t len = sizeof(error);

    if (getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
        return errno;
    return error;
}
