/* bearer_claims.c - see bearer_claims.h. What a rule means is claim_rules.h's. */
#include "bearer_claims.h"

#include "bearer_rules.h"
#include "base/clock.h"
#include "base/json_node.h"
#include "token/claim_path.h"
#include "token/claim_value.h"

enum { ON_EXPIRY_CLOSE, ON_EXPIRY_KEEP };

/* ---- Options ------------------------------------------------------------------------ */

static bool
read_subject(struct bearer_claims *claims, const struct mw_options *options,
             const struct mw_host *host)
{
    const char *error;

    claims->subject = host->option_string(options, "subject_claim");
    if (claim_path_check(claims->subject, &error))
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
    host->offer_claims(options);
    return bearer_forwards_read(options, host, claims->forwards, &claims->forward_count) && ok;
}

void
bearer_claims_free(struct bearer_claims *claims)
{
    claim_rules_free(claims->rules);
    revocations_free(claims->revoked);
}

/* ---- Who it is ------------------------------------------------------------------------ */

/* Numbers are written into `space`. */
struct identity {
    struct token_identity who;
    char space[3][CLAIM_NUMBER_MAX];
};

static struct mw_str
to_mw(struct str text)
{
    return (struct mw_str){text.at, text.len};
}

static struct str
text_of(const struct verified *verified, struct str name, char space[CLAIM_NUMBER_MAX])
{
    return claim_text(json_node_member(verified->claims, name), space);
}

/* Of *verified: claims and issuer, in which *identity then points. false: the subject is neither a
 * string nor an integer. */
static bool
read_identity(struct identity *identity, const struct bearer_claims *claims,
              const struct verified *verified)
{
    const struct json_node *subject = claim_path_find(claims->subject, verified->claims);

    identity->who = (struct token_identity){
        .issuer = verified->issuer,
        .subject = claim_text(subject, identity->space[0]),
        .token_id = text_of(verified, STR("jti"), identity->space[1]),
        .session_id = text_of(verified, STR("sid"), identity->space[2]),
    };
    return !subject || json_node_is(subject, JSON_NODE_STRING) ||
           json_node_is(subject, JSON_NODE_INTEGER);
}

/* By this instance's list or by the gateway's. */
static bool
is_revoked(const struct bearer_claims *claims, const struct mw_host *host,
           const struct token_identity *who, int64_t now_ms)
{
    return revocations_hold(claims->revoked, who, now_ms) ||
           host->is_revoked(host, to_mw(who->issuer), to_mw(who->subject), to_mw(who->token_id),
                            to_mw(who->session_id));
}

/* ---- A request ------------------------------------------------------------------------ */

/* Who it is, or nobody where the token has no such claim. */
static enum jose_reason
identify(const struct bearer_claims *claims, const struct mw_host *host,
         struct mw_request *request, const struct verified *verified)
{
    struct identity identity;
    const struct token_identity *who = &identity.who;

    if (!read_identity(&identity, claims, verified))
        return JOSE_CLAIM;
    if (who->subject.at && !host->identify(request, to_mw(who->issuer), to_mw(who->subject)))
        return JOSE_INTERNAL;
    if ((who->token_id.at || who->session_id.at) &&
        !host->identify_token(request, to_mw(who->token_id), to_mw(who->session_id)))
        return JOSE_INTERNAL;
    return is_revoked(claims, host, who, host->wall_clock_ms(request)) ? JOSE_REVOKED : JOSE_OK;
}

/* Those that modules behind this one read, where they have a text. */
static bool
give_claims(const struct mw_host *host, struct mw_request *request, const struct verified *verified)
{
    const char *name;

    for (size_t i = 0; (name = host->expected_claim(request, i)) != NULL; i++) {
        char space[CLAIM_NUMBER_MAX];
        struct str text = claim_text(claim_path_find(name, verified->claims), space);
        if (text.at && !host->give_claim(request, name, to_mw(verified->issuer), to_mw(text)))
            return false;
    }
    return true;
}

/* Hands on what the token says. */
static enum jose_reason
hand_on(const struct bearer_claims *claims, const struct mw_host *host, struct mw_request *request,
        const struct verified *verified)
{
    for (size_t i = 0; i < claims->forward_count; i++)
        if (!claim_header_forward(&claims->forwards[i], host, request, verified->claims))
            return JOSE_INTERNAL;
    if (!give_claims(host, request, verified))
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

/* ---- A tunnel ------------------------------------------------------------------------- */

enum jose_reason
bearer_claims_judge_again(const struct bearer_claims *claims, const struct mw_host *host,
                          const struct mw_task *task, const struct verified *verified)
{
    struct identity identity;

    if (!read_identity(&identity, claims, verified))
        return JOSE_CLAIM;
    if (is_revoked(claims, host, &identity.who, clock_wall_ms()))
        return JOSE_REVOKED;
    return bearer_rules_hold(claims->rules, host, task, verified->claims) ? JOSE_OK : JOSE_RULES;
}
