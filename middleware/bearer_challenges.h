/*
 * bearer_challenges.h - the WWW-Authenticate of every refusal (RFC 6750 3), made once at setup.
 */
#ifndef WSGATE_BEARER_CHALLENGES_H
#define WSGATE_BEARER_CHALLENGES_H

#include "base/compiler.h"
#include "protocol/jose.h"

#include <wsgate/middleware.h>

struct bearer_challenges {
    char *texts[JOSE_REASON_COUNT]; /* by reason */
};

/* For `realm`. Fills the zeroed *challenges. false: the fault was reported. bearer_challenges_free
 * is due either way. */
bool bearer_challenges_read(struct bearer_challenges *challenges, const struct mw_options *options,
                            const struct mw_host *host) MUST_CHECK;
void bearer_challenges_free(struct bearer_challenges *challenges);

/* With the reason's status, word and, unless we are to blame, its challenge. */
enum mw_verdict bearer_challenges_refuse(const struct bearer_challenges *challenges,
                                      const struct mw_host *host, struct mw_request *request,
                                      enum jose_reason reason) MUST_CHECK;

#endif
