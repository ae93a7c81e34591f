/*
 * introspection_worker.c - see introspection_worker.h.
 *
 * The hard thing: resume may end other handshakes, which then cancel, or bring the same token here
 * again. A question that has been answered therefore stays where cancel finds it until the last of
 * its waiters is gone, but nobody joins it any more.
 *
 * The bounds are handshakes' alone: of tunnels the gateway lets no more ask at a time than leave
 * connections to the service free.
 */
#include "introspection_worker.h"

#include "base/clock.h"
#include "introspection_question.h"
#include "service_complaint.h"
#include "waiters.h"

#include <openssl/evp.h>

#include <stdlib.h>

enum { CHAINS = 1024 };

/* Who asks: a handshake, or a tunnel that is judged again. */
struct asker {
    struct mw_request *request; /* NULL: a tunnel */
    struct mw_task *task;
    struct str token;
};

struct introspection_waiter {
    struct waiter waiter; /* first */
    struct asker asker;
    struct question *question;
};

/* One token that is asked about. */
struct question {
    LIST_ENTRY(question) in_chain;
    struct introspection_worker *worker;
    struct http_call *call;
    struct waiter_list waiting;
    unsigned char digest[TOKEN_DIGEST_LEN];
    bool of_tunnel; /* who came with it */
    bool over;
};

struct introspection_worker {
    const struct mw_host *host;
    const struct introspection_settings *settings;
    introspection_judge *judge;
    introspection_judge_again *judge_again;
    const void *instance;
    struct http_client *client;
    LIST_HEAD(, question) questions[CHAINS]; /* by the first bytes of the digest */
    size_t question_count, handshake_count;  /* of handshakes; handshakes that wait */
    struct waiters waiters;
    struct service_complaint complaint;
};

/* ---- Waiters and questions ------------------------------------------------------------- */

static void
forget_waiter(struct introspection_worker *worker, struct waiter *waiter)
{
    worker->handshake_count -= ((struct introspection_waiter *)waiter)->asker.request != NULL;
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
    worker->question_count -= !question->of_tunnel;
    free(question);
}

static size_t
chain_of(const unsigned char *digest)
{
    return (digest[0] | (size_t)digest[1] << 8) % CHAINS;
}

static struct question *
find_question(const struct introspection_worker *worker, const unsigned char *digest)
{
    struct question *question;

    LIST_FOREACH(question, &worker->questions[chain_of(digest)], in_chain)
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
    *waiter = (struct introspection_waiter){{.task = asker->task}, *asker, question};
    worker->handshake_count += asker->request != NULL;
    waiters_add(&worker->waiters, &question->waiting, &waiter->waiter);
    return true;
}

void
introspection_worker_cancel(void *state, struct mw_task *task)
{
    struct introspection_worker *worker = state;
    struct waiter *waiter = waiters_find(&worker->waiters, task);

    if (!waiter)
        return;
    struct question *question = ((struct introspection_waiter *)waiter)->question;
    forget_waiter(worker, waiter);
    if (!question->of_tunnel || question->over || !LIST_EMPTY(&question->waiting))
        return;
    http_call_cancel(question->call); /* or many that time out would take all connections */
    forget_question(question);
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
                          : worker->judge_again(worker->instance, asker->task, answer);
}

/* All who wait hear it, and the question is over. */
static void
settle(struct question *question, const struct introspection_answer *answer)
{
    struct introspection_worker *worker = question->worker;

    question->over = true;
    while (!LIST_EMPTY(&question->waiting)) {
        struct introspection_waiter waiter =
            *(struct introspection_waiter *)LIST_FIRST(&question->waiting);
        forget_waiter(worker, LIST_FIRST(&question->waiting));
        worker->host->resume(waiter.asker.task, judge_asker(worker, &waiter.asker, answer));
    }
    forget_question(question);
}

/* ---- A question ------------------------------------------------------------------------------ */

static http_done on_done;

/* About the token of who waits. False: out of memory. */
static bool
call(struct question *question)
{
    const struct waiter *first = LIST_FIRST(&question->waiting);
    struct str token = ((const struct introspection_waiter *)first)->asker.token;
    struct introspection_worker *worker = question->worker;
    const struct introspection_settings *settings = worker->settings;
    const char *fields[] = {"Accept: application/json", settings->authorization, NULL};
    size_t len;
    char *body = introspection_question_body(token, &len);

    if (!body)
        return false;
    question->call =
        http_call_start(worker->client,
                        &(struct http_query){.method = "POST",
                                             .url = settings->service.url,
                                             .fields = fields,
                                             .body = {body, len},
                                             .ca_file = settings->service.ca_file,
                                             .timeout_ms = settings->service.timeout_ms,
                                             .body_max = INTROSPECTION_ANSWER_MAX},
                        on_done, question);
    explicit_bzero(body, len);
    free(body);
    return question->call != NULL;
}

static void
on_done(void *arg, const struct http_answer *http)
{
    struct question *question = arg;
    struct introspection_worker *worker = question->worker;
    struct introspection_answer answer;

    question->call = NULL;
    introspection_answer_read(&answer, http);
    if (answer.fault != SERVICE_NONE)
        service_complain(&worker->complaint, worker->host, "introspection",
                         worker->settings->service.name, introspection_fault_word(answer.fault),
                         http);
    keep(worker->settings, question->digest, &answer);
    settle(question, &answer);
    introspection_answer_free(&answer);
}

/* With its first waiter. False: out of memory. */
static bool
ask(struct introspection_worker *worker, const struct asker *asker, const unsigned char *digest)
{
    struct question *question = calloc(1, sizeof(*question));

    if (!question)
        return false;
    question->worker = worker;
    memcpy(question->digest, digest, TOKEN_DIGEST_LEN);
    LIST_INSERT_HEAD(&worker->questions[chain_of(digest)], question, in_chain);
    question->of_tunnel = !asker->request;
    worker->question_count += !question->of_tunnel;
    if (add_waiter(question, asker) && call(question))
        return true;
    forget_question(question);
    return false;
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
    return worker->handshake_count >= INTROSPECTION_WAITERS_MAX ||
           (!shared && worker->question_count >= INTROSPECTION_CALLS_MAX);
}

static enum service_fault
wait_for_answer(struct introspection_worker *worker, const struct asker *asker,
                const unsigned char *digest)
{
    struct question *question = find_question(worker, digest);
    bool shared = question != NULL;

    if (asker->request && is_full(worker, shared))
        return SERVICE_FULL;
    if (shared ? !add_waiter(question, asker) : !ask(worker, asker, digest))
        return SERVICE_INTERNAL;
    count(worker, asker, shared ? "introspection_shared" : "introspection_asked");
    return SERVICE_NONE;
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
    struct introspection_answer answer = {.fault = SERVICE_INTERNAL};
    unsigned char digest[TOKEN_DIGEST_LEN];

    if (EVP_Digest(asker->token.at, asker->token.len, digest, NULL, EVP_sha256(), NULL) == 1 &&
        !recall(worker, asker, digest, &answer)) {
        answer.fault = wait_for_answer(worker, asker, digest);
        if (answer.fault == SERVICE_NONE)
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
            http_call_cancel(question->call);
            forget_question(question);
        }
    http_client_free(worker->client);
    free(worker);
}
