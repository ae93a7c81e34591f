/*
 * tls_clients.h - which certificates of clients a server believes: an authority, and who was
 * revoked.
 */
#ifndef WSGATE_TLS_CLIENTS_H
#define WSGATE_TLS_CLIENTS_H

#include "net/tls_server.h"

#include <openssl/sha.h>

/* Read once for all contexts of a server. */
struct tls_clients {
    X509_STORE *store;                /* NULL: clients show no certificate */
    struct stack_st_X509_NAME *names; /* told to clients, RFC 8446 4.2.4 */
    /* Of all that decides about a client. A session of another one is not resumed: it was judged
     * by other rules. The same on all gateways that have the same files. */
    unsigned char digest[SHA256_DIGEST_LENGTH];
};

/* false: reported; nothing is left to free. */
bool tls_clients_load(struct tls_clients *clients, const struct tls_server_settings *settings,
                      const struct tls_reporter *reporter) MUST_CHECK;
void tls_clients_free(struct tls_clients *clients);
/* false: no memory. */
bool tls_clients_use(const struct tls_clients *clients, enum tls_client_verify verify,
                     SSL_CTX *context) MUST_CHECK;

#endif
