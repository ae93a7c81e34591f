/*
 * bearer_session.h - what is kept of an admitted token where its tunnel will be judged again: who
 * it was, its end, its key, and where the service must be asked the token itself.
 *
 * One block of memory, at most some bytes more than the token was; wiped when it goes.
 */
#ifndef WSGATE_BEARER_SESSION_H
#define WSGATE_BEARER_SESSION_H

#include "bearer_claims.h"

struct bearer_session {
    struct token_identity who;
    struct str token;   /* at == NULL: not kept */
    int64_t expires_ms; /* INT64_MAX: never */
    unsigned char thumbprint[KEY_THUMBPRINT_LEN]; /* zeroes where no key was used */
    size_t bytes;
    char memory[];
};

/* MW_PASS, with a session in the slot where the tunnel will be judged again; or a refusal, for want
 * of memory. token.at == NULL: it need not be kept. */
enum mw_verdict bearer_session_keep(const struct bearer_claims *claims, const struct mw_host *host,
                                    struct mw_request *request, const struct verified *verified,
                                    struct str token,
                                    const struct bearer_challenges *challenges) MUST_CHECK;
/* Neither expired, where that ends a tunnel, nor revoked. */
bool bearer_session_holds(const struct bearer_session *session, const struct bearer_claims *claims,
                          const struct mw_host *host) MUST_CHECK;
/* mw_module.release; the slot is a session, or NULL. */
void bearer_session_release(void *state, void *slot, enum mw_end end);

#endif
