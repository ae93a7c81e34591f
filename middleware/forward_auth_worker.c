/*
 * forward_auth_worker.c - see forward_auth_worker.h.
 *
 * A question belongs to its asker until the verdict; then it goes, or into the slot where the
 * tunnel will be judged again. Of a tunnel it stays the slot's.
 */
#include "forward_auth_worker.h"

#include "base/clock.h"
#include "forward_question.h"
#include "forward_verdict.h"
#include "service_complaint.h"
#include "waiters.h"

#include <stdlib.h>

enum { ANSWER_MAX = 64 * 1024 }; /* bytes of a body */

/* A handshake, or a tunnel that is judged again. */
struct asker {
    struct waiter waiter; /* first */
    struct forward_auth_worker *worker;
    struct mw_request *request; /* NULL: a tunnel */
    struct forward_question *question;
    struct http_call *call;
};

struct forward_auth_worker {
    const struct mw_host *host;
    const struct forward_auth_settings *settings;
    struct http_client *client;
    struct waiters waiters;
    size_t handshake_count; /* of those who wait */
    struct waiter_list asking;
    struct service_complaint complaint;
};

static void
forget(struct asker *asker)
{
    struct forward_auth_worker *worker = asker->worker;

    waiters_remove(&worker->waiters, &asker->waiter);
    if (asker->request != NULL) {
        worker->handshake_count--;
        forward_question_free(asker->question);
    }
    free(asker);
}

static void
end_asker(struct asker *asker)
{
    http_call_cancel(asker->call);
    forget(asker);
}

/* ---- An answer ------------------------------------------------------------------------- */

/* The question goes into the slot of who passed and will be judged again. */
static void
keep_question(const struct forward_auth_worker *worker, struct mw_request *request,
              struct forward_question **question, enum mw_verdict verdict)
{
    if (verdict != MW_PASS || !worker->host->is_revalidated(request))
        return;
    worker->host->slot_set(request, *question);
    *question = NULL;
}

/* For no longer than it holds. */
static void
remember(const struct forward_auth_worker *worker, const struct forward_question *question,
         struct forward_answer *answer)
{
    const struct forward_auth_settings *settings = worker->settings;
    int64_t now_ms = clock_wall_ms(), until_ms = now_ms + settings->cache_time_ms;

    if (!question->is_kept || answer->claims == NULL)
        return;
    int64_t deadline_ms = forward_verdict_until(answer->claims);
    if (until_ms > deadline_ms)
        until_ms = deadline_ms;
    struct token_entry *entry =
        token_entry_new(question->digest, NULL, 0, answer->claims, until_ms);
    if (entry == NULL)
        return;
    token_cache_put(settings->cache, entry, now_ms);
    answer->claims = NULL;
    token_entry_unref(entry);
}

/* ---- A question ------------------------------------------------------------------------ */

static http_done on_done;

/* False: out of memory. */
static bool
call(struct asker *asker)
{
    const struct forward_auth_settings *settings = asker->worker->settings;

    asker->call = http_call_start(asker->worker->client,
                                  &(struct http_query){.method = settings->method,
                                                       .url = settings->service.url,
                                                       .fields = asker->question->fields,
                                                       .ca_file = settings->service.ca_file,
                                                       .timeout_ms = settings->service.timeout_ms,
                                                       .body_max = ANSWER_MAX},
                                  on_done, asker);
    return asker->call != NULL;
}

static void
on_done(void *arg, const struct http_answer *http)
{
    struct asker *asker = arg;
    struct forward_auth_worker *worker = asker->worker;
    struct mw_task *task = asker->waiter.task;
    struct forward_answer answer;
    enum mw_verdict verdict;

    forward_answer_read(&answer, worker->settings, http);
    if (answer.fault != SERVICE_NONE)
        service_complain(&worker->complaint, worker->host, "forward_auth",
                         worker->settings->service.name, forward_fault_word(answer.fault), http);
    if (asker->request == NULL) {
        verdict = forward_verdict_again(worker->settings, worker->host, task, &answer);
    } else {
        verdict = forward_verdict(worker->settings, worker->host, asker->request, &answer, http);
        if (verdict == MW_PASS)
            remember(worker, asker->question, &answer);
        keep_question(worker, asker->request, &asker->question, verdict);
    }
    forward_answer_free(&answer);
    forget(asker);
    worker->host->resume(task, verdict);
}

/* SERVICE_NONE: it waits. The question is the asker's then, of a handshake. */
static enum service_fault
ask(struct forward_auth_worker *worker, struct mw_request *request, struct mw_task *task,
    struct forward_question *question)
{
    struct asker *asker;

    if (request != NULL && worker->handshake_count >= FORWARD_WAITERS_MAX)
        return SERVICE_FULL;
    if ((asker = calloc(1, sizeof(*asker))) == NULL)
        return SERVICE_INTERNAL;
    asker->waiter.task = task;
    asker->worker = worker;
    asker->request = request;
    asker->question = question;
    if (!call(asker)) {
        free(asker);
        return SERVICE_INTERNAL;
    }
    worker->handshake_count += request != NULL;
    waiters_add(&worker->waiters, &worker->asking, &asker->waiter);
    return SERVICE_NONE;
}

/* What was answered before about the same parts; NULL: nothing. The caller unrefs it. */
static struct token_entry *
recall(const struct forward_auth_worker *worker, struct mw_request *request,
       const struct forward_question *question)
{
    return question->is_kept ? token_cache_get(worker->settings->cache, question->digest,
                                               worker->host->wall_clock_ms(request))
                             : NULL;
}

static enum mw_verdict
decide(struct forward_auth_worker *worker, struct mw_request *request,
       struct forward_question **question)
{
    struct token_entry *entry = recall(worker, request, *question);
    enum mw_verdict verdict;

    if (entry != NULL) {
        worker->host->count(request, "forward-auth-kept", 1);
        verdict = forward_verdict_yes(worker->settings, worker->host, request, entry->claims);
        token_entry_unref(entry);
        keep_question(worker, request, question, verdict);
        return verdict;
    }
    enum service_fault fault = ask(worker, request, worker->host->task(request), *question);
    if (fault != SERVICE_NONE)
        return forward_verdict_fault(worker->settings, worker->host, request, fault);
    worker->host->count(request, "forward-auth-asked", 1);
    *question = NULL;
    return MW_WAIT;
}

enum mw_verdict
forward_auth_worker_decide(struct forward_auth_worker *worker, struct mw_request *request)
{
    struct forward_question *question =
        forward_question_new(worker->settings, worker->host, request);

    if (question == NULL)
        return forward_verdict_fault(worker->settings, worker->host, request, SERVICE_INTERNAL);
    enum mw_verdict verdict = decide(worker, request, &question);
    forward_question_free(question);
    return verdict;
}

enum mw_verdict
forward_auth_worker_revalidate(void *state, void *slot, struct mw_task *task)
{
    struct forward_auth_worker *worker = state;

    enum service_fault fault =
        slot != NULL ? ask(worker, NULL, task, slot) : SERVICE_INTERNAL;

    return fault == SERVICE_NONE
               ? MW_WAIT
               : forward_verdict_fault_again(worker->settings, worker->host, task, fault);
}

void
forward_auth_worker_cancel(void *state, struct mw_task *task)
{
    struct forward_auth_worker *worker = state;
    struct asker *asker = (struct asker *)waiters_find(&worker->waiters, task);

    if (asker != NULL)
        end_asker(asker);
}

/* ---- Life ------------------------------------------------------------------------------ */

struct forward_auth_worker *
forward_auth_worker_new(const struct mw_host *host, struct mw_worker *thread,
                        const struct forward_auth_settings *settings)
{
    struct forward_auth_worker *worker = calloc(1, sizeof(*worker));

    if (worker == NULL)
        return NULL;
    worker->host = host;
    worker->settings = settings;
    worker->client = http_client_new(host->worker_base(thread));
    if (worker->client != NULL)
        return worker;
    free(worker);
    return NULL;
}

void
forward_auth_worker_free(void *state)
{
    struct forward_auth_worker *worker = state;

    if (worker == NULL)
        return;
    while (!LIST_EMPTY(&worker->asking))
        end_asker((struct asker *)LIST_FIRST(&worker->asking));
    http_client_free(worker->client);
    free(worker);
}
