/* faults_test.c - order, bounds, and what a message may not do to a terminal. */
#include "config/faults.h"
#include "config/suggest.h"
#include "unit.h"

#include <stdlib.h>

static char *
printed(struct faults *faults)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    faults_print(faults, out);
    fclose(out);
    faults_free(faults);
    return text;
}

START_TEST(are_sorted_by_place)
{
    struct faults faults;

    faults_init(&faults, "f");
    faults_add(&faults, (struct mark){2, 1}, "c");
    faults_add(&faults, (struct mark){1, 9}, "b");
    faults_add(&faults, (struct mark){2, 1}, "d");
    faults_add(&faults, (struct mark){1, 2}, "a");
    faults_add(&faults, (struct mark){3, 1}, "e %d", 5);
    char *text = printed(&faults);

    ck_assert_str_eq(text, "f:1:2: a\nf:1:9: b\nf:2:1: c\nf:2:1: d\nf:3:1: e 5\n");
    free(text);
}
END_TEST

START_TEST(are_bounded_in_number)
{
    struct faults faults;
    char *text;

    faults_init(&faults, "f");
    for (unsigned line = 250; line > 0; line--)
        faults_add(&faults, (struct mark){line, 1}, "x");
    faults_add(&faults, (struct mark){900, 1}, "late");
    ck_assert_uint_eq(faults.total, 251);
    text = printed(&faults);
    ck_assert_ptr_nonnull(strstr(text, "f:1:1: x\n"));
    ck_assert_ptr_nonnull(strstr(text, "f:100:1: x\nand 151 more\n"));
    ck_assert_ptr_null(strstr(text, "f:101:1"));
    free(text);
}
END_TEST

START_TEST(are_one_line_each)
{
    struct faults faults;
    char *text;

    faults_init(&faults, "f");
    faults_add(&faults, (struct mark){1, 1}, "a\nb\x1b[31m\x7f\xc2\x9b\xc3\xa9");
    text = printed(&faults);
    ck_assert_str_eq(text, "f:1:1: a?b?[31m???\xc3\xa9\n");
    free(text);
}
END_TEST

START_TEST(are_cut_at_a_character)
{
    struct faults faults;
    char long_text[2 * FAULT_TEXT_MAX], *text;

    for (size_t i = 0; i + 1 < sizeof(long_text); i += 2)
        memcpy(long_text + i, "\xc3\xa9", 2);
    long_text[sizeof(long_text) - 1] = '\0';
    long_text[sizeof(long_text) - 2] = '\0';
    faults_init(&faults, "f");
    faults_add(&faults, (struct mark){1, 1}, "-%s", long_text);
    text = printed(&faults);
    /* "-" and 255 whole characters, then the dots. */
    ck_assert_uint_eq(strlen(text), strlen("f:1:1: ") + 1 + 510 + 3 + 1);
    ck_assert_str_eq(text + strlen(text) - 6, "\xc3\xa9...\n");
    free(text);
}
END_TEST

static const struct {
    const char *message, *shown;
} concealed[] = {
    {"nothing", "nothing"},
    {"hush", "${A}"},
    {"hushhush, hushed", "${A}${A}, ${A}ed"},
    {"a hush-hush here", "a ${B} here"}, /* the longer one first: no rest of it is left */
    {"xyz", "xyz"},                      /* too short to be a secret */
    {"own", "<own>"},
    {"own hush own", "<own> ${A} <own>"},
};

START_TEST(do_not_show_what_is_concealed)
{
    struct faults faults;
    struct arena arena;
    const struct concealed own = {NULL, STR("own"), STR("<own>")};
    char *text, expected[100];

    arena_init(&arena, NULL, 1 << 16);
    faults_init(&faults, "f");
    ck_assert(faults_conceal(&faults, &arena, STR("hush"), STR("${A}")));
    ck_assert(faults_conceal(&faults, &arena, STR("hush-hush"), STR("${B}")));
    ck_assert(faults_conceal(&faults, &arena, STR("hush"), STR("${C}")));
    ck_assert(faults_conceal(&faults, &arena, STR("xyz"), STR("${D}")));
    faults_add_without(&faults, (struct mark){1, 1}, &own, "%s", concealed[_i].message);
    text = printed(&faults);
    snprintf(expected, sizeof(expected), "f:1:1: %s\n", concealed[_i].shown);
    ck_assert_str_eq(text, expected);
    free(text);
    arena_free(&arena);
}
END_TEST

/* What is cut first is not found any more. */
START_TEST(do_not_show_the_beginning_of_it_either)
{
    struct faults faults;
    struct arena arena;
    char secret[2 * FAULT_TEXT_MAX], *text;

    arena_init(&arena, NULL, 1 << 16);
    memset(secret, 's', sizeof(secret));
    faults_init(&faults, "f");
    ck_assert(faults_conceal(&faults, &arena, (struct str){secret, sizeof(secret)}, STR("${S}")));
    faults_add(&faults, (struct mark){1, 1}, "found `%.*s`", (int)sizeof(secret), secret);
    text = printed(&faults);
    ck_assert_str_eq(text, "f:1:1: found `${S}`\n");
    free(text);
    arena_free(&arena);
}
END_TEST

static const struct {
    const char *a, *b;
    unsigned distance;
} distances[] = {
    {"", "", 0},          {"a", "", 2},         {"", "ab", 4},       {"listen", "listen", 0},
    {"lisen", "listen", 2}, {"litsen", "listen", 2}, {"Listen", "listen", 1},
    {"listens", "listen", 2}, {"linten", "listen", 2}, {"abc", "xyz", 6},
};

START_TEST(distance_counts_slips)
{
    ck_assert_uint_eq(suggest_distance(str_of(distances[_i].a), str_of(distances[_i].b)),
                      distances[_i].distance);
    ck_assert_uint_eq(suggest_distance(str_of(distances[_i].b), str_of(distances[_i].a)),
                      distances[_i].distance);
}
END_TEST

static const struct {
    const char *word, *best;
} nearest[] = {
    {"lisen", "listen"}, {"HEAD", "head"}, {"hed", "head"},      {"routs", "routes"},
    {"zzz", NULL},       {"", NULL},       {"roadmap", NULL},    {"x", NULL},
    {"a234567890a234567890a234567890a234567890a234567890a234567890a234567890", NULL},
};

START_TEST(suggests_what_is_near)
{
    static const char *const words[] = {"listen", "head", "routes", "backends"};
    struct suggest suggest;

    suggest_start(&suggest, str_of(nearest[_i].word));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        suggest_try(&suggest, words[i]);
    if (nearest[_i].best == NULL)
        ck_assert_ptr_null(suggest.best);
    else
        ck_assert_str_eq(suggest.best, nearest[_i].best);
}
END_TEST

Suite *
faults_suite(void)
{
    Suite *suite = suite_create("faults");
    TCase *tc = tcase_create("faults");

    tcase_add_test(tc, are_sorted_by_place);
    tcase_add_test(tc, are_bounded_in_number);
    tcase_add_test(tc, are_one_line_each);
    tcase_add_test(tc, are_cut_at_a_character);
    tcase_add_loop_test(tc, do_not_show_what_is_concealed, 0, COUNT_OF(concealed));
    tcase_add_test(tc, do_not_show_the_beginning_of_it_either);
    tcase_add_loop_test(tc, distance_counts_slips, 0, COUNT_OF(distances));
    tcase_add_loop_test(tc, suggests_what_is_near, 0, COUNT_OF(nearest));
    suite_add_tcase(suite, tc);
    return suite;
}
