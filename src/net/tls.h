/*
 * tls.h - TLS on a socket, for stream.c, and for who begins it (tls_server.h, tls_client.h).
 *
 * RFC 8446 and RFC 5246, by OpenSSL, without blocking. The socket is read and written by a BIO of
 * our own: so one call takes a bounded number of bytes from the kernel, the end of the stream is
 * told apart from the peer's goodbye, and no signal is ever raised. The descriptor stays the
 * stream's.
 */
#ifndef WSGATE_TLS_H
#define WSGATE_TLS_H

#include "net/stream.h"

#include <openssl/types.h>

struct tls;

/* On a connected or connecting socket; the handshake has not begun. Takes ssl over, also where it
 * fails. NULL: no memory. */
struct tls *tls_new(SSL *ssl, int fd) MUST_CHECK;
void tls_free(struct tls *tls);
SSL *tls_ssl(const struct tls *tls);

enum stream_status tls_handshake(struct tls *tls) MUST_CHECK; /* OK, AGAIN, END, ERROR */
/* After AGAIN: is it room to write that the handshake waits for, not bytes to read? */
bool tls_wants_write(const struct tls *tls);
bool tls_is_up(const struct tls *tls);
/* Why the handshake failed, or the connection broke. Static. */
const char *tls_fault(const struct tls *tls);

struct stream_result tls_read(struct tls *tls, void *buffer, size_t bytes) MUST_CHECK;
/* Is there something for tls_read that the kernel does not know of? */
bool tls_pending(const struct tls *tls);
/* As stream_write. */
struct stream_result tls_write(struct tls *tls, const void *data, size_t bytes,
                               bool more) MUST_CHECK;
/* Sends close_notify, once, in one segment with the FIN: the caller ends the direction at once.
 * AGAIN: no room yet. Else there is nothing more to do. */
enum stream_status tls_goodbye(struct tls *tls);

#endif
