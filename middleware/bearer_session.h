/*
 * bearer_session.h - what is kept of an admitted token where its tunnel will be judged again, by an
 * instance that may have other rules then.
 *
 * One block of memory, at most some bytes more than the token was; wiped when it goes.
 */
#ifndef WSGATE_BEARER_SESSION_H
#define WSGATE_BEARER_SESSION_H

#include "bearer_claims.h"

struct bearer_session {
    struct str token;     /* or what of it is judged again */
    int64_t admitted_ms;  /* on the wall clock */
    unsigned char thumbprint[KEY_THUMBPRINT_LEN]; /* zeroes where no key was used */
    size_t bytes;
    char memory[];
};

/* MW_PASS, with a session in the slot where the tunnel will be judged again; or a refusal, for want
 * of memory. key: NULL where none was used. */
enum mw_verdict bearer_session_keep(const struct mw_host *host, struct mw_request *request,
                                    struct str token, const struct key *key,
                                    const struct bearer_challenges *challenges) MUST_CHECK;
/* mw_module.release; the slot is a session, or NULL. */
void bearer_session_release(void *state, void *slot, enum mw_end end);

/* What a revalidation has come to, said to the gateway. A revoked token is refused for good (403),
 * whatever a handshake with it would get. */
enum mw_verdict bearer_session_verdict(const struct mw_host *host, struct mw_task *task,
                                       enum jose_reason reason) MUST_CHECK;

#endif
