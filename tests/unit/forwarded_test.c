/* forwarded_test.c - elements of X-Forwarded-For and Forwarded. */
#include "protocol/forwarded.h"
#include "unit.h"

#include <stdlib.h>

/* out: the address; "-": good, but it names nobody; NULL: malformed. */
static const struct {
    const char *in, *out;
} plain[] = {
    {"192.0.2.1", "192.0.2.1"},
    {"192.0.2.1:4711", "192.0.2.1"},
    {"192.0.2.1:0", "192.0.2.1"},
    {"192.0.2.1:65535", "192.0.2.1"},
    {"2001:db8::1", "2001:db8::1"},
    {"2001:DB8:0::1", "2001:db8::1"},
    {"[2001:db8::1]", "2001:db8::1"},
    {"[2001:db8::1]:4711", "2001:db8::1"},
    {"::ffff:192.0.2.1", "192.0.2.1"},
    {"[::ffff:c000:201]:80", "192.0.2.1"},
    {"", NULL},
    {"unknown", NULL},
    {"_hidden", NULL},
    {"localhost", NULL},
    {"192.0.2.1 192.0.2.2", NULL},
    {"192.0.2.1;192.0.2.2", NULL},
    {"192.0.2.01", NULL},
    {"192.0.2.256", NULL},
    {"192.0.2", NULL},
    {"0xc0.0.2.1", NULL},
    {"3221225985", NULL},
    {"192.0.2.1:", NULL},
    {"192.0.2.1:080", NULL},
    {"192.0.2.1:65536", NULL},
    {"192.0.2.1:123456", NULL},
    {"192.0.2.1:1x", NULL},
    {"192.0.2.1:_x", NULL},
    {"192.0.2.1:1:1", NULL},
    {"192.0.2.0/24", NULL},
    {"[192.0.2.1]", NULL},
    {"[192.0.2.1]:80", NULL},
    {"[2001:db8::1", NULL},
    {"2001:db8::1]", NULL},
    {"[2001:db8::1]]", NULL},
    {"[[2001:db8::1]]", NULL},
    {"[2001:db8::1]80", NULL},
    {"[2001:db8::1]:", NULL},
    {"[2001:db8::1]x:80", NULL},
    {"[]", NULL},
    {"[", NULL},
    {"]", NULL},
    {":", NULL},
    {":80", NULL},
    {"fe80::1%eth0", NULL},
    {"[fe80::1%25eth0]", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"\"192.0.2.1\"", NULL},
    {"for=192.0.2.1", NULL},
};

static const struct {
    const char *in, *out, *proto;
} standard[] = {
    {"for=192.0.2.1", "192.0.2.1", NULL},
    {"For=192.0.2.1", "192.0.2.1", NULL},
    {"for=\"192.0.2.1\"", "192.0.2.1", NULL},
    {"for=\"192.0.2.1:4711\"", "192.0.2.1", NULL},
    {"for=\"192.0.2.1:_port\"", "192.0.2.1", NULL},
    {"for=\"[2001:db8::1]\"", "2001:db8::1", NULL},
    {"for=\"[2001:db8::1]:4711\"", "2001:db8::1", NULL},
    {"for=\"[::ffff:192.0.2.1]\"", "192.0.2.1", NULL},
    {"for=192.0.2.1;proto=https;by=203.0.113.43", "192.0.2.1", "https"},
    {"proto=\"http\";FOR=192.0.2.1", "192.0.2.1", "http"},
    {"host=\"a, b;c=\\\"d\";for=192.0.2.1;x=y", "192.0.2.1", NULL},
    {";for=192.0.2.1;;proto=https;", "192.0.2.1", "https"},
    {"for=unknown", "-", NULL},
    {"for=UnKnown;proto=https", "-", "https"},
    {"for=\"unknown:80\"", "-", NULL},
    {"for=_hidden", "-", NULL},
    {"for=_SEVKISEK", "-", NULL},
    {"for=\"_a.b-c:_d\"", "-", NULL},
    {"proto=https", "-", "https"},
    {"by=192.0.2.1", "-", NULL},
    {";", "-", NULL},
    {"", "-", NULL},
    {"for", NULL, NULL},
    {"for=", NULL, NULL},
    {"for=\"\"", NULL, NULL},
    {"=192.0.2.1", NULL, NULL},
    {"192.0.2.1", NULL, NULL},
    {"for = 192.0.2.1", NULL, NULL},
    {"for=192.0.2.1 ;proto=http", NULL, NULL},
    {"for=192.0.2.1; proto=http", NULL, NULL},
    {"for=192.0.2.1;for=192.0.2.2", NULL, NULL},
    {"for=192.0.2.1;FOR=192.0.2.1", NULL, NULL},
    {"for=192.0.2.1;proto=http;proto=https", NULL, NULL},
    {"for=192.0.2.1:80", NULL, NULL},
    {"for=[2001:db8::1]", NULL, NULL},
    {"for=2001:db8::1", NULL, NULL},
    {"for=\"2001:db8::1\"", NULL, NULL},
    {"for=\"[192.0.2.1]\"", NULL, NULL},
    {"for=\"192.0.2.01\"", NULL, NULL},
    {"for=\"[fe80::1%25eth0]\"", NULL, NULL},
    {"for=\"192.0.2.1:080\"", NULL, NULL},
    {"for=\"192.0.2.1:\"", NULL, NULL},
    {"for=\"192.0.2.1", NULL, NULL},
    {"for=\"192.0.2.1\\", NULL, NULL},
    {"for=\"192.0.2.1\\\"", NULL, NULL},
    {"for=\"192.0.2.\\1\"", NULL, NULL},
    {"for=\"192.0.2.1\"x", NULL, NULL},
    {"for=\" 192.0.2.1\"", NULL, NULL},
    {"for=_", NULL, NULL},
    {"for=_a@b", NULL, NULL},
    {"for=hidden", NULL, NULL},
    {"for=192.0.2.1;a=;b=c", NULL, NULL},
    {"a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;i=1;j=1;k=1;l=1;m=1;n=1;o=1;p=1;q=1", NULL, NULL},
};

/* In a block of exactly its size. */
static void
check(bool (*parse)(struct forwarded *, struct str), const char *in, const char *out,
      const char *proto)
{
    char buffer[ADDRESS_TEXT_MAX], *block = malloc(strlen(in) + 1);
    struct forwarded forwarded;

    memcpy(block, in, strlen(in));
    block = realloc(block, strlen(in) > 0 ? strlen(in) : 1);
    bool good = parse(&forwarded, (struct str){block, strlen(in)});
    ck_assert_msg(good == (out != NULL), "%s", in);
    if (good && !forwarded.named)
        ck_assert_msg(strcmp(out, "-") == 0, "%s", in);
    else if (good)
        ck_assert_msg(str_equal(address_format_ip(&forwarded.address, buffer), str_of(out)), "%s",
                      in);
    if (good)
        ck_assert_msg(str_equal(forwarded.proto, str_of(proto)), "%s", in);
    free(block);
}

START_TEST(x_forwarded_for)
{
    check(forwarded_for_parse, plain[_i].in, plain[_i].out, NULL);
}
END_TEST

START_TEST(rfc_7239)
{
    check(forwarded_parse, standard[_i].in, standard[_i].out, standard[_i].proto);
}
END_TEST

START_TEST(nul_is_no_part_of_it)
{
    struct forwarded forwarded;

    ck_assert(!forwarded_for_parse(&forwarded, (struct str){"192.0.2.1\0", 10}));
    ck_assert(!forwarded_for_parse(&forwarded, (struct str){"[::1\0]", 6}));
    ck_assert(!forwarded_parse(&forwarded, (struct str){"for=192.0.2.1\0", 14}));
}
END_TEST

START_TEST(schemes)
{
    bool secure;

    ck_assert(forwarded_proto_parse(STR("https"), &secure) && secure);
    ck_assert(forwarded_proto_parse(STR("WSS"), &secure) && secure);
    ck_assert(forwarded_proto_parse(STR("http"), &secure) && !secure);
    ck_assert(forwarded_proto_parse(STR("ws"), &secure) && !secure);
    ck_assert(!forwarded_proto_parse(STR("ftp"), &secure));
    ck_assert(!forwarded_proto_parse(STR("https "), &secure));
    ck_assert(!forwarded_proto_parse(STR(""), &secure));
}
END_TEST

Suite *
forwarded_suite(void)
{
    Suite *suite = suite_create("forwarded");
    TCase *tc = tcase_create("forwarded");
    tcase_add_loop_test(tc, x_forwarded_for, 0, (int)COUNT_OF(plain));
    tcase_add_loop_test(tc, rfc_7239, 0, (int)COUNT_OF(standard));
    tcase_add_test(tc, nul_is_no_part_of_it);
    tcase_add_test(tc, schemes);
    suite_add_tcase(suite, tc);
    return suite;
}
