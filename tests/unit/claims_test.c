/* claims_test.c - claims in a block of their own: what the text says, counted, and gone as a
 * whole. */
#include "failing_memory.h"
#include "json_judge.h"
#include "token/claims.h"
#include "unit.h"

#include <stdio.h>

#define TYPICAL                                                                                   \
    "{\"iss\":\"https://id.example.com\",\"aud\":[\"chat\",\"files\"],\"sub\":\"248289761001\","  \
    "\"iat\":1700000000,\"exp\":1700003600,\"realm_access\":{\"roles\":[\"user\",\"admin\"]}}"

START_TEST(claims_are_what_the_text_says)
{
    char text[] = TYPICAL;
    json_t *json = json_loads(text, 0, NULL);
    struct claims *claims = claims_of_text(str_of(text));

    ck_assert_ptr_nonnull(claims);
    memset(text, 'x', sizeof(text)); /* they have their own copy */
    ck_assert(json_judge_same(claims->all, json));
    claims_free(claims);
    json_decref(json);
}
END_TEST

START_TEST(a_segment_is_decoded)
{
    char scratch[64];
    struct claims *claims = claims_of_segment(STR("eyJzdWIiOiJhbm4ifQ"), scratch);

    ck_assert(str_equal(json_node_text(json_node_member(claims->all, STR("sub"))), STR("ann")));
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

/* As much as a token can carry, in many small values. */
START_TEST(many_claims_are_counted)
{
    enum { VALUES = 5000 };
    char text[2 * VALUES + 16];
    size_t at = (size_t)sprintf(text, "{\"a\":[");

    for (int i = 0; i < VALUES; i++)
        at += (size_t)sprintf(text + at, "%s%d", i ? "," : "", i % 10);
    at += (size_t)sprintf(text + at, "]}");
    struct claims *claims = claims_of_text((struct str){text, at});
    const struct json_node *list = json_node_member(claims->all, STR("a"));
    const struct json_node *one = json_node_first(list);
    ck_assert_uint_eq(list->size, VALUES);
    for (int i = 0; i < VALUES; i++, one = json_node_next(list, one))
        ck_assert_int_eq(one->as.integer, i % 10);
    ck_assert_ptr_null(one);
    ck_assert_uint_gt(claims->bytes, VALUES * sizeof(struct json_node));
    ck_assert_uint_lt(claims->bytes, VALUES * 20);
    claims_free(claims);
}
END_TEST

START_TEST(usual_claims_are_small)
{
    struct claims *claims = claims_of_text(STR(TYPICAL));

    ck_assert_uint_lt(claims->bytes, 4 * sizeof(TYPICAL));
    claims_free(claims);
}
END_TEST

START_TEST(strings_are_an_object)
{
    static const struct claim_string members[] = {
        {{"sub", 3}, {"a\"\\", 3}}, {{"", 0}, {"", 0}}, {{"x", 1}, {"\xc3\xa4", 2}}};

    for (size_t count = 0; count <= COUNT_OF(members); count++) {
        struct claims *claims = claims_of_strings(members, count);
        ck_assert_uint_eq(claims->all->size, count);
        ck_assert_uint_eq(claims->all->span, 1 + 2 * count);
        const struct json_node *name = json_node_first(claims->all);
        for (size_t i = 0; i < count; i++) {
            const struct json_node *value = json_node_next(claims->all, name);
            ck_assert(str_equal(json_node_text(name), members[i].name));
            ck_assert(str_equal(json_node_text(value), members[i].value));
            ck_assert_ptr_eq(value, json_node_member(claims->all, members[i].name));
            name = json_node_next(claims->all, value);
        }
        ck_assert_ptr_null(name);
        ck_assert_ptr_null(json_node_member(claims->all, STR("none")));
        ck_assert_uint_ge(claims->bytes, (1 + 2 * count) * sizeof(struct json_node));
        claims_free(claims);
    }
    failing_memory_arm(1);
    ck_assert_ptr_null(claims_of_strings(members, 1));
    ck_assert(failing_memory_disarm());
}
END_TEST

/* One allocation for a usual token; if it fails there are no claims, and nothing is lost. */
START_TEST(memory_may_run_out)
{
    failing_memory_arm(1);
    ck_assert_ptr_null(claims_of_text(STR(TYPICAL)));
    ck_assert(failing_memory_disarm());
    failing_memory_arm(2);
    struct claims *claims = claims_of_text(STR(TYPICAL));
    ck_assert(!failing_memory_disarm());
    ck_assert_ptr_nonnull(claims);
    claims_free(claims);
}
END_TEST

Suite *
claims_suite(void)
{
    Suite *suite = suite_create("claims");
    TCase *tc = tcase_create("claims");

    tcase_add_test(tc, claims_are_what_the_text_says);
    tcase_add_test(tc, a_segment_is_decoded);
    tcase_add_test(tc, many_claims_are_counted);
    tcase_add_test(tc, usual_claims_are_small);
    tcase_add_test(tc, strings_are_an_object);
    tcase_add_test(tc, memory_may_run_out);
    suite_add_tcase(suite, tc);
    return suite;
}
