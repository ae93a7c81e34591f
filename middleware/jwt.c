/*
 * jwt.c - the middleware module that admits by JSON Web Token (RFC 7519, 6750).
 *
 * It finds the one credential (credential.h), takes it out of what the backend
 * sees, has it judged (token/verify.h), and has its claims decide (bearer_claims.h).
 *
 * An instance is constant after setup: policy, keys from files, and every challenge
 * that a refusal may need; the workers share its cache of tokens. Keys by URL are the
 * control thread's (jwt_remote.h); a worker has what it was told last, and those who wait
 * for more (jwt_worker.h). Claims are let go before decide returns: the gateway copies
 * what it is handed.
 */
#include "base/clock.h"
#include "bearer_challenges.h"
#include "bearer_rules.h"
#include "bearer_session.h"
#include "jwt_keys.h"
#include "jwt_remote.h"
#include "jwt_settings.h"
#include "jwt_worker.h"
#include "registry.h"
#include "token/verify.h"

#include <stdlib.h>

struct jwt {
    const struct mw_host *host;
    const struct keyset *keyset; /* from files */
    struct jwt_remote *remote;   /* by URL; NULL: none. The one part that is not constant */
    struct jwt_settings settings;
    struct jwt_remote_settings remote_settings;
    struct bearer_challenges challenges;
};

static const struct mw_option options_table[] = {
    {"keys", MW_OBJECTS, NULL, "Keys to verify with.", 0, NULL, jwt_key_options},
    {"jwks_file", MW_FILES, NULL, "Files with JSON Web Key Sets."},
    {"jwks_url", MW_LIST, NULL, "Addresses of JSON Web Key Sets."},
    {"discovery", MW_STRING, NULL, "Address of an OpenID provider, which says where its keys are."},
    {"refresh", MW_DURATION, "10m", "How often keys by URL are fetched, at the latest."},
    {"refetch_interval", MW_DURATION, "2s",
     "How often, at most, missing keys make them be fetched."},
    {"fetch_timeout", MW_DURATION, "4s", "How long a fetch may take."},
    {"max_stale", MW_DURATION, "24h",
     "How long the last good keys stay without a good answer; 0: for ever."},
    {"ca_file", MW_FILE, NULL, "Who may vouch for these servers; default: whom the system trusts."},
    {"cache_file", MW_STRING, NULL,
     "Where the last good keys by URL are kept, for the next start.", MW_OWN},
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
     bearer_rule_options},
    {"subject_claim", MW_STRING, "sub", "The claim that says who it is."},
    {"forward_claims", MW_MAP, NULL, "Claims for the backend: a claim's path, then a header name."},
    {"forward_token", MW_BOOL, "false",
     "Whether the backend sees the token too; never if it was among the subprotocols."},
    {"revoked_file", MW_FILE, NULL, "What has been revoked: jti, sid or sub, one a line."},
    {"on_expiry", MW_WORD, "close", "What happens to the tunnel when its token expires.", 0,
     "close|keep"},
    {"cache", MW_OBJECT, "{}", "Tokens that verified, remembered.", 0, NULL, jwt_cache_options},
    {"realm", MW_STRING, "wsgate", "The realm named in WWW-Authenticate."},
    {NULL},
};

/* ---- Life of an instance ---------------------------------------------------------- */

static void
teardown(void *instance)
{
    struct jwt *jwt = instance;

    bearer_challenges_free(&jwt->challenges);
    jwt_settings_free(&jwt->settings);
    jwt_remote_free(jwt->remote);
    keyset_unref(jwt->keyset);
    free(jwt);
}

/* The keys: those from files, and where others come from. */
static bool
load_keys(struct jwt *jwt, const struct mw_options *options)
{
    const struct mw_host *host = jwt->host;
    bool ok = jwt_remote_settings_read(&jwt->remote_settings, options, host);
    bool remote = jwt->remote_settings.count > 0 || !ok;

    jwt->keyset = jwt_keys_load(options, host, jwt->settings.policy.algorithms, remote);
    if (!jwt->keyset || !ok)
        return false;
    if (!remote)
        return true;
    if (!jwt->settings.policy.issuer.at) /* whose keys these are is who may have signed */
        jwt->settings.policy.issuer = str_of(jwt_remote_settings_issuer(&jwt->remote_settings));
    jwt->remote = jwt_remote_new(&jwt->remote_settings, host, jwt->keyset);
    if (!jwt->remote)
        host->option_fault(options, "jwks_url", 0, "out of memory");
    return jwt->remote != NULL;
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
    ok = load_keys(jwt, options) && ok;
    ok = bearer_challenges_read(&jwt->challenges, options, host) && ok;
    if (ok)
        return jwt;
    teardown(jwt);
    return NULL;
}

/* Keys by URL, so that no handshake waits for what was known a moment ago. */
static void
adopt(void *instance, const void *old)
{
    struct jwt *jwt = instance;
    const struct jwt *other = old;

    if (jwt->remote && other->remote)
        jwt_remote_adopt(jwt->remote, other->remote);
}

/* ---- Life on the control thread ----------------------------------------------------- */

struct jwt_control {
    struct jwt_remote *remote; /* the instance's; NULL: nothing to do there */
};

static void *
control_start(const void *instance, struct mw_worker *control)
{
    const struct jwt *jwt = instance;
    struct jwt_control *state = malloc(sizeof(*state));

    if (!state)
        return NULL;
    state->remote = jwt->remote;
    if (!state->remote || jwt_remote_start(state->remote, control))
        return state;
    free(state);
    return NULL;
}

static void
control_stop(void *arg)
{
    struct jwt_control *state = arg;

    if (state->remote)
        jwt_remote_stop(state->remote);
    free(state);
}

/* ---- A request ---------------------------------------------------------------------- */

static enum mw_verdict
refuse(const struct jwt *jwt, struct mw_request *request, enum jose_reason reason)
{
    return bearer_challenges_refuse(&jwt->challenges, jwt->host, request, reason);
}

static void
count_lookup(const struct mw_host *host, struct mw_request *request, enum verify_lookup lookup)
{
    if (lookup == VERIFY_HIT)
        host->count(request, "token-cache-hit", 1);
    else if (lookup == VERIFY_MISS)
        host->count(request, "token-cache-miss", 1);
}

/* All but the signature of a token that has one. */
static struct str
signed_text(struct str token)
{
    struct jose_parts parts;

    return jose_split(&parts, token) == JOSE_OK ? parts.signed_text : STR_NONE;
}

static enum mw_verdict
judge_request(const struct jwt *jwt, struct jwt_worker *worker, const struct jwt_asker *asker)
{
    struct mw_request *request = asker->request;
    struct verified verified;
    enum jose_reason reason =
        verify_token(jwt_worker_verifier(worker), &jwt->settings.policy, asker->token,
                     jwt->host->wall_clock_ms(request), &verified);

    count_lookup(jwt->host, request, verified.lookup);
    if (verified.key_wanted && jwt_worker_wait(worker, asker, &reason))
        return MW_WAIT;
    if (jwt->remote && verified.key_wanted && reason != JOSE_SIGNATURE &&
        jwt->host->is_offline(request))
        return jwt->host->undecided(request, "keys by URL are not fetched here");
    if (reason != JOSE_OK)
        return refuse(jwt, request, reason);
    enum mw_verdict verdict = bearer_claims_admit(&jwt->settings.claims, jwt->host, request,
                                                  &verified, &jwt->challenges);
    if (verdict == MW_PASS)
        verdict = bearer_session_keep(jwt->host, request, signed_text(asker->token), verified.key,
                                      &jwt->challenges);
    verified_free(&verified);
    return verdict;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct jwt *jwt = instance;
    const struct jwt_settings *settings = &jwt->settings;
    struct str token;
    enum jose_reason reason = credential_take(jwt->host, request, settings->places,
                                              settings->place_count, settings->forward_token,
                                              &token);

    if (!state)
        reason = JOSE_INTERNAL;
    if (reason != JOSE_OK)
        return refuse(jwt, request, reason);
    return judge_request(jwt, state,
                         &(struct jwt_asker){jwt->host->task(request), request, token, NULL});
}

/* ---- A tunnel ------------------------------------------------------------------------- */

/* As at a handshake, by what is asked and trusted now. An expiry that ends no tunnel is not seen by
 * asking when it was admitted. */
static enum mw_verdict
judge_tunnel(const struct jwt *jwt, struct jwt_worker *worker, const struct jwt_asker *asker)
{
    const struct bearer_claims *claims = &jwt->settings.claims;
    const struct bearer_session *session = asker->session;
    struct verified verified;
    enum jose_reason reason = verify_again(
        jwt_worker_verifier(worker), &jwt->settings.policy, session->token, session->thumbprint,
        claims->close_on_expiry ? clock_wall_ms() : session->admitted_ms, &verified);

    if (reason == JOSE_KEY_UNKNOWN && !jwt_worker_is_certain(worker) &&
        jwt_worker_wait(worker, asker, &reason))
        return MW_WAIT;
    if (reason == JOSE_OK) {
        reason = bearer_claims_judge_again(claims, jwt->host, asker->task, &verified);
        verified_free(&verified);
    }
    return bearer_session_verdict(jwt->host, asker->task, reason);
}

static enum mw_verdict
revalidate(void *state, void *slot, struct mw_task *task)
{
    const struct jwt *jwt = jwt_worker_instance(state);

    return slot ? judge_tunnel(jwt, state, &(struct jwt_asker){task, NULL, STR_NONE, slot})
                : bearer_session_verdict(jwt->host, task, JOSE_INTERNAL);
}

static enum mw_verdict
judge(const void *instance, struct jwt_worker *worker, const struct jwt_asker *asker)
{
    return asker->request ? judge_request(instance, worker, asker)
                          : judge_tunnel(instance, worker, asker);
}

/* ---- Life on a worker ----------------------------------------------------------------- */

static void *
worker_start(const void *instance, struct mw_worker *worker)
{
    const struct jwt *jwt = instance;

    return jwt_worker_new(jwt->host, worker, jwt->keyset, jwt->remote, judge, jwt);
}

const struct mw_module jwt_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "jwt",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .worker_start = worker_start,
    .worker_stop = jwt_worker_free,
    .decide = decide,
    .cancel = jwt_worker_cancel,
    .release = bearer_session_release,
    .revalidate = revalidate,
    .control_start = control_start,
    .control_stop = control_stop,
    .adopt = adopt,
};
