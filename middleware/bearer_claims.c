/* bearer_claims.c - see bearer_claims.h. What a rule means is claim_rules.h's. */
#include "bearer_claims.h"

#include "bearer_rules.h"
#include "base/json_node.h"
#include "token/claim_value.h"

enum { ON_EXPIRY_CLOSE, ON_EXPIRY_KEEP };

/* ---- Options ------------------------------------------------------------------------ */

static bool
read_subject(struct bearer_claims *claims, const struct mw_options *options,
             const struct mw_host *host)
{
    const char *error;

    if (claim_path_init(&claims->subject, host->option_string(options, "subject_claim"), &error))
        return true;
    host->option_fault(options, "subject_claim", 0, "%s", error);
    return false;
}

bool
bearer_claims_read(struct bearer_claims *claims, const struct mw_options *options,
                   const struct mw_host *host)
{
    bool ok = bearer_rules_read(&claims->rules, options, host);

    ok = read_subject(claims, options, host) && ok;
    claims->close_on_expiry = host->option_integer(options, "on_expiry") == ON_EXPIRY_CLOSE;
    return bearer_forwards_read(options, host, claims->forwards, &claims->forward_count) && ok;
}

void
bearer_claims_free(struct bearer_claims *claims)
{
    for (size_t i = 0; i < claims->forward_count; i++)
        claim_header_free(&claims->forwards[i]);
    claim_rules_free(claims->rules);
    claim_path_free(&claims->subject);
}

/* ---- A request ------------------------------------------------------------------------ */

static struct mw_str
to_mw(struct str text)
{
    return (struct mw_str){text.at, text.len};
}

/* Who it is: a string or an integer, or nobody where the token has no such claim. */
static enum jose_reason
identify(const struct bearer_claims *claims, const struct mw_host *host,
         struct mw_request *request, const struct verified *verified)
{
    const struct json_node *claim = claim_path_find(&claims->subject, verified->claims);
    char space[CLAIM_NUMBER_MAX];
    struct str subject = claim_text(claim, space);

    if (!claim)
        return JOSE_OK;
    if (!json_node_is(claim, JSON_NODE_STRING) && !json_node_is(claim, JSON_NODE_INTEGER))
        return JOSE_CLAIM;
    return host->identify(request, to_mw(verified->issuer), to_mw(subject)) ? JOSE_OK
                                                                             : JOSE_INTERNAL;
}

/* Hands on what the token says. */
static enum jose_reason
hand_on(const struct bearer_claims *claims, const struct mw_host *host, struct mw_request *request,
        const struct verified *verified)
{
    for (size_t i = 0; i < claims->forward_count; i++)
        if (!claim_header_forward(&claims->forwards[i], host, request, verified->claims))
            return JOSE_INTERNAL;
    if (claims->close_on_expiry && verified->expires_ms != INT64_MAX)
        host->deadline(request, verified->expires_ms);
    return JOSE_OK;
}

enum mw_verdict
bearer_claims_admit(const struct bearer_claims *claims, const struct mw_host *host,
                    struct mw_request *request, const struct verified *verified,
                    const struct bearer_challenges *challenges)
{
    enum jose_reason reason = identify(claims, host, request, verified);
    enum mw_verdict verdict = MW_PASS;

    if (reason == JOSE_OK)
        verdict = bearer_rules_judge(claims->rules, host, request, verified->claims,
                                     challenges->texts[JOSE_RULES]);
    if (reason == JOSE_OK && verdict == MW_PASS)
        reason = hand_on(claims, host, request, verified);
    return reason == JOSE_OK ? verdict
                             : bearer_challenges_refuse(challenges, host, request, reason);
}
