/*
 * pool.h - the servers of one backend and who is connected to them.
 *
 * The counts are shared by all workers and atomic; the choice is made on what they
 * say at that moment. A server that was chosen must be given back, once.
 */
#ifndef WSGATE_POOL_H
#define WSGATE_POOL_H

#include "config/settings.h"

#include <stdatomic.h>

struct server {
    const struct server_settings *settings;
    atomic_uint connections; /* chosen and not yet given back */
};

struct pool {
    const struct backend_settings *settings;
    struct server *servers;
    size_t server_count;
    atomic_uint turn; /* round robin's place */
    unsigned weight_sum;
};

struct pool *pools_new(const struct backend_settings *backends, size_t count) MUST_CHECK;
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
void pool_give(struct server *server);

#endif
