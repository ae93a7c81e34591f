/*
 * forward_auth.c - the middleware module that asks a service whether a request may pass.
 *
 * The service gets the request's method, scheme, host, URI and client in X-Forwarded fields, and
 * those of the client's headers that are named. 2xx is yes, 401 and 403 are no, everything else is
 * no answer. An instance is constant after setup.
 */
#include "forward_auth_worker.h"
#include "forward_question.h"
#include "registry.h"

#include <stdlib.h>

struct forward_auth {
    const struct mw_host *host;
    struct forward_auth_settings settings;
};

static void
teardown(void *instance)
{
    struct forward_auth *auth = instance;

    forward_auth_settings_free(&auth->settings);
    free(auth);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct forward_auth *auth = calloc(1, sizeof(*auth));

    if (auth == NULL) {
        host->option_fault(options, "url", 0, "out of memory");
        return NULL;
    }
    auth->host = host;
    if (forward_auth_settings_read(&auth->settings, options, host))
        return auth;
    teardown(auth);
    return NULL;
}

static void *
worker_start(const void *instance, struct mw_worker *worker)
{
    const struct forward_auth *auth = instance;

    return forward_auth_worker_new(auth->host, worker, &auth->settings);
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct forward_auth *auth = instance;

    if (state == NULL)
        return auth->host->deny(request, 503, "forward-auth-internal", NULL);
    if (auth->host->is_offline(request))
        return auth->host->undecided(request, "the service is not asked here");
    return forward_auth_worker_decide(state, request);
}

static void
release(void *state, void *slot, enum mw_end end)
{
    (void)state;
    (void)end;
    forward_question_free(slot);
}

const struct mw_module forward_auth_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "forward_auth",
    .options = forward_auth_options,
    .setup = setup,
    .teardown = teardown,
    .worker_start = worker_start,
    .worker_stop = forward_auth_worker_free,
    .decide = decide,
    .cancel = forward_auth_worker_cancel,
    .release = release,
    .revalidate = forward_auth_worker_revalidate,
};
