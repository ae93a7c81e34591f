/*
 * jwt_worker.c - see jwt_worker.h.
 *
 * The hard thing: news may have been written before an ask of ours came, so they carry how
 * many asks had; only news that know of ours end the waiting.
 */
#include "jwt_worker.h"

#include "base/clock.h"

#include <stdlib.h>

struct waiter {
    struct waiter *next, **link;
    struct mw_task *task;
    struct mw_request *request;
    struct str token;
};

struct jwt_worker {
    const struct mw_host *host;
    struct verifier *verifier;
    jwt_judge *judge;
    const void *instance;
    struct jwt_member *member;     /* NULL: nothing is fetched */
    const struct keyset *keyset;   /* the verifier's */
    struct waiter *waiters;
    size_t waiter_count;
    uint64_t asks, ask_from_us;
    bool complete;
    bool asked;                    /* a fetch is under way that will end the waiting */
    bool is_over;                  /* while those are judged whose fetch has ended */
};

/* ---- The list ------------------------------------------------------------------------ */

static void
forget(struct jwt_worker *worker, struct waiter *waiter)
{
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
    worker->waiter_count--;
    free(waiter);
}

static bool
remember(struct jwt_worker *worker, struct mw_request *request, struct str token)
{
    struct waiter *waiter = malloc(sizeof(*waiter));

    if (!waiter)
        return false;
    *waiter = (struct waiter){worker->waiters, &worker->waiters, worker->host->task(request),
                              request, token};
    if (waiter->next)
        waiter->next->link = &waiter->next;
    worker->waiters = waiter;
    worker->waiter_count++;
    return true;
}

/* ---- Waiting --------------------------------------------------------------------------- */

/* true: a fetch is under way that may bring the key. */
static bool
ask(struct jwt_worker *worker)
{
    if (worker->asked)
        return true;
    if (worker->is_over || clock_monotonic_us() < worker->ask_from_us)
        return false;
    worker->asked = jwt_remote_ask(worker->member);
    worker->asks += worker->asked;
    return worker->asked;
}

bool
jwt_worker_wait(struct jwt_worker *worker, struct mw_request *request, struct str token,
                enum jose_reason *reason)
{
    if (*reason == JOSE_KEY_UNKNOWN && !worker->complete)
        *reason = JOSE_KEYS_UNAVAILABLE;
    if (!worker->member || !ask(worker))
        return false;
    if (worker->waiter_count < JWT_WAITERS_MAX && remember(worker, request, token))
        return true;
    *reason = JOSE_KEYS_UNAVAILABLE;
    return false;
}

void
jwt_worker_cancel(struct jwt_worker *worker, struct mw_task *task)
{
    for (struct waiter *waiter = worker->waiters; waiter; waiter = waiter->next)
        if (waiter->task == task) {
            forget(worker, waiter);
            return;
        }
}

/* Whoever still has to wait comes into the list anew. resume may end other requests, which then
 * cancel: the rest of the old list is therefore always found through `waiting`. */
static void
judge_waiters(struct jwt_worker *worker)
{
    struct waiter *waiting = worker->waiters;

    worker->waiters = NULL;
    if (waiting)
        waiting->link = &waiting;
    while (waiting) {
        struct waiter waiter = *waiting;
        forget(worker, waiting);
        enum mw_verdict verdict =
            worker->judge(worker->instance, worker, waiter.request, waiter.token);
        if (verdict != MW_WAIT)
            worker->host->resume(waiter.task, verdict);
    }
}

static void
on_news(void *arg, const struct jwt_news *news)
{
    struct jwt_worker *worker = arg;

    if (news->keyset != worker->keyset && verifier_set_keyset(worker->verifier, news->keyset)) {
        keyset_unref(worker->keyset);
        worker->keyset = keyset_ref(news->keyset);
    }
    worker->complete = news->complete;
    worker->ask_from_us = news->ask_from_us;
    worker->is_over = news->settled && news->asks == worker->asks;
    if (worker->is_over)
        worker->asked = false;
    judge_waiters(worker);
    worker->is_over = false;
}

/* ---- Life -------------------------------------------------------------------------------- */

static bool
join(struct jwt_worker *worker, struct jwt_remote *remote, struct mw_worker *thread)
{
    if (jwt_remote_is_online(remote)) {
        worker->member = jwt_remote_join(remote, thread, on_news, worker);
        return worker->member != NULL;
    }
    jwt_remote_say_offline(remote);
    return true;
}

struct jwt_worker *
jwt_worker_new(const struct mw_host *host, struct mw_worker *thread, const struct keyset *keyset,
               struct jwt_remote *remote, jwt_judge *judge, const void *instance)
{
    struct jwt_worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return NULL;
    worker->host = host;
    worker->judge = judge;
    worker->instance = instance;
    worker->complete = true;
    worker->keyset =
        keyset_ref(remote ? jwt_remote_first(remote, &worker->complete) : keyset);
    worker->verifier = verifier_new(worker->keyset);
    if (worker->verifier && (!remote || join(worker, remote, thread)))
        return worker;
    jwt_worker_free(worker);
    return NULL;
}

void
jwt_worker_free(struct jwt_worker *worker)
{
    if (!worker)
        return;
    verifier_free(worker->verifier);
    keyset_unref(worker->keyset);
    free(worker);
}

struct verifier *
jwt_worker_verifier(struct jwt_worker *worker)
{
    return worker->verifier;
}
