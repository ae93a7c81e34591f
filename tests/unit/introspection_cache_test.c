/* introspection_cache_test.c - what is kept, how long, and what goes for it. */
#include "base/compiler.h"
#include "introspection_cache.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct introspection_digest
digest_of(const char *token)
{
    struct introspection_digest digest;

    ck_assert(introspection_digest(&digest, str_of(token)));
    return digest;
}

static void
put(struct introspection_cache *cache, const char *token, const char *answer, uint64_t until_us)
{
    struct introspection_digest digest = digest_of(token);

    introspection_cache_put(cache, &digest, str_of(answer), until_us);
}

/* The answer, "" for none. */
static const char *
get(struct introspection_cache *cache, const char *token, uint64_t now_us)
{
    static char text[64];
    struct introspection_digest digest = digest_of(token);
    struct str answer = introspection_cache_get(cache, &digest, now_us);

    snprintf(text, sizeof(text), STR_FMT, STR_ARG(answer));
    return text;
}

START_TEST(digests_are_sha256)
{
    struct introspection_digest digest = digest_of("abc");
    static const unsigned char wanted[] = {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea};

    ck_assert_mem_eq(digest.bytes, wanted, sizeof(wanted)); /* FIPS 180-2, B.1 */
}
END_TEST

START_TEST(keeps_until_then)
{
    struct introspection_cache *cache = introspection_cache_new(8);

    put(cache, "a", "one", 100);
    ck_assert_str_eq(get(cache, "a", 99), "one");
    ck_assert_str_eq(get(cache, "b", 99), "");
    ck_assert_str_eq(get(cache, "a", 100), "");
    ck_assert_uint_eq(introspection_cache_count(cache), 0);
    introspection_cache_free(cache);
    introspection_cache_free(NULL);
}
END_TEST

START_TEST(a_new_answer_takes_the_old_ones_place)
{
    struct introspection_cache *cache = introspection_cache_new(8);

    put(cache, "a", "one", 100);
    put(cache, "a", "two", 200);
    ck_assert_str_eq(get(cache, "a", 150), "two");
    ck_assert_uint_eq(introspection_cache_count(cache), 1);
    introspection_cache_free(cache);
}
END_TEST

START_TEST(the_longest_unused_goes_first)
{
    struct introspection_cache *cache = introspection_cache_new(3);

    put(cache, "a", "1", 100);
    put(cache, "b", "2", 100);
    put(cache, "c", "3", 100);
    ck_assert_str_eq(get(cache, "a", 0), "1");
    put(cache, "d", "4", 100);
    ck_assert_str_eq(get(cache, "b", 0), "");
    ck_assert_str_eq(get(cache, "a", 0), "1");
    put(cache, "c", "5", 100);
    put(cache, "e", "6", 100);
    ck_assert_str_eq(get(cache, "d", 0), "");
    ck_assert_str_eq(get(cache, "a", 0), "1");
    ck_assert_str_eq(get(cache, "c", 0), "5");
    ck_assert_str_eq(get(cache, "e", 0), "6");
    ck_assert_uint_eq(introspection_cache_count(cache), 3);
    introspection_cache_free(cache);
}
END_TEST

START_TEST(bytes_are_bounded)
{
    enum { ENTRIES = 64, ROUNDS = 1000 };
    static char large[INTROSPECTION_KEPT_MAX + 1];
    struct introspection_cache *cache = introspection_cache_new(ENTRIES);
    struct introspection_digest digest;
    char token[16];

    memset(large, 'x', sizeof(large));
    for (int i = 0; i < ROUNDS; i++) {
        snprintf(token, sizeof(token), "%d", i);
        digest = digest_of(token);
        introspection_cache_put(cache, &digest, (struct str){large, INTROSPECTION_KEPT_MAX}, 100);
        ck_assert_uint_eq(introspection_cache_get(cache, &digest, 0).len, INTROSPECTION_KEPT_MAX);
        ck_assert_uint_le(introspection_cache_count(cache) * INTROSPECTION_KEPT_MAX,
                          ENTRIES * INTROSPECTION_KEPT_MEAN);
    }
    /* One that is too long is not kept, and what was there before is too old. */
    introspection_cache_put(cache, &digest, (struct str){large, sizeof(large)}, 100);
    ck_assert_ptr_null(introspection_cache_get(cache, &digest, 0).at);
    introspection_cache_free(cache);
}
END_TEST

START_TEST(one_entry_is_room_for_any_answer)
{
    static char large[INTROSPECTION_KEPT_MAX];
    struct introspection_cache *cache = introspection_cache_new(1);
    struct introspection_digest digest = digest_of("a");

    put(cache, "b", "", 100);
    introspection_cache_put(cache, &digest, (struct str){large, sizeof(large)}, 100);
    ck_assert_uint_eq(introspection_cache_get(cache, &digest, 0).len, sizeof(large));
    ck_assert_uint_eq(introspection_cache_count(cache), 1);
    introspection_cache_free(cache);
}
END_TEST

/* Against a list that does the same in the dullest way. */
START_TEST(does_what_a_list_would)
{
    enum { ENTRIES = 5, TOKENS = 12, ROUNDS = 20000 };
    struct introspection_cache *cache = introspection_cache_new(ENTRIES);
    int order[ENTRIES], values[TOKENS], count = 0; /* the one used last is the last */
    char token[8], value[16];

    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        int name = rand() % TOKENS, at = 0;
        bool puts = rand() % 2;
        snprintf(token, sizeof(token), "%d", name);
        while (at < count && order[at] != name)
            at++;
        if (!puts) {
            snprintf(value, sizeof(value), "%d", at < count ? values[name] : 0);
            ck_assert_str_eq(get(cache, token, 0), at < count ? value : "");
            if (at == count)
                continue;
        }
        if (at == count && count == ENTRIES)
            at = 0;
        else if (at == count)
            count++;
        memmove(&order[at], &order[at + 1], (size_t)(count - at - 1) * sizeof(order[0]));
        order[count - 1] = name;
        if (puts) {
            values[name] = round;
            snprintf(value, sizeof(value), "%d", round);
            put(cache, token, value, 100);
        }
        ck_assert_uint_eq(introspection_cache_count(cache), (size_t)count);
    }
    introspection_cache_free(cache);
}
END_TEST

Suite *
introspection_cache_suite(void)
{
    Suite *suite = suite_create("introspection_cache");
    TCase *tc = tcase_create("introspection_cache");

    tcase_add_test(tc, digests_are_sha256);
    tcase_add_test(tc, keeps_until_then);
    tcase_add_test(tc, a_new_answer_takes_the_old_ones_place);
    tcase_add_test(tc, the_longest_unused_goes_first);
    tcase_add_test(tc, bytes_are_bounded);
    tcase_add_test(tc, one_entry_is_room_for_any_answer);
    tcase_add_test(tc, does_what_a_list_would);
    suite_add_tcase(suite, tc);
    return suite;
}
