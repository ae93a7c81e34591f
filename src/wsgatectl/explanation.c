/*
 * explanation.c - see explanation.h.
 *
 * The hard thing is to see every module's verdict with the gateway's own chain, which stops at
 * the first refusal: each module is asked in a chain of its own, on a copy of the route
 * that requires it alone. What a module finds out about the request stays in the
 * request, as it does in one long chain.
 */
#include "wsgatectl/explanation.h"

#include "base/clock.h"
#include "gateway/client_address.h"
#include "gateway/forward.h"
#include "gateway/refusal.h"

#include <stdlib.h>

#define NO_DEADLINE UINT64_MAX

const char *
explain_stage_word(enum explain_stage stage)
{
    static const char *const words[] = {
#define S(name, word) word,
        EXPLAIN_STAGES(S)
#undef S
    };

    return words[stage];
}

bool
explanation_is_unknown(const struct answer *answer)
{
    return answer->reason == REASON_UNDECIDED;
}

/* ---- The head ------------------------------------------------------------------- */

/* Every other reason is the head's. */
static const enum explain_stage stages_of_reasons[REASON_COUNT] = {
    [REASON_HANDSHAKE_BAD] = EXPLAIN_HANDSHAKE,
    [REASON_PATH_BAD] = EXPLAIN_TARGET,
    [REASON_HOST_BAD] = EXPLAIN_TARGET,
    [REASON_METHOD] = EXPLAIN_UPGRADE,
    [REASON_NO_UPGRADE] = EXPLAIN_UPGRADE,
    [REASON_VERSION] = EXPLAIN_UPGRADE,
    [REASON_NO_ROUTE] = EXPLAIN_ROUTE,
};

static void
refuse(struct explanation *explanation, struct explain_verdict *verdict, struct answer answer)
{
    verdict->outcome = EXPLAIN_DENY;
    verdict->answer = answer;
    if (explanation->answer.reason == REASON_NONE)
        explanation->answer = answer;
}

/* After 405 and 426 the route is known all the same; after an earlier refusal nothing is. */
static void
foresee_route(struct explanation *explanation)
{
    struct explain_verdict *verdict = &explanation->stages[EXPLAIN_ROUTE];

    if (explanation->request->route != NULL)
        verdict->outcome = EXPLAIN_PASS;
    else
        refuse(explanation, verdict, (struct answer){.reason = REASON_NO_ROUTE});
}

/* true: the route's modules can be asked. */
static bool
judge_head(struct explanation *explanation)
{
    struct request *request = explanation->request;
    struct str head = explanation->question->head;
    enum step step = request_feed(request, head.at, head.len);
    size_t last = EXPLAIN_STAGE_COUNT - 1;

    if (step == STEP_WAIT) /* it would be waited for in vain */
        step = request_fail(request, REASON_HEAD_TIMEOUT, NULL);
    if (step == STEP_FAILED)
        last = stages_of_reasons[request->answer.reason];
    for (size_t i = 0; i <= last; i++)
        explanation->stages[i] = (struct explain_verdict){.outcome = EXPLAIN_PASS, .asked = true};
    if (step == STEP_DONE)
        return true;
    refuse(explanation, &explanation->stages[last], request->answer);
    if (last != EXPLAIN_UPGRADE)
        return false;
    foresee_route(explanation);
    return request->route != NULL;
}

/* ---- The modules ------------------------------------------------------------------ */

static void
on_resumed(struct request *request, enum mw_verdict verdict)
{
    struct explanation *explanation = (struct explanation *)((char *)request->worker -
                                                             offsetof(struct explanation, worker));

    explanation->step = chain_resume(request, verdict);
}

static void
wait_for_verdict(struct explanation *explanation, uint64_t deadline_us)
{
    struct request *request = explanation->request;
    struct event_base *base = explanation->worker.base;
    uint64_t now_us;

    while (explanation->step == STEP_WAIT && (now_us = clock_monotonic_us()) < deadline_us) {
        uint64_t left_us = deadline_us - now_us;
        struct timeval left = {(time_t)(left_us / 1000000), (suseconds_t)(left_us % 1000000)};
        if (deadline_us != NO_DEADLINE && event_base_loopexit(base, &left) == -1)
            break;
        if (event_base_loop(base, EVLOOP_ONCE) == -1)
            break;
    }
    if (explanation->step != STEP_WAIT)
        return;
    explanation->step = request_fail(request, REASON_AUTH_TIMEOUT, NULL);
    chain_cancel(request);
}

/* timeouts.auth is for all modules together; those that are not asked have as much each. */
static uint64_t
auth_deadline(const struct explanation *explanation, uint64_t started_us)
{
    uint64_t auth_us = explanation->request->settings->timeouts.auth * 1000;

    if (auth_us == 0)
        return NO_DEADLINE;
    return (explanation->answer.reason == REASON_NONE ? started_us : clock_monotonic_us()) +
           auth_us;
}

static struct explain_findings
findings_of(const struct request *request)
{
    return (struct explain_findings){
        .strips = request->strip_count,
        .forwards = request->forward_count,
        .labels = request->label_count,
        .stripped_protocols = request->stripped_protocols,
        .issuer = request->issuer,
        .subject = request->subject,
        .deadline_wall_ms = request->deadline_wall_ms,
    };
}

static void
ask_module(struct explanation *explanation, struct explain_module *module, uint64_t started_us)
{
    struct request *request = explanation->request;
    uint64_t deadline_us = auth_deadline(explanation, started_us);

    module->verdict.asked = explanation->answer.reason == REASON_NONE;
    module->before = findings_of(request);
    request->route = &module->route;
    request->chain = (struct chain){.next = 0};
    request->answer = (struct answer){.reason = REASON_NONE};
    explanation->step = chain_start(request);
    wait_for_verdict(explanation, deadline_us);
    module->after = findings_of(request);
    if (explanation->step == STEP_DONE && !chain_take(request, &module->held, &module->held_count))
        explanation->step = request_fail(request, REASON_NO_MEMORY, NULL);
    chain_release(request, MW_END_REFUSED); /* harmless where the slot was taken */
    if (explanation->step == STEP_DONE)
        module->verdict.outcome = EXPLAIN_PASS;
    else
        refuse(explanation, &module->verdict, request->answer);
}

static bool
ask_modules(struct explanation *explanation)
{
    struct request *request = explanation->request;
    const struct route_settings *route = request->route;
    uint64_t started_us = clock_monotonic_us();

    explanation->modules = calloc(route->require_count + 1, sizeof(*explanation->modules));
    if (explanation->modules == NULL)
        return false;
    explanation->module_count = route->require_count;
    for (size_t i = 0; i < route->require_count; i++) {
        struct explain_module *module = &explanation->modules[i];
        module->instance = &request->settings->instances[route->require[i]];
        module->route = *route;
        module->route.require = &route->require[i];
        module->route.require_count = 1;
        ask_module(explanation, module, started_us);
    }
    request->route = route;
    return true;
}

/* ---- The outcome -------------------------------------------------------------------- */

static bool
compose(struct explanation *explanation)
{
    struct request *request = explanation->request;
    struct text *text = &explanation->output;

    *text = (struct text){explanation->worker.buffer, 0, WORKER_BUFFER_BYTES, false};
    request->answer = explanation->answer;
    if (explanation->answer.reason == REASON_NONE) {
        explanation->let_in = forward_request(request, text);
        if (explanation->let_in)
            return true;
        *text = (struct text){explanation->worker.buffer, 0, WORKER_BUFFER_BYTES, false};
    }
    refusal_compose(request, text);
    explanation->answer = request->answer;
    return true;
}

static bool
open_request(struct explanation *explanation)
{
    struct request *request = request_new(&explanation->worker);

    if (request == NULL)
        return false;
    explanation->request = request;
    request->resumed = on_resumed;
    request->listener = explanation->question->listener;
    request->started_us = clock_monotonic_us();
    return client_address_begin(request, &explanation->question->peer.any);
}

/* The modules' own words go to standard error, as they do at the gateway by default. */
static bool
open_worker(struct explanation *explanation, struct host_functions *host)
{
    const struct log_settings log = {"stderr", "stderr", LOG_LEVEL_WARNING};

    explanation->log = log_open(&log, &explanation->error);
    host->log = explanation->log;
    return explanation->log != NULL &&
           worker_open(&explanation->worker, 0, explanation->generation, explanation->log) &&
           worker_begin(&explanation->worker);
}

bool
explanation_make(struct explanation *explanation, struct settings *settings,
                 struct host_functions *host, const struct explain_question *question)
{
    *explanation = (struct explanation){.question = question, .error = "out of memory"};
    explanation->generation = generation_new(settings, 1, NULL);
    if (explanation->generation == NULL)
        return false;
    explanation->error = "a worker cannot be started";
    if (!open_worker(explanation, host))
        return false;
    explanation->error = "out of memory";
    return open_request(explanation) && (!judge_head(explanation) || ask_modules(explanation)) &&
           compose(explanation);
}

/* In the gateway's order: slots, request, modules' states, generation with instances, worker. */
void
explanation_free(struct explanation *explanation)
{
    enum mw_end end = explanation->let_in ? MW_END_GONE : MW_END_REFUSED;

    for (size_t i = 0; i < explanation->module_count; i++)
        held_release(explanation->modules[i].held, explanation->modules[i].held_count, end);
    request_free(explanation->request);
    free(explanation->modules);
    if (explanation->worker.opened && explanation->worker.mailbox.fd != -1)
        worker_finish(&explanation->worker);
    generation_end(explanation->generation);
    worker_close(&explanation->worker);
    log_close(explanation->log);
}
