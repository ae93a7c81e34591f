/*
 * tls_pair.h - a certificate with its chain and its private key, from two files in PEM.
 */
#ifndef WSGATE_TLS_PAIR_H
#define WSGATE_TLS_PAIR_H

#include "net/tls_context.h"

#include <stdint.h>

enum {
    TLS_CHAIN_MAX = 16,   /* certificates in one file */
    TLS_NAME_MAX = 253,   /* RFC 1035 2.3.4, as text */
    TLS_NAMES_MAX = 1000, /* in one certificate */
};

/* Paths; NULL: none. They outlive what is made of them. */
struct tls_files {
    const char *certificate, *private_key;
};

struct tls_pair {
    X509 *certificate;
    struct stack_st_X509 *chain;
    EVP_PKEY *key;
    int64_t ends_s; /* not_after, since 1970 */
};

/* false: reported at `item`; nothing is left to free. */
bool tls_pair_load(struct tls_pair *pair, const struct tls_files *files, size_t item,
                   const struct tls_reporter *reporter) MUST_CHECK;
void tls_pair_free(struct tls_pair *pair);
/* false: reported, the context does not want them. */
bool tls_pair_use(const struct tls_pair *pair, SSL_CTX *context, size_t item,
                  const struct tls_reporter *reporter) MUST_CHECK;

/* The i-th name that it speaks for, in lower case, "*.example.com" included (RFC 6125: those in
 * subjectAltName, else the subject's common name). name has TLS_NAME_MAX + 1 bytes. false: no
 * more. Those that are no host's name are "". */
bool tls_pair_name(const struct tls_pair *pair, size_t i, char *name) MUST_CHECK;

#endif
