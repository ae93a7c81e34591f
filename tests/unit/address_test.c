/* address_test.c - socket addresses: what is text of one, and what is not. */
#include "base/address.h"
#include "unit.h"

#include <arpa/inet.h>

#define LONG_PATH_90 \
    "/23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789/23456789"

/* out NULL: refused. */
static const struct {
    const char *in, *out, *ip;
} addresses[] = {
    {"127.0.0.1:8080", "127.0.0.1:8080", "127.0.0.1"},
    {"0.0.0.0:1", "0.0.0.0:1", "0.0.0.0"},
    {"255.255.255.255:65535", "255.255.255.255:65535", "255.255.255.255"},
    {"[::]:8080", "[::]:8080", "::"},
    {"[::1]:443", "[::1]:443", "::1"},
    {"[2001:DB8:0:0::00A]:80", "[2001:db8::a]:80", "2001:db8::a"},
    {"[::ffff:192.0.2.1]:80", "192.0.2.1:80", "192.0.2.1"},
    {"[::ffff:c000:201]:80", "192.0.2.1:80", "192.0.2.1"},
    {"[::fffe:192.0.2.1]:80", "[::fffe:c000:201]:80", "::fffe:c000:201"},
    {"unix:/run/wsgate/public.sock", "unix:/run/wsgate/public.sock",
     "unix:/run/wsgate/public.sock"},
    {"unix:/", "unix:/", "unix:/"},
    {"unix:" LONG_PATH_90 "/23456789/2345678", "unix:" LONG_PATH_90 "/23456789/2345678",
     "unix:" LONG_PATH_90 "/23456789/2345678"},
    {"unix:" LONG_PATH_90 "/23456789/23456789", NULL, NULL},
    {"", NULL, NULL},
    {":", NULL, NULL},
    {":80", NULL, NULL},
    {"80", NULL, NULL},
    {"127.0.0.1", NULL, NULL},
    {"127.0.0.1:", NULL, NULL},
    {"127.0.0.1:0", NULL, NULL},
    {"127.0.0.1:080", NULL, NULL},
    {"127.0.0.1:65536", NULL, NULL},
    {"127.0.0.1:99999", NULL, NULL},
    {"127.0.0.1:100000", NULL, NULL},
    {"127.0.0.1:+80", NULL, NULL},
    {"127.0.0.1: 80", NULL, NULL},
    {"127.0.0.1:80 ", NULL, NULL},
    {" 127.0.0.1:80", NULL, NULL},
    {"127.0.0.1:80:80", NULL, NULL},
    {"127.0.0.1:8a", NULL, NULL},
    {"127.1:80", NULL, NULL},
    {"2130706433:80", NULL, NULL},
    {"0x7f.0.0.1:80", NULL, NULL},
    {"127.0.0.01:80", NULL, NULL},
    {"127.0.0.256:80", NULL, NULL},
    {"127.0.0.1.:80", NULL, NULL},
    {"127.0.0.1.1:80", NULL, NULL},
    {"127.0..1:80", NULL, NULL},
    {"1270.0.0.1111111111:80", NULL, NULL},
    {"localhost:80", NULL, NULL},
    {"*:80", NULL, NULL},
    {"::1:80", NULL, NULL},
    {"[::1]", NULL, NULL},
    {"[::1]:", NULL, NULL},
    {"[::1]80", NULL, NULL},
    {"[::1]:080", NULL, NULL},
    {"[::1:80", NULL, NULL},
    {"[]:80", NULL, NULL},
    {"[", NULL, NULL},
    {"[127.0.0.1]:80", NULL, NULL},
    {"[::1%lo]:80", NULL, NULL},
    {"[fe80::1%25eth0]:80", NULL, NULL},
    {"[::ffff:127.1]:80", NULL, NULL},
    {"[1:2:3:4:5:6:7]:80", NULL, NULL},
    {"[1:2:3:4:5:6:7:8:9]:80", NULL, NULL},
    {"[1::2::3]:80", NULL, NULL},
    {"[::12345]:80", NULL, NULL},
    {"[ ::1]:80", NULL, NULL},
    {"unix:", NULL, NULL},
    {"unix:run/x", NULL, NULL},
    {"unix:@x", NULL, NULL},
    {"UNIX:/x", NULL, NULL},
    {"/run/x", NULL, NULL},
};

START_TEST(text_is_strict)
{
    const char *error = NULL;
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    if (addresses[_i].out == NULL) {
        ck_assert_msg(!address_parse(&address, str_of(addresses[_i].in), &error), "%s",
                      addresses[_i].in);
        ck_assert_ptr_nonnull(error);
        return;
    }
    ck_assert_msg(address_parse(&address, str_of(addresses[_i].in), &error), "%s: %s",
                  addresses[_i].in, error);
    struct str out = address_format(&address, text);

    ck_assert_str_eq(text, addresses[_i].out);
    ck_assert_uint_eq(out.len, strlen(text));
    out = address_format_ip(&address, text);
    ck_assert_str_eq(text, addresses[_i].ip);
    ck_assert_uint_eq(out.len, strlen(text));
}
END_TEST

START_TEST(nul_is_no_part_of_an_address)
{
    static const struct str texts[] = {
        {"127.0.0.1\0:80", 13}, {"127.0.0.1:8\0", 12}, {"[::1\0]:80", 9},
        {"unix:/a\0b", 9},      {"\0", 1},             {NULL, 0},
    };
    const char *error;
    struct address address;

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        ck_assert(!address_parse(&address, texts[i], &error));
        ck_assert(!address_parse_ip(&address, texts[i]));
    }
}
END_TEST

static const struct {
    const char *in, *out;
} ips[] = {
    {"192.0.2.1", "192.0.2.1"}, {"::1", "::1"},       {"::ffff:10.1.2.3", "10.1.2.3"},
    {"FE80::1", "fe80::1"},     {"::", "::"},         {"192.0.2.1:80", NULL},
    {"[::1]", NULL},            {"192.0.2", NULL},    {"192.0.2.01", NULL},
    {"fe80::1%1", NULL},        {"", NULL},           {"unix:/x", NULL},
    {"::1 ", NULL},             {"192.0.2.1/24", NULL}, {":", NULL},
};

START_TEST(ip_has_no_port)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];
    bool good = address_parse_ip(&address, str_of(ips[_i].in));

    ck_assert_msg(good == (ips[_i].out != NULL), "%s", ips[_i].in);
    if (!good)
        return;
    address_format_ip(&address, text);
    ck_assert_str_eq(text, ips[_i].out);
}
END_TEST

START_TEST(peers_are_normalized)
{
    struct address peer = {.len = sizeof(peer.v6)};
    char text[ADDRESS_TEXT_MAX];

    peer.v6.sin6_family = AF_INET6;
    peer.v6.sin6_port = htons(4711);
    ck_assert_int_eq(inet_pton(AF_INET6, "::ffff:198.51.100.7", &peer.v6.sin6_addr), 1);
    address_normalize(&peer);
    ck_assert_int_eq(peer.any.sa_family, AF_INET);
    ck_assert_uint_eq(peer.len, sizeof(struct sockaddr_in));
    address_format(&peer, text);
    ck_assert_str_eq(text, "198.51.100.7:4711");
    address_normalize(&peer);
    address_format(&peer, text);
    ck_assert_str_eq(text, "198.51.100.7:4711");
}
END_TEST

START_TEST(local_peers)
{
    struct address unnamed = {.len = sizeof(sa_family_t)};
    struct address abstract = {.len = sizeof(sa_family_t) + 4};
    struct address full = {.len = sizeof(full.local)};
    char text[ADDRESS_TEXT_MAX];

    unnamed.local.sun_family = AF_UNIX;
    unnamed.local.sun_path[0] = 'x'; /* behind its length */
    abstract.local.sun_family = AF_UNIX;
    memcpy(abstract.local.sun_path, "\0abc", 4);
    full.local.sun_family = AF_UNIX;
    memset(full.local.sun_path, 'p', sizeof(full.local.sun_path));

    address_normalize(&unnamed);
    ck_assert_int_eq(unnamed.any.sa_family, AF_UNIX);
    address_format(&unnamed, text);
    ck_assert_str_eq(text, "unix:");
    address_format_ip(&abstract, text);
    ck_assert_str_eq(text, "unix:");
    ck_assert_uint_eq(address_format(&full, text).len, 5 + 108);
    ck_assert(address_equal(&unnamed, &abstract));
    ck_assert(!address_equal(&unnamed, &full));
}
END_TEST

START_TEST(a_family_of_others_is_unknown)
{
    static const sa_family_t families[] = {AF_UNSPEC, AF_APPLETALK};
    char text[ADDRESS_TEXT_MAX];

    for (size_t i = 0; i < COUNT_OF(families); i++) {
        struct address odd = {.any.sa_family = families[i], .len = sizeof(odd.any)};

        ck_assert(str_equal(address_format_ip(&odd, text), STR("unknown")));
        ck_assert(str_equal(address_format(&odd, text), STR("unknown")));
        ck_assert_uint_eq(address_port(&odd), 0);
        ck_assert(!address_equal(&odd, &odd));
    }
}
END_TEST

START_TEST(without_a_port_it_is_the_address)
{
    struct address address;
    char text[ADDRESS_TEXT_MAX];

    ck_assert(address_parse_ip(&address, STR("192.0.2.1")));
    ck_assert(str_equal(address_format(&address, text), STR("192.0.2.1")));
    ck_assert(address_parse_ip(&address, STR("2001:db8::1")));
    ck_assert(str_equal(address_format(&address, text), STR("2001:db8::1")));
}
END_TEST

START_TEST(copies_of_what_others_hold)
{
    static const char *const texts[] = {"192.0.2.1:80", "[2001:db8::1]:443", "unix:/a"};
    static const char *const copies[] = {"192.0.2.1:80", "[2001:db8::1]:443", "unix:"};
    struct address address, copy;
    char text[ADDRESS_TEXT_MAX];
    const char *error;

    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        ck_assert(address_parse(&address, str_of(texts[i]), &error));
        memset(&copy, 'x', sizeof(copy));
        address_of(&copy, &address.any);
        address_format(&copy, text);
        ck_assert_str_eq(text, copies[i]);
    }
}
END_TEST

START_TEST(equal)
{
    static const struct {
        const char *a, *b;
        bool equal;
    } pairs[] = {
        {"192.0.2.1:80", "192.0.2.1:80", true},     {"192.0.2.1:80", "192.0.2.1:81", false},
        {"192.0.2.1:80", "192.0.2.2:80", false},    {"[::1]:80", "[0:0::1]:80", true},
        {"[::1]:80", "[::1]:81", false},            {"[::1]:80", "[::2]:80", false},
        {"[::ffff:192.0.2.1]:80", "192.0.2.1:80", true}, {"unix:/a", "unix:/a", true},
        {"unix:/a", "unix:/ab", false},             {"unix:/a", "192.0.2.1:80", false},
    };
    struct address a, b;
    const char *error;

    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        ck_assert(address_parse(&a, str_of(pairs[i].a), &error));
        ck_assert(address_parse(&b, str_of(pairs[i].b), &error));
        ck_assert_msg(address_equal(&a, &b) == pairs[i].equal, "%s %s", pairs[i].a, pairs[i].b);
    }
}
END_TEST

Suite *
address_suite(void)
{
    Suite *suite = suite_create("address");
    TCase *tc = tcase_create("address");

    tcase_add_loop_test(tc, text_is_strict, 0, (int)COUNT_OF(addresses));
    tcase_add_test(tc, nul_is_no_part_of_an_address);
    tcase_add_loop_test(tc, ip_has_no_port, 0, (int)COUNT_OF(ips));
    tcase_add_test(tc, peers_are_normalized);
    tcase_add_test(tc, local_peers);
    tcase_add_test(tc, a_family_of_others_is_unknown);
    tcase_add_test(tc, without_a_port_it_is_the_address);
    tcase_add_test(tc, copies_of_what_others_hold);
    tcase_add_test(tc, equal);
    suite_add_tcase(suite, tc);
    return suite;
}
