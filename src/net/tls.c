/*
 * tls.c - see tls.h.
 *
 * The kernel tells of bytes that it has, never of those that OpenSSL has taken from it already.
 * So a call reads until OpenSSL has nothing whole left, or the caller's room is full; what is left
 * then is `pending`, and the next call takes that, and nothing from the kernel. That also bounds
 * how often a connection can ask for another turn: what OpenSSL holds is one read, some 17 KB.
 *
 * Renegotiation is refused on both sides, so after the handshake a read waits for bytes alone and
 * a write for room alone. Answers to a KeyUpdate (RFC 8446 4.6.3) go out with the next write.
 */
#include "net/tls.h"

#include "net/tls_bio.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    RECORD_BYTES = 16 * 1024, /* RFC 8446 5.1: the most that one holds */
    HANDSHAKE_RECEIVES = 16   /* in one turn of the loop */
};

struct tls {
    SSL *ssl;
    struct tls_wire wire;
    bool up;   /* the handshake is done */
    bool mute; /* nothing more can be sent: close_notify is, or the socket is broken */
    bool dead; /* OpenSSL must not be called again */
    bool pending;
    enum stream_status over; /* what every further read says; STREAM_OK: reading goes on */
    int error;               /* its errno */
    const char *fault;
};

struct tls *
tls_new(SSL *ssl, int fd)
{
    struct tls *tls = ssl != NULL ? calloc(1, sizeof(*tls)) : NULL;
    BIO *bio = tls != NULL ? tls_bio_new(&tls->wire) : NULL;

    if (bio == NULL) {
        free(tls);
        SSL_free(ssl);
        return NULL;
    }
    tls->ssl = ssl;
    tls->wire.fd = fd;
    SSL_set_bio(ssl, bio, bio);
    return tls;
}

void
tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    free(tls);
}

SSL *
tls_ssl(const struct tls *tls)
{
    return tls->ssl;
}

/* ---- What went wrong ------------------------------------------------------------ */

static const char *
fault_of(const struct tls *tls)
{
    unsigned long code = ERR_peek_last_error();
    long verdict = SSL_get_verify_result(tls->ssl);
    const char *text = NULL;

    if (tls->wire.error != 0)
        return strerrordesc_np(tls->wire.error);
    if (code != 0 && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
        verdict != X509_V_OK)
        text = X509_verify_cert_error_string(verdict);
    else if (code != 0)
        text = ERR_reason_error_string(code);
    if (text == NULL)
        text = tls->wire.ended ? "the connection was closed" : "broken";
    return text;
}

/* After a call that failed, and does not wait. */
static void
note_fault(struct tls *tls)
{
    tls->fault = fault_of(tls);
    tls->error = tls->wire.error != 0 ? tls->wire.error : EPROTO;
    ERR_clear_error();
}

static struct stream_result
failed(const struct tls *tls)
{
    errno = tls->error;
    return (struct stream_result){STREAM_ERROR, 0};
}

static void
prepare(struct tls *tls, unsigned receives)
{
    tls->wire.receives = receives;
    tls->wire.wait = TLS_WAIT_NONE;
    tls->wire.more = false;
    tls->wire.error = 0;
}

/* ---- The handshake ----------------------------------------------------------------- */

enum stream_status
tls_handshake(struct tls *tls)
{
    if (tls->up)
        return STREAM_OK;
    if (tls->dead)
        return failed(tls).status;
    prepare(tls, HANDSHAKE_RECEIVES);
    ERR_clear_error();
    if (SSL_do_handshake(tls->ssl) == 1) {
        tls->up = true;
        tls->pending = SSL_has_pending(tls->ssl) == 1; /* the first request came with it */
        return STREAM_OK;
    }
    if (tls->wire.wait != TLS_WAIT_NONE)
        return STREAM_AGAIN;
    bool unheard = !tls->wire.heard && (tls->wire.ended || tls->wire.error != 0);
    tls->dead = true;
    note_fault(tls);
    enum stream_status status = failed(tls).status; /* and its errno */
    return unheard ? STREAM_END : status;
}

bool
tls_wants_write(const struct tls *tls)
{
    return tls->wire.wait == TLS_WAIT_WRITE;
}

bool
tls_is_up(const struct tls *tls)
{
    return tls->up;
}

const char *
tls_fault(const struct tls *tls)
{
    return tls->fault;
}

/* ---- Reading ------------------------------------------------------------------------ */

/* OpenSSL counts the peer's fatal alert as a goodbye too. */
static bool
is_alert(unsigned long code)
{
    return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
}

/* Nothing more will come: why not? Our own direction goes on, but after an error. */
static enum stream_status
read_over(struct tls *tls)
{
    if ((SSL_get_shutdown(tls->ssl) & SSL_RECEIVED_SHUTDOWN) != 0 &&
        !is_alert(ERR_peek_last_error()))
        return STREAM_END;
    if (tls->wire.ended) {
        ERR_clear_error();
        return STREAM_CUT;
    }
    tls->dead = true;
    note_fault(tls);
    return STREAM_ERROR;
}

bool
tls_pending(const struct tls *tls)
{
    return tls->pending;
}

/* As many records as are there and fit. */
static size_t
read_records(struct tls *tls, char *buffer, size_t bytes)
{
    size_t got = 0, n = 0;

    do {
        if (SSL_read_ex(tls->ssl, buffer + got, bytes - got, &n) != 1) {
            if (tls->wire.wait == TLS_WAIT_NONE)
                tls->over = read_over(tls);
            break;
        }
        got += n;
    } while (got < bytes && SSL_has_pending(tls->ssl) == 1);
    return got;
}

struct stream_result
tls_read(struct tls *tls, void *buffer, size_t bytes)
{
    size_t got = 0;

    if (tls->over == STREAM_OK && (tls->dead || !tls->up))
        return failed(tls);
    if (tls->over == STREAM_OK) {
        prepare(tls, tls->pending ? 0 : 1 + (unsigned)((bytes - 1) / RECORD_BYTES));
        got = read_records(tls, buffer, bytes);
    }
    tls->pending =
        got > 0 && (tls->over != STREAM_OK || (got == bytes && SSL_has_pending(tls->ssl) == 1));
    if (got > 0)
        return (struct stream_result){STREAM_OK, got};
    if (tls->over == STREAM_ERROR)
        return failed(tls);
    return (struct stream_result){tls->over == STREAM_OK ? STREAM_AGAIN : tls->over, 0};
}

/* ---- Writing -------------------------------------------------------------------------- */

/* The socket takes nothing any more; what the peer has sent can still be read. */
static void
write_over(struct tls *tls)
{
    note_fault(tls);
    tls->mute = true;
    tls->dead = tls->wire.error == 0;
}

/* A record that could not go out whole is kept by OpenSSL; its caller comes again with the same
 * bytes, which is what an outbox does. */
struct stream_result
tls_write(struct tls *tls, const void *data, size_t bytes, bool more)
{
    size_t sent = 0, n = 0;

    if (tls->dead || tls->mute || !tls->up) {
        errno = EPIPE;
        return (struct stream_result){STREAM_ERROR, 0};
    }
    prepare(tls, 0);
    tls->wire.more = more;
    while (sent < bytes) {
        if (SSL_write_ex(tls->ssl, (const char *)data + sent, bytes - sent, &n) != 1)
            break;
        sent += n;
    }
    if (sent == bytes || (sent > 0 && tls->wire.wait == TLS_WAIT_WRITE))
        return (struct stream_result){STREAM_OK, sent};
    if (tls->wire.wait == TLS_WAIT_WRITE)
        return (struct stream_result){STREAM_AGAIN, 0};
    write_over(tls);
    return failed(tls);
}

enum stream_status
tls_goodbye(struct tls *tls)
{
    if (!tls->up || tls->dead || tls->mute)
        return STREAM_OK;
    prepare(tls, 0);
    tls->wire.more = true; /* FIN follows */
    if (SSL_shutdown(tls->ssl) >= 0) {
        tls->mute = true;
        return STREAM_OK;
    }
    if (tls->wire.wait == TLS_WAIT_WRITE)
        return STREAM_AGAIN;
    write_over(tls);
    return STREAM_ERROR;
}
