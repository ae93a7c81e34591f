/* generation.c - one loaded configuration and its counts; see generation.h. */
#include "gateway/generation.h"

#include <stdlib.h>

struct generation *
generation_new(struct settings *settings)
{
    struct generation *generation = calloc(1, sizeof(*generation));

    if (generation == NULL)
        goto fail;
    atomic_init(&generation->references, 1);
    generation->settings = settings;
    generation->pools = pools_new(settings->backends, settings->backend_count);
    if (generation->pools == NULL)
        goto fail;
    return generation;
fail:
    free(generation);
    settings_free(settings);
    return NULL;
}

struct generation *
generation_hold(struct generation *generation)
{
    atomic_fetch_add(&generation->references, 1);
    return generation;
}

void
generation_drop(struct generation *generation)
{
    if (generation == NULL || atomic_fetch_sub(&generation->references, 1) != 1)
        return;
    pools_free(generation->pools, generation->settings->backend_count);
    settings_free(generation->settings);
    free(generation);
}
