/* http_head_test.c - heads, whole and cut at every byte. */
#include "protocol/http_head.h"
#include "rows.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

typedef enum http_verdict parser(struct http_head *, const char *, size_t);

static const struct http_limits small = {.head_bytes = 128, .uri_bytes = 16, .fields = 4};

/* The verdict on all of it at once, in a buffer with nothing behind. */
static enum http_verdict
whole(parser *parse, struct str text, const struct http_limits *limits)
{
    struct rows_bytes bytes = rows_copy(text.at, text.len);
    struct http_field fields[ROWS_FIELDS];
    struct http_head head;

    http_head_init(&head, fields, limits);
    enum http_verdict verdict = parse(&head, bytes.at, bytes.len);
    free(bytes.at);
    return verdict;
}

/* In two pieces, for every place to cut, and byte by byte: always the same. */
static void
check_cuts(const char *name, parser *parse, struct str text, const struct http_limits *limits)
{
    struct http_field fields[ROWS_FIELDS];
    struct http_head head;
    enum http_verdict want = whole(parse, text, limits), early = HTTP_MORE, got;

    for (size_t cut = 0; cut < text.len; cut++) {
        http_head_init(&head, fields, limits);
        got = parse(&head, text.at, cut);
        if (got == HTTP_MORE)
            got = parse(&head, text.at, text.len);
        ck_assert_msg(got == want, "%s: cut at %zu: %d, not %d", name, cut, got, want);
    }
    http_head_init(&head, fields, limits);
    for (size_t len = 0; len <= text.len && early == HTTP_MORE; len++)
        early = parse(&head, text.at, len);
    ck_assert_msg(early == want, "%s: byte by byte: %d, not %d", name, early, want);
}

struct row {
    struct str text;
    enum http_verdict verdict;
};

/* clang-format off */
#define ROW(text, verdict) {{text, sizeof(text) - 1}, verdict}
/* clang-format on */

static const struct row requests[] = {
    ROW("", HTTP_MORE),
    ROW("G", HTTP_MORE),
    ROW("GET / HTTP/1.1\r\n", HTTP_MORE),
    ROW("GET / HTTP/1.1\r\n\r", HTTP_MORE),
    ROW("GET / HTTP/1.1\r\n\r\n", HTTP_DONE),
    ROW("GET / HTTP/1.1\r\n\r\nrest\n", HTTP_DONE),
    ROW("GET / HTTP/1.1\r\nA:\r\n\r\n", HTTP_DONE),
    ROW("GET / HTTP/1.1\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", HTTP_DONE),
    ROW("GET / HTTP/1.1\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", HTTP_HEAD_TOO_LARGE),
    ROW("GET /23456789abcdefg HTTP/1.1\r\n\r\n", HTTP_DONE),
    ROW("GET /23456789abcdefgh HTTP/1.1\r\n\r\n", HTTP_URI_TOO_LONG),
    ROW("GET /23456789abcdefgh", HTTP_URI_TOO_LONG),
    ROW("GET /23456789abcdefg", HTTP_MORE),
    ROW("GET /23456789abcdefgh\x01 HTTP/1.1\r\n\r\n", HTTP_URI_TOO_LONG),
    ROW("GET /5678\x01 0123456789 HTTP/1.1\r\n\r\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\nA: bbbbbbbbbbbbbbbb\x7f\r\n\r\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\nA: bbbbbbbbbbbbbbbb\x1f\r\n\r\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\nA: bbbbbbbbbb\xff\x80\x81 bbb~\r\n\r\n", HTTP_DONE),
    ROW("GET / HTTP/1.1\r\nA: bbbbbbbb\tb\tbbbbbbbbbbb\r\n\r\n", HTTP_DONE),
    ROW("\r\nGET / HTTP/1.1\r\n\r\n", HTTP_BAD),
    ROW("\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\nA: b\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\nA: b\rc", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\n\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\n A: b\r\n\r\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\nA : b\r\n\r\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\nA\r\n\r\n", HTTP_BAD),
    ROW("GET / HTTP/1.1\r\n: b\r\n\r\n", HTTP_BAD),
    ROW("GET / HTTP/1.0", HTTP_BAD),
    ROW("GET / X", HTTP_BAD),
};

static const struct row responses[] = {
    ROW("", HTTP_MORE),
    ROW("HTT", HTTP_MORE),
    ROW("HTTP/1.1 101 ", HTTP_MORE),
    ROW("HTTP/1.1 101 Switching Protocols\r\n\r\n", HTTP_DONE),
    ROW("HTTP/1.1 101 \r\n\r\n", HTTP_DONE),
    ROW("HTTP/1.1 101\r\n\r\n", HTTP_DONE),
    ROW("HTTP/1.1 100 caf\xe9\r\nA: b\r\n\r\n", HTTP_DONE),
    ROW("HTTP/1.1 999  two  spaces \r\n\r\n", HTTP_DONE),
    ROW("HTTP/1.1  101 x\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 099 x\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 1010\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 10\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 1x1 x\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 \r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 101 a\x01\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 101 a\n\n", HTTP_BAD),
    ROW("HTTP/1.0 101 a\r\n\r\n", HTTP_BAD),
    ROW("HTTP/2 200\r\n\r\n", HTTP_BAD),
    ROW("http/1.1 101 a\r\n\r\n", HTTP_BAD),
    ROW("ICY 200 OK\r\n\r\n", HTTP_BAD),
    ROW("\r\nHTTP/1.1 101 a\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HTTP_BAD),
    ROW("HTTP/1.1 200 OK\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", HTTP_HEAD_TOO_LARGE),
};

static void
check_row(parser *parse, const struct row *row)
{
    enum http_verdict got = whole(parse, row->text, &small);

    ck_assert_msg(got == row->verdict, "%s: %d", row->text.at, got);
    check_cuts(row->text.at, parse, row->text, &small);
}

START_TEST(requests_are_judged)
{
    check_row(http_request_parse, &requests[_i]);
}
END_TEST

START_TEST(responses_are_judged)
{
    check_row(http_response_parse, &responses[_i]);
}
END_TEST

/* A legal head, padded to n bytes. */
static struct str
padded(char *buffer, size_t n)
{
    static const char start[] = "GET / HTTP/1.1\r\nA: ", end[] = "\r\n\r\n";

    memcpy(buffer, start, sizeof(start) - 1);
    memset(buffer + sizeof(start) - 1, 'x', n - sizeof(start) - sizeof(end) + 2);
    memcpy(buffer + n - sizeof(end) + 1, end, sizeof(end) - 1);
    return (struct str){buffer, n};
}

START_TEST(the_head_may_be_as_long_as_the_limit_and_no_longer)
{
    char buffer[200];

    for (size_t n = 120; n < 140; n++) {
        struct str text = padded(buffer, n);
        enum http_verdict want = n <= 128 ? HTTP_DONE : HTTP_HEAD_TOO_LARGE;
        ck_assert_int_eq(whole(http_request_parse, text, &small), want);
        check_cuts("padded", http_request_parse, text, &small);
    }
    memset(buffer, 'x', sizeof(buffer));
    ck_assert_int_eq(whole(http_request_parse, (struct str){buffer, 127}, &small), HTTP_MORE);
    ck_assert_int_eq(whole(http_request_parse, (struct str){buffer, 128}, &small),
                     HTTP_HEAD_TOO_LARGE);
}
END_TEST

START_TEST(a_request_falls_into_its_parts)
{
    static const char text[] =
        "GET /a?b HTTP/1.1\r\nHost:h\r\nX-Y: \t two words\t \r\nEmpty: \r\n\r\nmore";
    struct http_field fields[4];
    struct http_head head;

    http_head_init(&head, fields, &small);
    ck_assert_int_eq(http_request_parse(&head, text, sizeof(text) - 1), HTTP_DONE);
    ck_assert(str_equal(head.method, STR("GET")));
    ck_assert(str_equal(head.target, STR("/a?b")));
    ck_assert_uint_eq(head.length, sizeof(text) - 1 - 4);
    ck_assert_uint_eq(head.field_count, 3);
    ck_assert(str_equal(fields[0].name, STR("Host")) && str_equal(fields[0].value, STR("h")));
    ck_assert(str_equal(fields[1].name, STR("X-Y")));
    ck_assert(str_equal(fields[1].value, STR("two words")));
    ck_assert(fields[2].value.at != NULL && fields[2].value.len == 0);
}
END_TEST

START_TEST(a_response_falls_into_its_parts)
{
    static const char text[] = "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n";
    static const char bare[] = "HTTP/1.1 404\r\n\r\n";
    struct http_field fields[4];
    struct http_head head;

    http_head_init(&head, fields, &small);
    ck_assert_int_eq(http_response_parse(&head, text, sizeof(text) - 1), HTTP_DONE);
    ck_assert_uint_eq(head.status, 404);
    ck_assert(str_equal(head.phrase, STR("Not Found")));
    ck_assert_uint_eq(head.field_count, 1);

    http_head_init(&head, fields, &small);
    ck_assert_int_eq(http_response_parse(&head, bare, sizeof(bare) - 1), HTTP_DONE);
    ck_assert(head.phrase.at != NULL && head.phrase.len == 0);
}
END_TEST

START_TEST(fields_are_found_in_any_case)
{
    static const char text[] = "GET / HTTP/1.1\r\nA: 1\r\nBB: 2\r\na: 3\r\nC: x, y\r\n\r\n";
    struct http_field fields[4];
    struct http_head head;
    size_t i = 0;

    http_head_init(&head, fields, &small);
    ck_assert_int_eq(http_request_parse(&head, text, sizeof(text) - 1), HTTP_DONE);
    ck_assert(str_equal(http_find(&head, STR("a"), &i)->value, STR("1")));
    ck_assert(str_equal(http_find(&head, STR("A"), &i)->value, STR("3")));
    ck_assert_ptr_null(http_find(&head, STR("a"), &i));
    ck_assert_uint_eq(http_count(&head, STR("a")), 2);
    ck_assert_uint_eq(http_count(&head, STR("z")), 0);
    ck_assert(str_equal(http_only(&head, STR("bb")), STR("2")));
    ck_assert_ptr_null(http_only(&head, STR("a")).at);
    ck_assert_ptr_null(http_only(&head, STR("z")).at);
    ck_assert(http_list_has(&head, STR("c"), STR("Y")));
    ck_assert(!http_list_has(&head, STR("c"), STR("z")));
    ck_assert(!http_list_has(&head, STR("z"), STR("y")));
}
END_TEST

START_TEST(tokens)
{
    static const char others[] = "\"(),/:;<=>?@[\\]{} \t\x7f";

    for (int c = 0; c < 256; c++) {
        bool want = c > 0x20 && c < 0x7F && !strchr(others, c);
        char byte = (char)c;
        ck_assert_msg(http_is_token((struct str){&byte, 1}) == want, "byte %d", c);
    }
    ck_assert(http_is_token(STR("a-b.c")));
    ck_assert(!http_is_token(STR("")));
    ck_assert(!http_is_token(STR("a b")));
}
END_TEST

/* A list, and its elements with "|" behind each. */
static const struct {
    const char *list, *elements;
} lists[] = {
    {"", ""},
    {" , ,\t,", ""},
    {"a", "a|"},
    {"a,b", "a|b|"},
    {" a , b c ,, d,", "a|b c|d|"},
    {"\"a,b\",c", "\"a,b\"|c|"},
    {"a=\"x,\\\"y,\", b", "a=\"x,\\\"y,\"|b|"},
    {"a\\,b", "a\\|b|"},
    {"\"a, b", "\"a, b|"},
    {"\"a\\", "\"a\\|"},
    {"a, \"", "a|\"|"},
};

START_TEST(lists_are_stepped_through)
{
    struct str rest = str_of(lists[_i].list), element;
    char got[64] = "";

    while (http_list_next(&rest, &element)) {
        strncat(got, element.at, element.len);
        strcat(got, "|");
    }
    ck_assert_str_eq(got, lists[_i].elements);
}
END_TEST

START_TEST(hostile_heads_are_judged_alike_however_they_are_cut)
{
    json_t *rows = rows_load("hostile_heads.json"), *row;
    size_t i;

    json_array_foreach(rows, i, row)
    {
        struct rows_bytes request = rows_get(row, "request");
        if (request.len < 1000)
            check_cuts(json_string_value(json_object_get(row, "name")), http_request_parse,
                       (struct str){request.at, request.len}, &rows_limits);
        free(request.at);
    }
    json_decref(rows);
}
END_TEST

Suite *
http_head_suite(void)
{
    Suite *suite = suite_create("http_head");
    TCase *tc = tcase_create("http_head");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, requests_are_judged, 0, (int)COUNT_OF(requests));
    tcase_add_loop_test(tc, responses_are_judged, 0, (int)COUNT_OF(responses));
    tcase_add_test(tc, the_head_may_be_as_long_as_the_limit_and_no_longer);
    tcase_add_test(tc, a_request_falls_into_its_parts);
    tcase_add_test(tc, a_response_falls_into_its_parts);
    tcase_add_test(tc, fields_are_found_in_any_case);
    tcase_add_test(tc, tokens);
    tcase_add_loop_test(tc, lists_are_stepped_through, 0, (int)COUNT_OF(lists));
    tcase_add_test(tc, hostile_heads_are_judged_alike_however_they_are_cut);
    suite_add_tcase(suite, tc);
    return suite;
}
