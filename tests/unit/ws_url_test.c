/* ws_url_test.c - WebSocket URLs: what is taken, and what of it goes where. */
#include "base/compiler.h"
#include "unit.h"
#include "wsgatectl/ws_url.h"

#include <string.h>

static const struct {
    const char *text, *host, *port, *authority, *target;
    bool secure;
} good[] = {
    {"ws://a", "a", "80", "a", "/"},
    {"WS://Chat.Example.COM/x", "chat.example.com", "80", "chat.example.com", "/x"},
    {"ws://a:80/", "a", "80", "a", "/"},
    {"ws://a:8080/x/y?z=1&w", "a", "8080", "a:8080", "/x/y?z=1&w"},
    {"ws://a?token=t", "a", "80", "a", "/?token=t"},
    {"wss://a", "a", "443", "a", "/", true},
    {"WSS://a:443/x", "a", "443", "a", "/x", true},
    {"wss://a:80/", "a", "80", "a:80", "/", true},
    {"ws://a:443/", "a", "443", "a:443", "/"},
    {"ws://127.0.0.1:9001", "127.0.0.1", "9001", "127.0.0.1:9001", "/"},
    {"ws://[::1]:9001/x", "::1", "9001", "[::1]:9001", "/x"},
    {"ws://[2001:DB8::1]", "2001:db8::1", "80", "[2001:db8::1]", "/"},
    /* Odd, but what is odd about it is the gateway's to judge. */
    {"ws://a/../b//c%2f%00\\", "a", "80", "a", "/../b//c%2f%00\\"},
};

START_TEST(takes_apart)
{
    struct ws_url url;
    const char *error = NULL;

    ck_assert_msg(ws_url_parse(&url, good[_i].text, &error), "%s: %s", good[_i].text, error);
    ck_assert_str_eq(url.host, good[_i].host);
    ck_assert_str_eq(url.port, good[_i].port);
    ck_assert_str_eq(url.authority, good[_i].authority);
    ck_assert_str_eq(url.target, good[_i].target);
    ck_assert(url.secure == good[_i].secure);
}
END_TEST

static const char *const bad[] = {
    "",           "a",         "ws:",        "ws:/a",         "ws://",       "ws:///x",
    "http://a/",  "wss:///a",  "ws://a:b/",  "ws://a:65536/", "ws://u@a/",   "ws://a b/",
    "ws://a/#x",  "ws://a#x",  "ws://a/x y", "ws://a/\n",     "ws://a/\x7f", "ws://a/\xc3\xa9",
    "ws://[::1/", "ws://[x]/", "ws://::1/x",
};

START_TEST(refuses)
{
    struct ws_url url;
    const char *error = NULL;

    ck_assert_msg(!ws_url_parse(&url, bad[_i], &error), "%s", bad[_i]);
    ck_assert_ptr_nonnull(error);
}
END_TEST

START_TEST(bounds)
{
    static char text[WS_URL_TARGET_MAX + 100];
    struct ws_url url;
    const char *error;

    memcpy(text, "ws://a/", 7);
    memset(text + 7, 'x', WS_URL_TARGET_MAX - 2); /* with "/" and the NUL it just fits */
    ck_assert(ws_url_parse(&url, text, &error));
    text[7 + WS_URL_TARGET_MAX - 2] = 'x';
    ck_assert(!ws_url_parse(&url, text, &error));
    ck_assert_str_eq(error, "the path is too long");
    memset(text + 5, 'x', 300);
    text[305] = '\0';
    ck_assert(!ws_url_parse(&url, text, &error));
    ck_assert_str_eq(error, "the host is too long");
}
END_TEST

Suite *
ws_url_suite(void)
{
    Suite *suite = suite_create("ws_url");
    TCase *tc = tcase_create("ws_url");
    tcase_add_loop_test(tc, takes_apart, 0, COUNT_OF(good));
    tcase_add_loop_test(tc, refuses, 0, COUNT_OF(bad));
    tcase_add_test(tc, bounds);
    suite_add_tcase(suite, tc);
    return suite;
}
