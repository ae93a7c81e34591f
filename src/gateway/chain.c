/*
 * chain.c - running the route's middleware; see chain.h.
 *
 * The tree lies flat (struct require_node), and all that is known of the way through it is the
 * module that decides now: its verdict climbs until a group is left undecided by it, and goes on
 * with that group's next member. So nothing here recurses, and a wait can be anywhere.
 *
 * The hard thing is to undo. What a refused member of an any_of has found out must not count for
 * the next one, nor what a `not` or a dry run found out for anybody: each of them begins with a
 * mark, and ends with a return to it. Only what was stripped stays stripped: a credential
 * that nobody vouches for is not the backend's either.
 */
#include "gateway/chain.h"

#include "base/clock.h"
#include "gateway/access_log.h"
#include "gateway/refusal.h"
#include "gateway/resident.h"

static const struct require_node *
node_at(const struct request *request, size_t i)
{
    return &request->route->require[i];
}

static const struct instance_settings *
instance_at(const struct request *request, size_t i)
{
    return &request->settings->instances[node_at(request, i)->instance];
}

static struct resident *
resident_at(const struct request *request, size_t i)
{
    return request->handle->residents[node_at(request, i)->instance];
}

static void *
state_at(const struct request *request, size_t i)
{
    return resident_at(request, i)->state;
}

static void
tell(struct request *request, size_t node, enum chain_news news)
{
    if (request->chain.watch != NULL)
        request->chain.watch(request, node, news);
}

/* ---- Marks ------------------------------------------------------------------------- */

static void
mark(struct request *request, const struct require_node *node)
{
    request->marks[node->depth] = (struct chain_mark){
        .held_count = request->chain.held_count,
        .forward_count = request->forward_count,
        .label_count = request->label_count,
        .strip_count = request->strip_count,
        .stripped_protocols = request->stripped_protocols,
        .who = request->who,
        .claims = request->claims,
        .deadline_wall_ms = request->deadline_wall_ms,
    };
}

/* The youngest first. */
static void
release_down_to(struct request *request, size_t count, enum mw_end end)
{
    struct chain *chain = &request->chain;

    while (chain->held_count > count) {
        size_t at = chain->held[--chain->held_count];
        const struct mw_module *module = instance_at(request, at)->module;
        if (module->release != NULL)
            module->release(state_at(request, at), chain->slots[at], end);
    }
}

static void
undo(struct request *request, const struct chain_mark *mark)
{
    release_down_to(request, mark->held_count, MW_END_REFUSED);
    request->forward_count = mark->forward_count;
    request->label_count = mark->label_count;
    request->who = mark->who;
    request->claims = mark->claims;
    request->deadline_wall_ms = mark->deadline_wall_ms;
}

/* ---- Verdicts ------------------------------------------------------------------------ */

/* Of an any_of's refusals the one that helps the client most: it may pass later, it has to say
 * who it is, it has to ask otherwise, it will not pass. */
static unsigned
rank(const struct answer *answer)
{
    unsigned status = answer->reason != REASON_NONE ? refusal_status(answer) : 0;

    return status >= 500   ? 5
           : status == 429 ? 4
           : status == 401 ? 3
           : status == 400 ? 2
           : status != 0   ? 1
                           : 0;
}

/* A member of an any_of has refused. */
static void
pass_over(struct request *request, const struct require_node *group, bool is_last)
{
    struct chain_mark *mark = &request->marks[group->depth];
    bool wins = rank(&request->answer) >= rank(&mark->refusal);

    if (wins && is_last) /* the log says whom it was about */
        return;
    undo(request, mark);
    if (wins)
        mark->refusal = request->answer;
    request->answer = is_last ? mark->refusal : (struct answer){.reason = REASON_NONE};
}

/* It refused of its own accord, and because of who asks: 401 and 403. Everything else (an error, a
 * limit, a malformed request, a fault of the module) is no verdict that could be turned round. */
static bool
is_judgement(const struct request *request, enum mw_verdict verdict)
{
    unsigned status = request->answer.status;

    return verdict == MW_DENY && request->answer.reason == REASON_DENIED &&
           (status == 401 || status == 403);
}

/* A module that denied without saying how, or that answered something unknown. */
static void
say_refused(struct request *request)
{
    if (request->answer.reason == REASON_NONE) {
        request->answer.reason = REASON_DENIED;
        request->answer.status = 403;
    }
    request->answer.module = instance_at(request, request->chain.next)->name;
}

/* `not`: what passed is refused, what was refused for who it is passes. */
static bool
turn_round(struct request *request, bool passed, bool judgement)
{
    undo(request, &request->marks[node_at(request, request->chain.next)->depth]);
    if (passed)
        request->answer = (struct answer){
            .reason = REASON_EXCLUDED,
            .module = instance_at(request, request->chain.next)->name,
        };
    else if (judgement)
        request->answer = (struct answer){.reason = REASON_NONE};
    return judgement;
}

/* A dry run passes, and nothing has happened but for a line and a count. Its slot it keeps: a limit
 * that gave back at once would never be reached. */
static void
pretend(struct request *request, bool passed)
{
    struct chain_mark *mark = &request->marks[node_at(request, request->chain.next)->depth];
    const struct mw_module *module = instance_at(request, request->chain.next)->module;

    mark->held_count = request->chain.held_count;
    if (!passed) {
        access_log_dry_run(request->worker->log, request);
        metrics_count(&request->worker->metrics, module->name, "dry-run-refused", 1);
    }
    undo(request, mark);
    request->strip_count = mark->strip_count;
    request->stripped_protocols = mark->stripped_protocols;
    request->answer = (struct answer){.reason = REASON_NONE};
}

/* ---- The way ---------------------------------------------------------------------------- */

/* Down to the first module of what begins at node i. */
static void
enter(struct request *request, size_t i)
{
    const struct require_node *node = node_at(request, i);

    for (; !require_is_leaf(node); node = node_at(request, ++i))
        if (node->kind == REQUIRE_ANY_OF)
            mark(request, node);
    if (node->kind == REQUIRE_NOT || instance_at(request, i)->dry_run)
        mark(request, node);
    request->chain.next = i;
}

/* Up from the module whose verdict this is. STEP_WAIT: the next one is to be asked. */
static enum step
climb(struct request *request, bool passed)
{
    size_t i = request->chain.next;

    for (; i != 0; i = node_at(request, i)->parent) {
        const struct require_node *node = node_at(request, i);
        const struct require_node *group = node_at(request, node->parent);
        bool is_last = node->end == group->end;

        tell(request, i, passed ? CHAIN_PASSED : CHAIN_REFUSED);
        if (!passed && group->kind == REQUIRE_ANY_OF)
            pass_over(request, group, is_last);
        if (!is_last && passed == (group->kind == REQUIRE_ALL_OF)) {
            enter(request, node->end);
            return STEP_WAIT;
        }
    }
    return passed ? STEP_DONE : STEP_FAILED;
}

/* The module at `next` has its verdict. It passed, but an answer of its own did not fit: then it
 * is refused, and its slot is due like any other. */
static enum step
settle(struct request *request, enum mw_verdict verdict)
{
    struct chain *chain = &request->chain;
    bool passed = verdict == MW_PASS && request->answer.reason == REASON_NONE;
    bool judgement = is_judgement(request, verdict);

    if (verdict == MW_PASS)
        chain->held[chain->held_count++] = chain->next;
    if (passed) /* a body or a time that it left there is not for somebody else's refusal */
        request->answer = (struct answer){.reason = REASON_NONE};
    else
        say_refused(request);
    tell(request, chain->next, CHAIN_SAID);
    if (node_at(request, chain->next)->kind == REQUIRE_NOT)
        passed = turn_round(request, passed, judgement);
    if (instance_at(request, chain->next)->dry_run) {
        pretend(request, passed);
        passed = true;
    }
    return climb(request, passed);
}

/* MW_WAIT: it does, and can be cancelled. */
static enum mw_verdict
ask(struct request *request)
{
    struct chain *chain = &request->chain;
    const struct instance_settings *instance = instance_at(request, chain->next);
    void *state = state_at(request, chain->next);

    tell(request, chain->next, CHAIN_ASKED);
    chain->deciding = true;
    enum mw_verdict verdict =
        instance->module->decide(instance->instance, state, (struct mw_request *)request);
    chain->deciding = false;
    if (verdict != MW_WAIT)
        return verdict;
    if (instance->module->cancel == NULL) { /* nobody could take it back */
        (void)request_fail(request, REASON_DENIED, "it waits, but has no `cancel`");
    } else if (chain->overdue) {
        instance->module->cancel(state, &chain->tasks[chain->next]);
        (void)request_fail(request, REASON_AUTH_TIMEOUT, NULL);
    } else {
        return MW_WAIT;
    }
    return MW_DENY;
}

static enum step
run(struct request *request, enum step step)
{
    while (step == STEP_WAIT) {
        enum mw_verdict verdict = ask(request);
        if (verdict == MW_WAIT) {
            request->chain.waiting = true;
            return STEP_WAIT;
        }
        step = settle(request, verdict);
    }
    return step;
}

enum step
chain_start(struct request *request)
{
    size_t count = request->route->require_count;
    struct chain *chain = &request->chain;

    chain->slots = arena_zalloc(&request->arena, count * sizeof(void *));
    chain->tasks = arena_alloc(&request->arena, count * sizeof(struct mw_task));
    chain->held = arena_alloc(&request->arena, count * sizeof(size_t));
    if (chain->slots == NULL || chain->tasks == NULL || chain->held == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    for (size_t i = 0; i < count; i++)
        chain->tasks[i] = (struct mw_task){request, i};
    if (count == 1)
        return STEP_DONE;
    enter(request, 0);
    return run(request, STEP_WAIT);
}

enum step
chain_resume(struct request *request, enum mw_verdict verdict)
{
    request->chain.waiting = false;
    request->wall_ms = clock_wall_ms(); /* for the modules to come */
    return run(request, settle(request, verdict));
}

enum step
chain_overdue(struct request *request)
{
    request->chain.overdue = true;
    chain_cancel(request);
    (void)request_fail(request, REASON_AUTH_TIMEOUT, NULL);
    return run(request, settle(request, MW_DENY));
}

void
chain_cancel(struct request *request)
{
    struct chain *chain = &request->chain;

    if (!chain->waiting)
        return;
    chain->waiting = false;
    instance_at(request, chain->next)
        ->module->cancel(state_at(request, chain->next), &chain->tasks[chain->next]);
}

void
chain_release(struct request *request, enum mw_end end)
{
    release_down_to(request, 0, end);
}
