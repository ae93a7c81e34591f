/* origin_test.c - origins, and the patterns that allow them. */
#include "protocol/origin.h"
#include "unit.h"

#include <stdlib.h>

static const struct {
    const char *text, *scheme; /* NULL: refused */
    const char *host;
    uint16_t port;
} origins[] = {
    {"https://app.example.com", "https", "app.example.com", 443},
    {"http://app.example.com", "http", "app.example.com", 80},
    {"ws://h", "ws", "h", 80},
    {"wss://h", "wss", "h", 443},
    {"https://h:443", "https", "h", 443},
    {"https://h:80", "https", "h", 80},
    {"http://h:443", "http", "h", 443},
    {"HTTPS://APP.Example.COM", "https", "app.example.com", 443},
    {"https://h.", NULL, NULL, 0},
    {"https://h.:8443", NULL, NULL, 0},
    {"https://[::1]", "https", "[::1]", 443},
    {"https://[2001:DB8::1]:8443", "https", "[2001:db8::1]", 8443},
    {"http://127.0.0.1:3000", "http", "127.0.0.1", 3000},
    {"http://localhost:65535", "http", "localhost", 65535},
    {"moz-extension://0a1b-2c", "moz-extension", "0a1b-2c", 0},
    {"x+y.z://h:80", "x+y.z", "h", 80},
    {"", NULL, NULL, 0},
    {"NULL", NULL, NULL, 0},
    {"null ", NULL, NULL, 0},
    {"null, https://h", NULL, NULL, 0},
    {"app.example.com", NULL, NULL, 0},
    {"//h", NULL, NULL, 0},
    {"://h", NULL, NULL, 0},
    {"https:h", NULL, NULL, 0},
    {"https:/h", NULL, NULL, 0},
    {"https//h", NULL, NULL, 0},
    {"1https://h", NULL, NULL, 0},
    {"-x://h", NULL, NULL, 0},
    {"ht_tp://h", NULL, NULL, 0},
    {" https://h", NULL, NULL, 0},
    {"https://", NULL, NULL, 0},
    {"https://:443", NULL, NULL, 0},
    {"https://h/", NULL, NULL, 0},
    {"https://h/path", NULL, NULL, 0},
    {"https://h:443/", NULL, NULL, 0},
    {"https://h?q", NULL, NULL, 0},
    {"https://h#f", NULL, NULL, 0},
    {"https://user@h", NULL, NULL, 0},
    {"https://h:443@evil", NULL, NULL, 0},
    {"https://h ", NULL, NULL, 0},
    {"https://h h", NULL, NULL, 0},
    {"https://h, https://g", NULL, NULL, 0},
    {"https://h https://g", NULL, NULL, 0},
    {"https://h\t", NULL, NULL, 0},
    {"https://h\\", NULL, NULL, 0},
    {"https://h:", NULL, NULL, 0},
    {"https://h:0", NULL, NULL, 0},
    {"https://h:65536", NULL, NULL, 0},
    {"https://h:080", NULL, NULL, 0},
    {"https://h:4x", NULL, NULL, 0},
    {"https://h:1:2", NULL, NULL, 0},
    {"https://h..", NULL, NULL, 0},
    {"https://.h", NULL, NULL, 0},
    {"https://a..b", NULL, NULL, 0},
    {"https://a%2eb", NULL, NULL, 0},
    {"https://b\xc3\xbc"
     "cher.example",
     NULL, NULL, 0},
    {"https://\xe2\x84\xaa.example", NULL, NULL, 0},
    {"https://[::1", NULL, NULL, 0},
    {"https://::1", NULL, NULL, 0},
    {"https://[::g]", NULL, NULL, 0},
    {"https://127.1", NULL, NULL, 0},
    {"https://*.example.com", NULL, NULL, 0},
    {"*", NULL, NULL, 0},
};

START_TEST(origins_are_parsed)
{
    struct str text = str_of(origins[_i].text);
    char *out = malloc(HOST_OUT_BYTES(text.len));
    const char *error = "unset";
    struct origin origin;

    bool good = origin_parse(&origin, text, out, &error);
    ck_assert_msg(good == (origins[_i].scheme != NULL), "%s: %s", text.at, error);
    ck_assert(good == (error == NULL));
    ck_assert_int_eq((int)origin.kind, good ? ORIGIN_TUPLE : ORIGIN_NONE);
    if (good) {
        ck_assert(str_equal(origin.scheme, str_of(origins[_i].scheme)));
        ck_assert(str_equal(origin.host, str_of(origins[_i].host)));
        ck_assert_uint_eq(origin.port, origins[_i].port);
    }
    free(out);
}
END_TEST

static const struct {
    const char *pattern, *origin;
    bool match;
} matches[] = {
    {"https://app.example.com", "https://app.example.com", true},
    {"https://app.example.com", "https://APP.example.com:443", true},
    {"HTTPS://APP.EXAMPLE.COM:443", "https://app.example.com", true},
    {"https://app.example.com", "http://app.example.com", false},
    {"https://app.example.com", "https://app.example.com:8443", false},
    {"https://app.example.com", "https://xapp.example.com", false},
    {"https://app.example.com", "https://app.example.com.evil", false},
    {"https://app.example.com", "https://a.app.example.com", false},
    {"https://app.example.com", "wss://app.example.com", false},
    {"https://*.example.com", "https://a.example.com", true},
    {"https://*.example.com", "https://a.b.example.com", true},
    {"https://*.Example.com", "https://A.EXAMPLE.com", true},
    {"https://*.example.com", "https://example.com", false},
    {"https://*.example.com", "https://evilexample.com", false},
    {"https://*.example.com", "https://a.example.com.evil", false},
    {"https://*.example.com", "http://a.example.com", false},
    {"https://*.example.com", "https://a.example.com:8443", false},
    {"https://*.example.com:8443", "https://a.example.com:8443", true},
    {"https://*.example.com", "https://com", false},
    {"https://*.example.com", "null", false},
    {"https://example.com", "null", false},
    {"null", "null", true},
    {"null", "https://null", false},
    {"https://null", "null", false},
    {"https://[::1]", "https://[::1]:443", true},
    {"https://[::1]", "https://[::2]", false},
    {"https://[0:0::1]", "https://[::1]", true},
    {"https://[2001:db8::1]", "https://[2001:0DB8:0:0::1]:443", true},
    {"https://[::ffff:127.0.0.1]", "https://[::ffff:7f00:1]", true},
    {"moz-extension://abc", "moz-extension://abc", true},
    {"moz-extension://abc", "moz-extension://abc:80", false},
    {"moz-extension://abc:80", "moz-extension://abc:80", true},
};

START_TEST(patterns_match)
{
    char pattern_out[HOST_OUT_BYTES(64)], origin_out[HOST_OUT_BYTES(64)];
    const char *error = "unset";
    struct origin_pattern pattern;
    struct origin origin;

    ck_assert(origin_pattern_parse(&pattern, str_of(matches[_i].pattern), pattern_out, &error));
    ck_assert_ptr_null(error);
    ck_assert(origin_parse(&origin, str_of(matches[_i].origin), origin_out, &error));
    ck_assert_msg(origin_matches(&pattern, &origin) == matches[_i].match, "%s and %s",
                  matches[_i].pattern, matches[_i].origin);
}
END_TEST

static const char *const bad_patterns[] = {
    "",
    "*",
    "*://h",
    "https://*",
    "https://*.",
    "https://*:443",
    "https://a.*.example.com",
    "https://*.*.example.com",
    "https://*example.com",
    "https://example.*",
    "https://h:*",
    "https://*.example.com/",
    "https://*.127.0.0.1",
    "https://*.[::1]",
    "https://*..example.com",
    "*.example.com",
    "https://*.example.com:0",
    "NULL",
};

START_TEST(bad_patterns_are_refused)
{
    char out[HOST_OUT_BYTES(64)];
    const char *error = NULL;
    struct origin_pattern pattern;
    struct origin origin = {.kind = ORIGIN_NONE};

    ck_assert_msg(!origin_pattern_parse(&pattern, str_of(bad_patterns[_i]), out, &error), "%s",
                  bad_patterns[_i]);
    ck_assert_ptr_nonnull(error);
    ck_assert(
        !origin_matches(&pattern, &origin)); /* and match nothing, whoever asks all the same */
}
END_TEST

Suite *
origin_suite(void)
{
    Suite *suite = suite_create("origin");
    TCase *tc = tcase_create("origin");

    tcase_add_loop_test(tc, origins_are_parsed, 0, (int)COUNT_OF(origins));
    tcase_add_loop_test(tc, patterns_match, 0, (int)COUNT_OF(matches));
    tcase_add_loop_test(tc, bad_patterns_are_refused, 0, (int)COUNT_OF(bad_patterns));
    suite_add_tcase(suite, tc);
    return suite;
}
