/* query_test.c - arguments of a query, and cookies. */
#include "protocol/query.h"
#include "unit.h"

#include <stdlib.h>

/* A list, a name, the values under it with "|" behind each, and what is left without it. */
struct row {
    const char *list, *name, *values, *rest;
};

static const struct row queries[] = {
    {"", "a", "", ""},
    {"a=1", "a", "1|", ""},
    {"a", "a", "|", ""},
    {"a=", "a", "|", ""},
    {"a=b=c", "a", "b=c|", ""},
    {"a=1&b=2&a=3", "a", "1|3|", "b=2"},
    {"a=1&b=2&a=3", "b", "2|", "a=1&a=3"},
    {"a=1&b=2&a=3", "c", "", "a=1&b=2&a=3"},
    {"&&a=1&&", "a", "1|", "&&&"},
    {"A=1", "a", "", "A=1"},
    {"%61=1", "a", "1|", ""},
    {"access%5Ftoken=x&access%5ftoken=y&z", "access_token", "x|y|", "z"},
    {"a+b=1&a%20b=2&a b=3", "a b", "1|2|3|", ""},
    {"a%=1", "a%", "1|", ""},
    {"%zz=1", "%zz", "1|", ""},
    {"a%2=1", "a%2", "1|", ""},
    {"aa=1", "a", "", "aa=1"},
    {"a=1", "aa", "", "a=1"},
    {"a%00=1", "a", "", "a%00=1"},
    {"x=a=1;a=2", "a", "", "x=a=1;a=2"},
    {"b=%zz&a=%26", "a", "%26|", "b=%zz"},
};

static const struct row cookie_fields[] = {
    {"", "a", "", ""},
    {"a=1", "a", "1|", ""},
    {"a=1; b=2; a=3", "a", "1|3|", "b=2"},
    {"a=1; b=2; a=3", "b", "2|", "a=1; a=3"},
    {"b=2; a=1", "a", "1|", "b=2"},
    {"b;c;d;e;a=1", "a", "1|", "b;c;d;e"},
    {"A=1", "a", "", "A=1"},
    {"a=\"1\"", "a", "1|", ""},
    {"a=\"", "a", "\"|", ""},
    {"a=\"\"", "a", "|", ""},
    {"a=\"1;a=2\"", "a", "\"1|2\"|", ""},
    {"a = 1 ;b=2", "a", "1|", "b=2"},
    {"a", "a", "", "a"},
    {"aa=1;a=2", "a", "2|", "aa=1"},
    {"a==", "a", "=|", ""},
    {"b=a=1", "a", "", "b=a=1"},
    {"%61=1", "a", "", "%61=1"},
    {";; a=1;;", "a", "1|", ";;;"},
};

static void
check_row(const struct row *row, bool (*find)(struct str, struct str, size_t, struct str *),
          size_t (*remove_named)(struct str, struct str, char *, size_t *))
{
    struct str list = str_of(row->list), name = str_of(row->name), value;
    char got[64] = "", *out = malloc(list.len + 1);
    size_t count = 0, len = 99;

    for (; find(list, name, count, &value); count++) {
        strncat(got, value.at, value.len);
        strcat(got, "|");
    }
    ck_assert_str_eq(got, row->values);
    ck_assert_uint_eq(remove_named(list, name, out, &len), count);
    ck_assert_uint_le(len, list.len);
    out[len] = '\0';
    ck_assert_str_eq(out, row->rest);
    free(out);
}

START_TEST(arguments)
{
    check_row(&queries[_i], query_find, query_remove);
}
END_TEST

START_TEST(cookies)
{
    check_row(&cookie_fields[_i], cookie_find, cookie_remove);
}
END_TEST

START_TEST(an_absent_query_has_no_arguments)
{
    struct str value;
    char out[1];
    size_t len = 1;

    ck_assert(!query_find(STR_NONE, STR("a"), 0, &value));
    ck_assert_uint_eq(query_remove(STR_NONE, STR("a"), out, &len), 0);
    ck_assert_uint_eq(len, 0);
}
END_TEST

static const struct {
    const char *text, *decoded; /* NULL: refused */
} values[] = {
    {"", ""},
    {"abc", "abc"},
    {"a+b%20c%2B", "a b c+"},
    {"%C3%a9%ff", "\xc3\xa9\xff"},
    {"%2525", "%25"},
    {"%00", NULL},
    {"a%0", NULL},
    {"%", NULL},
    {"%g0", NULL},
    {"%0g", NULL},
};

START_TEST(values_are_decoded)
{
    struct str text = str_of(values[_i].text);
    char *out = malloc(text.len + 1);
    size_t len;

    bool good = query_decode(text, out, &len);
    ck_assert_msg(good == (values[_i].decoded != NULL), "%s", values[_i].text);
    if (good)
        ck_assert(str_equal((struct str){out, len}, str_of(values[_i].decoded)));
    free(out);
}
END_TEST

START_TEST(what_is_encoded_decodes_to_itself)
{
    char text[255], encoded[3 * sizeof(text)], decoded[sizeof(encoded)];
    size_t len;

    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)(i + 1);
    size_t encoded_len = query_encode((struct str){text, sizeof(text)}, encoded);
    for (size_t i = 0; i < encoded_len; i++)
        ck_assert(strchr("&=;?#\"", encoded[i]) == NULL && encoded[i] > ' ' && encoded[i] < 0x7F);
    ck_assert(query_decode((struct str){encoded, encoded_len}, decoded, &len));
    ck_assert(str_equal((struct str){decoded, len}, (struct str){text, sizeof(text)}));
    encoded_len = query_encode(STR("aZ9-._~ +%\xC3:"), encoded);
    ck_assert(str_equal((struct str){encoded, encoded_len}, STR("aZ9-._~+%2B%25%C3%3A")));
}
END_TEST

Suite *
query_suite(void)
{
    Suite *suite = suite_create("query");
    TCase *tc = tcase_create("query");

    tcase_add_loop_test(tc, arguments, 0, (int)COUNT_OF(queries));
    tcase_add_loop_test(tc, cookies, 0, (int)COUNT_OF(cookie_fields));
    tcase_add_test(tc, an_absent_query_has_no_arguments);
    tcase_add_loop_test(tc, values_are_decoded, 0, (int)COUNT_OF(values));
    tcase_add_test(tc, what_is_encoded_decodes_to_itself);
    suite_add_tcase(suite, tc);
    return suite;
}
