/* jwk.h - a public key as a JSON Web Key (RFC 7517), for people to put into a key set. */
#ifndef WSGATE_JWK_H
#define WSGATE_JWK_H

#include "base/compiler.h"
#include "protocol/jose.h"

#include <openssl/types.h>

struct json_t;

/* RSA, EC (the three curves) or Ed25519. Without a kid it gets its thumbprint (RFC 7638);
 * JOSE_NO_ALGORITHM leaves `alg` out. NULL: another kind of key, or out of memory. */
struct json_t *jwk_from_public(EVP_PKEY *key, const char *kid, enum jose_algorithm algorithm)
    MUST_CHECK;

#endif
