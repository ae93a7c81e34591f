/* origin_module_test.c - which sites may connect: exact, subdomains, missing, repeated, many. */
#include "fake_host.h"
#include "protocol/origin.h"
#include "registry.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { PATTERNS_MAX = 1000 };

/* missing: as it would be written. */
static void *
make(const char *const *allow, const char *missing)
{
    static struct fake_row rows[PATTERNS_MAX + 3];
    struct fake_row *end = fake_list(rows, "allow", allow);

    *end++ = (struct fake_row){"missing", missing, NULL};
    *end = (struct fake_row){NULL, NULL, NULL};
    return fake_setup(&origin_module, rows);
}

/* "pass", or the word of the refusal, whose status is checked too. */
static const char *
ask(const void *instance, const char *origin, const char *second)
{
    struct mw_request request = {.headers = {
                                     {"Host", "x"},
                                     {origin ? "Origin" : "Not-Origin", origin ? origin : ""},
                                     {second ? "origin" : NULL, second},
                                 }};

    if (fake_decide(&origin_module, instance, &request) == MW_PASS)
        return "pass";
    ck_assert_int_eq(request.status, strcmp(request.word, "origin-repeated") == 0 ? 400 : 403);
    return request.word;
}

static const char *const allow[] = {
    "https://app.example.com",
    "https://*.example.org",
    "http://*.port.test:81",
    "http://plain.test:8080",
    "https://[2001:db8::1]",
    "http://192.0.2.1",
    "chrome-extension://abcdefgh",
    "https://app.example.com", /* twice does no harm */
    NULL,
};

static const struct {
    const char *origin, *verdict;
} origins[] = {
    {"https://app.example.com", "pass"},
    {"https://app.example.com:443", "pass"},
    {"HTTPS://APP.Example.COM", "pass"},
    {"http://app.example.com", "origin-not-allowed"},
    {"https://app.example.com:80", "origin-not-allowed"},
    {"https://x.app.example.com", "origin-not-allowed"},
    {"https://example.com", "origin-not-allowed"},
    {"https://com", "origin-not-allowed"},
    {"https://evil.test", "origin-not-allowed"},
    {"https://a.example.org", "pass"},
    {"https://a.b.c.d.example.org", "pass"},
    {"https://example.org", "origin-not-allowed"},
    {"https://aexample.org", "origin-not-allowed"},
    {"https://a.example.org.evil.test", "origin-not-allowed"},
    {"https://a.example.org:8443", "origin-not-allowed"},
    {"http://a.example.org", "origin-not-allowed"},
    {"http://a.port.test:81", "pass"},
    {"http://a.port.test", "origin-not-allowed"},
    {"http://plain.test:8080", "pass"},
    {"http://plain.test", "origin-not-allowed"},
    {"https://[2001:db8::1]", "pass"},
    {"https://[2001:db8::2]", "origin-not-allowed"},
    {"http://192.0.2.1", "pass"},
    {"http://192.0.2.10", "origin-not-allowed"},
    {"chrome-extension://abcdefgh", "pass"},
    {"null", "origin-not-allowed"},
    {"", "origin-malformed"},
    {"NULL", "origin-malformed"},
    {"app.example.com", "origin-malformed"},
    {"https://app.example.com/", "origin-malformed"},
    {"https://*.example.org", "origin-malformed"},
    {"https://app.example.com https://app.example.com", "origin-malformed"},
    {"https://app.example.com,https://evil.test", "origin-malformed"},
    {NULL, "origin-missing"},
};

START_TEST(judges)
{
    void *instance = make(allow, "deny");

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    ck_assert_str_eq(ask(instance, origins[_i].origin, NULL), origins[_i].verdict);
    origin_module.teardown(instance);
}
END_TEST

START_TEST(null_only_where_listed)
{
    static const char *const list[] = {"null", "https://a.test", NULL};
    void *instance = make(list, "deny");

    ck_assert_str_eq(ask(instance, "null", NULL), "pass");
    ck_assert_str_eq(ask(instance, "https://a.test", NULL), "pass");
    ck_assert_str_eq(ask(instance, "https://null", NULL), "origin-not-allowed");
    origin_module.teardown(instance);
}
END_TEST

START_TEST(missing_may_pass_but_nothing_else_then)
{
    void *instance = make(allow, "allow");

    ck_assert_str_eq(ask(instance, NULL, NULL), "pass");
    ck_assert_str_eq(ask(instance, "", NULL), "origin-malformed");
    ck_assert_str_eq(ask(instance, "https://evil.test", NULL), "origin-not-allowed");
    ck_assert_str_eq(ask(instance, "https://app.example.com", "https://app.example.com"),
                     "origin-repeated");
    origin_module.teardown(instance);
}
END_TEST

START_TEST(repeated_is_refused)
{
    void *instance = make(allow, "deny");

    ck_assert_str_eq(ask(instance, "https://app.example.com", "https://app.example.com"),
                     "origin-repeated");
    ck_assert_str_eq(ask(instance, "https://app.example.com", ""), "origin-repeated");
    ck_assert_str_eq(ask(instance, "bad", "https://app.example.com"), "origin-repeated");
    origin_module.teardown(instance);
}
END_TEST

START_TEST(long_ones_are_malformed)
{
    char text[4000];
    void *instance = make(allow, "deny");

    for (size_t len = 8; len < sizeof(text) - 1; len += len < 600 ? 1 : 100) {
        memset(text, 'a', sizeof(text));
        memcpy(text, "https://", 8);
        for (size_t i = 20; i < len; i += 20)
            text[i] = '.';
        text[len] = '\0';
        ck_assert_str_ne(ask(instance, text, NULL), "pass");
        if (len > 512)
            ck_assert_str_eq(ask(instance, text, NULL), "origin-malformed");
    }
    origin_module.teardown(instance);
}
END_TEST

static const struct {
    const char *allow[4];
    size_t faults;
    const char *fault; /* how the last one begins */
} bad_lists[] = {
    {{NULL}, 1, "allow[0]: the list is empty"},
    {{"*"}, 1, "allow[0]: \"*\""},
    {{"https://a.test", "a.test"}, 1, "allow[1]: \"a.test\""},
    {{"https://a.test/", "https://*", "https://a.*.test"}, 3, "allow[2]: \"https://a.*.test\""},
    {{""}, 1, "allow[0]: \"\""},
};

START_TEST(all_bad_patterns_are_faults)
{
    ck_assert_ptr_null(make(bad_lists[_i].allow, "deny"));
    fake_expect_complaints(bad_lists[_i].faults, bad_lists[_i].fault);
    origin_module.teardown(NULL);
}
END_TEST

/* The sorted look-up against one pattern after the other. */
START_TEST(a_thousand_patterns_agree_with_a_linear_search)
{
    enum { PATTERNS = PATTERNS_MAX, ORIGINS = 3000 };
    static char texts[PATTERNS][64];
    static char folded[PATTERNS][HOST_OUT_BYTES(64)];
    static struct origin_pattern patterns[PATTERNS];
    const char *list[PATTERNS + 1] = {NULL};
    const char *error;

    srand(11);
    for (int i = 0; i < PATTERNS; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%s://%s%c%d.%c.test%s", rand() % 2 ? "https" : "http",
                 rand() % 2 ? "*." : "", 'a' + rand() % 26, rand() % 40, 'a' + rand() % 4,
                 rand() % 4 ? "" : ":81");
        ck_assert(origin_pattern_parse(&patterns[i], str_of(texts[i]), folded[i], &error));
        list[i] = texts[i];
    }
    void *instance = make(list, "deny");

    ck_assert_ptr_nonnull(instance);
    for (int i = 0; i < ORIGINS; i++) {
        char text[64], out[HOST_OUT_BYTES(64)];
        struct origin origin;
        bool expected = false;

        snprintf(text, sizeof(text), "%s://%s%c%d.%c.test%s", rand() % 2 ? "https" : "http",
                 rand() % 2 ? "w.x." : "", 'a' + rand() % 26, rand() % 40, 'a' + rand() % 4,
                 rand() % 4 ? "" : ":81");
        ck_assert(origin_parse(&origin, str_of(text), out, &error));
        for (int j = 0; j < PATTERNS; j++)
            expected = expected || origin_matches(&patterns[j], &origin);
        ck_assert_msg((strcmp(ask(instance, text, NULL), "pass") == 0) == expected, "%s", text);
    }
    origin_module.teardown(instance);
}
END_TEST

/* Origin and Host, and what a browser says itself. */
static const struct {
    const char *origin, *host, *site, *verdict;
} same[] = {
    {"https://app.test", "app.test", NULL, "pass"},
    {"http://app.test", "app.test", NULL, "pass"},
    {"https://APP.test", "app.TEST", NULL, "pass"},
    {"https://app.test", "app.test:443", NULL, "pass"},
    {"https://app.test:8443", "app.test:8443", NULL, "pass"},
    {"https://[2001:db8::1]:81", "[2001:DB8:0::1]:81", NULL, "pass"},
    {"https://xn--bcher-kva.test", "xn--bcher-kva.test", NULL, "pass"},
    {"https://app.test", "app.test:80", NULL, "origin-not-allowed"},
    {"https://app.test:8443", "app.test", NULL, "origin-not-allowed"},
    {"https://app.test.evil.test", "app.test", NULL, "origin-not-allowed"},
    {"https://sub.app.test", "app.test", NULL, "origin-not-allowed"},
    {"null", "null", NULL, "origin-not-allowed"},
    {"https://[2001:db8::1]", "[2001:db8::2]", NULL, "origin-not-allowed"},
    {"https://app.test", "app.test", "same-origin", "pass"},
    {"https://app.test", "inner:8080", "same-origin", "pass"},
    {"https://app.test", "app.test", "same-site", "pass"},
    {"https://app.test", "other.test", "same-site", "origin-not-allowed"},
    {"https://app.test", "app.test", "none", "pass"},
    {"https://app.test", "app.test", "cross-site", "origin-not-allowed"},
    {"null", "app.test", "same-origin", "origin-not-allowed"},
    {"https://listed.test", "app.test", "cross-site", "pass"},
};

START_TEST(its_own_site_may_connect)
{
    static const struct fake_row rows[] = {
        {"allow", "https://listed.test", NULL}, {"same_origin", "true", NULL}, {NULL, NULL, NULL}};
    void *instance = fake_setup(&origin_module, rows);
    struct mw_request request = {.headers = {
                                     {"Host", same[_i].host},
                                     {"Origin", same[_i].origin},
                                     {same[_i].site ? "Sec-Fetch-Site" : NULL, same[_i].site},
                                 }};

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    bool passes = fake_decide(&origin_module, instance, &request) == MW_PASS;
    ck_assert_str_eq(passes ? "pass" : request.word, same[_i].verdict);
    origin_module.teardown(instance);
}
END_TEST

START_TEST(one_of_the_two_is_needed)
{
    static const struct fake_row none[] = {{NULL, NULL, NULL}},
                                 alone[] = {{"same_origin", "true", NULL}, {NULL, NULL, NULL}};
    void *instance = fake_setup(&origin_module, none);

    ck_assert_ptr_null(instance);
    fake_expect_complaints(1, "allow[0]: allow and same_origin are both absent");
    instance = fake_setup(&origin_module, alone);
    ck_assert_ptr_nonnull(instance);
    origin_module.teardown(instance);
}
END_TEST

Suite *
origin_module_suite(void)
{
    Suite *suite = suite_create("origin_module");
    TCase *tc = tcase_create("origin_module");

    tcase_add_loop_test(tc, judges, 0, (int)COUNT_OF(origins));
    tcase_add_loop_test(tc, its_own_site_may_connect, 0, (int)COUNT_OF(same));
    tcase_add_test(tc, one_of_the_two_is_needed);
    tcase_add_test(tc, null_only_where_listed);
    tcase_add_test(tc, missing_may_pass_but_nothing_else_then);
    tcase_add_test(tc, repeated_is_refused);
    tcase_add_test(tc, long_ones_are_malformed);
    tcase_add_loop_test(tc, all_bad_patterns_are_faults, 0, (int)COUNT_OF(bad_lists));
    tcase_add_test(tc, a_thousand_patterns_agree_with_a_linear_search);
    suite_add_tcase(suite, tc);
    return suite;
}
