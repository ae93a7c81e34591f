/*
 * bearer_claims.h - what the claims of a good token decide: who it is, whether the rules let it in,
 * what the backend is told, and when the tunnel must end. For all modules that admit by bearer
 * token.
 *
 * Constant after bearer_claims_read, but for what locks itself; strings belong to the
 * configuration.
 */
#ifndef WSGATE_BEARER_CLAIMS_H
#define WSGATE_BEARER_CLAIMS_H

#include "bearer_options.h"
#include "bearer_challenges.h"
#include "token/revocations.h"
#include "token/verify.h"

struct claim_rules;

struct bearer_claims {
    const char *subject; /* claim_path.h */
    struct claim_rules *rules; /* NULL: none */
    struct claim_header forwards[BEARER_FORWARDS_MAX];
    size_t forward_count;
    bool close_on_expiry;
    struct revocations *revoked; /* of this instance alone; NULL: none */
};

/* `subject_claim`, `claims`, `forward_claims` and `on_expiry`, a word of close|keep. Fills the
 * zeroed *claims. false: every fault was reported. bearer_claims_free is due either way. */
bool bearer_claims_read(struct bearer_claims *claims, const struct mw_options *options,
                        const struct mw_host *host) MUST_CHECK;
void bearer_claims_free(struct bearer_claims *claims);

/* Of *verified: claims, issuer and expires_ms. The claims are only read: threads may share them. */
enum mw_verdict bearer_claims_admit(const struct bearer_claims *claims, const struct mw_host *host,
                                    struct mw_request *request, const struct verified *verified,
                                    const struct bearer_challenges *challenges) MUST_CHECK;
/* Of a live tunnel, by its token as it is or is said to be now: JOSE_OK, CLAIM, REVOKED or RULES.
 * The captures are those that the tunnel was opened with. */
enum jose_reason bearer_claims_judge_again(const struct bearer_claims *claims,
                                           const struct mw_host *host, const struct mw_task *task,
                                           const struct verified *verified) MUST_CHECK;

#endif
