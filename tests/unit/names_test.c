/* names_test.c - shared texts: each stands once and goes with its last holder. */
#include "base/names.h"
#include "failing_memory.h"
#include "unit.h"

#include <stdio.h>

START_TEST(one_text_stands_once)
{
    struct names names = {0};
    struct name *a = names_hold(&names, STR("chat")), *b = names_hold(&names, STR("chat"));
    struct name *empty = names_hold(&names, STR(""));

    ck_assert_ptr_eq(a, b);
    ck_assert_ptr_ne(a, empty);
    ck_assert(str_equal(name_str(a), STR("chat")));
    ck_assert(name_str(empty).at != NULL && name_str(empty).len == 0);
    ck_assert_ptr_null(name_str(NULL).at);
    names_drop(&names, a);
    ck_assert(str_equal(name_str(b), STR("chat")));
    ck_assert_ptr_eq(names_hold(&names, STR("chat")), b);
    names_drop(&names, b);
    names_drop(&names, b);
    names_drop(&names, empty);
    names_drop(&names, NULL);
    for (size_t i = 0; i < NAMES_BUCKETS; i++)
        ck_assert_ptr_null(names.buckets[i]);
}
END_TEST

/* More than buckets, so that some share one; dropped in another order. */
START_TEST(many_of_them)
{
    enum { COUNT = 3 * NAMES_BUCKETS };
    static struct name *held[COUNT];
    struct names names = {0};
    char text[16];

    for (int i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "route %d", i);
        held[i] = names_hold(&names, str_of(text));
        ck_assert_ptr_nonnull(held[i]);
    }
    for (int i = 0; i < COUNT; i++)
        names_drop(&names, held[i * 7 % COUNT]);
    for (size_t i = 0; i < NAMES_BUCKETS; i++)
        ck_assert_ptr_null(names.buckets[i]);
}
END_TEST

START_TEST(no_memory)
{
    struct names names = {0};

    failing_memory_arm(1);
    ck_assert_ptr_null(names_hold(&names, STR("chat")));
    ck_assert(failing_memory_disarm());
}
END_TEST

Suite *
names_suite(void)
{
    Suite *suite = suite_create("names");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, one_text_stands_once);
    tcase_add_test(tcase, many_of_them);
    tcase_add_test(tcase, no_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}
