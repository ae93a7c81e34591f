/*
 * endpoint.h - an address that the gateway listens on, under all generations that name it.
 *
 * TCP: each worker has a socket of its own. Unix: all share one. The sockets are opened on the
 * control thread, before any worker hears of the generation; then each worker has its listener.
 */
#ifndef WSGATE_ENDPOINT_H
#define WSGATE_ENDPOINT_H

#include "gateway/generation.h"
#include "gateway/listener.h"

struct endpoint {
    struct address address;
    int shared; /* the one socket of which all workers have copies; -1: none, or closed */
    struct listener listeners[]; /* one for each worker */
};

/* Opens those that `before` does not have yet, whose others go on; NULL: none. false: errno,
 * *failed is the listener's index, and nothing new is open. */
bool endpoints_open(struct generation *generation, const struct generation *before,
                    size_t *failed) MUST_CHECK;
/* What only `generation` has can be reached no more: socket files are gone, and the control
 * thread's own descriptors. `other`: NULL, or whose endpoints stay. Idempotent. */
void endpoints_hide(const struct generation *generation, const struct generation *other);
/* Frees what only `generation` has, once no worker has a listener there. */
void endpoints_free(struct generation *generation, const struct generation *other);
/* Descriptors that its sockets take, over all workers. */
size_t endpoints_descriptors(const struct generation *generation);

size_t endpoints_count(const struct generation *generation);
bool endpoint_is_in(const struct endpoint *endpoint,
                    const struct generation *generation) MUST_CHECK;
/* One worker's listeners. */
void endpoints_each(struct generation *generation, unsigned worker,
                    void (*fn)(struct listener *listener));

#endif
