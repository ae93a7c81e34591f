/*
 * jwt_challenges.h - the WWW-Authenticate of every refusal (RFC 6750 3), made once at setup.
 */
#ifndef WSGATE_JWT_CHALLENGES_H
#define WSGATE_JWT_CHALLENGES_H

#include "base/compiler.h"
#include "protocol/jose.h"

#include <wsgate/middleware.h>

struct jwt_challenges {
    char *texts[JOSE_REASON_COUNT]; /* by reason */
};

/* false: realm is not printable ASCII, or there is no memory. jwt_challenges_free is due either
 * way. */
bool jwt_challenges_make(struct jwt_challenges *challenges, const char *realm) MUST_CHECK;
void jwt_challenges_free(struct jwt_challenges *challenges);

/* With the reason's status, word and, unless we are to blame, its challenge. */
enum mw_verdict jwt_challenges_refuse(const struct jwt_challenges *challenges,
                                      const struct mw_host *host, struct mw_request *request,
                                      enum jose_reason reason) MUST_CHECK;

#endif
