/* safe_text_test.c - what strangers send, printed and as JSON. */
#include "base/compiler.h"
#include "unit.h"
#include "wsgatectl/safe_text.h"

#include <stdlib.h>

#define FFFD "\xef\xbf\xbd"

static const struct {
    struct str text;
    size_t max;
    const char *printed, *json;
} rows[] = {
    {{"", 0}, 9, "", ""},
    {{"plain", 5}, 9, "plain", "plain"},
    {{"a\nb\x1b[0m\x7f\0z", 10}, 99, "a\\x0ab\\x1b[0m\\x7f\\x00z", NULL},
    {{"gr\xc3\xbc\xc3\x9f", 6}, 99, "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
    {{"\xe2\x82\xac\xf0\x9f\x98\x80", 7},
     99,
     "\xe2\x82\xac\xf0\x9f\x98\x80",
     "\xe2\x82\xac\xf0\x9f\x98\x80"},
    {{"\xc2\x9b", 2}, 9, "\\xc2\\x9b", "\xc2\x9b"}, /* C1: CSI */
    {{"\xe2\x80\xaetxt", 6}, 9, "\\xe2\\x80\\xaetxt", "\xe2\x80\xaetxt"}, /* right to left */
    {{"\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8", 8},
     9,
     "\\xe2\\x81\\xa6\\xd8\\x9c\\xe2\\x80\\xa8",
     "\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8"},
    {{"\xff|", 2}, 9, "\\xff|", FFFD "|"},          /* never in UTF-8 */
    {{"\x80", 1}, 9, "\\x80", FFFD},                /* a continuation alone */
    {{"\xc0\xaf", 2}, 9, "\\xc0\\xaf", FFFD FFFD},  /* overlong */
    {{"\xe0\x80\xaf", 3}, 9, "\\xe0\\x80\\xaf", FFFD FFFD FFFD},
    {{"\xed\xa0\x80", 3}, 9, "\\xed\\xa0\\x80", FFFD FFFD FFFD}, /* a surrogate */
    {{"\xf4\x90\x80\x80", 4}, 9, "\\xf4\\x90\\x80\\x80", FFFD FFFD FFFD FFFD},
    {{"\xf5\x80\x80\x80", 4}, 9, "\\xf5\\x80\\x80\\x80", FFFD FFFD FFFD FFFD},
    {{"\xe2\x82", 2}, 9, "\\xe2\\x82", FFFD FFFD}, /* cut short */
    {{"\xe2x\x82", 3}, 9, "\\xe2x\\x82", FFFD "x" FFFD},
    {{"0123456789", 10}, 4, "0123... (10 bytes)", "0123456789"},
};

START_TEST(prints)
{
    char *out = NULL;
    size_t len;
    FILE *file = open_memstream(&out, &len);

    safe_text_print(file, rows[_i].text, rows[_i].max);
    fclose(file);
    ck_assert_str_eq(out, rows[_i].printed);
    free(out);
}
END_TEST

START_TEST(makes_json)
{
    json_t *string = safe_text_json(rows[_i].text);

    ck_assert_ptr_nonnull(string);
    if (rows[_i].json)
        ck_assert_str_eq(json_string_value(string), rows[_i].json);
    else
        ck_assert_uint_eq(json_string_length(string), rows[_i].text.len);
    json_decref(string);
}
END_TEST

static const struct {
    const char *text, *dumped;
} strings[] = {
    {"plain \"x\" \\", "[\"plain \\\"x\\\" \\\\\"]"},
    {"a\n\x1b[0m\x7f", "[\"a\\n\\u001B[0m\\u007f\"]"},
    {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac\xf0\x9f\x98\x80",
     "[\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac\xf0\x9f\x98\x80\"]"},
    {"\xc2\x9b\xc2\x85", "[\"\\u009b\\u0085\"]"},
    {"\xe2\x80\xaetxt\xe2\x81\xa6\xd8\x9c\xe2\x80\xa8",
     "[\"\\u202etxt\\u2066\\u061c\\u2028\"]"},
};

/* What it prints is the same JSON, and harmless. */
START_TEST(dumps)
{
    json_t *json = json_pack("[s]", strings[_i].text);
    char *out = NULL;
    size_t len;
    FILE *file = open_memstream(&out, &len);

    ck_assert(safe_text_dump(file, json, JSON_COMPACT));
    ck_assert(!safe_text_dump(file, NULL, 0));
    fclose(file);
    ck_assert_str_eq(out, strings[_i].dumped);
    json_t *again = json_loads(out, 0, NULL);
    ck_assert(json_equal(json, again));
    json_decref(again);
    json_decref(json);
    free(out);
}
END_TEST

Suite *
safe_text_suite(void)
{
    Suite *suite = suite_create("safe_text");
    TCase *tc = tcase_create("safe_text");
    tcase_add_loop_test(tc, prints, 0, COUNT_OF(rows));
    tcase_add_loop_test(tc, makes_json, 0, COUNT_OF(rows));
    tcase_add_loop_test(tc, dumps, 0, COUNT_OF(strings));
    suite_add_tcase(suite, tc);
    return suite;
}
