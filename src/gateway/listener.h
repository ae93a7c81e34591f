/*
 * listener.h - a listening socket on one worker.
 *
 * Each worker has its own socket per TCP address (SO_REUSEPORT: the kernel spreads the
 * connections); a Unix socket is one, opened once and shared, for the kernel cannot
 * spread those. Out of descriptors, a listener rests until the next tick instead of
 * spinning.
 */
#ifndef WSGATE_LISTENER_H
#define WSGATE_LISTENER_H

#include "gateway/worker.h"

struct listener {
    struct worker *worker;                    /* NULL: not started yet */
    const struct listener_settings *settings; /* of the worker's present generation */
    struct event event;
    int fd; /* -1: closed */
    bool resting;
    uint64_t told_ms; /* when the log last heard why it rests */
};

/* A bound, listening, non-blocking socket; -1: errno. `alone`: another process's socket on that
 * address is an error, which SO_REUSEPORT would hide. On Linux TCP_NODELAY and SO_KEEPALIVE are
 * inherited by what it accepts. */
int listener_bind(const struct listener_settings *settings, bool alone) MUST_CHECK;
/* On its worker, with a socket that was opened for it: accepts under these settings from now on.
 * One that does already goes on under others. */
void listener_use(struct listener *listener, struct worker *worker,
                  const struct listener_settings *settings);
/* From the tick: after a rest. */
void listener_wake(struct listener *listener);
/* Accepts what waits in the kernel's queue, which a close would reset, then stops. */
void listener_retire(struct listener *listener);
/* Idempotent; closes. */
void listener_stop(struct listener *listener);

#endif
