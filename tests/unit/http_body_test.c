/* http_body_test.c - bodies of answers, whole and cut at every byte. */
#include "protocol/http_body.h"
#include "rows.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* From the fields of a head with that status; kind only when the verdict is not BAD. */
static const struct {
    unsigned status;
    const char *fields;
    enum http_verdict verdict;
    int kind;
} heads[] = {
    {200, "", HTTP_MORE, HTTP_BODY_CLOSE},
    {200, "Content-Length: 5\r\n", HTTP_MORE, HTTP_BODY_LENGTH},
    {200, "content-length: 0\r\n", HTTP_DONE, HTTP_BODY_LENGTH},
    {200, "Content-Length: 999999999999999999\r\n", HTTP_MORE, HTTP_BODY_LENGTH},
    {200, "Content-Length: 1000000000000000000\r\n", HTTP_BAD, 0},
    {200, "Content-Length:\r\n", HTTP_BAD, 0},
    {200, "Content-Length: -1\r\n", HTTP_BAD, 0},
    {200, "Content-Length: +1\r\n", HTTP_BAD, 0},
    {200, "Content-Length: 0x5\r\n", HTTP_BAD, 0},
    {200, "Content-Length: 5 5\r\n", HTTP_BAD, 0},
    {200, "Content-Length: 5, 5\r\n", HTTP_BAD, 0},
    {200, "Content-Length: 5\r\nContent-Length: 5\r\n", HTTP_BAD, 0},
    {200, "Content-Length: 5\r\nContent-Length: 6\r\n", HTTP_BAD, 0},
    {200, "Transfer-Encoding: chunked\r\n", HTTP_MORE, HTTP_BODY_CHUNKED},
    {200, "transfer-encoding: CHUNKED\r\n", HTTP_MORE, HTTP_BODY_CHUNKED},
    {200, "Transfer-Encoding: gzip, chunked\r\n", HTTP_BAD, 0},
    {200, "Transfer-Encoding: chunked, chunked\r\n", HTTP_BAD, 0},
    {200, "Transfer-Encoding: chunked;q=1\r\n", HTTP_BAD, 0},
    {200, "Transfer-Encoding: identity\r\n", HTTP_BAD, 0},
    {200, "Transfer-Encoding:\r\n", HTTP_BAD, 0},
    {200, "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HTTP_BAD, 0},
    {200, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", HTTP_BAD, 0},
    {204, "", HTTP_DONE, HTTP_BODY_NONE},
    {304, "Content-Length: 5\r\n", HTTP_DONE, HTTP_BODY_NONE},
    {103, "", HTTP_DONE, HTTP_BODY_NONE},
    {204, "Content-Length: x\r\n", HTTP_BAD, 0},
};

static enum http_verdict
body_init(struct http_body *body, unsigned status, const char *lines)
{
    char text[256];
    struct http_field fields[ROWS_FIELDS];
    struct http_head head;

    snprintf(text, sizeof(text), "HTTP/1.1 %u x\r\n%s\r\n", status, lines);
    http_head_init(&head, fields, &rows_limits);
    ck_assert_int_eq(http_response_parse(&head, text, strlen(text)), HTTP_DONE);
    return http_body_init(body, &head);
}

START_TEST(heads_say_how_the_body_ends)
{
    struct http_body body;
    enum http_verdict got = body_init(&body, heads[_i].status, heads[_i].fields);

    ck_assert_msg(got == heads[_i].verdict, "%s: %d", heads[_i].fields, got);
    ck_assert((got == HTTP_BAD) == (body.error != NULL));
    if (got != HTTP_BAD)
        ck_assert_int_eq((int)body.kind, heads[_i].kind);
    if (got == HTTP_DONE)
        ck_assert(http_body_at_close(&body));
}
END_TEST

#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define LENGTH "Content-Length: 5\r\n"

static const struct {
    const char *fields, *in;
    enum http_verdict verdict;
    const char *out;
    size_t behind; /* bytes of `in` that are no longer the body's */
    bool whole_at_close;
} bodies[] = {
    {"", "", HTTP_MORE, "", 0, true},
    {"", "any\r\n", HTTP_MORE, "any\r\n", 0, true},
    {LENGTH, "", HTTP_MORE, "", 0, false},
    {LENGTH, "abcd", HTTP_MORE, "abcd", 0, false},
    {LENGTH, "abcde", HTTP_DONE, "abcde", 0, true},
    {LENGTH, "abcdefg", HTTP_DONE, "abcde", 2, true},
    {CHUNKED, "", HTTP_MORE, "", 0, false},
    {CHUNKED, "0\r\n\r\n", HTTP_DONE, "", 0, true},
    {CHUNKED, "0\r\n", HTTP_MORE, "", 0, false},
    {CHUNKED, "0\r\n\r", HTTP_MORE, "", 0, false},
    {CHUNKED, "3\r\nabc\r\n0\r\n\r\n", HTTP_DONE, "abc", 0, true},
    {CHUNKED, "3\r\nabc\r\n0\r\n\r\nmore", HTTP_DONE, "abc", 4, true},
    {CHUNKED, "3\r\nabc\r\n00a\r\n0123456789\r\n000\r\n\r\n", HTTP_DONE, "abc0123456789", 0, true},
    {CHUNKED, "B\r\n0123456789a\r\n0\r\n\r\n", HTTP_DONE, "0123456789a", 0, true},
    {CHUNKED, "1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n", HTTP_DONE, "x", 0, true},
    {CHUNKED, "1\r\nx\r\n0\r\nA: b\r\nC:\td\xe9\r\n\r\n", HTTP_DONE, "x", 0, true},
    {CHUNKED, "1\r\nx\r\n0\r\nA: b", HTTP_MORE, "x", 0, false},
    {CHUNKED, "5\r\nabc", HTTP_MORE, "abc", 0, false},
    {CHUNKED, "\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "\n", HTTP_BAD, "", 0, false},
    {CHUNKED, " 3\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "3 \r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "3\nabc", HTTP_BAD, "", 0, false},
    {CHUNKED, "3\rabc", HTTP_BAD, "", 0, false},
    {CHUNKED, "g\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "0x3\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "-3\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "+3\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, ";a\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "3;a\nabc", HTTP_BAD, "", 0, false},
    {CHUNKED, "3;a\x01\r\nabc", HTTP_BAD, "", 0, false},
    {CHUNKED, "3\r\nabcd", HTTP_BAD, "abc", 0, false},
    {CHUNKED, "3\r\nabc\n", HTTP_BAD, "abc", 0, false},
    {CHUNKED, "3\r\nabc\rx", HTTP_BAD, "abc", 0, false},
    {CHUNKED, "fffffffffffffff\r\nabc", HTTP_MORE, "abc", 0, false},
    {CHUNKED, "10000000000000000\r\nabc", HTTP_BAD, "", 0, false},
    {CHUNKED, "ffffffffffffffff\r\nabc", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\n\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\n\rx", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\nA : b\r\n\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\n: b\r\n\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\n A: b\r\n\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\nA\r\n\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\nA: b\x01\r\n\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\nA: b\n\r\n", HTTP_BAD, "", 0, false},
    {CHUNKED, "0\r\nA: b\rx", HTTP_BAD, "", 0, false},
};

/* Feeds in pieces of `step` into a buffer of `room` bytes at most a call. */
static enum http_verdict
feed(struct http_body *body, struct str in, size_t step, char *out, size_t *out_len, size_t *used)
{
    enum http_verdict verdict = HTTP_MORE;
    struct rows_bytes piece;

    for (*used = *out_len = 0; verdict == HTTP_MORE && *used < in.len;) {
        size_t len = in.len - *used < step ? in.len - *used : step, taken, written = len;
        piece = rows_copy(in.at + *used, len);
        verdict = http_body_feed(body, piece.at, len, &taken, piece.at, &written);
        memcpy(out + *out_len, piece.at, written);
        free(piece.at);
        *used += taken;
        *out_len += written;
        if (verdict == HTTP_MORE)
            ck_assert_uint_eq(taken, len);
    }
    return verdict;
}

START_TEST(bodies_are_decoded)
{
    struct str in = str_of(bodies[_i].in);
    char out[256];
    size_t out_len, used;

    for (size_t step = 1; step <= in.len + 1; step++) {
        struct http_body body;
        ck_assert_int_eq(body_init(&body, 200, bodies[_i].fields), HTTP_MORE);
        enum http_verdict got = feed(&body, in, step, out, &out_len, &used);
        ck_assert_msg(got == bodies[_i].verdict, "%s by %zu: %d", in.at, step, got);
        ck_assert(str_equal((struct str){out, out_len}, str_of(bodies[_i].out)));
        ck_assert((got == HTTP_BAD) == (body.error != NULL));
        if (got != HTTP_BAD)
            ck_assert_uint_eq(in.len - used, bodies[_i].behind);
        ck_assert(http_body_at_close(&body) == bodies[_i].whole_at_close);
    }
}
END_TEST

START_TEST(a_full_buffer_is_told)
{
    static const char *const kinds[] = {"", "Content-Length: 8\r\n", CHUNKED};
    static const char *const inputs[] = {"abcdefgh", "abcdefgh", "8\r\nabcdefgh\r\n0\r\n\r\n"};
    struct http_body body;
    char out[4];

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        size_t len = sizeof(out), used, total;
        ck_assert_int_eq(body_init(&body, 200, kinds[i]), HTTP_MORE);
        ck_assert_int_eq(http_body_feed(&body, inputs[i], strlen(inputs[i]), &used, out, &len),
                         HTTP_HEAD_TOO_LARGE);
        ck_assert_uint_eq(len, 4);
        ck_assert(memcmp(out, "abcd", 4) == 0);
        total = used;
        /* It goes on where it stopped. Only a body that ends with the connection is not done. */
        ck_assert_int_eq(
            http_body_feed(&body, inputs[i] + total, strlen(inputs[i]) - total, &used, out, &len),
            i == 0 ? HTTP_MORE : HTTP_DONE);
        ck_assert(memcmp(out, "efgh", 4) == 0);
    }
}
END_TEST

START_TEST(an_absent_body_takes_nothing)
{
    struct http_body body;
    size_t used = 9, len = 0;

    ck_assert_int_eq(body_init(&body, 204, ""), HTTP_DONE);
    ck_assert_int_eq(http_body_feed(&body, "x", 1, &used, NULL, &len), HTTP_DONE);
    ck_assert_uint_eq(used, 0);
}
END_TEST

/* What is thrown away has a bound, whichever way it comes. */
START_TEST(overhead_is_bounded)
{
    static const struct {
        const char *start;
        char fill;
    } rows[] = {{"", '0'}, {"1;", 'x'}, {"0\r\n", 'x'}, {"0\r\nx:", 'x'}};
    static char fill[8300];

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct http_body body;
        size_t used, len = 0;
        ck_assert_int_eq(body_init(&body, 200, CHUNKED), HTTP_MORE);
        ck_assert_int_eq(
            http_body_feed(&body, rows[i].start, strlen(rows[i].start), &used, NULL, &len),
            HTTP_MORE);
        memset(fill, rows[i].fill, sizeof(fill));
        ck_assert_int_eq(http_body_feed(&body, fill, 8000, &used, NULL, &len), HTTP_MORE);
        ck_assert_int_eq(http_body_feed(&body, fill, 300, &used, NULL, &len), HTTP_BAD);
    }
}
END_TEST

Suite *
http_body_suite(void)
{
    Suite *suite = suite_create("http_body");
    TCase *tc = tcase_create("http_body");

    tcase_add_loop_test(tc, heads_say_how_the_body_ends, 0, (int)COUNT_OF(heads));
    tcase_add_loop_test(tc, bodies_are_decoded, 0, (int)COUNT_OF(bodies));
    tcase_add_test(tc, a_full_buffer_is_told);
    tcase_add_test(tc, an_absent_body_takes_nothing);
    tcase_add_test(tc, overhead_is_bounded);
    suite_add_tcase(suite, tc);
    return suite;
}
