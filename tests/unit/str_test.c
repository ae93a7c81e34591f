/* str_test.c - bytes with a length. */
#include "base/str.h"
#include "unit.h"

START_TEST(trim_takes_spaces_and_tabs_at_both_ends)
{
    ck_assert(str_equal(str_trim(STR(" \t a b\t ")), STR("a b")));
    ck_assert(str_equal(str_trim(STR(" \t ")), STR("")));
    ck_assert(str_equal(str_trim(STR("\r x")), STR("\r x")));
}
END_TEST

START_TEST(compares)
{
    ck_assert(str_equal(STR(""), STR_NONE));
    ck_assert(str_equal_nocase(STR("Host"), STR("hOST")));
    ck_assert(!str_equal_nocase(STR("Host"), STR("Hos")));
    ck_assert(!str_equal_nocase(STR("Host"), STR("Most")));
    ck_assert(!str_equal_nocase(STR("[ost"), STR("{ost"))); /* alike but for the bit of case */
    ck_assert(str_equal_nocase(STR(""), STR("")));
    ck_assert(str_starts_with(STR("/chat/x"), STR("/chat/")));
    ck_assert(!str_starts_with(STR("/cha"), STR("/chat/")));
}
END_TEST

Suite *
str_suite(void)
{
    Suite *suite = suite_create("str");
    TCase *tc = tcase_create("str");
    tcase_add_test(tc, trim_takes_spaces_and_tabs_at_both_ends);
    tcase_add_test(tc, compares);
    suite_add_tcase(suite, tc);
    return suite;
}
