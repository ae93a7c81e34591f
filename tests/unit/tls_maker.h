/*
 * tls_maker.h - certificates for tests, made on the spot.
 */
#ifndef TLS_MAKER_H
#define TLS_MAKER_H

#include "net/tls_client.h"
#include "net/tls_server.h"

/* Two files, which tls_made_free removes. */
struct tls_made {
    char certificate[64], key[64];
};

/* Self-signed, for these names ("DNS:a.example,DNS:*.b.example"; NULL: its common name alone); an
 * RSA key or one of P-256. It ends after so many days. */
void tls_make(struct tls_made *made, const char *common_name, const char *names, bool rsa,
              long days);
struct tls_files tls_made_files(const struct tls_made *made);
void tls_made_free(struct tls_made *made);

/* Fails the test at any fault. */
extern const struct tls_reporter tls_no_faults;

#endif
