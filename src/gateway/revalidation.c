/*
 * revalidation.c - see revalidation.h.
 *
 * One deadline serves both: the next round while it rests, the end of its patience while it
 * waits. All modules of a round share one patience, that of a handshake.
 *
 * The hard thing is the end. It may come while a module waits, and it may be brought about from
 * here: then all of this is freed, so after end() nothing of it is touched.
 */
#include "gateway/revalidation.h"

#include "gateway/connection.h"
#include "gateway/generation.h"
#include "gateway/resident.h"
#include "gateway/worker.h"

#include <stdlib.h>

enum state_of_round { RESTING, ASKING, WAITING, OVER };

/* After a reload not all are asked at once. */
enum { RELOAD_SPREAD_MS = 1000 };

struct asked {
    struct resident *own;   /* which let it in; held by the connection */
    struct resident *judge; /* held, while it is asked; else NULL */
    void *slot;
};

struct revalidation {
    struct wheel_node due;
    struct mw_task task;
    struct connection *connection;
    uint64_t interval_ms, patience_ms;
    uint64_t round_due_ms; /* when the answers of this round must be there */
    enum state_of_round state;
    bool on_reload;   /* it is due then */
    bool is_soon;     /* another configuration came while it was asked */
    bool out_of_turn; /* resumed while it was asked: a fault of the module, which must not admit */
    size_t next, count;
    struct asked asked[]; /* in the chain's order */
};

static struct revalidation *
of_node(struct wheel_node *node)
{
    return (struct revalidation *)((char *)node - offsetof(struct revalidation, due));
}

static struct revalidation *
of_task(struct mw_task *task)
{
    return (struct revalidation *)((char *)task - offsetof(struct revalidation, task));
}

static struct worker *
worker_of(const struct revalidation *revalidation)
{
    return revalidation->connection->worker;
}

/* ---- A round ---------------------------------------------------------------------- */

static void
soon(struct revalidation *revalidation)
{
    struct worker *worker = worker_of(revalidation);

    revalidation->is_soon = false;
    wheel_set(&worker->revalidations, &revalidation->due,
              worker->now_ms + worker_random(worker) % RELOAD_SPREAD_MS);
}

/* Each time up to a tenth sooner, so that those who came together are not asked together. */
static void
rest(struct revalidation *revalidation)
{
    struct worker *worker = worker_of(revalidation);
    uint64_t interval_ms = revalidation->interval_ms;

    revalidation->state = RESTING;
    if (revalidation->is_soon)
        soon(revalidation);
    else if (interval_ms == 0)
        wheel_clear(&revalidation->due);
    else
        wheel_set(&worker->revalidations, &revalidation->due,
                  worker->now_ms + interval_ms - worker_random(worker) % (interval_ms / 10 + 1));
}

/* Nobody is asked any more. Frees the revalidation, at once or with the connection. */
static void
end(struct revalidation *revalidation, enum reason reason)
{
    revalidation->state = OVER;
    wheel_clear(&revalidation->due);
    (void)connection_end(revalidation->connection, reason);
}

static const struct mw_module *
module_of(const struct asked *asked)
{
    return asked->own->instance->module;
}

/* The instance of that name in the newest configuration, if it is still of that module. */
static struct resident *
newest(const struct worker *worker, struct resident *own)
{
    const struct handle *handle = worker->handle;
    const struct settings *settings = handle != NULL ? handle->generation->settings : NULL;

    for (size_t i = 0; settings != NULL && i < settings->instance_count; i++)
        if (strcmp(settings->instances[i].name, own->instance->name) == 0 &&
            settings->instances[i].module == own->instance->module)
            return handle->residents[i];
    return own;
}

static void
dismiss(struct asked *asked)
{
    struct resident *judge = asked->judge;

    asked->judge = NULL;
    if (judge != NULL)
        resident_leave(judge);
}

static enum mw_verdict
ask(struct revalidation *revalidation)
{
    struct asked *asked = &revalidation->asked[revalidation->next];

    revalidation->state = ASKING;
    asked->judge = newest(worker_of(revalidation), asked->own);
    resident_hold(asked->judge);
    enum mw_verdict verdict =
        module_of(asked)->revalidate(asked->judge->state, asked->slot, &revalidation->task);
    if (revalidation->out_of_turn)
        verdict = MW_DENY;
    if (verdict == MW_WAIT && module_of(asked)->cancel == NULL)
        verdict = MW_DENY;
    if (verdict != MW_WAIT)
        dismiss(asked);
    return verdict;
}

/* On from the next module, until one waits or refuses, or all have passed. */
static void
go_on(struct revalidation *revalidation)
{
    for (; revalidation->next < revalidation->count; revalidation->next++) {
        enum mw_verdict verdict = ask(revalidation);

        if (verdict == MW_WAIT) {
            revalidation->state = WAITING;
            wheel_set(&worker_of(revalidation)->revalidations, &revalidation->due,
                      revalidation->round_due_ms);
            return;
        }
        if (verdict != MW_PASS) {
            end(revalidation, REASON_REVALIDATION);
            return;
        }
    }
    rest(revalidation);
}

static void
cancel(struct revalidation *revalidation)
{
    struct asked *asked = &revalidation->asked[revalidation->next];

    if (revalidation->state != WAITING)
        return;
    revalidation->state = OVER;
    module_of(asked)->cancel(asked->judge->state, &revalidation->task);
    dismiss(asked);
}

void
revalidation_due(struct wheel_node *node)
{
    struct revalidation *revalidation = of_node(node);
    const struct connection *connection = revalidation->connection;

    if (revalidation->state == WAITING) {
        cancel(revalidation);
        end(revalidation, REASON_REVALIDATION_TIMEOUT);
    } else if (connection->state == STATE_TUNNEL && !connection->tunnel.closing) {
        revalidation->next = 0;
        revalidation->round_due_ms = worker_after(connection->worker, revalidation->patience_ms);
        go_on(revalidation);
    }
}

void
revalidation_resume(struct mw_task *task, enum mw_verdict verdict)
{
    struct revalidation *revalidation = of_task(task);

    if (revalidation->state == WAITING)
        dismiss(&revalidation->asked[revalidation->next]);
    if (revalidation->state == ASKING) {
        revalidation->out_of_turn = true;
    } else if (revalidation->state != WAITING || verdict != MW_PASS) {
        end(revalidation, REASON_REVALIDATION);
    } else {
        revalidation->next++;
        go_on(revalidation);
    }
}

static void
reloaded(struct revalidation *revalidation)
{
    if (!revalidation->on_reload || revalidation->state == OVER)
        return;
    revalidation->is_soon = true;
    if (revalidation->state == RESTING)
        soon(revalidation);
}

void
revalidations_reloaded(struct worker *worker)
{
    for (const struct connection *at = worker->live; at != NULL; at = at->next)
        if (at->state == STATE_TUNNEL && at->held_count > 0 &&
            at->held[0].release == revalidation_release)
            reloaded(at->held[0].slot);
}

/* ---- Birth and end ------------------------------------------------------------------ */

/* Of the modules that passed. */
static const struct instance_settings *
held_at(const struct request *request, size_t i)
{
    size_t node = request->chain.held[i];

    return &request->settings->instances[request->route->require[node].instance];
}

bool
revalidation_is_by(const struct instance_settings *instance)
{
    return instance->module->revalidate != NULL && !instance->dry_run;
}

static size_t
count_asked(const struct request *request)
{
    size_t count = 0;

    for (size_t i = 0; i < request->chain.held_count; i++)
        count += revalidation_is_by(held_at(request, i));
    return count;
}

bool
revalidation_new(struct request *request, struct revalidation **made)
{
    const struct route_settings *route = request->route;
    size_t count = tunnel_is_revalidated(&route->tunnel) ? count_asked(request) : 0;

    *made = NULL;
    if (count == 0)
        return true;
    struct revalidation *revalidation =
        calloc(1, sizeof(*revalidation) + count * sizeof(struct asked));

    if (revalidation == NULL)
        return false;
    revalidation->connection = request->connection;
    revalidation->interval_ms = route->tunnel.revalidate_interval;
    revalidation->on_reload = route->tunnel.revalidate_on_reload;
    revalidation->patience_ms = request->settings->timeouts.auth;
    for (size_t i = 0; i < request->chain.held_count; i++)
        if (revalidation_is_by(held_at(request, i)))
            revalidation->asked[revalidation->count++] =
                (struct asked){request->handle->residents[held_at(request, i)->index], NULL,
                               request->chain.slots[request->chain.held[i]]};
    rest(revalidation);
    *made = revalidation;
    return true;
}

void
revalidation_release(void *state, void *slot, enum mw_end end)
{
    struct revalidation *revalidation = slot;

    (void)state, (void)end;
    cancel(revalidation);
    wheel_clear(&revalidation->due);
    free(revalidation);
}
