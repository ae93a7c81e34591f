/*
 * pool.h - the servers of one backend and who is connected to them.
 *
 * The counts are shared by all workers and atomic; the choice is made on what they
 * say at that moment. A server that was chosen must be given back, once.
 *
 * A pool belongs to a generation. What is known of a server (struct load) goes on from one
 * generation to the next where a backend of the same name has a server with the same address, and
 * stays until its last connection has gone.
 */
#ifndef WSGATE_POOL_H
#define WSGATE_POOL_H

#include "config/settings.h"

#include <stdatomic.h>

/* Counted: the pools that have it, and its connections. */
struct load {
    atomic_uint_fast64_t holders; /* pools, times LOAD_POOL, and connections */
    atomic_uint_fast64_t quiet_until_ms; /* no failure is told before */
    atomic_uint untold;                  /* failures since the last that was told */
    char text[];                         /* the server's address, as it was first written */
};

#define LOAD_POOL (UINT64_C(1) << 32)

struct server {
    const struct server_settings *settings;
    struct load *load;
};

struct pool {
    const struct backend_settings *settings;
    struct server *servers;
    size_t server_count;
    atomic_uint turn; /* round robin's place */
    unsigned weight_sum;
};

/* before: pools of the generation before, whose loads go on; NULL: none. */
struct pool *pools_new(const struct backend_settings *backends, size_t count,
                       const struct pool *before, size_t before_count) MUST_CHECK;
void pools_free(struct pool *pools, size_t count);

/* At most this many servers of a backend are tried for one handshake. */
enum { POOL_TRIES_MAX = 8 };

/* The servers that a handshake has tried already: they are passed over. */
struct pool_tries {
    const struct server *servers[POOL_TRIES_MAX];
    size_t count;
};

/* Takes one place on a server. NULL: all were tried, or stand at max_connections. */
struct server *pool_take(struct pool *pool, struct pool_tries *tries) MUST_CHECK;
void pool_give(struct load *load);
/* Chosen and not yet given back. */
unsigned load_connections(const struct load *load);

/* The log hears of a server at most this often: a dead one fails at every handshake. */
enum { POOL_QUIET_MS = 10 * 1000 };

/* Counts a failure to reach a server, from any worker; now_ms is the monotonic clock. true: it is
 * to be told now, and *before is how many before it were not. */
bool pool_failed(struct server *server, uint64_t now_ms, unsigned *before) MUST_CHECK;

#endif
