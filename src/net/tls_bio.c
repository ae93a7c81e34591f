/* tls_bio.c - see tls_bio.h. */
#include "net/tls_bio.h"

#include <openssl/bio.h>

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

static int
wire_wait(BIO *bio, struct tls_wire *wire, enum tls_wait wait)
{
    wire->wait = wait;
    BIO_set_flags(bio, BIO_FLAGS_SHOULD_RETRY |
                           (wait == TLS_WAIT_READ ? BIO_FLAGS_READ : BIO_FLAGS_WRITE));
    return -1;
}

static int
wire_read(BIO *bio, char *buffer, int bytes)
{
    struct tls_wire *wire = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    if (wire->receives == 0)
        return wire_wait(bio, wire, TLS_WAIT_READ);
    wire->receives--;
    do
        n = recv(wire->fd, buffer, (size_t)bytes, 0);
    while (n == -1 && errno == EINTR);
    if (n == -1 && errno == EAGAIN)
        return wire_wait(bio, wire, TLS_WAIT_READ);
    if (n == -1)
        wire->error = errno;
    wire->heard = wire->heard || n > 0;
    wire->ended = n == 0;
    return (int)n;
}

static int
wire_write(BIO *bio, const char *data, int bytes)
{
    struct tls_wire *wire = BIO_get_data(bio);
    ssize_t n;

    BIO_clear_retry_flags(bio);
    do
        n = send(wire->fd, data, (size_t)bytes, MSG_NOSIGNAL | (wire->more ? MSG_MORE : 0));
    while (n == -1 && errno == EINTR);
    if (n == -1 && errno == EAGAIN)
        return wire_wait(bio, wire, TLS_WAIT_WRITE);
    if (n == -1)
        wire->error = errno;
    return (int)n;
}

/* Nothing is buffered here, so a flush is done at once. The end of the stream is not told: OpenSSL
 * would answer it with an alert, where our own direction may go on. */
static long
wire_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH;
}

/* One for the process, made by the first who needs it. */
static BIO_METHOD *method;

static void
make_method(void)
{
    BIO_METHOD *made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wsgate");

    if (made != NULL && BIO_meth_set_read(made, wire_read) == 1 &&
        BIO_meth_set_write(made, wire_write) == 1 && BIO_meth_set_ctrl(made, wire_control) == 1)
        method = made;
    else
        BIO_meth_free(made);
}

BIO *
tls_bio_new(struct tls_wire *wire)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_method);
    BIO *bio = method != NULL ? BIO_new(method) : NULL;

    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return bio;
}
