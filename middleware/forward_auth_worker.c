/*
 * forward_auth_worker.c - see forward_auth_worker.h.
 *
 * A question belongs to its asker until the verdict; then it goes, or into the slot where the
 * tunnel will be judged again. Of a tunnel it stays the slot's.
 */
#include "forward_auth_worker.h"

#include "base/clock.h"
#include "base/json_node.h"
#include "forward_answer.h"
#include "forward_question.h"
#include "service_complaint.h"
#include "token/claims.h"
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

/* ---- A verdict ------------------------------------------------------------------------- */

static enum mw_verdict
fail(const struct forward_auth_worker *worker, struct mw_request *request, enum forward_fault fault)
{
    const struct forward_fault_row *row = forward_fault(fault);

    if (!worker->settings->passes_on_error || !forward_fault_is_the_services(fault))
        return worker->host->deny(request, row->status, row->word, NULL);
    worker->host->count(request, "forward-auth-passed-on-error", 1);
    return MW_PASS;
}

static struct mw_str
member(const struct claims *claims, const char *name)
{
    struct str text = json_node_text(json_node_member(claims->all, str_of(name)));

    return (struct mw_str){text.at, text.len};
}

/* Seconds since 1970; a text that is no such number ends it at once. */
static int64_t
deadline_ms(struct mw_str text)
{
    int64_t seconds = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9' || i == 12)
            return 0;
        seconds = seconds * 10 + (text.at[i] - '0');
    }
    return text.len > 0 ? seconds * 1000 : 0;
}

static enum mw_verdict
admit(const struct forward_auth_worker *worker, struct mw_request *request,
      const struct claims *claims)
{
    const struct forward_auth_settings *settings = worker->settings;
    const struct mw_host *host = worker->host;
    struct mw_str identity = member(claims, ":identity"), deadline = member(claims, ":deadline");

    if (deadline.at != NULL) {
        int64_t wall_ms = deadline_ms(deadline);
        if (wall_ms <= host->wall_clock_ms(request))
            return host->deny(request, 401, "forward-auth-expired", NULL);
        host->deadline(request, wall_ms);
    }
    bool ok = identity.at == NULL || host->identify(request, (struct mw_str){NULL, 0}, identity);
    for (size_t i = 0; ok && i < settings->forward_count; i++) {
        struct mw_str value = member(claims, settings->forwards[i]);
        ok = value.at == NULL || host->forward_header(request, settings->forwards[i], value);
    }
    return ok ? MW_PASS : fail(worker, request, FORWARD_INTERNAL);
}

/* In the service's own words. */
static enum mw_verdict
refuse(const struct forward_auth_worker *worker, struct mw_request *request, unsigned status,
       const struct http_answer *http)
{
    struct str challenge = http_answer_field(http, "WWW-Authenticate", 0);
    struct str type = http_answer_field(http, "Content-Type", 0);
    char *text = challenge.at != NULL ? strndup(challenge.at, challenge.len) : NULL;
    enum mw_verdict verdict =
        worker->host->deny(request, (int)status, "forward-auth-refused", text);

    free(text);
    if (type.at == NULL)
        type = STR("text/plain");
    if (http->body.len > 0)
        (void)worker->host->answer_body(request, (struct mw_str){type.at, type.len},
                                        (struct mw_str){http->body.at, http->body.len});
    return verdict;
}

static enum mw_verdict
judge(const struct forward_auth_worker *worker, struct mw_request *request,
      const struct forward_answer *answer, const struct http_answer *http)
{
    if (answer->fault != FORWARD_NONE)
        return fail(worker, request, answer->fault);
    if (answer->refused != 0)
        return refuse(worker, request, answer->refused, http);
    return admit(worker, request, answer->claims);
}

/* No answer is no yes, but where the operator has said otherwise. */
static enum mw_verdict
fail_again(const struct forward_auth_worker *worker, struct mw_task *task,
           enum forward_fault fault)
{
    const struct forward_fault_row *row = forward_fault(fault);

    return worker->settings->passes_on_error && forward_fault_is_the_services(fault)
               ? MW_PASS
               : worker->host->deny_tunnel(task, row->status, row->word);
}

static enum mw_verdict
judge_again(const struct forward_auth_worker *worker, struct mw_task *task,
            const struct forward_answer *answer)
{
    const struct mw_host *host = worker->host;

    if (answer->fault != FORWARD_NONE)
        return fail_again(worker, task, answer->fault);
    if (answer->refused != 0)
        return host->deny_tunnel(task, (int)answer->refused, "forward-auth-refused");
    struct mw_str deadline = member(answer->claims, ":deadline");
    return deadline.at == NULL || deadline_ms(deadline) > clock_wall_ms()
               ? MW_PASS
               : host->deny_tunnel(task, 401, "forward-auth-expired");
}

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

/* ---- An answer ------------------------------------------------------------------------- */

static void
remember(const struct forward_auth_worker *worker, const struct forward_question *question,
         struct forward_answer *answer)
{
    const struct forward_auth_settings *settings = worker->settings;
    int64_t now_ms = clock_wall_ms();

    if (settings->cache == NULL || answer->claims == NULL)
        return;
    struct token_entry *entry = token_entry_new(question->digest, NULL, 0, answer->claims,
                                                now_ms + settings->cache_time_ms);
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
    if (answer.fault != FORWARD_NONE)
        service_complain(&worker->complaint, worker->host, "forward_auth",
                         worker->settings->service.name, forward_fault(answer.fault)->word, http);
    if (asker->request == NULL) {
        verdict = judge_again(worker, task, &answer);
    } else {
        verdict = judge(worker, asker->request, &answer, http);
        remember(worker, asker->question, &answer);
        keep_question(worker, asker->request, &asker->question, verdict);
    }
    claims_free(answer.claims);
    forget(asker);
    worker->host->resume(task, verdict);
}

/* FORWARD_NONE: it waits. The question is the asker's then, of a handshake. */
static enum forward_fault
ask(struct forward_auth_worker *worker, struct mw_request *request, struct mw_task *task,
    struct forward_question *question)
{
    struct asker *asker;

    if (request != NULL && worker->handshake_count >= FORWARD_WAITERS_MAX)
        return FORWARD_FULL;
    if ((asker = calloc(1, sizeof(*asker))) == NULL)
        return FORWARD_INTERNAL;
    asker->waiter.task = task;
    asker->worker = worker;
    asker->request = request;
    asker->question = question;
    if (!call(asker)) {
        free(asker);
        return FORWARD_INTERNAL;
    }
    worker->handshake_count += request != NULL;
    waiters_add(&worker->waiters, &worker->asking, &asker->waiter);
    return FORWARD_NONE;
}

/* What was answered before about the same parts; NULL: nothing. The caller unrefs it. */
static struct token_entry *
recall(const struct forward_auth_worker *worker, struct mw_request *request,
       const struct forward_question *question)
{
    struct token_cache *cache = worker->settings->cache;

    return cache != NULL
               ? token_cache_get(cache, question->digest, worker->host->wall_clock_ms(request))
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
        verdict = admit(worker, request, entry->claims);
        token_entry_unref(entry);
        keep_question(worker, request, question, verdict);
        return verdict;
    }
    enum forward_fault fault = ask(worker, request, worker->host->task(request), *question);
    if (fault != FORWARD_NONE)
        return fail(worker, request, fault);
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
        return fail(worker, request, FORWARD_INTERNAL);
    enum mw_verdict verdict = decide(worker, request, &question);
    forward_question_free(question);
    return verdict;
}

enum mw_verdict
forward_auth_worker_revalidate(void *state, void *slot, struct mw_task *task)
{
    struct forward_auth_worker *worker = state;

    enum forward_fault fault =
        slot != NULL ? ask(worker, NULL, task, slot) : FORWARD_INTERNAL;

    return fault == FORWARD_NONE ? MW_WAIT : fail_again(worker, task, fault);
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
