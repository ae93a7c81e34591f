/*
 * backend.h - the CONNECT stage: a server of the route's backend, and the request on its way.
 *
 * Nothing of this runs before the chain has passed. A server that cannot be
 * reached is followed by the next one; each is tried once.
 */
#ifndef WSGATE_BACKEND_H
#define WSGATE_BACKEND_H

#include "gateway/pool.h"
#include "gateway/request.h"

/* One handshake's way to a server. */
struct attempt {
    struct pool *pool;
    struct server *server; /* a place is taken on it; NULL: none */
    struct pool_tries tries;
    enum reason reason; /* why the last one failed */
    const char *why;    /* static */
    bool connected;     /* what fails from then on is not the connect */
    bool sent;          /* the request is the side's, or in its outbox */
};

/* sides: both of the connection. STEP_DONE: the request is sent, or its rest waits in the outbox of
 * a connected side. STEP_WAIT: the connect is under way, or TLS's handshake. STEP_FAILED: no server
 * is left. */
enum step backend_start(struct attempt *attempt, struct request *request,
                        struct side sides[2]) MUST_CHECK;
/* After STEP_WAIT, when the side is ready: the same. STEP_FAILED: this server has failed, for the
 * reason in attempt, unless the request has one. */
enum step backend_go_on(struct attempt *attempt, struct request *request,
                        struct side *side) MUST_CHECK;
/* The same failure, when the stage's time is over. */
void backend_too_slow(struct attempt *attempt);
/* Leaves a server: closes the side, gives the place back. Idempotent. */
void backend_leave(struct attempt *attempt, struct side *side);
/* The same for one that failed: the error log hears of it, now and then (pool_failed). */
void backend_failed(struct attempt *attempt, const struct request *request, struct side *side,
                    const char *why);

#endif
