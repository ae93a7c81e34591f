/*
 * generation.h - one loaded configuration, shared by all workers.
 *
 * Constant after generation_new, but for the atomic counts. The control thread and every worker
 * hold one reference each; the last one to let go frees it.
 */
#ifndef WSGATE_GENERATION_H
#define WSGATE_GENERATION_H

#include "config/settings.h"
#include "gateway/pool.h"

struct generation {
    atomic_uint references;
    struct settings *settings;
    struct pool *pools; /* one for each backend, same index */
};

/* Takes the settings over. Starts with one reference. NULL: no memory, settings freed. */
struct generation *generation_new(struct settings *settings) MUST_CHECK;
struct generation *generation_hold(struct generation *generation);
void generation_drop(struct generation *generation);

#endif
