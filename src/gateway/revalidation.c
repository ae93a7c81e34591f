/*
 * revalidation.c - the rounds of revalidations; see revalidation.h.
 *
 * The hard thing is the end. It may come while a module waits, and it may be brought about from
 * here: then all of this is freed, so after end() nothing of it is touched.
 */
#include "gateway/revalidation_parts.h"

#include "gateway/access_log.h"
#include "gateway/connection.h"
#include "gateway/generation.h"
#include "gateway/worker.h"

enum {
    RELOAD_SPREAD_MS = 1000, /* after a reload not all are asked at once */
    TURN_PATIENCES = 60,
};

static struct revalidation *
of_node(struct wheel_node *node)
{
    return (struct revalidation *)((char *)node - offsetof(struct revalidation, due));
}

static struct revalidation *
of_task(const struct mw_task *task)
{
    const char *first = (const char *)task - task->index * sizeof(struct asked);

    return (struct revalidation *)(uintptr_t)(first - offsetof(struct revalidation, asked) -
                                              offsetof(struct asked, task));
}

static struct revalidation *
of_turn(struct turn *turn)
{
    return (struct revalidation *)((char *)turn - offsetof(struct revalidation, turn));
}

/* NULL: its tunnel is not judged again. */
static struct revalidation *
of_connection(const struct connection *connection)
{
    return connection->held_count > 0 && connection->held[0].release == revalidation_release
               ? connection->held[0].slot
               : NULL;
}

static struct worker *
worker_of(const struct revalidation *revalidation)
{
    return revalidation->connection->worker;
}

static const struct mw_module *
module_of(const struct revalidation *revalidation)
{
    return revalidation->asked[revalidation->next].own.resident->instance->module;
}

static bool
is_live(const struct revalidation *revalidation)
{
    const struct connection *connection = revalidation->connection;

    return connection->state == STATE_TUNNEL && !connection->tunnel.closing;
}

/* ---- Time ------------------------------------------------------------------------ */

uint64_t
revalidation_pause(uint64_t interval_ms, bool is_first, uint64_t random)
{
    return interval_ms - random % (interval_ms / (is_first ? 2 : 10) + 1);
}

/* Not so short that a service which answers, if slowly, loses tunnels after a reload. */
uint64_t
revalidation_turn_patience(uint64_t interval_ms, uint64_t patience_ms)
{
    uint64_t several_ms = TURN_PATIENCES * patience_ms;

    return several_ms > 0 && interval_ms > several_ms ? interval_ms : several_ms;
}

static void
set_due(struct revalidation *revalidation, uint64_t due_ms)
{
    wheel_set(&worker_of(revalidation)->revalidations, &revalidation->due, due_ms);
}

static void
soon(struct revalidation *revalidation)
{
    struct worker *worker = worker_of(revalidation);

    revalidation->is_soon = false;
    set_due(revalidation, worker->now_ms + worker_random(worker) % RELOAD_SPREAD_MS);
}

void
revalidation_rest(struct revalidation *revalidation)
{
    struct worker *worker = worker_of(revalidation);
    uint64_t interval_ms = revalidation->interval_ms;

    revalidation->state = RESTING;
    if (revalidation->is_soon)
        soon(revalidation);
    else if (interval_ms == 0)
        wheel_clear(&revalidation->due);
    else
        set_due(revalidation,
                worker->now_ms + revalidation_pause(interval_ms, !revalidation->was_judged,
                                                    worker_random(worker)));
}

/* ---- A judge --------------------------------------------------------------------- */

/* The instance of that name in the newest configuration, if it is still of that module. */
static struct judge
newest(const struct revalidation *revalidation)
{
    const struct judge *own = &revalidation->asked[revalidation->next].own;
    const struct instance *instance = own->resident->instance;
    const struct handle *handle = worker_of(revalidation)->handle;
    const struct settings *settings = handle != NULL ? handle->generation->settings : NULL;

    for (size_t i = 0; settings != NULL && i < settings->instance_count; i++)
        if (strcmp(settings->instances[i].name, instance->name) == 0 &&
            settings->instances[i].module == instance->module)
            return (struct judge){handle->residents[i], settings->instances[i].dry_run};
    return *own;
}

static void
dismiss(struct revalidation *revalidation)
{
    struct resident *judge = revalidation->judge.resident;

    revalidation->judge.resident = NULL;
    if (judge == NULL)
        return;
    turns_leave(&judge->turns, &revalidation->turn);
    resident_leave(judge);
}

static void on_turn(struct turn *turn);

/* With the one that is to judge next. false: it waits. */
static bool
has_turn(struct revalidation *revalidation)
{
    if (revalidation->turn.state == TURN_TAKEN)
        return true;
    revalidation->judge = newest(revalidation);
    resident_hold(revalidation->judge.resident);
    if (turns_ask(&revalidation->judge.resident->turns, &revalidation->turn, on_turn))
        return true;
    revalidation->state = QUEUED;
    revalidation->queued_ms = worker_of(revalidation)->now_ms;
    set_due(revalidation, revalidation->turn_due_ms);
    return false;
}

/* ---- A round ---------------------------------------------------------------------- */

/* Nobody is asked any more. Frees the revalidation, at once or with the connection. */
static void
end(struct revalidation *revalidation)
{
    revalidation->state = OVER;
    wheel_clear(&revalidation->due);
    (void)connection_end(revalidation->connection, revalidation->said.reason);
}

static enum mw_verdict
ask(struct revalidation *revalidation)
{
    struct asked *asked = &revalidation->asked[revalidation->next];
    const struct mw_module *module = module_of(revalidation);

    revalidation->state = ASKING;
    revalidation->out_of_turn = false;
    revalidation->said.reason = REASON_NONE;
    revalidation->said.word = NULL;
    enum mw_verdict verdict = module->revalidate(revalidation->judge.resident->state, asked->slot,
                                                 &asked->task);
    if (revalidation->out_of_turn || (verdict == MW_WAIT && module->cancel == NULL))
        return MW_DENY;
    if (verdict == MW_WAIT) {
        revalidation->state = WAITING;
        set_due(revalidation, revalidation->answer_due_ms);
    }
    return verdict;
}

static void
pretend(const struct revalidation *revalidation)
{
    const struct connection *connection = revalidation->connection;
    struct tunnel_record record;

    connection_describe(connection, revalidation->said.reason, &record);
    access_log_tunnel_dry_run(connection->worker->log, &record, revalidation->said.reason);
}

/* The one that was asked has its verdict. false: it was the end. */
static bool
settle(struct revalidation *revalidation, enum mw_verdict verdict)
{
    bool refuses = verdict != MW_PASS && is_live(revalidation);
    bool dry_run = revalidation->judge.dry_run;

    revalidation->state = OVER; /* until somebody else is asked */
    dismiss(revalidation);
    if (refuses) {
        if (revalidation->said.reason == REASON_NONE)
            revalidation->said.reason = REASON_REVALIDATION;
        metrics_count(&worker_of(revalidation)->metrics, module_of(revalidation)->name,
                      dry_run ? "dry-run-refused" : reason_word(revalidation->said.reason), 1);
    }
    if (refuses && !dry_run) {
        end(revalidation);
        return false;
    }
    if (refuses)
        pretend(revalidation);
    revalidation->next++;
    return true;
}

/* On from the next module, until one is waited for or refuses, or all have passed. */
static void
go_on(struct revalidation *revalidation)
{
    while (revalidation->next < revalidation->count && is_live(revalidation)) {
        if (!has_turn(revalidation))
            return;
        enum mw_verdict verdict = ask(revalidation);
        if (verdict == MW_WAIT || !settle(revalidation, verdict))
            return;
    }
    revalidation->was_judged = true;
    revalidation_rest(revalidation);
}

/* What it has waited for that counts for nothing. After a reload it is another judge's turn. */
static void
on_turn(struct turn *turn)
{
    struct revalidation *revalidation = of_turn(turn);

    if (revalidation->answer_due_ms != WHEEL_NEVER)
        revalidation->answer_due_ms += worker_of(revalidation)->now_ms - revalidation->queued_ms;
    if (!is_live(revalidation) ||
        newest(revalidation).resident != revalidation->judge.resident)
        dismiss(revalidation);
    go_on(revalidation);
}

void
revalidation_take_back(struct revalidation *revalidation)
{
    bool waiting = revalidation->state == WAITING;

    revalidation->state = OVER;
    if (waiting)
        module_of(revalidation)->cancel(revalidation->judge.resident->state,
                                        &revalidation->asked[revalidation->next].task);
    dismiss(revalidation);
}

/* Its judge has not answered, or its turn has not come. */
static void
overdue(struct revalidation *revalidation)
{
    revalidation_take_back(revalidation);
    revalidation->said.reason = REASON_REVALIDATION_TIMEOUT;
    revalidation->said.word = NULL;
    if (settle(revalidation, MW_DENY))
        go_on(revalidation);
}

void
revalidation_due(struct wheel_node *node)
{
    struct revalidation *revalidation = of_node(node);
    const struct worker *worker = worker_of(revalidation);

    if (revalidation->state == WAITING || revalidation->state == QUEUED) {
        overdue(revalidation);
        return;
    }
    revalidation->next = 0;
    revalidation->answer_due_ms = worker_after(worker, revalidation->patience_ms);
    revalidation->turn_due_ms =
        worker_after(worker, revalidation_turn_patience(revalidation->interval_ms,
                                                        revalidation->patience_ms));
    go_on(revalidation);
}

/* An answer too many, or after cancel: a fault of that module, which must not keep a tunnel. */
static void
resumed_out_of_turn(struct revalidation *revalidation, size_t index)
{
    revalidation_take_back(revalidation);
    revalidation->next = index;
    revalidation->said.reason = REASON_REVALIDATION;
    revalidation->said.word = NULL;
    revalidation->judge.dry_run = false;
    (void)settle(revalidation, MW_DENY);
}

void
revalidation_resume(struct mw_task *task, enum mw_verdict verdict)
{
    struct revalidation *revalidation = of_task(task);

    if (revalidation->state == ASKING)
        revalidation->out_of_turn = true;
    else if (revalidation->state != WAITING || task->index != revalidation->next)
        resumed_out_of_turn(revalidation, task->index);
    else if (settle(revalidation, verdict))
        go_on(revalidation);
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
    struct revalidation *revalidation;

    for (const struct connection *at = worker->live; at != NULL; at = at->next)
        if (at->state == STATE_TUNNEL && (revalidation = of_connection(at)) != NULL)
            reloaded(revalidation);
}

/* ---- What a module says and asks ------------------------------------------------------ */

static const struct {
    int status;
    enum reason reason;
} refusals[] = {
    {401, REASON_REVALIDATION_UNAUTHORIZED},
    {403, REASON_REVALIDATION},
    {503, REASON_REVALIDATION_UNDECIDED},
    {504, REASON_REVALIDATION_TIMEOUT},
};

/* The first word holds. */
void
revalidation_deny(struct mw_task *task, int status, const char *word)
{
    struct revalidation *revalidation = of_task(task);

    if (task->index != revalidation->next || revalidation->said.reason != REASON_NONE)
        return;
    revalidation->said.reason = REASON_REVALIDATION;
    revalidation->said.word = word;
    for (size_t i = 0; i < COUNT_OF(refusals); i++)
        if (refusals[i].status == status)
            revalidation->said.reason = refusals[i].reason;
}

struct str
revalidation_capture(const struct mw_task *task, struct str name)
{
    return kept_captures_find(of_task(task)->captures, name);
}

void
revalidation_tell(const struct connection *connection, enum reason reason,
                  struct tunnel_record *record)
{
    const struct revalidation *revalidation = of_connection(connection);

    if (revalidation == NULL || reason == REASON_NONE || revalidation->said.reason != reason)
        return;
    record->module = revalidation->asked[revalidation->next].own.resident->instance->name;
    record->detail = revalidation->said.word;
}
