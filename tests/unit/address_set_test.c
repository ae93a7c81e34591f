/* address_set_test.c - sets of prefixes: text, merging, look-up, size. */
#include "base/address.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static bool
has(const struct address_set *set, const char *ip)
{
    struct address address;

    ck_assert_msg(address_parse_ip(&address, str_of(ip)), "%s", ip);
    return address_set_has(set, &address.any);
}

/* A sealed set of the prefixes, which are separated by blanks. */
static struct address_set *
make_set(const char *prefixes)
{
    struct address_set *set = address_set_new();
    char copy[512], *rest = copy;

    snprintf(copy, sizeof(copy), "%s", prefixes);
    for (char *word = strtok_r(rest, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        const char *error = NULL;

        ck_assert_msg(address_set_add(set, str_of(word), &error), "%s: %s", word, error);
    }
    ck_assert(address_set_seal(set));
    return set;
}

static const struct {
    const char *prefixes, *ip;
    bool in;
} lookups[] = {
    {"", "192.0.2.1", false},
    {"", "::1", false},
    {"192.0.2.1", "192.0.2.1", true},
    {"192.0.2.1", "192.0.2.0", false},
    {"192.0.2.1", "192.0.2.2", false},
    {"192.0.2.0/24", "192.0.2.0", true},
    {"192.0.2.0/24", "192.0.2.255", true},
    {"192.0.2.0/24", "192.0.3.0", false},
    {"192.0.2.0/24", "192.0.1.255", false},
    {"192.0.2.0/31", "192.0.2.1", true},
    {"192.0.2.0/31", "192.0.2.2", false},
    {"192.0.2.5/32", "192.0.2.5", true},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"0.0.0.0/0", "0.0.0.0", true},
    {"0.0.0.0/0", "::1", false},
    {"128.0.0.0/1", "127.255.255.255", false},
    {"128.0.0.0/1", "128.0.0.0", true},
    {"255.255.255.255", "255.255.255.255", true},
    {"10.0.0.0/8 10.1.0.0/16 10.1.2.3", "10.200.0.1", true},
    {"10.1.2.3 10.1.0.0/16 10.0.0.0/8", "11.0.0.0", false},
    {"10.0.0.0/9 10.128.0.0/9", "10.255.0.0", true},
    {"10.0.0.1 10.0.0.3 10.0.0.5", "10.0.0.2", false},
    {"10.0.0.1 10.0.0.3 10.0.0.5", "10.0.0.3", true},
    {"10.0.0.1 10.0.0.1 10.0.0.1", "10.0.0.1", true},
    {"0.0.0.0/0 255.255.255.255 1.2.3.4", "9.9.9.9", true},
    {"2001:db8::/32", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"2001:db8::/32", "2001:db9::", false},
    {"2001:db8::/32", "2001:db7:ffff::", false},
    {"::1", "::1", true},
    {"::1", "::2", false},
    {"::1/128", "::1", true},
    {"::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
    {"::/0", "192.0.2.1", false},
    {"::/0 ffff::/16 1::", "2::", true},
    {"2001:db8:0:1::/64", "2001:db8:0:1:ffff:ffff:ffff:ffff", true},
    {"2001:db8:0:1::/64", "2001:db8:0:2::", false},
    {"2001:db8:0:0:8000::/65", "2001:db8::7fff:ffff:ffff:ffff", false},
    {"2001:db8:0:0:8000::/65", "2001:db8::8000:0:0:0", true},
    {"2001:db8::/65 2001:db8::8000:0:0:0/65", "2001:db8::ffff:0:0:0", true},
    {"2001:db8::ffff:ffff:ffff:ffff 2001:db8:0:1::", "2001:db8:0:1::", true},
    {"8000::/1", "7fff::", false},
    {"8000::/1", "8000::", true},
    {"::ffff:10.0.0.0/104", "10.2.3.4", true},
    {"::ffff:10.0.0.0/104", "11.2.3.4", false},
    {"::ffff:10.0.0.1", "10.0.0.1", true},
    {"::ffff:0.0.0.0/96", "10.0.0.1", true},
    {"10.0.0.0/8", "::ffff:10.0.0.1", true},
    {"10.0.0.0/8 2001:db8::/32", "2001:db8::1", true},
    {"10.0.0.0/8 2001:db8::/32", "10.0.0.1", true},
};

START_TEST(looks_up)
{
    struct address_set *set = make_set(lookups[_i].prefixes);

    ck_assert_msg(has(set, lookups[_i].ip) == lookups[_i].in, "%s in %s", lookups[_i].ip,
                  lookups[_i].prefixes);
    address_set_free(set);
}
END_TEST

static const char *const bad_prefixes[] = {
    "",
    "/",
    "/24",
    "10.0.0.0/",
    "10.0.0.0/33",
    "10.0.0.0/+8",
    "10.0.0.0/08",
    "10.0.0.0/8 ",
    " 10.0.0.0/8",
    "10.0.0.0/1000",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "10.0.0.1/8",
    "10.0.0.0/255.0.0.0",
    "10.0/16",
    "10.0.0.0:80",
    "0.0.0.1/0",
    "2001:db8::/129",
    "2001:db8::1/64",
    "2001:db8:0:0:1::/64",
    "2001:db8::/0",
    "::1/127",
    "[2001:db8::]/32",
    "fe80::1%eth0",
    "::ffff:10.0.0.0/8",
    "::ffff:10.0.0.0/95",
    "::ffff:10.0.0.1/104",
    "localhost",
    "unix",
    "10.0.0.0\x80/8",
};

START_TEST(refuses_what_is_no_prefix)
{
    struct address_set *set = address_set_new();
    const char *error = NULL;

    ck_assert_msg(!address_set_add(set, str_of(bad_prefixes[_i]), &error), "%s", bad_prefixes[_i]);
    ck_assert_ptr_nonnull(error);
    ck_assert_uint_eq(address_set_count(set), 0);
    address_set_free(set);
}
END_TEST

START_TEST(other_families_are_in_no_set)
{
    struct address_set *set = make_set("0.0.0.0/0 ::/0");
    struct address local = {.len = sizeof(sa_family_t)};

    local.local.sun_family = AF_UNIX;
    ck_assert(!address_set_has(set, &local.any));
    local.any.sa_family = AF_UNSPEC;
    ck_assert(!address_set_has(set, &local.any));
    ck_assert_uint_eq(address_set_count(set), 2);
    address_set_free(set);
    address_set_free(NULL);
}
END_TEST

/* Against a plain comparison of every prefix, in a small space of addresses. */
START_TEST(agrees_with_a_linear_search)
{
    srand(4711);
    for (int round = 0; round < 200; round++) {
        struct address_set *set = address_set_new();
        bool expected[256] = {false};
        char text[64];
        const char *error;

        for (int i = rand() % 12; i > 0; i--) {
            int bits = 24 + rand() % 9;
            int base = rand() & 0xff & (0xff << (32 - bits));

            snprintf(text, sizeof(text), _i == 0 ? "10.0.0.%d/%d" : "2001:db8::%x/%d", base,
                     _i == 0 ? bits : bits + 96);
            ck_assert_msg(address_set_add(set, str_of(text), &error), "%s", text);
            for (int ip = base; ip < base + (1 << (32 - bits)); ip++)
                expected[ip] = true;
        }
        ck_assert(address_set_seal(set));
        for (int ip = 0; ip < 256; ip++) {
            snprintf(text, sizeof(text), _i == 0 ? "10.0.0.%d" : "2001:db8::%x", ip);
            ck_assert_msg(has(set, text) == expected[ip], "%s", text);
        }
        address_set_free(set);
    }
}
END_TEST

/* Every second /24 of some, in a mixed order. *seconds: of processor time. */
static struct address_set *
make_large_set(unsigned count, double *seconds)
{
    struct address_set *set = address_set_new();
    clock_t before = clock();
    char text[64];
    const char *error;

    for (unsigned i = 0; i < count; i++) {
        unsigned n = i * 7919 % count * 2;

        snprintf(text, sizeof(text), "%u.%u.%u.0/24", 1 + (n >> 16), n >> 8 & 255, n & 255);
        ck_assert(address_set_add(set, str_of(text), &error));
    }
    ck_assert(address_set_seal(set));
    *seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    return set;
}

/* Ten times the prefixes cost about ten times as much to load, not a hundred times. */
START_TEST(a_hundred_thousand_prefixes_load_at_once)
{
    double few, many;

    address_set_free(make_large_set(10000, &few));
    struct address_set *set = make_large_set(100000, &many);

    ck_assert_double_lt(many, few * 40 + 0.01);
    ck_assert_uint_eq(address_set_count(set), 100000);
    ck_assert(has(set, "1.0.0.9"));
    ck_assert(!has(set, "1.0.1.9"));
    ck_assert(has(set, "3.200.2.255"));
    ck_assert(!has(set, "3.200.3.0"));
    address_set_free(set);
}
END_TEST

Suite *
address_set_suite(void)
{
    Suite *suite = suite_create("address_set");
    TCase *tc = tcase_create("address_set");

    tcase_add_loop_test(tc, looks_up, 0, (int)COUNT_OF(lookups));
    tcase_add_loop_test(tc, refuses_what_is_no_prefix, 0, (int)COUNT_OF(bad_prefixes));
    tcase_add_test(tc, other_families_are_in_no_set);
    tcase_add_loop_test(tc, agrees_with_a_linear_search, 0, 2);
    tcase_add_test(tc, a_hundred_thousand_prefixes_load_at_once);
    suite_add_tcase(suite, tc);
    return suite;
}
