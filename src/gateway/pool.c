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

/* ---- Loads --------------------------------------------------------------------- */

static void
load_drop(struct load *load, uint64_t holder)
{
    if (load != NULL && atomic_fetch_sub(&load->holders, holder) == holder)
        free(load);
}

unsigned
load_connections(const struct load *load)
{
    return (unsigned)(atomic_load(&load->holders) % LOAD_POOL);
}

/* With one more pool as its holder. NULL: no memory. */
static struct load *
load_of(const struct server_settings *settings, const struct pool *before)
{
    for (size_t i = 0; before != NULL && i < before->server_count; i++) {
        const struct server *server = &before->servers[i];
        if (!address_equal(&server->settings->address, &settings->address))
            continue;
        atomic_fetch_add(&server->load->holders, LOAD_POOL);
        return server->load;
    }
    size_t room = strlen(settings->text) + 1;
    struct load *load = calloc(1, sizeof(*load) + room);
    if (load == NULL)
        return NULL;
    memcpy(load->text, settings->text, room);
    atomic_init(&load->holders, LOAD_POOL);
    return load;
}

/* ---- Pools ---------------------------------------------------------------------- */

static const struct pool *
find_pool(const struct pool *pools, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(pools[i].settings->name, name) == 0)
            return &pools[i];
    return NULL;
}

static bool
pool_fill(struct pool *pool, const struct backend_settings *backend, const struct pool *before)
{
    pool->settings = backend;
    pool->servers = calloc(backend->server_count, sizeof(*pool->servers));
    if (pool->servers == NULL)
        return false;
    pool->server_count = backend->server_count;
    for (size_t i = 0; i < pool->server_count; i++) {
        struct server *server = &pool->servers[i];
        server->settings = &backend->servers[i];
        server->load = load_of(server->settings, before);
        pool->weight_sum += server->settings->weight;
        if (server->load == NULL)
            return false;
    }
    return true;
}

struct pool *
pools_new(const struct backend_settings *backends, size_t count, const struct pool *before,
          size_t before_count)
{
    struct pool *pools = calloc(count + 1, sizeof(*pools));

    for (size_t i = 0; pools != NULL && i < count; i++)
        if (!pool_fill(&pools[i], &backends[i],
                       find_pool(before, before_count, backends[i].name))) {
            pools_free(pools, count);
            return NULL;
        }
    return pools;
}

void
pools_free(struct pool *pools, size_t count)
{
    for (size_t i = 0; pools != NULL && i < count; i++) {
        for (size_t k = 0; k < pools[i].server_count; k++)
            load_drop(pools[i].servers[k].load, LOAD_POOL);
        free(pools[i].servers);
    }
    free(pools);
}

/* ---- Choosing -------------------------------------------------------------------- */

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

    return max == 0 || load_connections(server->load) < max;
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
        uint64_t load = load_connections(server->load);
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
    uint_fast64_t now = atomic_load(&server->load->holders);

    do
        if (max != 0 && now % LOAD_POOL >= max)
            return false;
    while (!atomic_compare_exchange_weak(&server->load->holders, &now, now + 1));
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
pool_give(struct load *load)
{
    load_drop(load, 1);
}

bool
pool_failed(struct server *server, uint64_t now_ms, unsigned *before)
{
    struct load *load = server->load;
    uint_fast64_t until = atomic_load(&load->quiet_until_ms);

    /* Of several workers that come at the same time one tells. */
    if (now_ms < until ||
        !atomic_compare_exchange_strong(&load->quiet_until_ms, &until, now_ms + POOL_QUIET_MS)) {
        atomic_fetch_add(&load->untold, 1);
        return false;
    }
    *before = atomic_exchange(&load->untold, 0);
    return true;
}
