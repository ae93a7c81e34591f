/* handshake_test.c - both ends of the opening handshake. */
#include "protocol/accept_value.h"
#include "rows.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static const char key[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char accept_of_key[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="; /* RFC 6455 1.3 */

START_TEST(hostile_heads_are_answered)
{
    json_t *rows = rows_load("hostile_heads.json"), *row;
    size_t i, hostile = 0;

    json_array_foreach(rows, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        unsigned want = (unsigned)json_integer_value(json_object_get(row, "status"));
        struct rows_bytes request = rows_get(row, "request");
        struct rows_answer answer;

        for (size_t step = 0; step < 20; step += 7) {
            rows_judge(&answer, ROWS_ROUTE_CHAT, request, step);
            ck_assert_msg(answer.status == want, "%s: %u, not %u", name, answer.status, want);
        }
        hostile += want != 101;
        free(request.at);
    }
    ck_assert_uint_ge(hostile, 120);
    json_decref(rows);
}
END_TEST

START_TEST(the_accept_value)
{
    char accept[HANDSHAKE_ACCEPT_LEN + 1];

    struct accept_maker *maker = accept_maker_new();

    ck_assert_ptr_nonnull(maker);
    for (int i = 0; i < 3; i++) { /* again and again */
        accept[0] = '\0';
        ck_assert(accept_value(maker, str_of(key), accept));
        ck_assert_str_eq(accept, accept_of_key);
    }
    accept_maker_free(maker);
    accept_maker_free(NULL);
}
END_TEST

static bool
parse_head(struct http_head *head, struct http_field *fields, const char *text, bool response)
{
    http_head_init(head, fields, &rows_limits);
    return (response ? http_response_parse : http_request_parse)(head, text, strlen(text)) ==
           HTTP_DONE;
}

START_TEST(a_request_says_what_it_asks_for)
{
    static const char text[] = "GET / HTTP/1.1\r\n"
                               "Host: h:1\r\n"
                               "Origin: https://o\r\n"
                               "Upgrade: websocket\r\n"
                               "Connection: upgrade\r\n"
                               "Sec-WebSocket-Protocol: a,b\r\n"
                               "Sec-WebSocket-Protocol: c\r\n"
                               "Sec-WebSocket-Extensions: x; y=1 , z\r\n"
                               "Sec-WebSocket-Version: 13\r\n"
                               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    struct http_field fields[ROWS_FIELDS];
    struct http_head head;
    struct handshake handshake;
    const char *error = "unset";

    ck_assert(parse_head(&head, fields, text, false));
    ck_assert_int_eq(handshake_check_request(&handshake, &head, &error), HANDSHAKE_OK);
    ck_assert_ptr_null(error);
    ck_assert(str_equal(handshake.host, STR("h:1")));
    ck_assert(str_equal(handshake.key, str_of(key)));
    ck_assert_uint_eq(handshake.protocol_count, 3);
    ck_assert(str_equal(handshake.protocols[2], STR("c")));
    ck_assert_uint_eq(handshake.extension_count, 2);
    ck_assert(str_equal(handshake.extensions[0], STR("x; y=1")));
    ck_assert(str_equal(handshake.extensions[1], STR("z")));
}
END_TEST

/* Sec-WebSocket-Extensions of a request, and whether it may stand there. */
static const struct {
    const char *value;
    bool legal;
} extensions[] = {
    {"x", true},
    {"x;y", true},
    {"x ; y ; z = 1", true},
    {"x;y=\"a\\b\"", true},
    {"x;y=\"ab\" ; z", true},
    {"x;y=\"ab\"\t", true},
    {"x;y=\"ab\"z", false},
    {"x;y=\"a\\", false},
    {"x;y=\"a\\\"", false},
    {"x;y=\"a\\ b\"", false},
    {"x;y=\"", false},
    {"x;y=\"\"", false},
    {"x;y=", false},
    {"x;y==", false},
    {"x;", false},
    {";", false},
    {"x y", false},
    {"x=1", false},
    {"x;y z", false},
    {"\"x\"", false},
};

START_TEST(extensions_follow_their_grammar)
{
    char text[256];
    struct http_field fields[ROWS_FIELDS];
    struct http_head head;
    struct handshake handshake;
    const char *error;

    snprintf(text, sizeof(text),
             "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
             "Sec-WebSocket-Extensions: %s\r\n\r\n",
             key, extensions[_i].value);
    ck_assert(parse_head(&head, fields, text, false));
    ck_assert_msg(handshake_check_request(&handshake, &head, &error) ==
                      (extensions[_i].legal ? HANDSHAKE_OK : HANDSHAKE_BAD),
                  "%s: %s", extensions[_i].value, error);
}
END_TEST

START_TEST(extension_names)
{
    ck_assert(str_equal(handshake_extension_name(STR("a; b=c")), STR("a")));
    ck_assert(str_equal(handshake_extension_name(STR(" a\t;b")), STR("a")));
    ck_assert(str_equal(handshake_extension_name(STR("")), STR("")));
}
END_TEST

#define STATUS "HTTP/1.1 101 Switching Protocols\r\n"
#define UPGRADE "Upgrade: websocket\r\n"
#define CONNECTION "Connection: Upgrade\r\n"
#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define PLAIN STATUS UPGRADE CONNECTION ACCEPT
#define PROTOCOL(x) "Sec-WebSocket-Protocol: " x "\r\n"
#define EXTENSIONS(x) "Sec-WebSocket-Extensions: " x "\r\n"

/* Offered: subprotocols chat and v2, extensions permessage-deflate (twice) and x-e. */
static const struct {
    const char *text; /* without the empty line */
    bool good;
    const char *protocol, *extensions; /* chosen, or NULL */
} answers[] = {
    {PLAIN, true, NULL, NULL},
    {ACCEPT CONNECTION UPGRADE, false, NULL, NULL}, /* no status line */
    {STATUS "upgrade: WebSocket\r\nconnection: keep-alive, upgrade\r\n" ACCEPT, true, NULL, NULL},
    {STATUS "Connection: a\r\nConnection: upgrade\r\nUpgrade: ,websocket,\r\n" ACCEPT, true, NULL,
     NULL},
    {PLAIN PROTOCOL("chat"), true, "chat", NULL},
    {PLAIN PROTOCOL("v2"), true, "v2", NULL},
    {PLAIN EXTENSIONS("permessage-deflate"), true, NULL, "permessage-deflate"},
    {PLAIN EXTENSIONS("Permessage-Deflate; server_no_context_takeover"), true, NULL,
     "Permessage-Deflate; server_no_context_takeover"},
    {PLAIN PROTOCOL("chat") EXTENSIONS("x-e, permessage-deflate; a=\"1\""), true, "chat",
     "x-e, permessage-deflate; a=\"1\""},
    {PLAIN EXTENSIONS(""), false, NULL, NULL}, /* RFC 6455 9.1: at least one */
    {PLAIN EXTENSIONS(","), false, NULL, NULL},
    {PLAIN "Date: today\r\nServer: x\r\n", true, NULL, NULL},
    {"HTTP/1.1 200 OK\r\n" UPGRADE CONNECTION ACCEPT, false, NULL, NULL},
    {"HTTP/1.1 426 no\r\n" UPGRADE CONNECTION ACCEPT, false, NULL, NULL},
    {STATUS CONNECTION ACCEPT, false, NULL, NULL},
    {STATUS UPGRADE ACCEPT, false, NULL, NULL},
    {STATUS UPGRADE CONNECTION, false, NULL, NULL},
    {STATUS "Upgrade: x, websocket\r\n" CONNECTION ACCEPT, false, NULL, NULL},
    {STATUS "Upgrade: websocket, websocket\r\n" CONNECTION ACCEPT, false, NULL, NULL},
    {STATUS UPGRADE UPGRADE CONNECTION ACCEPT, false, NULL, NULL},
    {STATUS "Upgrade: websocket/13\r\n" CONNECTION ACCEPT, false, NULL, NULL},
    {STATUS "Upgrade:\r\n" CONNECTION ACCEPT, false, NULL, NULL},
    {STATUS "Upgrade: h2c\r\n" CONNECTION ACCEPT, false, NULL, NULL},
    {STATUS UPGRADE "Connection: keep-alive\r\n" ACCEPT, false, NULL, NULL},
    {STATUS UPGRADE "Connection: upgraded\r\n" ACCEPT, false, NULL, NULL},
    {PLAIN ACCEPT, false, NULL, NULL},
    {STATUS UPGRADE CONNECTION "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", false,
     NULL, NULL},
    {STATUS UPGRADE CONNECTION "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\r\n", false, NULL,
     NULL},
    {STATUS UPGRADE CONNECTION "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n", false, NULL,
     NULL},
    {STATUS UPGRADE CONNECTION "Sec-WebSocket-Accept:\r\n", false, NULL, NULL},
    {PLAIN "Content-Length: 0\r\n", false, NULL, NULL},
    {PLAIN "Transfer-Encoding: chunked\r\n", false, NULL, NULL},
    {PLAIN PROTOCOL("Chat"), false, NULL, NULL},
    {PLAIN PROTOCOL("other"), false, NULL, NULL},
    {PLAIN PROTOCOL(""), false, NULL, NULL},
    {PLAIN PROTOCOL("chat, v2"), false, NULL, NULL},
    {PLAIN PROTOCOL("chat") PROTOCOL("v2"), false, NULL, NULL},
    {PLAIN PROTOCOL("chat") PROTOCOL("chat"), false, NULL, NULL},
    {PLAIN EXTENSIONS("other"), false, NULL, NULL},
    {PLAIN EXTENSIONS("x-e, other"), false, NULL, NULL},
    {PLAIN EXTENSIONS("x-e, x-e"), false, NULL, NULL},
    {PLAIN EXTENSIONS("permessage-deflate; a, permessage-deflate; b"), false, NULL, NULL},
    {PLAIN EXTENSIONS("x-e") EXTENSIONS("permessage-deflate"), false, NULL, NULL},
    {PLAIN EXTENSIONS("x-e;"), false, NULL, NULL},
    {PLAIN EXTENSIONS("x-e \"a"), false, NULL, NULL},
};

static void
check_choice(struct str got, const char *want)
{
    ck_assert((got.at != NULL) == (want != NULL));
    ck_assert(str_equal(got, str_of(want)));
}

START_TEST(answers_are_judged)
{
    const struct str protocols[] = {STR("chat"), STR("v2")};
    const struct str offered[] = {STR("permessage-deflate; client_max_window_bits"),
                                  STR("permessage-deflate"), STR("x-e")};
    const struct handshake_offer offer = {accept_of_key, protocols, COUNT_OF(protocols), offered,
                                          COUNT_OF(offered)};
    struct http_field fields[ROWS_FIELDS];
    struct http_head head;
    struct handshake_choice choice;
    const char *error = "unset";
    char text[512];

    snprintf(text, sizeof(text), "%s\r\n", answers[_i].text);
    bool good = parse_head(&head, fields, text, true) &&
                handshake_check_response(&head, &offer, &choice, &error);
    ck_assert_msg(good == answers[_i].good, "%s%s", text, error);
    ck_assert(good == (error == NULL));
    if (good) {
        check_choice(choice.protocol, answers[_i].protocol);
        check_choice(choice.extensions, answers[_i].extensions);
    }
}
END_TEST

START_TEST(nothing_offered_nothing_chosen)
{
    const struct handshake_offer offer = {.accept = accept_of_key};
    struct http_field fields[ROWS_FIELDS];
    struct http_head head;
    struct handshake_choice choice;
    const char *error;

    ck_assert(parse_head(&head, fields, PLAIN "\r\n", true));
    ck_assert(handshake_check_response(&head, &offer, &choice, &error));
    ck_assert(parse_head(&head, fields, PLAIN PROTOCOL("chat") "\r\n", true));
    ck_assert(!handshake_check_response(&head, &offer, &choice, &error));
    ck_assert(parse_head(&head, fields, PLAIN EXTENSIONS("x-e") "\r\n", true));
    ck_assert(!handshake_check_response(&head, &offer, &choice, &error));
}
END_TEST

Suite *
handshake_suite(void)
{
    Suite *suite = suite_create("handshake");
    TCase *tc = tcase_create("handshake");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, hostile_heads_are_answered);
    tcase_add_test(tc, the_accept_value);
    tcase_add_test(tc, a_request_says_what_it_asks_for);
    tcase_add_loop_test(tc, extensions_follow_their_grammar, 0, (int)COUNT_OF(extensions));
    tcase_add_test(tc, extension_names);
    tcase_add_loop_test(tc, answers_are_judged, 0, (int)COUNT_OF(answers));
    tcase_add_test(tc, nothing_offered_nothing_chosen);
    suite_add_tcase(suite, tc);
    return suite;
}
