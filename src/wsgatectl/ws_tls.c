/*
 * ws_tls.c - see ws_tls.h.
 *
 * The socket does not block: every call that wants to read or write waits for just that, up to
 * the deadline, and is made again.
 */
#include "wsgatectl/ws_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct ws_tls {
    SSL_CTX *context;
    SSL *ssl;
};

/* ---- Waiting ---------------------------------------------------------------- */

enum again { AGAIN_YES, AGAIN_TIMEOUT, AGAIN_NO };

/* After a call that gave `result` <= 0: waits for what it wants. AGAIN_NO: it failed for good. */
static enum again
wait_for_it(struct ws_socket *sock, int result, uint64_t deadline_us)
{
    short events;

    switch (SSL_get_error(sock->tls->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        events = POLLIN;
        break;
    case SSL_ERROR_WANT_WRITE:
        events = POLLOUT;
        break;
    default:
        return AGAIN_NO;
    }
    switch (ws_socket_wait(sock, events, deadline_us)) {
    case 1:
        return AGAIN_YES;
    case 0:
        return AGAIN_TIMEOUT;
    default:
        return AGAIN_NO;
    }
}

/* The library's own words for what went wrong last. */
static const char *
library_error(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code != 0 ? ERR_reason_error_string(code) : NULL;

    if (text != NULL)
        return text;
    return errno != 0 ? strerror(errno) : "the connection was closed";
}

/* ---- Opening ---------------------------------------------------------------- */

static bool
is_ip(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static bool
set_trust(struct ws_socket *sock, const struct ws_tls_settings *settings)
{
    SSL_CTX *context = sock->tls->context;

    if (settings->ca_file == NULL)
        return SSL_CTX_set_default_verify_paths(context) == 1 ||
               ws_socket_fail(sock, "tls: the system's certificates cannot be read");
    ERR_clear_error();
    errno = 0;
    return SSL_CTX_load_verify_file(context, settings->ca_file) == 1 ||
           ws_socket_fail(sock, "%s: %s", settings->ca_file, library_error());
}

/* The name that is asked for (SNI has no addresses, RFC 6066 3); the certificate must have it. */
static bool
set_name(struct ws_socket *sock, const char *name)
{
    SSL *ssl = sock->tls->ssl;
    bool set;

    if (is_ip(name))
        set = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    else /* SSL_set_tlsext_host_name, whose cast drops const */
        set = SSL_set1_host(ssl, name) == 1 &&
              SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                       (void *)(uintptr_t)name) == 1;
    return set || ws_socket_fail(sock, "tls: \"%s\" cannot be a server's name", name);
}

static bool
prepare(struct ws_socket *sock, const struct ws_tls_settings *settings, const char *host)
{
    static const unsigned char alpn[] = "\x08http/1.1";
    struct ws_tls *tls = sock->tls;

    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL || SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) != 1)
        return ws_socket_fail(sock, "tls: out of memory");
    if (!set_trust(sock, settings))
        return false;
    tls->ssl = SSL_new(tls->context);
    if (tls->ssl == NULL || SSL_set_fd(tls->ssl, sock->fd) != 1 ||
        SSL_set_alpn_protos(tls->ssl, alpn, sizeof(alpn) - 1) != 0)
        return ws_socket_fail(sock, "tls: out of memory");
    SSL_set_verify(tls->ssl, settings->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    return set_name(sock, settings->server_name ? settings->server_name : host);
}

static bool
shake_hands(struct ws_socket *sock, uint64_t deadline_us)
{
    SSL *ssl = sock->tls->ssl;
    int result;

    ERR_clear_error();
    errno = 0;
    while ((result = SSL_connect(ssl)) != 1) {
        enum again again = wait_for_it(sock, result, deadline_us);
        if (again == AGAIN_TIMEOUT)
            return ws_socket_fail(sock, "tls: no answer in time");
        if (again == AGAIN_YES)
            continue;
        long verdict = SSL_get_verify_result(ssl);
        if (verdict != X509_V_OK)
            return ws_socket_fail(sock, "tls: the certificate is not trusted: %s",
                                  X509_verify_cert_error_string(verdict));
        return ws_socket_fail(sock, "tls: %s", library_error());
    }
    return true;
}

bool
ws_tls_start(struct ws_socket *sock, const struct ws_tls_settings *settings, const char *host,
             uint64_t deadline_us)
{
    sock->tls = calloc(1, sizeof(*sock->tls));
    if (sock->tls == NULL)
        return ws_socket_fail(sock, "tls: out of memory");
    return prepare(sock, settings, host) && shake_hands(sock, deadline_us);
}

/* ---- What was agreed on --------------------------------------------------------- */

static void
tell_certificate(X509 *certificate, struct ws_tls_facts *facts)
{
    BIO *memory = BIO_new(BIO_s_mem());
    struct tm end;
    int len = 0;

    if (memory != NULL &&
        X509_NAME_print_ex(memory, X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) >= 0)
        len = BIO_read(memory, facts->subject, (int)sizeof(facts->subject) - 1);
    facts->subject[len > 0 ? len : 0] = '\0';
    BIO_free(memory);
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1 ||
        strftime(facts->not_after, sizeof(facts->not_after), "%Y-%m-%dT%H:%M:%SZ", &end) == 0)
        facts->not_after[0] = '\0';
}

void
ws_tls_tell(const struct ws_socket *sock, struct ws_tls_facts *facts)
{
    const SSL *ssl = sock->tls->ssl;
    X509 *certificate = SSL_get0_peer_certificate(ssl);
    long verdict = SSL_get_verify_result(ssl);

    *facts = (struct ws_tls_facts){.version = SSL_get_version(ssl), .cipher = SSL_get_cipher(ssl)};
    if (verdict != X509_V_OK)
        facts->fault = X509_verify_cert_error_string(verdict);
    if (certificate != NULL)
        tell_certificate(certificate, facts);
}

/* ---- Bytes ------------------------------------------------------------------------ */

bool
ws_tls_send(struct ws_socket *sock, const void *data, size_t len, uint64_t deadline_us)
{
    const char *at = data;

    while (len > 0) {
        size_t sent = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(sock->tls->ssl, at, len, &sent);
        if (result == 1) {
            at += sent;
            len -= sent;
            continue;
        }
        enum again again = wait_for_it(sock, result, deadline_us);
        if (again != AGAIN_YES)
            return ws_socket_fail(sock, "send: %s",
                                  again == AGAIN_TIMEOUT ? "timed out" : library_error());
    }
    return true;
}

/* A server that ends without close_notify has ended all the same: HTTP and WebSocket know their own
 * lengths. */
static bool
has_ended(const struct ws_socket *sock, int result)
{
    switch (SSL_get_error(sock->tls->ssl, result)) {
    case SSL_ERROR_ZERO_RETURN:
        return true;
    case SSL_ERROR_SSL:
        return ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
    default:
        return false;
    }
}

enum ws_socket_read
ws_tls_receive(struct ws_socket *sock, void *buffer, size_t room, size_t *len, uint64_t deadline_us)
{
    int result;

    ERR_clear_error();
    errno = 0;
    while ((result = SSL_read_ex(sock->tls->ssl, buffer, room, len)) != 1) {
        if (has_ended(sock, result))
            return WS_SOCKET_END;
        enum again again = wait_for_it(sock, result, deadline_us);
        if (again == AGAIN_TIMEOUT)
            return WS_SOCKET_TIMEOUT;
        if (again == AGAIN_NO) {
            (void)ws_socket_fail(sock, "%s", library_error());
            return WS_SOCKET_FAILED;
        }
    }
    return WS_SOCKET_DATA;
}

void
ws_tls_end(struct ws_socket *sock)
{
    struct ws_tls *tls = sock->tls;

    if (tls == NULL)
        return;
    if (tls->ssl != NULL && SSL_is_init_finished(tls->ssl))
        (void)SSL_shutdown(tls->ssl);
    ERR_clear_error();
    SSL_free(tls->ssl);
    SSL_CTX_free(tls->context);
    free(tls);
    sock->tls = NULL;
}
