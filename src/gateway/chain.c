/* chain.c - running the route's middleware; see chain.h. */
#include "gateway/chain.h"

#include "base/clock.h"
#include "gateway/resident.h"
#include "gateway/revalidation.h"

#include <stdlib.h>

static const struct instance_settings *
instance_at(const struct request *request, size_t i)
{
    return &request->settings->instances[request->route->require[i]];
}

static struct resident *
resident_at(const struct request *request, size_t i)
{
    return request->handle->residents[request->route->require[i]];
}

static void *
state_at(const struct request *request, size_t i)
{
    return resident_at(request, i)->state;
}

/* A module that denied without saying how, or that answered something unknown. */
static enum step
refused(struct request *request)
{
    const struct instance_settings *instance = instance_at(request, request->chain.next);

    if (request->answer.reason == REASON_NONE) {
        request->answer.reason = REASON_DENIED;
        request->answer.status = 403;
    }
    request->answer.module = instance->name;
    return STEP_FAILED;
}

/* It passed, but an answer of its own did not fit: the request is refused, and the slot of
 * what passed is due like any other. */
static enum step
passed_in_part(struct request *request)
{
    enum step step = refused(request);

    request->chain.next++;
    return step;
}

static enum step
run(struct request *request)
{
    struct chain *chain = &request->chain;

    for (; chain->next < request->route->require_count; chain->next++) {
        const struct instance_settings *instance = instance_at(request, chain->next);
        void *state = state_at(request, chain->next);

        chain->deciding = true;
        enum mw_verdict verdict =
            instance->module->decide(instance->instance, state, (struct mw_request *)request);
        chain->deciding = false;
        if (verdict == MW_WAIT && instance->module->cancel != NULL) {
            chain->waiting = true;
            return STEP_WAIT;
        }
        if (verdict == MW_WAIT) /* nobody could take it back */
            (void)request_fail(request, REASON_DENIED, "it waits, but has no `cancel`");
        if (verdict != MW_PASS)
            return refused(request);
        if (request->answer.reason != REASON_NONE)
            return passed_in_part(request);
    }
    return STEP_DONE;
}

enum step
chain_start(struct request *request)
{
    size_t count = request->route->require_count;

    request->chain.slots = arena_zalloc(&request->arena, (count + 1) * sizeof(void *));
    request->chain.tasks = arena_alloc(&request->arena, (count + 1) * sizeof(struct mw_task));
    if (request->chain.slots == NULL || request->chain.tasks == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    for (size_t i = 0; i < count; i++)
        request->chain.tasks[i] = (struct mw_task){request, i};
    return run(request);
}

enum step
chain_resume(struct request *request, enum mw_verdict verdict)
{
    request->chain.waiting = false;
    request->wall_ms = clock_wall_ms(); /* for the modules to come */
    if (verdict != MW_PASS)
        return refused(request);
    if (request->answer.reason != REASON_NONE)
        return passed_in_part(request);
    request->chain.next++;
    return run(request);
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

static void
release(struct request *request, size_t i, enum mw_end end)
{
    const struct mw_module *module = instance_at(request, i)->module;

    if (module->release != NULL)
        module->release(state_at(request, i), request->chain.slots[i], end);
}

void
chain_release(struct request *request, enum mw_end end)
{
    struct chain *chain = &request->chain;

    for (; chain->released < chain->next; chain->released++)
        release(request, chain->released, end);
}

/* A slot with something in it, or a module that judges the tunnel again. Only what such a module
 * needs of its generation outlives the handshake: its state on this worker. */
static bool
is_held(const struct request *request, size_t i)
{
    const struct mw_module *module = instance_at(request, i)->module;

    return (module->release != NULL && request->chain.slots[i] != NULL) ||
           (module->revalidate != NULL && request->route->tunnel.revalidate_interval > 0);
}

static struct held
hold(const struct request *request, size_t i)
{
    struct resident *resident = resident_at(request, i);

    resident_hold(resident);
    return (struct held){instance_at(request, i)->module->release, resident->state,
                         request->chain.slots[i], resident};
}

bool
chain_take(struct request *request, struct held **held, size_t *count)
{
    struct chain *chain = &request->chain;
    struct revalidation *revalidation;

    *held = NULL;
    *count = 0;
    if (!revalidation_new(request, &revalidation))
        return false;
    *count += revalidation != NULL;
    for (size_t i = 0; i < chain->next; i++)
        *count += is_held(request, i);
    if (*count > 0)
        *held = calloc(*count, sizeof(**held));
    if (*count > 0 && *held == NULL) {
        if (revalidation != NULL)
            revalidation_release(NULL, revalidation, MW_END_REFUSED);
        return false;
    }
    struct held *to = *held;
    if (revalidation != NULL)
        *to++ = (struct held){revalidation_release, NULL, revalidation, NULL};
    for (; chain->released < chain->next; chain->released++)
        if (is_held(request, chain->released))
            *to++ = hold(request, chain->released);
        else
            release(request, chain->released, MW_END_CLOSED);
    return true;
}

void
held_release(struct held *held, size_t count, enum mw_end end)
{
    for (size_t i = 0; i < count; i++) {
        if (held[i].release != NULL)
            held[i].release(held[i].state, held[i].slot, end);
        if (held[i].resident != NULL)
            resident_leave(held[i].resident);
    }
    free(held);
}
