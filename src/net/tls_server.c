/*
 * tls_server.c - see tls_server.h.
 *
 * What is made from the files is one OpenSSL context, the default's, which every connection
 * begins with and holds. The others, the names and the ticket keys hang on it, so replacing it
 * is replacing one pointer.
 */
#include "net/tls_server.h"

#include "net/file_state.h"
#include "net/tls.h"
#include "net/tls_clients.h"
#include "net/tls_names.h"
#include "net/tls_tickets.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Lives as long as the context that connections begin with. */
struct store {
    struct tls_attached attached;
    struct tls_names *names;
    struct tls_tickets *tickets;
};

struct tls_server {
    const struct tls_server_settings *settings;
    struct tls_tickets *tickets;
    pthread_mutex_t lock; /* over context */
    SSL_CTX *context;
    struct tls_certificate_info *infos; /* one for each certificate */
    struct file_state *states;          /* one for each file, see file_at */
    bool stale;                         /* they have changed, and were not read since */
};

/* ---- What OpenSSL asks ---------------------------------------------------------------- */

static struct store *
store_of(SSL *ssl)
{
    return SSL_get_app_data(ssl);
}

/* The first of ours alone: a client that wants only others, such as h2, is told so (RFC 7301
 * 3.2). */
static int
choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *outlen, const unsigned char *in,
                unsigned len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen;

    (void)ssl, (void)arg;
    if (SSL_select_next_proto(&chosen, outlen, ours, sizeof(ours) - 1, in, len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int
choose_certificate(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    SSL_CTX *context = name != NULL ? tls_names_find(store_of(ssl)->names, name) : NULL;

    (void)alert, (void)arg;
    if (context == NULL)
        return SSL_TLSEXT_ERR_NOACK;
    if (context != SSL_get_SSL_CTX(ssl))
        (void)SSL_set_SSL_CTX(ssl, context);
    return SSL_TLSEXT_ERR_OK;
}

static int
ticket_key(SSL *ssl, unsigned char name[16], unsigned char *iv, EVP_CIPHER_CTX *cipher,
           EVP_MAC_CTX *mac, int seal)
{
    struct tls_tickets *tickets = store_of(ssl)->tickets;

    return seal ? tls_tickets_seal(tickets, name, iv, cipher, mac)
                : tls_tickets_open(tickets, name, iv, cipher, mac);
}

/* A session remembers its client's certificate, which may have expired since. */
static SSL_TICKET_RETURN
judge_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t len,
             SSL_TICKET_STATUS status, void *arg)
{
    X509 *peer = session != NULL ? SSL_SESSION_get0_peer(session) : NULL;

    (void)ssl, (void)name, (void)len, (void)arg;
    if (peer != NULL && X509_cmp_current_time(X509_get0_notAfter(peer)) <= 0)
        return SSL_TICKET_RETURN_IGNORE_RENEW;
    if (status == SSL_TICKET_SUCCESS)
        return SSL_TICKET_RETURN_USE;
    return status == SSL_TICKET_SUCCESS_RENEW ? SSL_TICKET_RETURN_USE_RENEW
                                              : SSL_TICKET_RETURN_IGNORE_RENEW;
}

/* ---- From files to a context ---------------------------------------------------------- */

struct making {
    const struct tls_server_settings *settings;
    const struct tls_clients *clients;
    const struct tls_reporter *reporter;
};

static SSL_CTX *
make_context(void *arg)
{
    const struct making *making = arg;
    const struct tls_server_settings *settings = making->settings;
    SSL_CTX *context = tls_context_new(TLS_SERVER, &settings->versions, making->reporter);

    if (context == NULL)
        return NULL;
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, ticket_key);
    SSL_CTX_set_session_ticket_cb(context, NULL, judge_ticket, NULL);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, TLS_TICKET_LIFE_S);
    SSL_CTX_set_num_tickets(context, 1);
    if (tls_clients_use(making->clients, settings->client_verify, context))
        return context;
    SSL_CTX_free(context);
    return NULL;
}

static void
free_store(struct tls_attached *attached)
{
    struct store *store = (struct store *)attached;

    tls_names_free(store->names);
    tls_tickets_drop(store->tickets);
    free(store);
}

/* Takes the names over. */
static SSL_CTX *
attach_store(struct tls_names *names, struct tls_tickets *tickets)
{
    struct store *store = names != NULL ? calloc(1, sizeof(*store)) : NULL;

    if (store == NULL) {
        tls_names_free(names);
        return NULL;
    }
    *store = (struct store){{free_store}, names, tls_tickets_hold(tickets)};
    SSL_CTX *context = tls_names_take_default(names);

    if (tls_attach(context, &store->attached))
        return context;
    free_store(&store->attached);
    SSL_CTX_free(context);
    return NULL;
}

static void
note_certificate(struct tls_certificate_info *info, const struct tls_pair *pair, const char *file)
{
    *info = (struct tls_certificate_info){.file = file, .ends_s = pair->ends_s};
    if (!tls_pair_name(pair, 0, info->name))
        info->name[0] = '\0';
}

/* All pairs, so that all faults are found. The infos are written where all are good. */
static SSL_CTX *
load_pairs(struct tls_server *server, struct tls_pair *pairs, struct making *making)
{
    const struct tls_server_settings *settings = server->settings;
    size_t count = settings->certificate_count;
    bool good = making->clients != NULL;

    for (size_t i = 0; i < count; i++)
        good = tls_pair_load(&pairs[i], &settings->certificates[i], i, making->reporter) && good;
    if (!good)
        return NULL;
    SSL_CTX *context = attach_store(
        tls_names_new(pairs, count, make_context, making, making->reporter), server->tickets);

    for (size_t i = 0; i < count && context != NULL; i++)
        note_certificate(&server->infos[i], &pairs[i], settings->certificates[i].certificate);
    return context;
}

static SSL_CTX *
load(struct tls_server *server, const struct tls_reporter *reporter)
{
    const struct tls_server_settings *settings = server->settings;
    struct tls_pair *pairs = calloc(settings->certificate_count, sizeof(*pairs));
    struct tls_clients clients;
    bool good = tls_clients_load(&clients, settings, reporter);
    struct making making = {settings, good ? &clients : NULL, reporter};
    SSL_CTX *context = pairs != NULL ? load_pairs(server, pairs, &making) : NULL;

    for (size_t i = 0; i < settings->certificate_count && pairs != NULL; i++)
        tls_pair_free(&pairs[i]);
    free(pairs);
    if (good)
        tls_clients_free(&clients);
    ERR_clear_error();
    return context;
}

/* ---- Files that change ------------------------------------------------------------------- */

/* The i-th path of all; ticket keys are not among them: they change by a reload. */
static const char *
file_at(const struct tls_server_settings *settings, size_t i)
{
    size_t pairs = 2 * settings->certificate_count;

    if (i < pairs)
        return i % 2 == 0 ? settings->certificates[i / 2].certificate
                          : settings->certificates[i / 2].private_key;
    return i == pairs ? settings->client_ca : settings->client_crl;
}

static size_t
file_count(const struct tls_server_settings *settings)
{
    return 2 * settings->certificate_count + 2;
}

/* true: at least one is another one. Looked at before they are read, so that a change meanwhile
 * is seen the next time. */
static bool
look_at_files(struct tls_server *server)
{
    bool changed = false;

    for (size_t i = 0; i < file_count(server->settings); i++) {
        const char *file = file_at(server->settings, i);
        if (file == NULL)
            continue;
        struct file_state now = file_state_of(file);
        changed = changed || !file_state_equal(&now, &server->states[i]);
        server->states[i] = now;
    }
    return changed;
}

enum tls_renewal
tls_server_renew(struct tls_server *server, const struct tls_reporter *reporter)
{
    if (look_at_files(server)) {
        server->stale = true; /* and perhaps still being written */
        return TLS_RENEWAL_NONE;
    }
    if (!server->stale)
        return TLS_RENEWAL_NONE;
    server->stale = false;
    SSL_CTX *fresh = load(server, reporter), *old;

    if (fresh == NULL)
        return TLS_RENEWAL_FAILED;
    pthread_mutex_lock(&server->lock);
    old = server->context;
    server->context = fresh;
    pthread_mutex_unlock(&server->lock);
    SSL_CTX_free(old);
    return TLS_RENEWAL_DONE;
}

bool
tls_server_certificate(const struct tls_server *server, size_t i, struct tls_certificate_info *info)
{
    if (i >= server->settings->certificate_count)
        return false;
    *info = server->infos[i];
    return true;
}

/* ---- Life --------------------------------------------------------------------------------- */

/* With random keys where the files are faulty, so that more faults are found. */
static bool
load_tickets(struct tls_server *server, const struct tls_reporter *reporter)
{
    const struct tls_server_settings *settings = server->settings;
    size_t count = settings->ticket_key_file_count;

    if (count > 0)
        server->tickets = tls_tickets_load(settings->ticket_key_files, count, reporter);
    bool good = count == 0 || server->tickets != NULL;

    if (server->tickets == NULL)
        server->tickets = tls_tickets_random();
    return good && server->tickets != NULL;
}

struct tls_server *
tls_server_new(const struct tls_server_settings *settings, const struct tls_reporter *reporter)
{
    struct tls_server *server = calloc(1, sizeof(*server));

    if (server == NULL)
        return NULL;
    server->settings = settings;
    pthread_mutex_init(&server->lock, NULL);
    server->infos = calloc(settings->certificate_count, sizeof(*server->infos));
    server->states = calloc(file_count(settings), sizeof(*server->states));
    if (server->infos != NULL && server->states != NULL) {
        bool tickets = load_tickets(server, reporter);
        (void)look_at_files(server);
        server->context = server->tickets != NULL ? load(server, reporter) : NULL;
        if (tickets && server->context != NULL)
            return server;
    }
    tls_server_free(server);
    return NULL;
}

void
tls_server_free(struct tls_server *server)
{
    if (server == NULL)
        return;
    SSL_CTX_free(server->context);
    tls_tickets_drop(server->tickets);
    pthread_mutex_destroy(&server->lock);
    free(server->infos);
    free(server->states);
    free(server);
}

void
tls_server_inherit(struct tls_server *server, struct tls_server *before)
{
    struct store *store = (struct store *)tls_attached_of(server->context);

    if (server->settings->ticket_key_file_count > 0 || before->settings->ticket_key_file_count > 0)
        return;
    tls_tickets_drop(server->tickets);
    tls_tickets_drop(store->tickets);
    server->tickets = tls_tickets_hold(before->tickets);
    store->tickets = tls_tickets_hold(before->tickets);
}

bool
tls_server_begin(struct tls_server *server, struct stream *stream)
{
    pthread_mutex_lock(&server->lock);
    SSL *ssl = SSL_new(server->context);
    pthread_mutex_unlock(&server->lock);

    if (ssl != NULL) {
        SSL_set_app_data(ssl, tls_attached_of(SSL_get_SSL_CTX(ssl)));
        SSL_set_accept_state(ssl);
    }
    stream->tls = tls_new(ssl, stream->fd);
    return stream->tls != NULL;
}
