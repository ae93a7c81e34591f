/*
 * introspection_worker.c - see introspection_worker.h.
 *
 * The hard thing: resume may end other handshakes, which then cancel, or bring the same token here
 * again. A question that has been answered therefore stays where cancel finds it until the last of
 * its waiters is gone, but nobody joins it any more.
 */
#include "introspection_worker.h"

#include "base/clock.h"
#include "introspection_cache.h"
#include "protocol/query.h"

#include <stdlib.h>

enum { CHAINS = 256 };

/* Between two lines in the error log about a service that fails. */
#define QUIET_US UINT64_C(10000000)

struct waiter {
    struct waiter *next, **link;
    struct mw_task *task;
    struct mw_request *request;
};

/* One token that is asked about. */
struct question {
    struct question *next, **link;
    struct introspection_worker *worker;
    struct http_call *call;
    struct waiter *waiters;
    struct introspection_digest digest;
    bool over;
};

struct introspection_worker {
    const struct mw_host *host;
    const struct introspection_settings *settings;
    introspection_judge *judge;
    const void *instance;
    struct http_client *client;
    struct introspection_cache *cache;  /* NULL: no answer is kept */
    struct question *questions[CHAINS]; /* by the first byte of the digest */
    size_t question_count, waiter_count;
    uint64_t quiet_until_us;
};

/* ---- Waiters and questions ------------------------------------------------------------- */

static void
forget_waiter(struct introspection_worker *worker, struct waiter *waiter)
{
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    worker->waiter_count--;
    free(waiter);
}

static void
forget_question(struct question *question)
{
    struct introspection_worker *worker = question->worker;

    while (question->waiters)
        forget_waiter(worker, question->waiters);
    *question->link = question->next;
    if (question->next)
        question->next->link = question->link;
    worker->question_count--;
    free(question);
}

static struct question *
find_question(const struct introspection_worker *worker, const struct introspection_digest *digest)
{
    struct question *question = worker->questions[digest->bytes[0]];

    while (question && (question->over || memcmp(&question->digest, digest, sizeof(*digest)) != 0))
        question = question->next;
    return question;
}

static bool
add_waiter(struct question *question, struct mw_request *request)
{
    struct introspection_worker *worker = question->worker;
    struct waiter *waiter = malloc(sizeof(*waiter));

    if (!waiter)
        return false;
    *waiter = (struct waiter){question->waiters, &question->waiters, worker->host->task(request),
                              request};
    if (waiter->next)
        waiter->next->link = &waiter->next;
    question->waiters = waiter;
    worker->waiter_count++;
    return true;
}

void
introspection_worker_cancel(struct introspection_worker *worker, struct mw_task *task)
{
    for (size_t i = 0; i < CHAINS; i++)
        for (struct question *question = worker->questions[i]; question; question = question->next)
            for (struct waiter *waiter = question->waiters; waiter; waiter = waiter->next)
                if (waiter->task == task) {
                    forget_waiter(worker, waiter);
                    return;
                }
}

/* ---- An answer --------------------------------------------------------------------------- */

/* One line every ten seconds, however many handshakes fail for it. */
static void
complain(struct introspection_worker *worker, enum introspection_fault fault,
         const struct http_answer *http)
{
    const struct mw_host *host = worker->host;
    struct str name = worker->settings->name;
    const char *word = introspection_fault(fault)->word;
    uint64_t now_us = clock_monotonic_us();

    if (fault == INTROSPECTION_NONE || now_us < worker->quiet_until_us)
        return;
    worker->quiet_until_us = now_us + QUIET_US;
    if (http->outcome == HTTP_ANSWERED)
        host->log(host, MW_LOG_WARNING, "introspection", STR_FMT ": %s, status %u", STR_ARG(name),
                  word, http->status);
    else
        host->log(host, MW_LOG_WARNING, "introspection", STR_FMT ": %s, %s: %s", STR_ARG(name),
                  word, http_outcome_word(http->outcome), http->error);
}

/* Neither beyond what is configured nor beyond the token's own end. */
static void
keep(struct introspection_worker *worker, const struct introspection_digest *digest,
     const struct introspection_answer *answer, struct str body)
{
    const struct verify_policy any = {.leeway_ms = 0};
    struct verified verified = {.expires_ms = INT64_MIN};
    uint64_t kept_us = worker->settings->cache_us;
    int64_t now_ms = clock_wall_ms();

    if (!worker->cache || !answer->active ||
        verify_claims(&any, answer->claims, now_ms, &verified) != JOSE_OK)
        return;
    if (verified.expires_ms - now_ms < (int64_t)(kept_us / 1000))
        kept_us = (uint64_t)(verified.expires_ms - now_ms) * 1000;
    introspection_cache_put(worker->cache, digest, body, clock_monotonic_us() + kept_us);
}

static void
on_done(void *arg, const struct http_answer *http)
{
    struct question *question = arg;
    struct introspection_worker *worker = question->worker;
    struct introspection_answer answer;

    question->call = NULL;
    question->over = true;
    introspection_answer_read(&answer, http);
    complain(worker, answer.fault, http);
    keep(worker, &question->digest, &answer, http->body);
    while (question->waiters) {
        struct waiter waiter = *question->waiters;
        forget_waiter(worker, question->waiters);
        worker->host->resume(waiter.task, worker->judge(worker->instance, waiter.request, &answer));
    }
    introspection_answer_free(&answer);
    forget_question(question);
}

/* ---- A question ------------------------------------------------------------------------------ */

/* RFC 7662 2.1. The caller wipes and frees. */
static bool
make_body(struct str token, struct str *body)
{
    struct str head = STR("token="), tail = STR("&token_type_hint=access_token");
    char *at = malloc(head.len + 3 * token.len + tail.len);

    if (!at)
        return false;
    memcpy(at, head.at, head.len);
    size_t len = head.len + query_encode(token, at + head.len);
    memcpy(at + len, tail.at, tail.len);
    *body = (struct str){at, len + tail.len};
    return true;
}

static bool
call(struct question *question, struct str token)
{
    struct introspection_worker *worker = question->worker;
    const struct introspection_settings *settings = worker->settings;
    const char *fields[] = {"Accept: application/json", settings->authorization, NULL};
    struct http_query query = {.method = "POST",
                               .url = settings->url,
                               .fields = fields,
                               .ca_file = settings->ca_file,
                               .timeout_ms = settings->timeout_ms,
                               .body_max = INTROSPECTION_ANSWER_MAX};

    if (!make_body(token, &query.body))
        return false;
    question->call = http_call_start(worker->client, &query, on_done, question);
    explicit_bzero((char *)(uintptr_t)query.body.at, query.body.len);
    free((char *)(uintptr_t)query.body.at);
    return question->call != NULL;
}

/* NULL: out of memory. */
static struct question *
ask(struct introspection_worker *worker, const struct introspection_digest *digest,
    struct str token)
{
    struct question *question = calloc(1, sizeof(*question));
    struct question **chain = &worker->questions[digest->bytes[0]];

    if (!question)
        return NULL;
    *question =
        (struct question){.next = *chain, .link = chain, .worker = worker, .digest = *digest};
    if (question->next)
        question->next->link = &question->next;
    *chain = question;
    worker->question_count++;
    if (call(question, token))
        return question;
    forget_question(question);
    return NULL;
}

static enum introspection_fault
wait_for_answer(struct introspection_worker *worker, struct mw_request *request,
                const struct introspection_digest *digest, struct str token)
{
    struct question *question = find_question(worker, digest);
    bool shared = question != NULL;

    if (worker->waiter_count >= INTROSPECTION_WAITERS_MAX ||
        (!shared && worker->question_count >= INTROSPECTION_CALLS_MAX))
        return INTROSPECTION_FULL;
    if (!shared)
        question = ask(worker, digest, token);
    if (!question || !add_waiter(question, request))
        return INTROSPECTION_INTERNAL;
    worker->host->count(request, shared ? "introspection_shared" : "introspection_asked", 1);
    return INTROSPECTION_NONE;
}

enum mw_verdict
introspection_worker_decide(struct introspection_worker *worker, struct mw_request *request,
                            struct str token)
{
    struct introspection_answer answer = {INTROSPECTION_INTERNAL, false, NULL};
    struct introspection_digest digest;
    struct str kept = STR_NONE;

    if (introspection_digest(&digest, token)) {
        if (worker->cache)
            kept = introspection_cache_get(worker->cache, &digest, clock_monotonic_us());
        if (kept.at)
            introspection_answer_reread(&answer, kept);
        else if ((answer.fault = wait_for_answer(worker, request, &digest, token)) ==
                 INTROSPECTION_NONE)
            return MW_WAIT;
    }
    if (kept.at)
        worker->host->count(request, "introspection_kept", 1);
    enum mw_verdict verdict = worker->judge(worker->instance, request, &answer);
    introspection_answer_free(&answer);
    return verdict;
}

/* ---- Life -------------------------------------------------------------------------------- */

struct introspection_worker *
introspection_worker_new(const struct mw_host *host, struct mw_worker *thread,
                         const struct introspection_settings *settings, introspection_judge *judge,
                         const void *instance)
{
    struct introspection_worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return NULL;
    worker->host = host;
    worker->settings = settings;
    worker->judge = judge;
    worker->instance = instance;
    worker->client = http_client_new(host->worker_base(thread));
    if (settings->cache_us > 0)
        worker->cache = introspection_cache_new(settings->cache_entries);
    if (worker->client && (worker->cache || settings->cache_us == 0))
        return worker;
    introspection_worker_free(worker);
    return NULL;
}

void
introspection_worker_free(struct introspection_worker *worker)
{
    if (!worker)
        return;
    for (size_t i = 0; i < CHAINS; i++)
        while (worker->questions[i]) {
            http_call_cancel(worker->questions[i]->call);
            forget_question(worker->questions[i]);
        }
    http_client_free(worker->client);
    introspection_cache_free(worker->cache);
    free(worker);
}
