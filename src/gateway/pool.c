/*
 * pool.c - choosing a server.
 *
 * round_robin steps through the servers, each as often as its weight says. least_connections
 * compares connections / weight, and breaks ties in turn, so that an idle pool
 * does not send everything to its first server. A place under max_connections is
 * taken with one compare-and-swap: two workers cannot both take the last one.
 */
#include "gateway/pool.h"

#include <stdlib.h>

struct pool *
pools_new(const struct backend_settings *backends, size_t count)
{
    struct pool *pools = calloc(count + 1, sizeof(*pools));

    for (size_t i = 0; pools != NULL && i < count; i++) {
        struct pool *pool = &pools[i];
        pool->settings = &backends[i];
        pool->server_count = backends[i].server_count;
        pool->servers = calloc(pool->server_count, sizeof(*pool->servers));
        if (pool->servers == NULL) {
            pools_free(pools, count);
            return NULL;
        }
        for (size_t k = 0; k < pool->server_count; k++) {
            pool->servers[k].settings = &backends[i].servers[k];
            pool->weight_sum += backends[i].servers[k].weight;
        }
    }
    return pools;
}

void
pools_free(struct pool *pools, size_t count)
{
    for (size_t i = 0; pools != NULL && i < count; i++)
        free(pools[i].servers);
    free(pools);
}

static bool
was_tried(const struct pool_tries *tries, const struct server *server)
{
    for (size_t i = 0; i < tries->count; i++)
        if (tries->servers[i] == server)
            return true;
    return false;
}

static bool
has_room(const struct server *server)
{
    unsigned max = server->settings->max_connections;

    return max == 0 || atomic_load(&server->connections) < max;
}

/* The server on whose share of the weights `turn` falls; then the next ones that can be taken. */
static struct server *
choose_in_turn(struct pool *pool, const struct pool_tries *tries, unsigned turn)
{
    unsigned place = turn % pool->weight_sum;
    size_t i = 0;

    for (; place >= pool->servers[i].settings->weight; i++)
        place -= pool->servers[i].settings->weight;
    for (size_t step = 0; step < pool->server_count; step++) {
        struct server *server = &pool->servers[(i + step) % pool->server_count];
        if (!was_tried(tries, server) && has_room(server))
            return server;
    }
    return NULL;
}

static struct server *
choose_least(struct pool *pool, const struct pool_tries *tries, unsigned turn)
{
    struct server *best = NULL;
    uint64_t best_load = 0, best_weight = 1;

    for (size_t step = 0; step < pool->server_count; step++) {
        struct server *server = &pool->servers[(turn + step) % pool->server_count];
        if (was_tried(tries, server) || !has_room(server))
            continue;
        uint64_t load = atomic_load(&server->connections);
        uint64_t weight = server->settings->weight;
        if (best == NULL || load * best_weight < best_load * weight) {
            best = server;
            best_load = load;
            best_weight = weight;
        }
    }
    return best;
}

static bool
take_place(struct server *server)
{
    unsigned max = server->settings->max_connections;
    unsigned now = atomic_load(&server->connections);

    do
        if (max != 0 && now >= max)
            return false;
    while (!atomic_compare_exchange_weak(&server->connections, &now, now + 1));
    return true;
}

struct server *
pool_take(struct pool *pool, struct pool_tries *tries)
{
    while (tries->count < POOL_TRIES_MAX) {
        unsigned turn = atomic_fetch_add(&pool->turn, 1);
        struct server *server = pool->settings->balance == BALANCE_ROUND_ROBIN
                                    ? choose_in_turn(pool, tries, turn)
                                    : choose_least(pool, tries, turn);
        if (server == NULL)
            return NULL;
        if (take_place(server)) {
            tries->servers[tries->count++] = server;
            return server;
        } /* else another worker was faster: look again */
    }
    return NULL;
}

void
pool_give(struct server *server)
{
    atomic_fetch_sub(&server->connections, 1);
}

bool
pool_failed(struct server *server, uint64_t now_ms, unsigned *before)
{
    uint_fast64_t until = atomic_load(&server->quiet_until_ms);

    /* Of several workers that come at the same time one tells. */
    if (now_ms < until ||
        !atomic_compare_exchange_strong(&server->quiet_until_ms, &until, now_ms + POOL_QUIET_MS)) {
        atomic_fetch_add(&server->untold, 1);
        return false;
    }
    *before = atomic_exchange(&server->untold, 0);
    return true;
}
