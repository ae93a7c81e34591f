/*
 * tls_client.c - see tls_client.h.
 *
 * A server's ticket comes at any time, perhaps after the configuration has been replaced. So the
 * sessions hang on the OpenSSL context, which every connection holds.
 */
#include "net/tls_client.h"

#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>

struct sessions {
    struct tls_attached attached;
    pthread_mutex_t lock;
    size_t count;
    SSL_SESSION *last[]; /* of each server; NULL: none */
};

struct tls_client {
    const struct tls_client_settings *settings;
    SSL_CTX *context;
    struct sessions *sessions; /* the context's */
};

/* ---- Sessions ------------------------------------------------------------------------- */

static void
free_sessions(struct tls_attached *attached)
{
    struct sessions *sessions = (struct sessions *)attached;

    for (size_t i = 0; i < sessions->count; i++)
        SSL_SESSION_free(sessions->last[i]);
    pthread_mutex_destroy(&sessions->lock);
    free(sessions);
}

static struct sessions *
sessions_new(size_t count)
{
    struct sessions *sessions = calloc(1, sizeof(*sessions) + count * sizeof(sessions->last[0]));

    if (sessions == NULL)
        return NULL;
    sessions->attached.free = free_sessions;
    sessions->count = count;
    pthread_mutex_init(&sessions->lock, NULL);
    return sessions;
}

/* OpenSSL has a session that could be resumed. 1: it is ours from here on. */
static int
keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct sessions *sessions = (struct sessions *)tls_attached_of(SSL_get_SSL_CTX(ssl));
    size_t server = (size_t)(uintptr_t)SSL_get_app_data(ssl);

    if (SSL_SESSION_is_resumable(session) != 1)
        return 0;
    pthread_mutex_lock(&sessions->lock);
    SSL_SESSION *old = sessions->last[server];
    sessions->last[server] = session;
    pthread_mutex_unlock(&sessions->lock);
    SSL_SESSION_free(old);
    return 1;
}

/* A copy, for OpenSSL writes to a session that it resumes. */
static void
resume(struct sessions *sessions, size_t server, SSL *ssl)
{
    SSL_SESSION *copy = NULL;

    pthread_mutex_lock(&sessions->lock);
    if (sessions->last[server] != NULL)
        copy = SSL_SESSION_dup(sessions->last[server]);
    pthread_mutex_unlock(&sessions->lock);
    if (copy != NULL)
        (void)SSL_set_session(ssl, copy);
    SSL_SESSION_free(copy);
}

/* ---- The context ------------------------------------------------------------------------ */

static bool
set_trust(SSL_CTX *context, const struct tls_client_settings *settings,
          const struct tls_reporter *reporter)
{
    SSL_CTX_set_verify(context, settings->verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (settings->ca_file == NULL)
        return !settings->verify || SSL_CTX_set_default_verify_paths(context) == 1;
    if (SSL_CTX_load_verify_file(context, settings->ca_file) == 1)
        return true;
    tls_report(reporter, TLS_NO_ITEM, "ca_file", "expected certificates in PEM: %s",
               tls_library_fault());
    return false;
}

static bool
set_own(SSL_CTX *context, const struct tls_client_settings *settings,
        const struct tls_reporter *reporter)
{
    struct tls_pair pair;

    if (settings->own.certificate == NULL)
        return true;
    if (!tls_pair_load(&pair, &settings->own, TLS_NO_ITEM, reporter))
        return false;
    bool good = tls_pair_use(&pair, context, TLS_NO_ITEM, reporter);

    tls_pair_free(&pair);
    return good;
}

struct tls_client *
tls_client_new(const struct tls_client_settings *settings, size_t servers,
               const struct tls_reporter *reporter)
{
    static const unsigned char alpn[] = "\x08http/1.1";
    struct tls_client *client = calloc(1, sizeof(*client));

    if (client == NULL)
        return NULL;
    client->settings = settings;
    client->context = tls_context_new(TLS_CLIENT, &settings->versions, reporter);
    if (client->context == NULL)
        goto fail;
    bool trust = set_trust(client->context, settings, reporter);
    bool own = set_own(client->context, settings, reporter);

    client->sessions = sessions_new(servers);
    if (!trust || !own || client->sessions == NULL)
        goto fail;
    if (!tls_attach(client->context, &client->sessions->attached) ||
        SSL_CTX_set_alpn_protos(client->context, alpn, sizeof(alpn) - 1) != 0)
        goto fail;
    SSL_CTX_set_session_cache_mode(client->context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(client->context, keep_session);
    return client;
fail:
    if (client->sessions != NULL &&
        (client->context == NULL || tls_attached_of(client->context) == NULL))
        free_sessions(&client->sessions->attached);
    tls_client_free(client);
    return NULL;
}

void
tls_client_free(struct tls_client *client)
{
    if (client == NULL)
        return;
    SSL_CTX_free(client->context);
    free(client);
}

/* ---- A connection ------------------------------------------------------------------------- */

static bool
is_ip(const char *name)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, name, address) == 1 || inet_pton(AF_INET6, name, address) == 1;
}

static bool
expect_address(SSL *ssl, const struct address *address)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

    switch (address->any.sa_family) {
    case AF_INET:
        return X509_VERIFY_PARAM_set1_ip(param, (const void *)&address->v4.sin_addr, 4) == 1;
    case AF_INET6:
        return X509_VERIFY_PARAM_set1_ip(param, (const void *)&address->v6.sin6_addr, 16) == 1;
    default:
        return true; /* a socket file without a name is a fault where it is verified */
    }
}

/* SNI has no addresses (RFC 6066 3). */
static bool
expect_name(SSL *ssl, const char *name, const struct address *address)
{
    if (name == NULL)
        return expect_address(ssl, address);
    if (is_ip(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    return SSL_set1_host(ssl, name) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                    (void *)(uintptr_t)name) == 1; /* the macro drops const */
}

bool
tls_client_begin(struct tls_client *client, size_t server, const struct address *address,
                 struct stream *stream)
{
    SSL *ssl = SSL_new(client->context);

    if (ssl == NULL)
        return false;
    if (!expect_name(ssl, client->settings->name, address)) {
        SSL_free(ssl);
        return false;
    }
    SSL_set_app_data(ssl, (void *)(uintptr_t)server);
    SSL_set_connect_state(ssl);
    resume(client->sessions, server, ssl);
    stream->tls = tls_new(ssl, stream->fd);
    return stream->tls != NULL;
}
