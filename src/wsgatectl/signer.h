/*
 * signer.h - signs tokens: through libjwt what it can, the rest on OpenSSL.
 *
 * Only the control command makes tokens; the gateway has no private key.
 */
#ifndef WSGATE_SIGNER_H
#define WSGATE_SIGNER_H

#include "base/compiler.h"
#include "token/key.h"

struct json_t;
struct signer;

/* path: a private key in PEM, or a secret. JOSE_NO_ALGORITHM: the usual one for that key (RS256,
 * ES256/384/512 by curve, EdDSA, HS256). NULL: *error says why. */
struct signer *signer_open(const char *path, enum jose_algorithm algorithm,
                           struct key_error *error) MUST_CHECK;
enum jose_algorithm signer_algorithm(const struct signer *signer);
void signer_close(struct signer *signer);

/* A compact JWS over claims; header: members beside `alg`, all strings, may be empty. The caller
 * frees it. NULL: *error says why. */
char *signer_sign(const struct signer *signer, const struct json_t *header,
                  const struct json_t *claims, struct key_error *error) MUST_CHECK;

#endif
