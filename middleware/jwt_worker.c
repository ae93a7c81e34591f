/*
 * jwt_worker.c - see jwt_worker.h.
 *
 * The hard thing: what a fetch brought says nothing of a key that was published after it had begun.
 * So who waits is refused only by keys that were asked for after he came; moments of the monotonic
 * clock say which those are. Else one forged token, or many, could have good ones refused.
 */
#include "jwt_worker.h"

#include "base/clock.h"
#include "waiters.h"

#include <stdlib.h>

struct jwt_waiter {
    struct waiter waiter; /* first */
    struct jwt_asker asker;
    uint64_t came_us;
};

struct jwt_worker {
    const struct mw_host *host;
    struct verifier *verifier;
    jwt_judge *judge;
    const void *instance;
    struct jwt_member *member;     /* NULL: nothing is fetched */
    const struct keyset *keyset;   /* the verifier's */
    struct waiters waiters;
    struct waiter_list waiting;
    uint64_t known_us, ask_from_us; /* of the last news */
    uint64_t came_us;              /* of the waiter that is judged again; 0: none is */
    bool certain;
    bool asked;                    /* news will come of it */
};

/* ---- Waiting --------------------------------------------------------------------------- */

static bool
remember(struct jwt_worker *worker, const struct jwt_asker *asker, uint64_t came_us)
{
    struct jwt_waiter *waiter = malloc(sizeof(*waiter));

    if (!waiter)
        return false;
    *waiter = (struct jwt_waiter){{.task = asker->task}, *asker, came_us};
    waiters_add(&worker->waiters, &worker->waiting, &waiter->waiter);
    return true;
}

static void
forget(struct jwt_worker *worker, struct waiter *waiter)
{
    waiters_remove(&worker->waiters, waiter);
    free(waiter);
}

static bool
ask(struct jwt_worker *worker, uint64_t came_us)
{
    worker->asked = worker->asked || jwt_remote_ask(worker->member, came_us);
    return worker->asked;
}

bool
jwt_worker_wait(struct jwt_worker *worker, const struct jwt_asker *asker,
                enum jose_reason *reason)
{
    uint64_t now_us = clock_monotonic_us();
    uint64_t came_us = worker->came_us ? worker->came_us : now_us;
    bool is_unknown = *reason == JOSE_KEY_UNKNOWN;

    if (!worker->member || came_us <= worker->known_us) {
        if (is_unknown && !worker->certain)
            *reason = JOSE_KEYS_UNAVAILABLE;
        return false;
    }
    if (worker->ask_from_us > now_us + jwt_remote_patience_us(worker->member)) {
        if (is_unknown)
            *reason = JOSE_KEYS_UNAVAILABLE;
        return false;
    }
    if (worker->waiters.count < JWT_WAITERS_MAX && ask(worker, came_us) &&
        remember(worker, asker, came_us))
        return true;
    *reason = JOSE_KEYS_UNAVAILABLE;
    return false;
}

void
jwt_worker_cancel(void *state, struct mw_task *task)
{
    struct jwt_worker *worker = state;
    struct waiter *waiter = waiters_find(&worker->waiters, task);

    if (waiter)
        forget(worker, waiter);
}

/* Whoever still has to wait comes into the list anew. resume may end other requests, which then
 * cancel: so each is taken out before it is judged, and the list is asked for the next one. */
static void
judge_waiters(struct jwt_worker *worker)
{
    struct waiter_list old;

    waiters_move(&old, &worker->waiting);
    while (!LIST_EMPTY(&old)) {
        struct jwt_waiter waiter = *(struct jwt_waiter *)LIST_FIRST(&old);
        forget(worker, LIST_FIRST(&old));
        worker->came_us = waiter.came_us;
        enum mw_verdict verdict = worker->judge(worker->instance, worker, &waiter.asker);
        worker->came_us = 0;
        if (verdict != MW_WAIT)
            worker->host->resume(waiter.waiter.task, verdict);
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
    worker->certain = news->certain;
    worker->known_us = news->known_us;
    worker->ask_from_us = news->ask_from_us;
    worker->asked = false;
    judge_waiters(worker);
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
    worker->certain = true;
    worker->keyset = keyset_ref(remote ? jwt_remote_first(remote, &worker->certain) : keyset);
    worker->verifier = verifier_new(worker->keyset);
    if (worker->verifier && (!remote || join(worker, remote, thread)))
        return worker;
    jwt_worker_free(worker);
    return NULL;
}

void
jwt_worker_free(void *state)
{
    struct jwt_worker *worker = state;

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

bool
jwt_worker_is_certain(const struct jwt_worker *worker)
{
    return worker->certain;
}

const void *
jwt_worker_instance(const struct jwt_worker *worker)
{
    return worker->instance;
}
