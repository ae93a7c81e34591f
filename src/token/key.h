/*
 * key.h - one key that tokens are verified with, and the algorithms it is for.
 *
 * A key is constant once made and shared by all workers; what a verification
 * writes to is a worker's own (checker.h). Weak keys are refused here: RSA under
 * 2048 bits or with an exponent under 3, a secret shorter than the hash.
 */
#ifndef WSGATE_KEY_H
#define WSGATE_KEY_H

#include "base/compiler.h"
#include "base/str.h"
#include "protocol/jose.h"

#include <openssl/types.h>

enum {
    KEY_RSA_BITS_MIN = 2048,  /* RFC 7518 3.3 */
    KEY_RSA_BITS_MAX = 16384, /* OpenSSL refuses more */
    KEY_ERROR_MAX = 192,
    KEY_THUMBPRINT_LEN = 32,  /* SHA-256 */
};

/* What is wrong with a key, for the operator; it never holds key material. */
struct key_error {
    char text[KEY_ERROR_MAX];
};

struct key {
    char *kid; /* NULL: none; fits every token of its algorithms */
    unsigned algorithms;
    EVP_PKEY *public_key;  /* NULL: a secret */
    unsigned char *secret; /* wiped when freed */
    size_t secret_len;
    /* What the key is: over algorithms, kid, and the public key or the secret. Two keys of one
     * thumbprint verify the same tokens. Not the thumbprint of RFC 7638, which has no kid. */
    unsigned char thumbprint[KEY_THUMBPRINT_LEN];
};

/*
 * All of these: algorithm JOSE_NO_ALGORITHM stands for every one that the key can serve;
 * kid may be absent. NULL: *error says why.
 */
/* "PUBLIC KEY", "RSA PUBLIC KEY" or "CERTIFICATE" in PEM. Of a chain the first certificate counts;
 * its dates and issuer are not looked at: naming the file is the trust. */
struct key *key_from_pem(struct str pem, struct str kid, enum jose_algorithm algorithm,
                         struct key_error *error) MUST_CHECK;
/* The bytes as they are. */
struct key *key_from_secret(struct str secret, struct str kid, enum jose_algorithm algorithm,
                            struct key_error *error) MUST_CHECK;
/* Takes public_key, also on failure. */
struct key *key_from_public(EVP_PKEY *public_key, struct str kid, enum jose_algorithm algorithm,
                            struct key_error *error) MUST_CHECK;
/* Another holder of the same public key, or a copy of the secret. NULL: *error says why. */
struct key *key_copy(const struct key *key, struct key_error *error) MUST_CHECK;
/* The same public key or secret, whatever name and algorithms it has here. */
bool key_is_same(const struct key *a, const struct key *b);
void key_free(struct key *key);

/* A context ready for EVP_PKEY_verify with that algorithm, which is not HMAC or EdDSA. */
EVP_PKEY_CTX *key_context(const struct key *key, enum jose_algorithm algorithm) MUST_CHECK;
/* OpenSSL's name of a hash, as EVP_MD_fetch takes it. */
const char *key_hash_name(enum jose_hash hash);

void key_error_set(struct key_error *error, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
