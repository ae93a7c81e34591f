/*
 * jwt.c - the middleware module that admits by JSON Web Token (RFC 7519, 6750).
 *
 * It finds the one credential (credential.h), takes it out of what the backend
 * sees, has it judged (token/verify.h), and says who it is, when the tunnel must
 * end, and which claims go to the backend (claim_header.h).
 *
 * An instance is constant after setup: keys, policy and every challenge that a
 * refusal may need. A worker's state is its verifier. Nothing is kept for a
 * request, and claims are freed before decide returns: the gateway copies what
 * it is handed.
 */
#include "jwt_challenges.h"
#include "jwt_keys.h"
#include "jwt_settings.h"
#include "registry.h"
#include "token/claim_value.h"
#include "token/verify.h"

#include <jansson.h>

#include <stdlib.h>

struct jwt {
    const struct mw_host *host;
    const struct keyset *keyset;
    struct jwt_settings settings;
    struct jwt_challenges challenges;
};

static const struct mw_option options_table[] = {
    {"keys", MW_OBJECTS, NULL, "Keys to verify with.", 0, NULL, jwt_key_options},
    {"jwks_file", MW_FILE, NULL, "File with a JSON Web Key Set."},
    {"jwks_url", MW_STRING, NULL, "Address of a JSON Web Key Set.", MW_LATER},
    {"cache_file", MW_STRING, NULL, "Where the last good key set is kept.", MW_LATER},
    {"refresh", MW_DURATION, NULL, "How often the key set is fetched.", MW_LATER},
    {"discovery", MW_STRING, NULL, "Address of an OpenID provider.", MW_LATER},
    {"introspection", MW_STRING, NULL, "Address that judges opaque tokens.", MW_LATER},
    {"algorithms", MW_LIST, NULL,
     "Accepted algorithms, of" JOSE_NAMES "; default: all that the keys serve."},
    {"issuer", MW_STRING, NULL, "The iss that a token must have."},
    {"audience", MW_LIST, NULL, "A token's aud must have one of these."},
    {"typ", MW_STRING, NULL, "The typ that a token's header must have, such as at+jwt."},
    {"token_from", MW_LIST, "header",
     "Where the token is: header, \"cookie:NAME\", \"query:NAME\", subprotocol."},
    {"leeway", MW_DURATION, "0", "How far clocks may differ, for exp, nbf and iat; at most 1h."},
    {"require_expiration", MW_BOOL, "true", "Whether a token without exp is refused."},
    {"max_age", MW_DURATION, "0", "How old a token may be, by its iat; 0: any age."},
    {"claims", MW_NAMED, NULL, "Rules: a claim's path, then what it must be.", 0, NULL,
     jwt_rule_options},
    {"subject_claim", MW_STRING, "sub", "The claim that says who it is."},
    {"forward_claims", MW_MAP, NULL, "Claims for the backend: a claim's path, then a header name."},
    {"forward_token", MW_BOOL, "false",
     "Whether the backend sees the token too; never if it was among the subprotocols."},
    {"on_expiry", MW_WORD, "close", "What happens to the tunnel when its token expires.", 0,
     "close|keep"},
    {"realm", MW_STRING, "wsgate", "The realm named in WWW-Authenticate."},
    {NULL},
};

/* ---- Life of an instance ---------------------------------------------------------- */

static void
teardown(void *instance)
{
    struct jwt *jwt = instance;

    jwt_challenges_free(&jwt->challenges);
    jwt_settings_free(&jwt->settings);
    keyset_unref(jwt->keyset);
    free(jwt);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct jwt *jwt = calloc(1, sizeof(*jwt));

    if (!jwt) {
        host->option_fault(options, "keys", 0, "out of memory");
        return NULL;
    }
    jwt->host = host;
    bool ok = jwt_settings_read(&jwt->settings, options, host);
    jwt->keyset = jwt_keys_load(options, host, jwt->settings.policy.algorithms);
    ok = jwt->keyset && ok;
    if (!jwt_challenges_make(&jwt->challenges, host->option_string(options, "realm"))) {
        host->option_fault(options, "realm", 0, "expected printable ASCII");
        ok = false;
    }
    if (ok)
        return jwt;
    teardown(jwt);
    return NULL;
}

static void *
worker_start(const void *instance, struct mw_worker *worker)
{
    const struct jwt *jwt = instance;

    (void)worker;
    return verifier_new(jwt->keyset);
}

static void
worker_stop(void *state)
{
    verifier_free(state);
}

/* ---- A request ---------------------------------------------------------------------- */

static enum mw_verdict
refuse(const struct jwt *jwt, struct mw_request *request, enum jose_reason reason)
{
    const struct jose_reason_row *row = jose_reason(reason);

    return jwt->host->deny(request, row->status, row->word,
                           row->status == 503 ? NULL : jwt->challenges.texts[reason]);
}

static struct mw_str
to_mw(struct str text)
{
    return (struct mw_str){text.at, text.len};
}

/* Who it is: a string or an integer, or nobody where the token has no such claim. */
static enum jose_reason
identify(const struct jwt *jwt, struct mw_request *request, const struct verified *verified)
{
    const struct json_t *claim = claim_path_find(&jwt->settings.subject, verified->claims);
    char space[CLAIM_NUMBER_MAX];
    struct str subject = claim_text(claim, space);

    if (!claim)
        return JOSE_OK;
    if (!json_is_string(claim) && !json_is_integer(claim))
        return JOSE_CLAIM;
    return jwt->host->identify(request, to_mw(verified->issuer), to_mw(subject)) ? JOSE_OK
                                                                                  : JOSE_INTERNAL;
}

/* Hands on what the token says. false: out of memory. */
static bool
hand_on(const struct jwt *jwt, struct mw_request *request, const struct verified *verified)
{
    const struct mw_host *host = jwt->host;

    for (size_t i = 0; i < jwt->settings.forward_count; i++)
        if (!claim_header_forward(&jwt->settings.forwards[i], host, request, verified->claims))
            return false;
    if (jwt->settings.close_on_expiry && verified->expires_ms != INT64_MAX)
        host->deadline(request, verified->expires_ms);
    return true;
}

/* What the claims of a token that verified decide. */
static enum mw_verdict
admit(const struct jwt *jwt, struct mw_request *request, const struct verified *verified)
{
    enum jose_reason reason = identify(jwt, request, verified);

    if (reason != JOSE_OK)
        return refuse(jwt, request, reason);
    enum mw_verdict verdict =
        jwt_rules_judge(jwt->settings.rules, jwt->host, request, verified->claims,
                        jwt->challenges.texts[JOSE_RULES]);
    if (verdict == MW_PASS && !hand_on(jwt, request, verified))
        return refuse(jwt, request, JOSE_INTERNAL);
    return verdict;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct jwt *jwt = instance;
    const struct mw_host *host = jwt->host;
    struct verified verified;
    struct str token;
    enum jose_reason reason =
        credential_find(host, request, jwt->settings.places, jwt->settings.place_count, &token);

    if (!state ||
        !credential_strip(host, request, jwt->settings.places, jwt->settings.place_count, jwt->settings.forward_token))
        reason = JOSE_INTERNAL;
    if (reason == JOSE_OK)
        reason = verify_token(state, &jwt->settings.policy, token, host->wall_clock_ms(request), &verified);
    if (reason != JOSE_OK)
        return refuse(jwt, request, reason);
    enum mw_verdict verdict = admit(jwt, request, &verified);
    verified_free(&verified);
    return verdict;
}

const struct mw_module jwt_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "jwt",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .decide = decide,
};
