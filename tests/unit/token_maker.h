/*
 * token_maker.h - keys made at test time, and tokens good and bad.
 *
 * It signs with OpenSSL directly and shares no code with what it tests: header and
 * payload are any text, so that a test can sign what no library would.
 */
#ifndef WSGATE_TOKEN_MAKER_H
#define WSGATE_TOKEN_MAKER_H

#include "base/str.h"
#include "protocol/jose.h"
#include "token/keyset.h"

#include <openssl/types.h>

/* One key for each kind; the second RSA and P-256 keys are strangers. */
struct maker {
    EVP_PKEY *rsa, *rsa_other, *p256, *p256_other, *p384, *p521, *ed25519;
    struct str secret; /* 64 bytes */
};

/* The keys of this process, made at the first call. */
const struct maker *maker(void);
/* Only makes them: a fixture of Check, so that the tests of a suite share one set. */
void maker_setup(void);
/* The private key that an algorithm signs with; NULL for HMAC. */
EVP_PKEY *maker_private(enum jose_algorithm algorithm);
/* A key to verify that algorithm with, made from its public part. */
struct key *maker_key(enum jose_algorithm algorithm, const char *kid);
/* One key for every algorithm, each with the algorithm's name as kid, or with none. */
struct keyset *maker_keyset(bool with_kid);

/* All of these return memory that the caller frees. */
char *maker_pem(EVP_PKEY *key);         /* public */
char *maker_private_pem(EVP_PKEY *key); /* private */
char *maker_certificate(EVP_PKEY *key); /* self-signed, expired long ago */
/* The base64url of text. */
char *maker_text(const char *text);
char *maker_bytes(const void *bytes, size_t len);
/* header and payload as JSON text, signed. */
char *maker_token(enum jose_algorithm algorithm, const char *header, const char *payload);
/* The usual header, with a kid unless NULL. */
char *maker_plain(enum jose_algorithm algorithm, const char *kid, const char *payload);
/* h "." p "." s, all encoded already. */
char *maker_join(const char *header, const char *payload, const char *signature);

/* Signature bytes over text; returns their number. out: JOSE_SIGNATURE_MAX. salt_len: PSS, -1 for
 * as long as the hash. */
size_t maker_sign(EVP_PKEY *key, enum jose_algorithm algorithm, struct str text, int salt_len,
                  unsigned char *out);

#endif
