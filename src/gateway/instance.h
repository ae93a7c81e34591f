/*
 * instance.h - one instance of a module, for as long as anybody needs it.
 *
 * It is set up with one configuration and goes on under later ones that define it alike, with its
 * caches, its workers' states and its part on the control thread. It ends when no generation has
 * it and no worker needs its state any more: first the states, each behind what was posted to
 * it, then the part on the control thread, behind what the states have posted, then the instance.
 *
 * The instance belongs to the control thread; how it lives on a worker (resident.h) to that worker.
 */
#ifndef WSGATE_INSTANCE_H
#define WSGATE_INSTANCE_H

#include "base/mailbox.h"
#include "config/settings.h"
#include "gateway/metrics.h"
#include "gateway/turns.h"

struct event_base;
struct worker;

/* What a module sees of a worker, or of the control thread. */
struct mw_worker {
    struct event_base *base;
    struct mailbox_door door;
    struct metrics *metrics; /* of that thread */
};

/* See resident.h. */
struct resident {
    struct mw_worker view; /* for others to post to, until the part on the control thread ends */
    struct instance *instance;
    struct worker *worker;
    struct resident *next, **link; /* the worker's list */
    void *state;                   /* NULL: the module has none */
    size_t users;                  /* handles, and tunnels that hold a slot */
    struct turns turns;            /* of tunnels that are judged again */
    struct mailbox_message message;
};

struct instance {
    const struct mw_module *module;
    void *instance;
    const char *name;
    struct settings *origin; /* it was set up from; a reference */
    void *control;           /* its part on the control thread; NULL: none */
    bool control_started;
    size_t generations;          /* that have it */
    unsigned alive;              /* residents that have not ended */
    struct resident residents[]; /* one for each worker */
};

/* Takes the instance over from its settings, of which it keeps a reference. One generation has it.
 * NULL: no memory, nothing was taken. */
struct instance *instance_new(struct settings *settings, size_t index,
                              unsigned worker_count) MUST_CHECK;
/* Lets it copy from that which had its name before, where both are of one module. */
void instance_adopt(struct instance *instance, const struct instance *old);
/* One more generation has it: `settings` defines it alike. What was set up from those is torn
 * down. */
void instance_carry(struct instance *instance, struct instance_settings *settings);
/* Starts its part on the control thread, once. `view` stays valid until the instance has ended.
 * false: it did not start. */
bool instance_start(struct instance *instance, struct mw_worker *view) MUST_CHECK;
/* A generation lets it go. */
void instance_leave(struct instance *instance);
/* One of its residents has ended. */
void instance_resident_ended(struct instance *instance);

#endif
