/*
 * introspection.c - the middleware module that admits by opaque tokens, which a service judges
 * (RFC 7662).
 *
 * It finds the one credential (credential.h), takes it out of what the backend sees, asks the
 * service (introspection_worker.h), and has the members of the answer decide (bearer_claims.h).
 *
 * An instance is constant after setup. The token goes to the service and nowhere else: what the
 * cache keeps of it is its SHA-256. Where a tunnel is judged again, its session keeps the token
 * itself (bearer_session.h), so that the service can be asked again.
 */
#include "base/clock.h"
#include "bearer_challenges.h"
#include "bearer_session.h"
#include "introspection_settings.h"
#include "introspection_worker.h"
#include "protocol/http_chars.h"
#include "registry.h"

#include <stdlib.h>

struct introspection {
    const struct mw_host *host;
    struct introspection_settings settings;
    struct bearer_challenges challenges;
};

/* ---- Life of an instance ---------------------------------------------------------- */

static void
teardown(void *instance)
{
    struct introspection *introspection = instance;

    bearer_challenges_free(&introspection->challenges);
    introspection_settings_free(&introspection->settings);
    free(introspection);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct introspection *introspection = calloc(1, sizeof(*introspection));

    if (!introspection) {
        host->option_fault(options, "url", 0, "out of memory");
        return NULL;
    }
    introspection->host = host;
    bool ok = introspection_settings_read(&introspection->settings, options, host);
    ok = bearer_challenges_read(&introspection->challenges, options, host) && ok;
    if (ok)
        return introspection;
    teardown(introspection);
    return NULL;
}

/* ---- A request ---------------------------------------------------------------------- */

static enum mw_verdict
refuse(const struct introspection *introspection, struct mw_request *request,
       enum jose_reason reason)
{
    return bearer_challenges_refuse(&introspection->challenges, introspection->host, request,
                                    reason);
}

static enum mw_verdict
judge(const void *instance, struct mw_request *request, struct str token,
      const struct introspection_answer *answer)
{
    const struct introspection *introspection = instance;
    const struct mw_host *host = introspection->host;
    struct verified verified = {.claims = answer->claims};
    enum jose_reason reason = JOSE_INACTIVE;

    if (answer->fault != SERVICE_NONE)
        return host->deny(request, service_fault_status(answer->fault),
                          introspection_fault_word(answer->fault), NULL);
    if (answer->active)
        reason = verify_claims(&introspection->settings.policy, answer->claims,
                               host->wall_clock_ms(request), &verified);
    if (reason != JOSE_OK)
        return refuse(introspection, request, reason);
    enum mw_verdict verdict = bearer_claims_admit(&introspection->settings.claims, host, request,
                                                  &verified, &introspection->challenges);
    return verdict != MW_PASS
               ? verdict
               : bearer_session_keep(host, request, token, NULL, &introspection->challenges);
}

/* What no token can be is not worth a question. RFC 6749 A.12: 1*VSCHAR. */
static enum jose_reason
check_token(struct str token)
{
    if (token.len > JOSE_TOKEN_MAX)
        return JOSE_TOO_LONG;
    return http_chars_skip(token.at, 0, token.len, HTTP_CHAR_TARGET) == token.len ? JOSE_OK
                                                                                  : JOSE_MALFORMED;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct introspection *introspection = instance;
    const struct introspection_settings *settings = &introspection->settings;
    struct str token;
    enum jose_reason reason = credential_take(introspection->host, request, settings->places,
                                              settings->place_count, settings->forward_token,
                                              &token);

    if (!state)
        reason = JOSE_INTERNAL;
    if (reason == JOSE_OK)
        reason = check_token(token);
    if (reason != JOSE_OK)
        return refuse(introspection, request, reason);
    if (introspection->host->is_offline(request))
        return introspection->host->undecided(request, "the service is not asked here");
    return introspection_worker_decide(state, request, token);
}

/* ---- A tunnel ------------------------------------------------------------------------- */

/* By what the service says of its token now; no answer is no yes. */
static enum mw_verdict
judge_again(const void *instance, struct mw_task *task, const struct introspection_answer *answer)
{
    const struct introspection *introspection = instance;
    const struct introspection_settings *settings = &introspection->settings;
    const struct mw_host *host = introspection->host;
    struct verified verified = {.claims = answer->claims};
    enum jose_reason reason = JOSE_INACTIVE;

    if (answer->fault != SERVICE_NONE)
        return host->deny_tunnel(task, service_fault_status(answer->fault),
                                 introspection_fault_word(answer->fault));
    if (answer->active)
        reason = verify_claims(&settings->policy, answer->claims, clock_wall_ms(), &verified);
    if (reason == JOSE_OK)
        reason = bearer_claims_judge_again(&settings->claims, host, task, &verified);
    return bearer_session_verdict(host, task, reason);
}

static enum mw_verdict
revalidate(void *state, void *slot, struct mw_task *task)
{
    const struct bearer_session *session = slot;

    return session ? introspection_worker_revalidate(state, task, session->token) : MW_DENY;
}

/* ---- Life on a worker ----------------------------------------------------------------- */

static void *
worker_start(const void *instance, struct mw_worker *worker)
{
    const struct introspection *introspection = instance;

    return introspection_worker_new(introspection->host, worker, &introspection->settings, judge,
                                    judge_again, introspection);
}

const struct mw_module introspection_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "introspection",
    .options = introspection_options,
    .setup = setup,
    .teardown = teardown,
    .worker_start = worker_start,
    .worker_stop = introspection_worker_free,
    .decide = decide,
    .cancel = introspection_worker_cancel,
    .release = bearer_session_release,
    .revalidate = revalidate,
};
