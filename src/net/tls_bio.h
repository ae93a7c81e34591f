/*
 * tls_bio.h - how OpenSSL reads and writes a socket of ours.
 */
#ifndef WSGATE_TLS_BIO_H
#define WSGATE_TLS_BIO_H

#include "base/compiler.h"

#include <openssl/types.h>
#include <stdbool.h>

enum tls_wait { TLS_WAIT_NONE, TLS_WAIT_READ, TLS_WAIT_WRITE };

/* What a call into OpenSSL may do, and what it met. */
struct tls_wire {
    int fd;
    unsigned receives;  /* recv may be called so often; then it is as if nothing were there */
    enum tls_wait wait; /* why the last call could not go on */
    bool more;          /* more is written at once, or our direction ends: one segment for all */
    bool heard;         /* a byte has come */
    bool ended;         /* FIN has come */
    int error;          /* errno of what failed; 0: nothing has */
};

/* Its owner keeps the wire alive. NULL: no memory. */
BIO *tls_bio_new(struct tls_wire *wire) MUST_CHECK;

#endif
