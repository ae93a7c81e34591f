/* held.c - what a tunnel takes over from the chain that let it in; see held.h. */
#include "gateway/held.h"

#include "gateway/chain.h"
#include "gateway/generation.h"
#include "gateway/resident.h"
#include "gateway/revalidation.h"

#include <stdlib.h>

static const struct instance_settings *
instance_at(const struct request *request, size_t node)
{
    return &request->settings->instances[request->route->require[node].instance];
}

static struct resident *
resident_at(const struct request *request, size_t node)
{
    return request->handle->residents[request->route->require[node].instance];
}

/* A slot with something in it, or a module that judges the tunnel again. Only what such a module
 * needs of its generation outlives the handshake: its state on this worker. */
static bool
is_held(const struct request *request, size_t i)
{
    const struct mw_module *module = instance_at(request, i)->module;

    return (module->release != NULL && request->chain.slots[i] != NULL) ||
           (module->revalidate != NULL && route_is_revalidated(request->route));
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
held_take(struct request *request, struct held **held, size_t *count)
{
    struct chain *chain = &request->chain;
    struct revalidation *revalidation;

    *held = NULL;
    *count = 0;
    if (!revalidation_new(request, &revalidation))
        return false;
    *count += revalidation != NULL;
    for (size_t i = 0; i < chain->held_count; i++)
        *count += is_held(request, chain->held[i]);
    if (*count > 0)
        *held = calloc(*count, sizeof(**held));
    if (*count > 0 && *held == NULL) {
        if (revalidation != NULL)
            revalidation_release(NULL, revalidation, MW_END_REFUSED);
        return false;
    }
    struct held *to = *held;
    size_t left = 0;
    if (revalidation != NULL)
        *to++ = (struct held){revalidation_release, NULL, revalidation, NULL};
    for (size_t i = 0; i < chain->held_count; i++)
        if (is_held(request, chain->held[i]))
            *to++ = hold(request, chain->held[i]);
        else
            chain->held[left++] = chain->held[i];
    chain->held_count = left;
    chain_release(request, MW_END_CLOSED);
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
