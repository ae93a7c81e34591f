/* limit_test.c - buckets and places by key, and the two modules on them. */
#include "base/address.h"
#include "failing_memory.h"
#include "fake_host.h"
#include "limit_buckets.h"
#include "limit_places.h"
#include "registry.h"
#include "unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND UINT64_C(1000000000)
#define NOW (1000 * SECOND)

static struct limit_key
key_of(uint64_t number)
{
    /* Mixed, as a digest is. */
    return (struct limit_key){
        {number * UINT64_C(0x9E3779B97F4A7C15), (number + 1) * UINT64_C(0xC2B2AE3D27D4EB4F) >> 7}};
}

static const struct limit_rate two_a_second = {SECOND / 2, 3 * SECOND / 2}; /* burst 3 */

/* ---- Buckets ----------------------------------------------------------------------- */

static const struct {
    uint64_t at_ms;
    enum limit_take taken;
    uint64_t wait_ms;
} takes[] = {
    {0, LIMIT_TAKEN, 0},        {0, LIMIT_TAKEN, 0},          {0, LIMIT_TAKEN, 0},
    {0, LIMIT_TOO_FAST, 500},   {400, LIMIT_TOO_FAST, 100},   {500, LIMIT_TAKEN, 0},
    {500, LIMIT_TOO_FAST, 500}, {1499, LIMIT_TAKEN, 0},       {1499, LIMIT_TOO_FAST, 1},
    {1500, LIMIT_TAKEN, 0},     {10000, LIMIT_TAKEN, 0},      {10000, LIMIT_TAKEN, 0},
    {10000, LIMIT_TAKEN, 0},    {10000, LIMIT_TOO_FAST, 500},
};

START_TEST(a_bucket_fills_with_time)
{
    struct limit_buckets *buckets = limit_buckets_new(&two_a_second, 10);

    for (size_t i = 0; i < COUNT_OF(takes); i++) {
        uint64_t wait_ns = 0, now_ns = NOW + takes[i].at_ms * 1000000;
        ck_assert_msg(limit_buckets_take(buckets, key_of(1), now_ns, &wait_ns) == takes[i].taken,
                      "row %zu", i);
        ck_assert_uint_eq(wait_ns, takes[i].wait_ms * 1000000);
    }
    ck_assert_uint_eq(limit_buckets_count(buckets), 1);
    limit_buckets_free(buckets);
}
END_TEST

static enum limit_take
take(struct limit_buckets *buckets, uint64_t key, uint64_t now_ns)
{
    uint64_t wait_ns;

    return limit_buckets_take(buckets, key_of(key), now_ns, &wait_ns);
}

/* With every place in use a new key is refused, an old one is not, and one that is full again makes
 * room. */
START_TEST(only_what_is_full_makes_room)
{
    struct limit_buckets *buckets = limit_buckets_new(&two_a_second, 4);

    for (uint64_t key = 0; key < 4; key++)
        ck_assert_int_eq(take(buckets, key, NOW + key), LIMIT_TAKEN);
    for (uint64_t key = 4; key < 100; key++)
        ck_assert_int_eq(take(buckets, key, NOW + 10), LIMIT_NO_ROOM);
    ck_assert_int_eq(take(buckets, 3, NOW + 10), LIMIT_TAKEN);
    ck_assert_int_eq(take(buckets, 3, NOW + 10), LIMIT_TAKEN);
    ck_assert_int_eq(take(buckets, 3, NOW + 10), LIMIT_TOO_FAST);
    uint64_t later = NOW + SECOND / 2; /* the first is full, no other */
    ck_assert_int_eq(take(buckets, 4, later), LIMIT_TAKEN);
    ck_assert_int_eq(take(buckets, 5, later), LIMIT_NO_ROOM);
    ck_assert_int_eq(take(buckets, 3, later + SECOND / 2 - 1), LIMIT_TAKEN);
    ck_assert_int_eq(take(buckets, 3, later + SECOND / 2 - 1), LIMIT_TOO_FAST);
    ck_assert_uint_le(limit_buckets_count(buckets), 4);
    limit_buckets_free(buckets);
}
END_TEST

/* The memory of a million keys that came once is one bound; whoever counts is not pushed out. */
START_TEST(ever_new_keys_gain_nothing)
{
    size_t most = getenv("WSGATE_FEW") != NULL ? 1000 : 20000;
    struct limit_buckets *buckets = limit_buckets_new(&two_a_second, most);
    uint64_t now_ns = NOW, admitted = 0;

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(take(buckets, 0, now_ns), LIMIT_TAKEN);
    for (uint64_t key = 1; key < 50 * most; key++) {
        now_ns += 400; /* 200 milliseconds or 4 s in all */
        admitted += take(buckets, key, now_ns) == LIMIT_TAKEN;
        if (now_ns < NOW + SECOND / 2)
            ck_assert_int_eq(take(buckets, 0, now_ns), LIMIT_TOO_FAST);
        if (key % 1000 == 0)
            ck_assert_uint_le(limit_buckets_count(buckets), most + 64);
    }
    ck_assert_uint_ge(admitted, most * 9 / 10);
    /* In each half second as many new ones as there is room for. */
    ck_assert_uint_le(admitted, (most + 64) * (1 + (now_ns - NOW) / (SECOND / 2)));
    limit_buckets_free(buckets);
}
END_TEST

/* At the cap: what is full makes room, all of it, and then one for each that becomes full. */
START_TEST(room_is_found_at_the_cap)
{
    struct limit_buckets *buckets = limit_buckets_new(&two_a_second, 400);
    uint64_t full = NOW + SECOND / 2, key = 1000, admitted = 0;

    for (uint64_t i = 0; i < 400; i++)
        ck_assert_int_eq(take(buckets, i, NOW + (i < 300 ? 0 : i * SECOND / 1000)), LIMIT_TAKEN);
    ck_assert_int_eq(take(buckets, key++, full - SECOND / 20), LIMIT_NO_ROOM);
    for (; take(buckets, key, full) == LIMIT_TAKEN; key++)
        admitted++;
    ck_assert_uint_eq(admitted, 300);
    for (uint64_t i = 300; i < 400; i++, key++)
        admitted += take(buckets, key, full + i * SECOND / 1000) == LIMIT_TAKEN;
    /* A pass may have been just before: what it has not seen is found 3 ms later. */
    for (uint64_t i = 0; i < 20; i++, key++)
        admitted += take(buckets, key, full + (400 + 3 * i) * SECOND / 1000) == LIMIT_TAKEN;
    ck_assert_uint_eq(admitted, 400);
    ck_assert_uint_le(limit_buckets_count(buckets), 400);
    limit_buckets_free(buckets);
}
END_TEST

/* Another table goes on with what was taken from the first: as many tokens, at its own rate. */
START_TEST(what_was_taken_is_taken_over)
{
    static const struct {
        struct limit_rate rate;
        uint64_t wait_ms; /* until one is due after all three of two_a_second were taken */
    } rows[] = {
        {{SECOND / 2, 3 * SECOND / 2}, 500},   {{SECOND, 3 * SECOND}, 1000}, /* slower */
        {{SECOND / 10, 3 * SECOND / 10}, 100},                               /* faster */
        {{SECOND / 2, SECOND / 2}, 500},   /* a smaller burst: it is empty, no more than that */
        {{SECOND / 2, 5 * SECOND / 2}, 0}, /* a larger one: two more */
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct limit_buckets *old = limit_buckets_new(&two_a_second, 10000);
        struct limit_buckets *buckets = limit_buckets_new(&rows[i].rate, 20);
        uint64_t wait_ns = 0;

        for (uint64_t key = 0; key < 100; key++)
            for (int k = 0; k < 3; k++)
                ck_assert_int_eq(take(old, key, NOW), LIMIT_TAKEN);
        ck_assert_int_eq(take(old, 1000, NOW - 2 * SECOND), LIMIT_TAKEN); /* full again */
        limit_buckets_adopt(buckets, old, NOW);
        ck_assert_uint_eq(limit_buckets_count(buckets), 100); /* though 20 are its most */
        enum limit_take taken = limit_buckets_take(buckets, key_of(7), NOW, &wait_ns);
        ck_assert_msg(taken == (rows[i].wait_ms > 0 ? LIMIT_TOO_FAST : LIMIT_TAKEN), "row %zu", i);
        ck_assert_uint_eq(wait_ns / 1000000, rows[i].wait_ms);
        ck_assert_int_eq(take(buckets, 500, NOW), LIMIT_NO_ROOM);
        limit_buckets_free(buckets);
        limit_buckets_free(old);
    }
}
END_TEST

/* What is full goes as new ones come: the table follows what is in use. */
START_TEST(what_is_full_goes)
{
    struct limit_buckets *buckets = limit_buckets_new(&two_a_second, 100000);

    for (uint64_t key = 0; key < 1000; key++)
        ck_assert_int_eq(take(buckets, key, NOW), LIMIT_TAKEN);
    ck_assert_uint_eq(limit_buckets_count(buckets), 1000);
    for (uint64_t key = 0; key < 1000; key++)
        ck_assert_int_eq(take(buckets, 1000000 + key, NOW + 60 * SECOND), LIMIT_TAKEN);
    ck_assert_uint_le(limit_buckets_count(buckets), 1001 + 64);
    limit_buckets_free(buckets);
}
END_TEST

enum { THREADS = 4, ROUNDS = 5000, SHARED_KEYS = 7 };

struct crew {
    struct limit_buckets *buckets;
    struct limit_places *places;
    uint64_t taken[SHARED_KEYS];
};

static void *
take_many(void *arg)
{
    struct crew *crew = arg;

    for (uint64_t i = 0; i < ROUNDS; i++)
        crew->taken[i % SHARED_KEYS] += take(crew->buckets, i % SHARED_KEYS, NOW) == LIMIT_TAKEN;
    return NULL;
}

/* Threads together get exactly the burst. */
START_TEST(buckets_are_exact_over_threads)
{
    struct limit_rate rate = {SECOND, 1000 * SECOND};
    struct limit_buckets *buckets = limit_buckets_new(&rate, 100);
    struct crew crews[THREADS] = {{NULL}};
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++) {
        crews[i].buckets = buckets;
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_many, &crews[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (size_t key = 0; key < SHARED_KEYS; key++) {
        uint64_t sum = 0;
        for (size_t i = 0; i < THREADS; i++)
            sum += crews[i].taken[key];
        ck_assert_uint_eq(sum, 1000);
    }
    limit_buckets_free(buckets);
}
END_TEST

/* ---- Places ------------------------------------------------------------------------ */

static enum limit_entry
enter(struct limit_places *places, uint64_t max, uint64_t key, uint64_t session, bool replace,
      struct limit_place **place, uint64_t *replaced)
{
    return limit_places_take(places, key_of(key), max, session, replace, place, replaced);
}

START_TEST(places_are_counted_and_come_back)
{
    struct limit_places *places = limit_places_new();
    struct limit_place *mine[4];
    uint64_t replaced;

    for (int round = 0; round < 3; round++) {
        ck_assert_int_eq(enter(places, 2, 1, 10, false, &mine[0], &replaced), LIMIT_ENTERED);
        ck_assert_int_eq(enter(places, 2, 1, 11, false, &mine[1], &replaced), LIMIT_ENTERED);
        ck_assert_int_eq(enter(places, 2, 1, 12, false, &mine[2], &replaced), LIMIT_ALL_TAKEN);
        ck_assert_int_eq(enter(places, 2, 2, 13, false, &mine[2], &replaced), LIMIT_ENTERED);
        ck_assert_uint_eq(limit_places_held(places), 3);
        limit_place_give_back(places, mine[0]);
        ck_assert_int_eq(enter(places, 2, 1, 14, false, &mine[0], &replaced), LIMIT_ENTERED);
        for (int i = 0; i < 3; i++)
            limit_place_give_back(places, mine[i]);
        ck_assert_uint_eq(limit_places_held(places), 0);
    }
    limit_places_leave(places);
}
END_TEST

START_TEST(the_oldest_loses_its_place)
{
    struct limit_places *places = limit_places_new();
    struct limit_place *mine[5];
    uint64_t replaced = 0;

    for (uint64_t i = 0; i < 2; i++)
        ck_assert_int_eq(enter(places, 2, 1, 10 + i, true, &mine[i], &replaced), LIMIT_ENTERED);
    for (uint64_t i = 2; i < 5; i++) {
        ck_assert_int_eq(enter(places, 2, 1, 10 + i, true, &mine[i], &replaced), LIMIT_REPLACED);
        ck_assert_uint_eq(replaced, 10 + i - 2);
        ck_assert_uint_eq(limit_places_held(places), 2);
    }
    for (int i = 4; i >= 0; i--)
        limit_place_give_back(places, mine[i]);
    ck_assert_uint_eq(limit_places_held(places), 0);
    limit_places_leave(places);
}
END_TEST

static void *
come_and_go(void *arg)
{
    struct limit_places *places = ((struct crew *)arg)->places;
    struct limit_place *held[8] = {NULL};
    uint64_t replaced;

    for (uint64_t i = 0; i < ROUNDS; i++) {
        struct limit_place **place = &held[i % 8];
        if (*place != NULL)
            limit_place_give_back(places, *place);
        *place = NULL;
        if (enter(places, 5, i % 3, i, i % 2 == 0, place, &replaced) == LIMIT_ALL_TAKEN)
            ck_assert_ptr_null(*place);
        ck_assert_uint_le(limit_places_held(places), 3 * 5);
    }
    for (size_t i = 0; i < 8; i++)
        if (held[i] != NULL)
            limit_place_give_back(places, held[i]);
    return NULL;
}

START_TEST(all_places_come_back_over_threads)
{
    struct crew crew = {.places = limit_places_new()};
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, come_and_go, &crew), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_eq(limit_places_held(crew.places), 0);
    limit_places_leave(crew.places);
}
END_TEST

/* Instances with another `max` share them: who is there counts for both. */
START_TEST(the_maximum_may_change)
{
    struct limit_places *places = limit_places_new();
    struct limit_place *mine[6];
    uint64_t replaced = 0;

    ck_assert_ptr_eq(limit_places_hold(places), places);
    limit_places_leave(places);
    for (uint64_t i = 0; i < 4; i++)
        ck_assert_int_eq(enter(places, 4, 1, 10 + i, false, &mine[i], &replaced), LIMIT_ENTERED);
    ck_assert_int_eq(enter(places, 2, 1, 14, false, &mine[4], &replaced), LIMIT_ALL_TAKEN);
    ck_assert_int_eq(enter(places, 5, 1, 14, false, &mine[4], &replaced), LIMIT_ENTERED);
    ck_assert(!limit_places_trim(places, key_of(1), 5, &replaced));
    ck_assert(!limit_places_trim(places, key_of(2), 0, &replaced));
    ck_assert_int_eq(enter(places, 2, 1, 15, true, &mine[5], &replaced), LIMIT_REPLACED);
    ck_assert_uint_eq(replaced, 10);
    for (uint64_t i = 1; i < 4; i++) {
        ck_assert(limit_places_trim(places, key_of(1), 2, &replaced));
        ck_assert_uint_eq(replaced, 10 + i);
    }
    ck_assert(!limit_places_trim(places, key_of(1), 2, &replaced));
    ck_assert_uint_eq(limit_places_held(places), 2);
    for (int i = 0; i < 6; i++)
        limit_place_give_back(places, mine[i]);
    ck_assert_uint_eq(limit_places_held(places), 0);
    limit_places_leave(places);
}
END_TEST

START_TEST(places_survive_failing_memory)
{
    struct limit_places *places = limit_places_new();
    struct limit_place *place;
    uint64_t replaced;
    bool failed = true;

    for (size_t n = 1; failed; n++) {
        failing_memory_arm(n);
        enum limit_entry entry = enter(places, 1, n, n, false, &place, &replaced);
        failed = failing_memory_disarm();
        ck_assert_int_eq(entry, failed ? LIMIT_NO_MEMORY : LIMIT_ENTERED);
        if (!failed)
            limit_place_give_back(places, place);
        ck_assert_uint_lt(n, 10);
    }
    ck_assert_uint_eq(limit_places_held(places), 0);
    limit_places_leave(places);
}
END_TEST

/* ---- Keys -------------------------------------------------------------------------- */

/* Who is one and the same for that key, and who is not. */
static const struct {
    const char *key, *v6_prefix;
    struct who {
        const char *address, *issuer, *subject, *route, *header, *uri, *cookie, *query, *claim;
        const char *claims_issuer;
    } one, other;
    bool same;
} pairs[] = {
    {"address", "64", {"192.0.2.1"}, {"192.0.2.1", "i", "s", "/", "h"}, true},
    {"address", "64", {"192.0.2.1"}, {"192.0.2.2"}, false},
    {"address", "64", {"::ffff:192.0.2.1"}, {"192.0.2.1"}, true},
    {"address", "64", {"2001:db8::1"}, {"2001:db8::ffff:0:1"}, true},
    {"address", "64", {"2001:db8::1"}, {"2001:db8:0:1::1"}, false},
    {"address", "56", {"2001:db8::1"}, {"2001:db8:0:ff::1"}, true},
    {"address", "56", {"2001:db8::1"}, {"2001:db8:0:100::1"}, false},
    {"address", "61", {"2001:db8::1"}, {"2001:db8:0:7::1"}, true},
    {"address", "61", {"2001:db8::1"}, {"2001:db8:0:8::1"}, false},
    {"address", "128", {"2001:db8::1"}, {"2001:db8::2"}, false},
    {"address", "64", {"unix"}, {"unix"}, true},
    {"address", "64", {"unix"}, {"0.0.0.0"}, false},
    {"identity", "64", {"::1", "i", "s"}, {"::2", "i", "s"}, true},
    {"identity", "64", {"::1", "i", "s"}, {"::1", "i", "t"}, false},
    {"identity", "64", {"::1", "is", "s"}, {"::1", "i", "ss"}, false},
    {"identity", "64", {"::1", NULL, "s"}, {"::1", "", "s"}, false},
    {"identity", "64", {"::1"}, {"::2"}, true},
    {"route", "64", {"::1", .route = "/a"}, {"::2", .route = "/a"}, true},
    {"route", "64", {"::1", .route = "/a"}, {"::1", .route = "/b"}, false},
    {"header:X-Tenant", "64", {"::1", .header = "a"}, {"::2", .header = "a"}, true},
    {"header:X-Tenant", "64", {"::1", .header = "a"}, {"::1", .header = "b"}, false},
    {"header:X-Tenant", "64", {"::1"}, {"::2"}, true},
    {"header:X-Tenant", "64", {"::1"}, {"::1", .header = ""}, false},
    {"host", "64", {"::1", .header = "a"}, {"::2", .header = "b"}, true},
    {"path", "64", {"::1", .uri = "/a?x"}, {"::2", .uri = "/a?y"}, true},
    {"path", "64", {"::1", .uri = "/a"}, {"::1", .uri = "/b"}, false},
    {"cookie:c", "64", {"::1", .cookie = "a"}, {"::2", .cookie = "a"}, true},
    {"cookie:c", "64", {"::1", .cookie = "a"}, {"::1", .cookie = "b"}, false},
    {"query:q", "64", {"::1", .query = "a"}, {"::2", .query = "a"}, true},
    {"query:q", "64", {"::1", .query = "a"}, {"::1", .query = "b"}, false},
    {"claim:org.id", "64", {"::1", "i", "s", .claim = "a"}, {"::2", "j", .claim = "a"}, true},
    {"claim:org.id", "64", {"::1", .claim = "a"}, {"::1", .claim = "b"}, false},
    {"claim:org.id", "64", {"::1", .claim = "a"}, {"::1", .claim = "a", .claims_issuer = ""},
     false},
    {"claim:org.id", "64", {"::1", .claim = "a", .claims_issuer = "i"},
     {"::1", .claim = "a", .claims_issuer = "j"}, false},
    {"claim:org.id", "64", {"::1", .claim = "a", .claims_issuer = "is"},
     {"::1", .claim = "sa", .claims_issuer = "i"}, false},
    {"claim:org.id", "64", {"::1", "i", "s"}, {"::2", "i", "t"}, true},
    {"claim:org.id", "64", {"::1"}, {"::1", .claim = ""}, false},
};

static void
add_pair(struct fake_pair *pairs_of, const char *name, const char *value)
{
    if (value != NULL)
        pairs_of[0] = (struct fake_pair){name, value};
}

static struct limit_key
key_for(const struct limit_by *by, const struct limit_worker *worker, const struct who *who)
{
    struct address peer = {.len = sizeof(sa_family_t)};
    struct limit_key key;

    peer.any.sa_family = AF_UNIX;
    if (strcmp(who->address, "unix") != 0)
        ck_assert_msg(address_parse_ip(&peer, str_of(who->address)), "%s", who->address);
    struct mw_request request = {
        .peer = &peer.any,
        .issuer = who->issuer,
        .subject = who->subject,
        .route = who->route,
        .uri = who->uri,
        .claims_issuer = who->claims_issuer,
    };
    add_pair(request.headers, "x-tenant", who->header);
    add_pair(request.cookies, "c", who->cookie);
    add_pair(request.arguments, "q", who->query);
    add_pair(request.claims, "org.id", who->claim);
    ck_assert(limit_key_of(by, worker, &fake_host, &request, &key));
    return key;
}

START_TEST(keys_tell_who_is_who)
{
    struct fake_row rows[] = {
        {"key", pairs[_i].key, NULL}, {"v6_prefix", pairs[_i].v6_prefix, NULL}, {NULL, NULL, NULL}};
    const struct mw_options options = {rate_limit_module.options, rows};
    struct limit_worker *worker = limit_worker_start(NULL, NULL);
    struct limit_by by = {{NULL}}, elsewhere = {{NULL}};

    ck_assert_ptr_nonnull(worker);
    ck_assert_msg(limit_by_read(&by, &options, &fake_host), "%s", fake_complaints());
    ck_assert(limit_by_read(&elsewhere, &options, &fake_host));
    if (strncmp(pairs[_i].key, "claim:", 6) == 0)
        ck_assert_str_eq(fake_expected(), pairs[_i].key + 6);
    struct limit_key one = key_for(&by, worker, &pairs[_i].one);
    struct limit_key other = key_for(&by, worker, &pairs[_i].other);
    ck_assert_int_eq(memcmp(&one, &other, sizeof(one)) == 0, pairs[_i].same);
    /* Nobody can reckon it without the instance's secret. */
    struct limit_key foreign = key_for(&elsewhere, worker, &pairs[_i].one);
    ck_assert_int_ne(memcmp(&one, &foreign, sizeof(one)), 0);
    limit_worker_stop(worker);
}
END_TEST

/* ---- Modules ----------------------------------------------------------------------- */

static const struct {
    const struct mw_module *module;
    struct fake_row rows[5];
    const char *complaints;
} faults[] = {
    {&rate_limit_module,
     {{"key", "addres", NULL}, {"rate", "1/s", NULL}},
     "key[0]: \"addres\": expected " REQUEST_PART_WORDS "\n"},
    {&rate_limit_module,
     {{"key", "address:x", NULL}, {"rate", "1/s", NULL}},
     "key[0]: \"address:x\": expected " REQUEST_PART_WORDS "\n"},
    {&rate_limit_module,
     {{"key", "header:", NULL}, {"rate", "0", NULL}, {"burst", "0", NULL}, {"max_keys", "0", NULL}},
     "key[0]: \"header:\": a name is missing behind the colon\n"
     "burst[0]: expected 1 to 1000000\n"
     "rate[0]: expected more than 0, and at most 1000000000/s\n"
     "max_keys[0]: expected 1 to 10000000\n"},
    {&rate_limit_module,
     {{"key", "claim:", NULL}, {"rate", "1/s", NULL}},
     "key[0]: \"claim:\": a name is missing behind the colon\n"},
    {&rate_limit_module,
     {{"key", "claim:a..b", NULL}, {"rate", "1/s", NULL}},
     "key[0]: \"claim:a..b\": expected a claim's name, or names joined by dots\n"},
    {&connection_limit_module,
     {{"key", "header:X Tenant", NULL}, {"max", "1", NULL}},
     "key[0]: \"header:X Tenant\": expected the name of a header\n"},
    {&connection_limit_module,
     {{"key", "claim", NULL}, {"max", "1", NULL}},
     "key[0]: \"claim\": expected " REQUEST_PART_WORDS "\n"},
    {&rate_limit_module,
     {{"key", "address", NULL}, {"rate", "1/s", NULL}, {"v6_prefix", "129", NULL}},
     "v6_prefix[0]: expected 16 to 128\n"},
    {&connection_limit_module,
     {{"key", "who", NULL}, {"max", "0", NULL}},
     "key[0]: \"who\": expected " REQUEST_PART_WORDS "\n"
     "max[0]: expected 1 to 1000000000\n"},
};

START_TEST(faults_are_reported)
{
    ck_assert_ptr_null(fake_setup(faults[_i].module, faults[_i].rows));
    ck_assert_str_eq(fake_complaints(), faults[_i].complaints);
}
END_TEST

START_TEST(a_rate_is_kept)
{
    const struct fake_row rows[] = {{"key", "route", NULL},
                                    {"rate", "1/1000s", NULL},
                                    {"burst", "2", NULL},
                                    {NULL, NULL, NULL}};
    void *instance = fake_setup(&rate_limit_module, rows);
    void *states[2];

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    for (int i = 0; i < 2; i++)
        states[i] = rate_limit_module.worker_start(instance, NULL);
    for (int i = 0; i < 4; i++) {
        struct mw_request request = {.route = "/a"};
        enum mw_verdict verdict = rate_limit_module.decide(instance, states[i % 2], &request);
        ck_assert_int_eq(verdict, i < 2 ? MW_PASS : MW_DENY);
        ck_assert_int_eq(request.status, i < 2 ? 0 : 429);
        if (i >= 2) {
            ck_assert_str_eq(request.word, "rate-exceeded");
            ck_assert_str_eq(request.trace, "retry after 1000\n");
        }
    }
    for (int i = 0; i < 2; i++)
        rate_limit_module.worker_stop(states[i]);
    rate_limit_module.teardown(instance);
}
END_TEST

START_TEST(a_full_table_refuses)
{
    const struct fake_row rows[] = {{"key", "route", NULL},
                                    {"rate", "1/1000s", NULL},
                                    {"max_keys", "1", NULL},
                                    {NULL, NULL, NULL}};
    void *instance = fake_setup(&rate_limit_module, rows);
    void *state = rate_limit_module.worker_start(instance, NULL);
    struct mw_request first = {.route = "/a"}, second = {.route = "/b"};

    ck_assert_int_eq(rate_limit_module.decide(instance, state, &first), MW_PASS);
    ck_assert_int_eq(rate_limit_module.decide(instance, state, &second), MW_DENY);
    ck_assert_int_eq(second.status, 429);
    ck_assert_str_eq(second.word, "rate-keys-exhausted");
    /* A worker without memory for its state lets nobody in. */
    struct mw_request third = {.route = "/c"};
    ck_assert_int_eq(rate_limit_module.decide(instance, NULL, &third), MW_DENY);
    ck_assert_int_eq(third.status, 503);
    rate_limit_module.worker_stop(state);
    rate_limit_module.teardown(instance);
}
END_TEST

/* One connection at a time; _i: the newcomer wins. */
START_TEST(connections_are_limited)
{
    const struct fake_row rows[] = {{"key", "identity", NULL},
                                    {"max", "1", NULL},
                                    {"on_limit", _i ? "close_oldest" : "refuse", NULL},
                                    {NULL, NULL, NULL}};
    void *instance = fake_setup(&connection_limit_module, rows);
    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    void *state = connection_limit_module.worker_start(instance, NULL);
    struct mw_request first = {.subject = "a", .id = 7}, second = {.subject = "a", .id = 8};

    ck_assert_int_eq(connection_limit_module.decide(instance, state, &first), MW_PASS);
    ck_assert_int_eq(connection_limit_module.decide(instance, state, &second),
                     _i ? MW_PASS : MW_DENY);
    if (_i) {
        ck_assert_str_eq(fake_complaints(), "end 7 quota connection-limit\n");
    } else {
        ck_assert_int_eq(second.status, 429);
        ck_assert_str_eq(second.word, "connection-limit");
        ck_assert_str_eq(fake_complaints(), "");
    }
    connection_limit_module.release(state, first.slot, MW_END_CLOSED);
    if (_i)
        connection_limit_module.release(state, second.slot, MW_END_CLOSED);
    struct mw_request third = {.subject = "a", .id = 9};
    ck_assert_int_eq(connection_limit_module.decide(instance, state, &third), MW_PASS);
    connection_limit_module.release(state, third.slot, MW_END_GONE);
    connection_limit_module.worker_stop(state);
    connection_limit_module.teardown(instance);
}
END_TEST

/* A dry run takes the oldest one's place, but ends nobody. */
START_TEST(a_dry_run_ends_nobody)
{
    const struct fake_row rows[] = {{"key", "identity", NULL},
                                    {"max", "1", NULL},
                                    {"on_limit", "close_oldest", NULL},
                                    {NULL, NULL, NULL}};
    void *instance = fake_setup(&connection_limit_module, rows);
    void *state = connection_limit_module.worker_start(instance, NULL);
    struct mw_request first = {.subject = "a", .id = 7}, second = {.subject = "a", .id = 8};

    second.dry_run = true;
    ck_assert_int_eq(connection_limit_module.decide(instance, state, &first), MW_PASS);
    ck_assert_int_eq(connection_limit_module.decide(instance, state, &second), MW_PASS);
    ck_assert_str_eq(fake_complaints(), "");
    connection_limit_module.release(state, first.slot, MW_END_CLOSED);
    connection_limit_module.release(state, second.slot, MW_END_CLOSED);
    connection_limit_module.worker_stop(state);
    connection_limit_module.teardown(instance);
}
END_TEST

/* Who is counted, before a reload and after it; how many may come then, and whom they end. */
static const struct {
    const char *key, *max, *on_limit;
    unsigned passing; /* of three newcomers */
    const char *ended;
} adoptions[] = {
    {"identity", "3", "refuse", 0, ""},
    {"identity", "4", "refuse", 1, ""},
    {"identity", "1", "refuse", 0, ""},
    {"route", "3", "refuse", 3, ""}, /* counted by something else */
    {"identity", "2", "close_oldest", 3,
     "end 1 quota connection-limit\nend 2 quota connection-limit\nend 3 quota connection-limit\n"
     "end 4 quota connection-limit\n"},
};

static struct fake_row limit_rows[4];

static void *
limit_instance(const char *key, const char *max, const char *on_limit)
{
    limit_rows[0] = (struct fake_row){"key", key, NULL};
    limit_rows[1] = (struct fake_row){"max", max, NULL};
    limit_rows[2] = (struct fake_row){"on_limit", on_limit, NULL};
    void *instance = fake_setup(&connection_limit_module, limit_rows);

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    return instance;
}

START_TEST(a_reload_goes_on_counting_connections)
{
    void *old = limit_instance("identity", "3", "refuse");
    void *old_state = connection_limit_module.worker_start(old, NULL);
    struct mw_request before[3], after[3];
    unsigned passing = 0;

    for (uint64_t i = 0; i < 3; i++) {
        before[i] = (struct mw_request){.subject = "a", .id = 1 + i};
        ck_assert_int_eq(connection_limit_module.decide(old, old_state, &before[i]), MW_PASS);
    }
    void *instance = limit_instance(adoptions[_i].key, adoptions[_i].max, adoptions[_i].on_limit);
    connection_limit_module.adopt(instance, old);
    void *state = connection_limit_module.worker_start(instance, NULL);
    for (uint64_t i = 0; i < 3; i++) {
        after[i] = (struct mw_request){.subject = "a", .id = 4 + i};
        passing += connection_limit_module.decide(instance, state, &after[i]) == MW_PASS;
    }
    ck_assert_uint_eq(passing, adoptions[_i].passing);
    ck_assert_str_eq(fake_complaints(), adoptions[_i].ended);
    for (size_t i = 0; i < 3; i++)
        connection_limit_module.release(old_state, before[i].slot, MW_END_CLOSED);
    connection_limit_module.worker_stop(old_state);
    connection_limit_module.teardown(old);
    for (size_t i = 0; i < 3; i++)
        if (after[i].slot != NULL)
            connection_limit_module.release(state, after[i].slot, MW_END_CLOSED);
    connection_limit_module.worker_stop(state);
    connection_limit_module.teardown(instance);
}
END_TEST

Suite *
limit_suite(void)
{
    Suite *suite = suite_create("limit");
    TCase *tables = tcase_create("tables"), *modules = tcase_create("modules");

    tcase_set_timeout(tables, 60); /* a million takes, on a busy machine */
    tcase_add_test(tables, a_bucket_fills_with_time);
    tcase_add_test(tables, only_what_is_full_makes_room);
    tcase_add_test(tables, ever_new_keys_gain_nothing);
    tcase_add_test(tables, what_is_full_goes);
    tcase_add_test(tables, room_is_found_at_the_cap);
    tcase_add_test(tables, buckets_are_exact_over_threads);
    tcase_add_test(tables, places_are_counted_and_come_back);
    tcase_add_test(tables, the_oldest_loses_its_place);
    tcase_add_test(tables, all_places_come_back_over_threads);
    tcase_add_test(tables, what_was_taken_is_taken_over);
    tcase_add_test(tables, the_maximum_may_change);
    tcase_add_test(tables, places_survive_failing_memory);
    tcase_add_loop_test(modules, keys_tell_who_is_who, 0, (int)COUNT_OF(pairs));
    tcase_add_loop_test(modules, faults_are_reported, 0, (int)COUNT_OF(faults));
    tcase_add_test(modules, a_rate_is_kept);
    tcase_add_test(modules, a_full_table_refuses);
    tcase_add_loop_test(modules, connections_are_limited, 0, 2);
    tcase_add_test(modules, a_dry_run_ends_nobody);
    tcase_add_loop_test(modules, a_reload_goes_on_counting_connections, 0,
                        (int)COUNT_OF(adoptions));
    suite_add_tcase(suite, tables);
    suite_add_tcase(suite, modules);
    return suite;
}
