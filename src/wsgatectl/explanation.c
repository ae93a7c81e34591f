/*
 * explanation.c - see explanation.h.
 *
 * The gateway's own chain runs, and is watched. The hard thing is to see the other modules'
 * verdicts too, those that the chain did not come to: each is asked in a chain of its own, on a
 * copy of the route that requires it alone, and then the request is put back as it was.
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

static struct explanation *
of(const struct request *request)
{
    return (struct explanation *)((char *)request->worker - offsetof(struct explanation, worker));
}

static void
on_resumed(struct request *request, enum mw_verdict verdict)
{
    of(request)->step = chain_resume(request, verdict);
}

static void
wait_for_verdict(struct explanation *explanation)
{
    struct request *request = explanation->request;
    struct event_base *base = explanation->worker.base;
    uint64_t auth_us = request->settings->timeouts.auth * 1000, now_us;
    uint64_t deadline_us = auth_us == 0 ? NO_DEADLINE : clock_monotonic_us() + auth_us;

    while (explanation->step == STEP_WAIT && (now_us = clock_monotonic_us()) < deadline_us) {
        uint64_t left_us = deadline_us - now_us;
        struct timeval left = {(time_t)(left_us / 1000000), (suseconds_t)(left_us % 1000000)};
        if (deadline_us != NO_DEADLINE && event_base_loopexit(base, &left) == -1)
            break;
        if (event_base_loop(base, EVLOOP_ONCE) == -1)
            break;
    }
    if (explanation->step == STEP_WAIT)
        explanation->step = chain_overdue(request);
}

static size_t
count_claims(const struct request *request)
{
    size_t count = 0;

    for (const struct request_claim *claim = request->claims; claim != NULL; claim = claim->older)
        count++;
    return count;
}

/* A copy of what an array has more than before; NULL: nothing, or no memory. */
static void *
copy_rest(struct request *request, const void *array, size_t size, size_t from, size_t *count)
{
    void *copy = *count > from ? arena_alloc(&request->arena, (*count - from) * size) : NULL;

    *count = copy != NULL ? *count - from : 0;
    return copy != NULL ? memcpy(copy, (const char *)array + from * size, *count * size) : NULL;
}

/* Those that the route's modules read. */
static void
copy_claims(struct request *request, size_t before, struct explain_findings *found)
{
    size_t count = count_claims(request) - before, i = count;

    found->claims = count > 0 ? arena_alloc(&request->arena, count * sizeof(*found->claims)) : NULL;
    found->claim_count = found->claims != NULL ? count : 0;
    if (found->claims == NULL)
        return;
    for (const struct request_claim *claim = request->claims; i > 0; claim = claim->older)
        found->claims[--i] = (struct header){str_of(claim->name), claim->value};
}

static struct explain_findings
findings_of(struct request *request, const struct explain_findings *before)
{
    struct explain_findings found = {
        .strip_count = request->strip_count,
        .forward_count = request->forward_count,
        .label_count = request->label_count,
        .stripped_protocols = request->stripped_protocols & ~before->stripped_protocols,
        .issuer = request->who.issuer.at != before->issuer.at ? request->who.issuer : STR_NONE,
        .subject =
            request->who.subject.at != before->subject.at ? request->who.subject : STR_NONE,
        .deadline_wall_ms = request->deadline_wall_ms < before->deadline_wall_ms
                                ? request->deadline_wall_ms
                                : INT64_MAX,
    };

    found.strips = copy_rest(request, request->strips, sizeof(*found.strips), before->strip_count,
                             &found.strip_count);
    found.forwards = copy_rest(request, request->forwards, sizeof(*found.forwards),
                               before->forward_count, &found.forward_count);
    found.labels = copy_rest(request, request->labels, sizeof(*found.labels),
                             before->label_count, &found.label_count);
    copy_claims(request, before->claim_count, &found);
    return found;
}

static void
on_news(struct request *request, size_t node, enum chain_news news)
{
    struct explanation *explanation = of(request);
    struct explain_entry *entry =
        explanation->alone != NULL ? explanation->alone : &explanation->entries[node];

    switch (news) {
    case CHAIN_ASKED:
        explanation->before = (struct explain_findings){
            .strip_count = request->strip_count,
            .forward_count = request->forward_count,
            .label_count = request->label_count,
            .claim_count = count_claims(request),
            .stripped_protocols = request->stripped_protocols,
            .issuer = request->who.issuer,
            .subject = request->who.subject,
            .deadline_wall_ms = request->deadline_wall_ms,
        };
        break;
    case CHAIN_SAID:
        entry->said = request->answer;
        entry->findings = findings_of(request, &explanation->before);
        break;
    case CHAIN_PASSED:
    case CHAIN_REFUSED:
        entry->verdict = (struct explain_verdict){
            .outcome = news == CHAIN_PASSED ? EXPLAIN_PASS : EXPLAIN_DENY,
            .asked = explanation->alone == NULL,
            .answer = request->answer,
        };
        break;
    }
}

static void
run_chain(struct explanation *explanation)
{
    struct request *request = explanation->request;

    request->chain = (struct chain){.watch = on_news};
    request->answer = (struct answer){.reason = REASON_NONE};
    explanation->step = chain_start(request);
    wait_for_verdict(explanation);
}

/* Such a module is asked about the request as it came. */
static void
ask_alone(struct explanation *explanation, size_t at)
{
    struct request *request = explanation->request;
    const struct route_settings *route = request->route;
    struct require_node nodes[] = {
        {.kind = REQUIRE_ALL_OF, .end = 2},
        {.kind = route->require[at].kind, .depth = 1, .instance = route->require[at].instance,
         .end = 2},
    };
    struct route_settings alone = *route;
    struct request before = *request;

    alone.require = nodes;
    alone.require_count = COUNT_OF(nodes);
    explanation->alone = &explanation->entries[at];
    request->route = &alone;
    run_chain(explanation);
    chain_release(request, MW_END_REFUSED);
    explanation->alone = NULL;
    struct arena arena = request->arena; /* it has grown */
    *request = before;
    request->arena = arena;
}

static bool
ask_modules(struct explanation *explanation)
{
    struct request *request = explanation->request;
    const struct route_settings *route = request->route;

    explanation->entries = calloc(route->require_count, sizeof(*explanation->entries));
    if (explanation->entries == NULL)
        return false;
    explanation->entry_count = route->require_count;
    for (size_t i = 0; i < route->require_count; i++)
        if (require_is_leaf(&route->require[i]))
            explanation->entries[i].instance =
                &request->settings->instances[route->require[i].instance];
    if (explanation->answer.reason == REASON_NONE) {
        run_chain(explanation);
        explanation->answer = request->answer;
    }
    for (size_t i = 0; i < route->require_count; i++)
        if (explanation->entries[i].instance != NULL &&
            explanation->entries[i].verdict.outcome == EXPLAIN_UNKNOWN)
            ask_alone(explanation, i);
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
        explanation->let_in = request_still_holds(request) && forward_request(request, text);
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

    if (explanation->request != NULL)
        chain_release(explanation->request, end);
    request_free(explanation->request);
    free(explanation->entries);
    if (explanation->worker.opened && explanation->worker.mailbox.fd != -1)
        worker_finish(&explanation->worker);
    generation_end(explanation->generation);
    worker_close(&explanation->worker);
    log_close(explanation->log);
}
