/*
 * introspection_worker.c - see introspection_worker.h.
 *
 * The hard thing: resume may end other handshakes, which then cancel, or bring the same token here
 * again. A question that has been answered therefore stays where cancel finds it until the last of
 * its waiters is gone, but nobody joins it any more.
 */
#include "introspection_worker.h"

#include "base/clock.h"
#include "protocol/query.h"
#include "service_complaint.h"
#include "waiters.h"

#include <openssl/evp.h>

#include <stdlib.h>

enum { CHAINS = 256 };

/* Who asks: a handshake, or a tunnel that is judged again. */
struct asker {
    struct mw_request *request; /* NULL: a tunnel */
    struct mw_task *task;
    struct str token;
};

struct introspection_waiter {
    struct waiter waiter; /* first */
    struct asker asker;
};

/* One token that is asked about. */
struct question {
    LIST_ENTRY(question) in_chain;
    struct introspection_worker *worker;
    struct http_call *call;
    struct waiter_list waiting;
    unsigned char digest[TOKEN_DIGEST_LEN];
    bool over;
};

struct introspection_worker {
    const struct mw_host *host;
    const struct introspection_settings *settings;
    introspection_judge *judge;
    introspection_judge_again *judge_again;
    const void *instance;
    struct http_client *client;
    LIST_HEAD(, question) questions[CHAINS]; /* by the first byte of the digest */
    size_t question_count;
    struct waiters waiters;
    struct service_complaint complaint;
};

/* ---- Waiters and questions ------------------------------------------------------------- */

static void
forget_waiter(struct introspection_worker *worker, struct waiter *waiter)
{
    waiters_remove(&worker->waiters, waiter);
    free(waiter);
}

static void
forget_question(struct question *question)
{
    struct introspection_worker *worker = question->worker;

    while (!LIST_EMPTY(&question->waiting))
        forget_waiter(worker, LIST_FIRST(&question->waiting));
    LIST_REMOVE(question, in_chain);
    worker->question_count--;
    free(question);
}

static struct question *
find_question(const struct introspection_worker *worker, const unsigned char *digest)
{
    struct question *question;

    LIST_FOREACH(question, &worker->questions[digest[0]], in_chain)
        if (!question->over && memcmp(question->digest, digest, TOKEN_DIGEST_LEN) == 0)
            return question;
    return NULL;
}

static bool
add_waiter(struct question *question, const struct asker *asker)
{
    struct introspection_worker *worker = question->worker;
    struct introspection_waiter *waiter = malloc(sizeof(*waiter));

    if (!waiter)
        return false;
    *waiter = (struct introspection_waiter){{.task = asker->task}, *asker};
    waiters_add(&worker->waiters, &question->waiting, &waiter->waiter);
    return true;
}

void
introspection_worker_cancel(void *state, struct mw_task *task)
{
    struct introspection_worker *worker = state;
    struct waiter *waiter = waiters_find(&worker->waiters, task);

    if (waiter)
        forget_waiter(worker, waiter);
}

/* ---- An answer --------------------------------------------------------------------------- */

/* Neither beyond what is configured nor beyond the token's own end. Out of memory: not at all. */
static void
keep(const struct introspection_settings *settings, const unsigned char *digest,
     struct introspection_answer *answer)
{
    const struct verify_policy any = {.leeway_ms = 0};
    struct verified verified = {.claims = answer->claims};
    int64_t now_ms = clock_wall_ms(), until_ms = now_ms + settings->cache_time_ms;

    if (!settings->cache || !answer->active ||
        verify_claims(&any, answer->claims, now_ms, &verified) != JOSE_OK)
        return;
    if (until_ms > verified.expires_ms)
        until_ms = verified.expires_ms;
    answer->entry = token_entry_new(digest, NULL, 0, answer->own, until_ms);
    if (!answer->entry)
        return;
    answer->own = NULL;
    token_cache_put(settings->cache, answer->entry, now_ms);
}

static enum mw_verdict
judge_asker(const struct introspection_worker *worker, const struct asker *asker,
      const struct introspection_answer *answer)
{
    return asker->request ? worker->judge(worker->instance, asker->request, asker->token, answer)
                          : worker->judge_again(worker->instance, answer);
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
    if (answer.fault != INTROSPECTION_NONE)
        service_complain(&worker->complaint, worker->host, "introspection", worker->settings->name,
                         introspection_fault(answer.fault)->word, http);
    keep(worker->settings, question->digest, &answer);
    while (!LIST_EMPTY(&question->waiting)) {
        struct introspection_waiter waiter =
            *(struct introspection_waiter *)LIST_FIRST(&question->waiting);
        forget_waiter(worker, LIST_FIRST(&question->waiting));
        worker->host->resume(waiter.asker.task, judge_asker(worker, &waiter.asker, &answer));
    }
    introspection_answer_free(&answer);
    forget_question(question);
}

/* ---- A question ------------------------------------------------------------------------------ */

/* RFC 7662 2.1. The caller wipes and frees. NULL: out of memory. */
static char *
make_body(struct str token, size_t *len)
{
    struct str head = STR("token="), tail = STR("&token_type_hint=access_token");
    char *body = malloc(head.len + 3 * token.len + tail.len);

    if (!body)
        return NULL;
    memcpy(body, head.at, head.len);
    *len = head.len + query_encode(token, body + head.len);
    memcpy(body + *len, tail.at, tail.len);
    *len += tail.len;
    return body;
}

static bool
call(struct question *question, struct str token)
{
    struct introspection_worker *worker = question->worker;
    const struct introspection_settings *settings = worker->settings;
    const char *fields[] = {"Accept: application/json", settings->authorization, NULL};
    size_t len;
    char *body = make_body(token, &len);

    if (!body)
        return false;
    question->call = http_call_start(worker->client,
                                     &(struct http_query){.method = "POST",
                                                          .url = settings->url,
                                                          .fields = fields,
                                                          .body = {body, len},
                                                          .ca_file = settings->ca_file,
                                                          .timeout_ms = settings->timeout_ms,
                                                          .body_max = INTROSPECTION_ANSWER_MAX},
                                     on_done, question);
    explicit_bzero(body, len);
    free(body);
    return question->call != NULL;
}

/* NULL: out of memory. */
static struct question *
ask(struct introspection_worker *worker, const unsigned char *digest, struct str token)
{
    struct question *question = calloc(1, sizeof(*question));

    if (!question)
        return NULL;
    question->worker = worker;
    memcpy(question->digest, digest, TOKEN_DIGEST_LEN);
    LIST_INSERT_HEAD(&worker->questions[digest[0]], question, in_chain);
    worker->question_count++;
    if (call(question, token))
        return question;
    forget_question(question);
    return NULL;
}

static void
count(const struct introspection_worker *worker, const struct asker *asker, const char *word)
{
    if (asker->request)
        worker->host->count(asker->request, word, 1);
}

static bool
is_full(const struct introspection_worker *worker, bool shared)
{
    return worker->waiters.count >= INTROSPECTION_WAITERS_MAX ||
           (!shared && worker->question_count >= INTROSPECTION_CALLS_MAX);
}

static enum introspection_fault
wait_for_answer(struct introspection_worker *worker, const struct asker *asker,
                const unsigned char *digest)
{
    struct question *question = find_question(worker, digest);
    bool shared = question != NULL;

    if (asker->request && is_full(worker, shared))
        return INTROSPECTION_FULL;
    if (!shared)
        question = ask(worker, digest, asker->token);
    if (!question || !add_waiter(question, asker))
        return INTROSPECTION_INTERNAL;
    count(worker, asker, shared ? "introspection_shared" : "introspection_asked");
    return INTROSPECTION_NONE;
}

/* The answer of before, for the caller to free; false: there is none. */
static bool
recall(struct introspection_worker *worker, const struct asker *asker,
       const unsigned char *digest, struct introspection_answer *answer)
{
    struct token_cache *cache = worker->settings->cache;
    int64_t now_ms =
        asker->request ? worker->host->wall_clock_ms(asker->request) : clock_wall_ms();
    struct token_entry *entry = cache ? token_cache_get(cache, digest, now_ms) : NULL;

    if (!entry)
        return false;
    *answer = (struct introspection_answer){
        .active = true, .claims = entry->claims->all, .entry = entry};
    count(worker, asker, "introspection_kept");
    return true;
}

static enum mw_verdict
decide(struct introspection_worker *worker, const struct asker *asker)
{
    struct introspection_answer answer = {.fault = INTROSPECTION_INTERNAL};
    unsigned char digest[TOKEN_DIGEST_LEN];

    if (EVP_Digest(asker->token.at, asker->token.len, digest, NULL, EVP_sha256(), NULL) == 1 &&
        !recall(worker, asker, digest, &answer)) {
        answer.fault = wait_for_answer(worker, asker, digest);
        if (answer.fault == INTROSPECTION_NONE)
            return MW_WAIT;
    }
    enum mw_verdict verdict = judge_asker(worker, asker, &answer);
    introspection_answer_free(&answer);
    return verdict;
}

enum mw_verdict
introspection_worker_decide(struct introspection_worker *worker, struct mw_request *request,
                            struct str token)
{
    return decide(worker, &(struct asker){request, worker->host->task(request), token});
}

enum mw_verdict
introspection_worker_revalidate(struct introspection_worker *worker, struct mw_task *task,
                                struct str token)
{
    return decide(worker, &(struct asker){NULL, task, token});
}

/* ---- Life -------------------------------------------------------------------------------- */

struct introspection_worker *
introspection_worker_new(const struct mw_host *host, struct mw_worker *thread,
                         const struct introspection_settings *settings, introspection_judge *judge,
                         introspection_judge_again *judge_again, const void *instance)
{
    struct introspection_worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return NULL;
    worker->host = host;
    worker->settings = settings;
    worker->judge = judge;
    worker->judge_again = judge_again;
    worker->instance = instance;
    worker->client = http_client_new(host->worker_base(thread));
    if (worker->client)
        return worker;
    free(worker);
    return NULL;
}

void
introspection_worker_free(void *state)
{
    struct introspection_worker *worker = state;

    if (!worker)
        return;
    for (size_t i = 0; i < CHAINS; i++)
        while (!LIST_EMPTY(&worker->questions[i])) {
            struct question *question = LIST_FIRST(&worker->questions[i]);
            if (question->call) /* else it has been answered */
                http_call_cancel(question->call);
            forget_question(question);
        }
    http_client_free(worker->client);
    free(worker);
}
