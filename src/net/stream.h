/*
 * stream.h - bytes to and from one peer, without blocking.
 *
 * The four calls below are all that a stage knows of a socket, so that a plain
 * socket and, later, TLS look alike. A stream owns its descriptor.
 */
#ifndef WSGATE_STREAM_H
#define WSGATE_STREAM_H

#include "base/address.h"
#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

struct stream {
    int fd; /* -1: closed */
};

enum stream_status {
    STREAM_OK,    /* n bytes, at least one */
    STREAM_AGAIN, /* nothing now */
    STREAM_END,   /* read: the peer has ended its direction */
    STREAM_ERROR, /* errno says why; the direction is dead */
};

struct stream_result {
    enum stream_status status;
    size_t n;
};

#define STREAM_CLOSED ((struct stream){-1})

struct stream_result stream_read(struct stream *stream, void *buffer, size_t bytes) MUST_CHECK;
struct stream_result stream_write(struct stream *stream, const void *data, size_t bytes) MUST_CHECK;
/* What the socket holds, which stays there. Before TLS begins. */
struct stream_result stream_peek(struct stream *stream, void *buffer, size_t bytes) MUST_CHECK;
/* Ends our direction, after what was written. */
void stream_shutdown(struct stream *stream);
/* Bytes that the kernel still holds for the peer: not sent yet, or not acknowledged. */
size_t stream_unsent(const struct stream *stream);
/* Idempotent. */
void stream_close(struct stream *stream);

/*
 * A non-blocking socket on its way to `address` (TCP with TCP_NODELAY, or
 * Unix). A stream_write right away succeeds where the connection is there already and
 * says STREAM_AGAIN where it is not. false: errno.
 */
bool stream_connect(struct stream *stream, const struct address *address) MUST_CHECK;
/* Our own end of the socket. false: errno. */
bool stream_local(const struct stream *stream, struct address *address) MUST_CHECK;
/* SO_KEEPALIVE, for a peer that vanishes without a word. */
void stream_keep_alive(struct stream *stream);
/* After writability: 0, or the errno with which the connect failed. */
int stream_connect_error(struct stream *stream);

#endif
