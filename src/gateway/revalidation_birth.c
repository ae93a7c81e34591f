/* revalidation_birth.c - what is kept of a request to judge its tunnel again, and its end. */
#include "gateway/revalidation_parts.h"

#include "gateway/connection.h"
#include "gateway/generation.h"

#include <stdlib.h>

/* Of the modules that passed. */
static const struct instance_settings *
held_at(const struct request *request, size_t i)
{
    size_t node = request->chain.held[i];

    return &request->settings->instances[request->route->require[node].instance];
}

static size_t
count_asked(const struct request *request)
{
    size_t count = 0;

    for (size_t i = 0; i < request->chain.held_count; i++)
        count += held_at(request, i)->module->revalidate != NULL;
    return count;
}

static struct judge
judge_of(const struct request *request, const struct instance_settings *instance)
{
    return (struct judge){request->handle->residents[instance->index], instance->dry_run};
}

static void
add(struct revalidation *revalidation, struct judge own, void *slot)
{
    size_t i = revalidation->count++;

    revalidation->asked[i] = (struct asked){own, slot, {.request = NULL, .index = i}};
}

static void
fill(struct revalidation *revalidation, const struct request *request)
{
    const struct route_settings *route = request->route;

    revalidation->connection = request->connection;
    revalidation->interval_ms = route->revalidate;
    revalidation->on_reload = route->revalidate_on_reload;
    revalidation->patience_ms = request->settings->timeouts.auth;
    for (size_t i = 0; i < request->chain.held_count; i++)
        if (held_at(request, i)->module->revalidate != NULL)
            add(revalidation, judge_of(request, held_at(request, i)),
                request->chain.slots[request->chain.held[i]]);
}

bool
revalidation_new(struct request *request, struct revalidation **made)
{
    size_t count = route_is_revalidated(request->route) ? count_asked(request) : 0;

    *made = NULL;
    if (count == 0)
        return true;
    struct revalidation *revalidation =
        calloc(1, sizeof(*revalidation) + count * sizeof(struct asked));

    if (revalidation == NULL ||
        !kept_captures_new(request->route, request->captures, &revalidation->captures)) {
        free(revalidation);
        return false;
    }
    fill(revalidation, request);
    revalidation_rest(revalidation);
    *made = revalidation;
    return true;
}

void
revalidation_release(void *state, void *slot, enum mw_end end)
{
    struct revalidation *revalidation = slot;

    (void)state, (void)end;
    revalidation_take_back(revalidation);
    wheel_clear(&revalidation->due);
    free(revalidation->captures);
    free(revalidation);
}
