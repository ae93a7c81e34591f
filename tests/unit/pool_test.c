/* pool_test.c - which server is chosen, and that places are counted. */
#include "base/compiler.h"
#include "gateway/pool.h"
#include "unit.h"

#include <pthread.h>

static struct server_settings servers[] = {
    {.text = "a", .weight = 1}, {.text = "b", .weight = 2}, {.text = "c", .weight = 1}};

static struct pool *
pool_of(enum balance balance, unsigned max_connections)
{
    static struct backend_settings backend;

    for (size_t i = 0; i < COUNT_OF(servers); i++)
        servers[i].max_connections = max_connections;
    backend = (struct backend_settings){
        .servers = servers, .server_count = COUNT_OF(servers), .balance = balance};
    struct pool *pool = pools_new(&backend, 1, NULL, 0);
    ck_assert_ptr_nonnull(pool);
    return pool;
}

static struct server *
take(struct pool *pool)
{
    struct pool_tries tries = {0};

    return pool_take(pool, &tries);
}

/* Places that are taken outlive their pool. */
static void
give_all_and_free(struct pool *pool)
{
    for (size_t i = 0; i < COUNT_OF(servers); i++)
        while (load_connections(pool->servers[i].load) > 0)
            pool_give(pool->servers[i].load);
    pools_free(pool, 1);
}

START_TEST(round_robin_follows_the_weights)
{
    struct pool *pool = pool_of(BALANCE_ROUND_ROBIN, 0);
    unsigned counts[3] = {0};

    for (int i = 0; i < 40; i++)
        counts[take(pool) - pool->servers]++;
    ck_assert_uint_eq(counts[0], 10);
    ck_assert_uint_eq(counts[1], 20);
    ck_assert_uint_eq(counts[2], 10);
    give_all_and_free(pool);
}
END_TEST

START_TEST(least_connections_fills_the_emptiest)
{
    struct pool *pool = pool_of(BALANCE_LEAST_CONNECTIONS, 0);

    for (int i = 0; i < 40; i++)
        ck_assert_ptr_nonnull(take(pool));
    ck_assert_uint_eq(load_connections(pool->servers[0].load), 10);
    ck_assert_uint_eq(load_connections(pool->servers[1].load), 20);
    ck_assert_uint_eq(load_connections(pool->servers[2].load), 10);
    for (int i = 0; i < 5; i++)
        pool_give(pool->servers[2].load);
    for (int i = 0; i < 5; i++)
        ck_assert_ptr_eq(take(pool), &pool->servers[2]);
    give_all_and_free(pool);
}
END_TEST

START_TEST(an_idle_pool_takes_turns)
{
    struct pool *pool = pool_of(BALANCE_LEAST_CONNECTIONS, 0);
    bool seen[3] = {false};

    for (int i = 0; i < 12; i++) {
        struct server *server = take(pool);
        seen[server - pool->servers] = true;
        pool_give(server->load);
    }
    ck_assert(seen[0] && seen[1] && seen[2]);
    pools_free(pool, 1);
}
END_TEST

START_TEST(each_server_is_tried_once)
{
    for (int balance = BALANCE_ROUND_ROBIN; balance <= BALANCE_LEAST_CONNECTIONS; balance++) {
        struct pool *pool = pool_of((enum balance)balance, 0);
        struct pool_tries tries = {0};
        struct server *first = pool_take(pool, &tries), *second, *third;
        pool_give(first->load);
        second = pool_take(pool, &tries);
        pool_give(second->load);
        third = pool_take(pool, &tries);
        pool_give(third->load);
        ck_assert(first != second && second != third && first != third);
        ck_assert_ptr_null(pool_take(pool, &tries));
        pools_free(pool, 1);
    }
}
END_TEST

START_TEST(max_connections_holds)
{
    for (int balance = BALANCE_ROUND_ROBIN; balance <= BALANCE_LEAST_CONNECTIONS; balance++) {
        struct pool *pool = pool_of((enum balance)balance, 2);
        for (int i = 0; i < 6; i++)
            ck_assert_ptr_nonnull(take(pool));
        ck_assert_ptr_null(take(pool));
        pool_give(pool->servers[1].load);
        ck_assert_ptr_eq(take(pool), &pool->servers[1]);
        ck_assert_ptr_null(take(pool));
        give_all_and_free(pool);
    }
}
END_TEST

static void *
take_and_give(void *arg)
{
    struct pool *pool = arg;

    for (int i = 0; i < 20000; i++) {
        struct server *server = take(pool);
        if (server != NULL) {
            if (load_connections(server->load) > 2)
                return arg;
            pool_give(server->load);
        }
    }
    return NULL;
}

START_TEST(places_are_exact_over_threads)
{
    struct pool *pool = pool_of(BALANCE_LEAST_CONNECTIONS, 2);
    pthread_t threads[4];
    void *broken;

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_and_give, pool), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], &broken);
        ck_assert_ptr_null(broken);
    }
    for (size_t i = 0; i < pool->server_count; i++)
        ck_assert_uint_eq(load_connections(pool->servers[i].load), 0);
    pools_free(pool, 1);
}
END_TEST

START_TEST(failures_are_told_now_and_then)
{
    struct pool *pool = pool_of(BALANCE_ROUND_ROBIN, 0);
    struct server *server = &pool->servers[0];
    unsigned before = 99;

    ck_assert(pool_failed(server, 5, &before));
    ck_assert_uint_eq(before, 0);
    ck_assert(!pool_failed(server, 5, &before));
    ck_assert(!pool_failed(server, 5 + POOL_QUIET_MS - 1, &before));
    ck_assert(pool_failed(&pool->servers[1], 6, &before)); /* each for itself */
    ck_assert_uint_eq(before, 0);
    ck_assert(pool_failed(server, 5 + POOL_QUIET_MS, &before));
    ck_assert_uint_eq(before, 2);
    ck_assert(!pool_failed(server, 6 + POOL_QUIET_MS, &before));
    ck_assert(pool_failed(server, 5 + 9 * POOL_QUIET_MS, &before));
    ck_assert_uint_eq(before, 1);
    pools_free(pool, 1);
}
END_TEST

static void *
fail_often(void *arg)
{
    struct server *server = arg;
    uintptr_t sum = 0;
    unsigned before;

    for (uint64_t now_ms = 1; now_ms <= 20 * POOL_QUIET_MS; now_ms += POOL_QUIET_MS / 50)
        if (pool_failed(server, now_ms, &before))
            sum += 1 + before;
    return (void *)sum;
}

/* No failure is lost: each was told, or is counted still. */
START_TEST(failures_are_counted_over_threads)
{
    struct pool *pool = pool_of(BALANCE_ROUND_ROBIN, 0);
    pthread_t threads[4];
    uintptr_t sum = 0;
    void *part;

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, fail_often, &pool->servers[0]), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], &part);
        sum += (uintptr_t)part;
    }
    ck_assert_uint_eq(sum + pool->servers[0].load->untold, COUNT_OF(threads) * 1000);
    pools_free(pool, 1);
}
END_TEST

Suite *
pool_suite(void)
{
    Suite *suite = suite_create("pool");
    TCase *tc = tcase_create("pool");
    tcase_add_test(tc, round_robin_follows_the_weights);
    tcase_add_test(tc, least_connections_fills_the_emptiest);
    tcase_add_test(tc, an_idle_pool_takes_turns);
    tcase_add_test(tc, each_server_is_tried_once);
    tcase_add_test(tc, max_connections_holds);
    tcase_add_test(tc, places_are_exact_over_threads);
    tcase_add_test(tc, failures_are_told_now_and_then);
    tcase_add_test(tc, failures_are_counted_over_threads);
    suite_add_tcase(suite, tc);
    return suite;
}
