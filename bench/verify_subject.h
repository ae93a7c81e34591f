/*
 * verify_subject.h - what verify_bench measures with: for one algorithm a key, a token, and what
 * each way of verifying it needs. Any failure ends the program.
 */
#ifndef WSGATE_VERIFY_SUBJECT_H
#define WSGATE_VERIFY_SUBJECT_H

#include "protocol/jose.h"
#include "token/verify.h"

#include <openssl/types.h>

/* Owns all but `row`. */
struct subject {
    enum jose_algorithm algorithm;
    const struct jose_algorithm_row *row;
    EVP_PKEY *key;
    char token[4096];
    struct str text; /* signed */
    unsigned char signature[JOSE_SIGNATURE_MAX];
    size_t signature_len; /* as OpenSSL takes it */
    char *pem;            /* the public key as libjwt takes it; NULL: it is the secret */
    struct verifier *verifier;
    struct token_cache *warm, *cold; /* with this token, and without */
    EVP_MAC_CTX *mac;
    EVP_MD_CTX *digest, *one_shot;
    EVP_PKEY_CTX *verify;
};

/* The secret of the HMAC algorithms. */
extern const char subject_secret[];

void subject_make(struct subject *subject, enum jose_algorithm algorithm);
void subject_free(struct subject *subject);
/* Ends the program with a line that says what failed, unless ok. */
void subject_require(bool ok, const char *what);

#endif
