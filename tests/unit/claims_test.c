/* claims_test.c - claims in memory of their own: what jansson reads, counted, and gone as a
 * whole. */
#include "failing_memory.h"
#include "token/claims.h"
#include "unit.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPICAL                                                                                   \
    "{\"iss\":\"https://id.example.com\",\"aud\":[\"chat\",\"files\"],\"sub\":\"248289761001\","  \
    "\"iat\":1700000000,\"exp\":1700003600,\"realm_access\":{\"roles\":[\"user\",\"admin\"]}}"

static const char *const texts[] = {
    "{}",
    "{\"a\":1}",
    "{\"a\":null,\"b\":true,\"c\":false}",
    "{\"a\":1.5,\"b\":\"\",\"c\":\"text\",\"d\":\"\\u00fc \\\"quoted\\\"\"}",
    TYPICAL,
    "{\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1,\"9\":1}",
    "{\"a\":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}",
    "{\"a\":[[],[],[],[[[[[[[]]]]]]]]}",
    "{\"a name that is longer than most\":\"and a text that is a good deal longer than most are\"}",
};

/* The same as jansson reads without us. */
START_TEST(claims_are_what_the_text_says)
{
    json_t *plain = json_loads(texts[_i], 0, NULL);
    struct claims *claims = claims_of_text(str_of(texts[_i]));

    ck_assert_ptr_nonnull(claims);
    ck_assert(json_equal(claims->json, plain));
    ck_assert_uint_gt(claims->bytes, strlen(texts[_i]));
    claims_free(claims);
    json_decref(plain);
}
END_TEST

START_TEST(a_segment_is_decoded)
{
    char scratch[64];
    struct claims *claims = claims_of_segment(STR("eyJzdWIiOiJhbm4ifQ"), scratch);

    ck_assert_str_eq(json_string_value(json_object_get(claims->json, "sub")), "ann");
    claims_free(claims);
    ck_assert_ptr_null(claims_of_segment(STR("eyJzdWIiOiJhbm4ifR"), scratch));
    ck_assert_ptr_null(claims_of_segment(STR("eyJzdWIi"), scratch));
    ck_assert_ptr_null(claims_of_segment(STR(""), scratch));
    ck_assert_ptr_null(claims_of_text(STR("[]")));
    ck_assert_ptr_null(claims_of_text(STR("{\"a\":1,\"a\":2}")));
    ck_assert_ptr_null(claims_of_text(STR("")));
    claims_free(NULL);
}
END_TEST

/* As much as a token can carry, in many small values: several blocks. */
START_TEST(many_claims_take_more_blocks)
{
    enum { VALUES = 5000 };
    char text[2 * VALUES + 16];
    size_t at = (size_t)sprintf(text, "{\"a\":[");

    for (int i = 0; i < VALUES; i++)
        at += (size_t)sprintf(text + at, "%s%d", i ? "," : "", i % 10);
    at += (size_t)sprintf(text + at, "]}");
    struct claims *claims = claims_of_text((struct str){text, at});
    const json_t *list = json_object_get(claims->json, "a");
    ck_assert_uint_eq(json_array_size(list), VALUES);
    for (size_t i = 0; i < VALUES; i++)
        ck_assert_int_eq(json_integer_value(json_array_get(list, i)), (int)i % 10);
    ck_assert_uint_gt(claims->bytes, VALUES * 24);
    ck_assert_uint_lt(claims->bytes, VALUES * 120);
    claims_free(claims);
}
END_TEST

/* A usual token takes one block, and the most of it is used. */
START_TEST(usual_claims_take_one_block)
{
    struct claims *claims = claims_of_text(STR(TYPICAL));

    ck_assert_uint_lt(claims->bytes, 2400);
    claims_free(claims);
}
END_TEST

/* Whichever allocation fails: no claims, nothing lost, and jansson is as before. */
START_TEST(memory_may_run_out)
{
    bool failed = true;

    for (size_t n = 1; failed; n = failing_memory_next(n)) {
        failing_memory_arm(n);
        struct claims *claims = claims_of_text(str_of(texts[_i]));
        failed = failing_memory_disarm();
        ck_assert(failed || claims != NULL);
        claims_free(claims);
        json_t *plain = json_loads(texts[_i], 0, NULL);
        ck_assert_ptr_nonnull(plain);
        json_decref(plain);
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

static void *
read_and_free(void *arg)
{
    struct claims **other = arg;

    claims_free(*other);
    for (int i = 0; i < 200; i++) {
        struct claims *claims = claims_of_text(str_of(texts[i % COUNT_OF(texts)]));
        json_t *plain = json_loads(texts[i % COUNT_OF(texts)], 0, NULL);
        if (!claims || !plain || !json_equal(claims->json, plain))
            return other;
        json_decref(plain);
        claims_free(claims);
    }
    return NULL;
}

/* Each thread fills its own, and may free another's. */
START_TEST(threads_do_not_disturb_each_other)
{
    pthread_t threads[4];
    struct claims *given[COUNT_OF(threads)];
    void *fault;

    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        given[i] = claims_of_text(STR(TYPICAL));
        ck_assert_int_eq(pthread_create(&threads[i], NULL, read_and_free, &given[i]), 0);
    }
    for (size_t i = 0; i < COUNT_OF(threads); i++) {
        pthread_join(threads[i], &fault);
        ck_assert_ptr_null(fault);
    }
}
END_TEST

Suite *
claims_suite(void)
{
    Suite *suite = suite_create("claims");
    TCase *tc = tcase_create("claims");

    tcase_add_loop_test(tc, claims_are_what_the_text_says, 0, (int)COUNT_OF(texts));
    tcase_add_test(tc, a_segment_is_decoded);
    tcase_add_test(tc, many_claims_take_more_blocks);
    tcase_add_test(tc, usual_claims_take_one_block);
    tcase_add_loop_test(tc, memory_may_run_out, 0, (int)COUNT_OF(texts));
    tcase_add_test(tc, threads_do_not_disturb_each_other);
    suite_add_tcase(suite, tc);
    return suite;
}
