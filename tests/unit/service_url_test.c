/* service_url_test.c - the addresses that the gateway may be told to ask. */
#include "base/compiler.h"
#include "protocol/service_url.h"
#include "unit.h"

#include <string.h>

static const char *const good[] = {
    "https://id.example.com",
    "https://id.example.com/",
    "HTTPS://ID.Example.com:8443/keys?x=y&z=%20",
    "https://id.example.com?x",
    "https://id.example.com.",
    "https://192.0.2.1/",
    "https://[2001:db8::1]:443/x@y",
    "https://id/:/..//",
    "http://localhost",
    "http://LOCALHOST:8080/",
    "http://127.0.0.1:9000/keys",
    "http://127.255.0.9",
    "http://[::1]:80/",
};

static const char *const bad[] = {
    "",
    "id.example.com",
    "//id.example.com/",
    "https:/id.example.com",
    "https:id.example.com",
    "https://",
    "https:///keys",
    "https://?x",
    "https://:443/",
    "https://id..example.com/",
    "https://id.example.com:0/",
    "https://id.example.com:65536/",
    "https://id.example.com:x/",
    "https://[::1/",
    "https://[::1]x/",
    "https://a b/",
    "https://id.example.com/a b",
    "https://id.example.com/\n",
    "https://id.example.com/\xc3\xa9",
    "https://id.example.com/#x",
    "https://id.example.com#x",
    "https://user@id.example.com/",
    "https://user:secret@id.example.com/",
    "https://id.example.com\\@evil.example.net/",
    "https://1.2.3/",
    "ftp://id.example.com/",
    "file:///etc/passwd",
    "unix:/run/id.sock",
    /* In the clear, beyond this machine. */
    "http://id.example.com/",
    "http://192.0.2.1/",
    "http://127.0.0.1.example.com/",
    "http://127.example.com/",
    "http://localhost.example.com/",
    "http://localhost./",
    "http://127.0.0.1./",
    "http://127.1/",
    "http://0x7f.0.0.1/",
    "http://[::]/",
    "http://[::2]/",
    "http://[::ffff:127.0.0.1]/",
    "http://0.0.0.0/",
    "http://localhost@evil.example.net/",
};

START_TEST(takes)
{
    const char *error;

    ck_assert_msg(service_url_check(good[_i], &error), "%s: %s", good[_i], error);
    ck_assert_ptr_null(error);
}
END_TEST

START_TEST(refuses)
{
    const char *error;

    ck_assert_msg(!service_url_check(bad[_i], &error), "%s", bad[_i]);
    ck_assert_ptr_nonnull(error);
    ck_assert_ptr_null(strstr(error, "secret"));
}
END_TEST

START_TEST(bounds_the_host)
{
    char url[700] = "https://";
    const char *error;

    memset(url + 8, 'a', 600);
    ck_assert(!service_url_check(url, &error));
    ck_assert_str_eq(error, "host longer than 253 bytes");
}
END_TEST

Suite *
service_url_suite(void)
{
    Suite *suite = suite_create("service_url");
    TCase *tc = tcase_create("service_url");

    tcase_add_loop_test(tc, takes, 0, COUNT_OF(good));
    tcase_add_loop_test(tc, refuses, 0, COUNT_OF(bad));
    tcase_add_test(tc, bounds_the_host);
    suite_add_tcase(suite, tc);
    return suite;
}
