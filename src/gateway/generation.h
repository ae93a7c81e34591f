/*
 * generation.h - one loaded configuration with all that was made from it.
 *
 * Constant while workers use it. It belongs to the control thread, which counts who has it: the
 * control thread itself while it is the present one, and each worker's handle. A worker is given
 * one by a message and lets it go by a message, so that the count needs no lock, and the end
 * comes on the control thread, where instances are torn down.
 */
#ifndef WSGATE_GENERATION_H
#define WSGATE_GENERATION_H

#include "config/settings.h"
#include "gateway/crowd.h"
#include "gateway/instance.h"
#include "gateway/pool.h"

struct endpoint;

/* A worker's own hold on a generation: the modules' states, and who was accepted under it. */
struct handle {
    struct generation *generation;
    struct worker *worker;
    struct resident **residents; /* one for each instance */
    size_t users; /* it is the worker's present or next one; and handshakes that began under it */
    struct mailbox_message message;
};

struct generation {
    struct settings *settings;
    struct pool *pools;          /* one for each backend, same index */
    struct instance **instances; /* one for each instance, same index */
    struct endpoint **endpoints; /* one for each listener, same index; NULL: none were opened */
    struct resident **residents; /* the handles' */
    struct crowd_limits limits;
    unsigned references, worker_count;
    struct handle handles[]; /* one for each worker */
};

/* Takes the settings over. What `before` has and these define alike goes on: instances, loads of
 * servers. The caller holds one reference, and every worker's handle one. NULL: no memory, settings
 * freed. */
struct generation *generation_new(struct settings *settings, unsigned worker_count,
                                  const struct generation *before) MUST_CHECK;
/* Control thread. */
void generation_drop(struct generation *generation);
/* The caller's reference, where no worker is left that could let its own go. */
void generation_end(struct generation *generation);

/* ---- On the handle's worker ---- */

/* The worker is its first user. It makes the states that the worker does not have. NULL, or the
 * name of the first instance that did not start: handle_drop is due all the same. */
const char *handle_enter(struct handle *handle, struct worker *worker) MUST_CHECK;
struct handle *handle_hold(struct handle *handle);
void handle_drop(struct handle *handle);

#endif
