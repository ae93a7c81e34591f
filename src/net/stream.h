/*
 * stream.h - bytes to and from one peer, without blocking.
 *
 * The calls below are all that a stage knows of a socket, so that a plain socket and TLS look
 * alike. A stream owns its descriptor, and its TLS. What begins TLS is in tls_server.h and
 * tls_client.h; stream_handshake goes on with it, and until it is done nothing can be read or
 * written.
 */
#ifndef WSGATE_STREAM_H
#define WSGATE_STREAM_H

#include "base/address.h"
#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

struct tls;

struct stream {
    int fd;          /* -1: closed */
    struct tls *tls; /* NULL: plain */
};

enum stream_status {
    STREAM_OK,    /* n bytes, at least one */
    STREAM_AGAIN, /* nothing now */
    STREAM_END,   /* read: the peer has ended its direction: FIN; in TLS close_notify */
    STREAM_CUT,   /* read: FIN, but without TLS's close_notify: the last bytes may be missing */
    STREAM_ERROR, /* errno says why; the direction is dead */
};

struct stream_result {
    enum stream_status status;
    size_t n;
};

#define STREAM_CLOSED ((struct stream){-1, NULL})

/* TLS's handshake. OK: done, or plain. AGAIN: stream_wants_write says what for. END: the peer has
 * gone without a byte. ERROR: stream_fault says why. After both errno is the socket's error, or
 * EPROTO. */
enum stream_status stream_handshake(struct stream *stream) MUST_CHECK;
bool stream_wants_write(const struct stream *stream);
bool stream_is_up(const struct stream *stream); /* it is done, or the stream is plain */
/* OpenSSL's words for what went wrong last; NULL: nothing, or plain. Static. */
const char *stream_fault(const struct stream *stream);

struct stream_result stream_read(struct stream *stream, void *buffer, size_t bytes) MUST_CHECK;
/* There is something to read that the kernel does not know of, so that the loop will not tell. */
bool stream_pending(const struct stream *stream);
/* After STREAM_AGAIN or a short count the next call must begin with the bytes that were left. more:
 * another stream_write or stream_shutdown follows at once, and the kernel holds the bytes back for
 * it, so that both go out in one segment. */
struct stream_result stream_write(struct stream *stream, const void *data, size_t bytes,
                                  bool more) MUST_CHECK;
/* The same of the bare socket, for what comes before TLS; peek leaves there what it shows. */
struct stream_result stream_receive(struct stream *stream, void *buffer, size_t bytes) MUST_CHECK;
struct stream_result stream_peek(struct stream *stream, void *buffer, size_t bytes) MUST_CHECK;
/* Ends our direction, after what was written. STREAM_AGAIN: TLS's close_notify finds no room yet;
 * else there is nothing more to do. */
enum stream_status stream_shutdown(struct stream *stream);
/* Bytes that the kernel still holds for the peer: not sent yet, or not acknowledged. */
size_t stream_unsent(const struct stream *stream);
/* Idempotent. TLS says goodbye if it has not yet, and there is room. */
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
