/*
 * jwt_challenges.h - the WWW-Authenticate of every refusal (RFC 6750 3), made once at setup.
 */
#ifndef WSGATE_JWT_CHALLENGES_H
#define WSGATE_JWT_CHALLENGES_H

#include "base/compiler.h"
#include "protocol/jose.h"

struct jwt_challenges {
    char *texts[JOSE_REASON_COUNT]; /* by reason */
};

/* false: realm is not printable ASCII, or there is no memory. jwt_challenges_free is due either
 * way. */
bool jwt_challenges_make(struct jwt_challenges *challenges, const char *realm) MUST_CHECK;
void jwt_challenges_free(struct jwt_challenges *challenges);

#endif
