/* key_url_test.c - which addresses keys may come from, and how a provider says where they are. */
#include "base/compiler.h"
#include "token/discovery.h"
#include "unit.h"

#include <stdio.h>
#include <string.h>

#define EXPECTED "expected an address like https://id.example.com/jwks.json"
#define HTTP "http is for 127.0.0.1 and [::1] alone; expected https"
#define USER "it has a user name, which would stand in logs"

static const struct {
    const char *url;
    const char *error; /* NULL: good */
    bool plain;
} urls[] = {
    {"https://id.example.com/jwks.json", NULL},
    {"HTTPS://id.example.com", NULL},
    {"https://id.example.com:8443/a?b=c&d=%20", NULL},
    {"https://192.0.2.1/a", NULL},
    {"https://[2001:db8::1]:1/a", NULL},
    {"https://127.0.0.1/a", NULL},
    {"http://127.0.0.1/a", NULL, true},
    {"http://127.0.0.1:8080", NULL, true},
    {"HTTP://127.255.3.4:8080?a", NULL, true},
    {"http://[::1]:8080/a", NULL, true},
    {"", "empty"},
    {"id.example.com", EXPECTED},
    {"//id.example.com", EXPECTED},
    {"ftp://id.example.com/a", EXPECTED},
    {"file:///etc/passwd", EXPECTED},
    {"https:/id.example.com", EXPECTED},
    {"https://id.example.com/a b", EXPECTED},
    {"https://id.example.com/a\n", EXPECTED},
    {"https://id.example.com/\xc3\xa4", EXPECTED},
    {"https://id.example.com\\a", EXPECTED},
    {" https://id.example.com", EXPECTED},
    {"https://id.example.com/a#b", "it has a fragment, which no server is sent"},
    {"https://ann@id.example.com/", USER},
    {"https://ann:secret@id.example.com/", USER},
    {"http://127.0.0.1@id.example.com/", USER},
    {"https:///a", "empty host"},
    {"https://?a", "empty host"},
    {"https://:443/a", "empty host"},
    {"https://id.example.com:0/a", "bad port"},
    {"https://id.example.com:65536/a", "bad port"},
    {"https://a..b/", "host with an empty label"},
    {"https://127.1/", "host of digits that is no IPv4 address"},
    {"http://id.example.com/", HTTP},
    {"http://localhost/", HTTP},
    {"http://127.0.0.1.example.com/", HTTP},
    {"http://127.example/", HTTP},
    {"http://128.0.0.1/", HTTP},
    {"http://12.7.0.1/", HTTP},
    {"http://0.0.0.0/", HTTP},
    {"http://[::2]/", HTTP},
    {"http://[::ffff:127.0.0.1]/", HTTP},
    {"http://2130706433/", "host of digits that is no IPv4 address"},
};

START_TEST(judges_addresses)
{
    const char *error = "?";
    bool plain;
    bool good = key_url_check(str_of(urls[_i].url), &plain, &error);

    if (urls[_i].error) {
        ck_assert_msg(!good, "%s", urls[_i].url);
        ck_assert_str_eq(error, urls[_i].error);
        return;
    }
    ck_assert_msg(good, "%s: %s", urls[_i].url, error);
    ck_assert_int_eq(plain, urls[_i].plain);
}
END_TEST

START_TEST(addresses_are_bounded)
{
    char url[KEY_URL_MAX + 2];
    const char *error;
    bool plain;

    memset(url, 'a', sizeof(url));
    memcpy(url, "https://a/", 10);
    ck_assert(key_url_check((struct str){url, KEY_URL_MAX}, &plain, &error));
    ck_assert(!key_url_check((struct str){url, KEY_URL_MAX + 1}, &plain, &error));
    ck_assert_str_eq(error, "longer than 2048 bytes");
}
END_TEST

/* ---- Discovery ------------------------------------------------------------------------- */

static const struct {
    const char *issuer, *url; /* NULL: refused */
} places[] = {
    {"https://id.example.com", "https://id.example.com/.well-known/openid-configuration"},
    {"https://id.example.com/", "https://id.example.com/.well-known/openid-configuration"},
    {"https://id.example.com/realms/a",
     "https://id.example.com/realms/a/.well-known/openid-configuration"},
    {"http://127.0.0.1:8080/a/", "http://127.0.0.1:8080/a/.well-known/openid-configuration"},
    {"https://id.example.com/?a", NULL},
    {"https://id.example.com/#a", NULL},
    {"http://id.example.com/", NULL},
    {"id.example.com", NULL},
    {"", NULL},
};

START_TEST(finds_the_document)
{
    char out[KEY_URL_MAX + 1];
    const char *error;
    bool plain;
    bool good = discovery_url(str_of(places[_i].issuer), &plain, out, &error);

    ck_assert_int_eq(good, places[_i].url != NULL);
    if (good)
        ck_assert_str_eq(out, places[_i].url);
}
END_TEST

START_TEST(the_document_has_a_bounded_address)
{
    char issuer[KEY_URL_MAX + 1], out[KEY_URL_MAX + 1];
    size_t most = KEY_URL_MAX - strlen(DISCOVERY_PATH);
    const char *error;
    bool plain;

    memset(issuer, 'a', sizeof(issuer));
    memcpy(issuer, "https://a/", 10);
    ck_assert(discovery_url((struct str){issuer, most}, &plain, out, &error));
    ck_assert_uint_eq(strlen(out), KEY_URL_MAX);
    ck_assert(!discovery_url((struct str){issuer, most + 1}, &plain, out, &error));
    ck_assert_str_eq(error, "too long");
}
END_TEST

#define ISSUER "https://id.example.com/"
#define GOOD "\"issuer\":\"" ISSUER "\""
#define NO_JSON "it is not one JSON object, or a name in it is repeated"

static const struct {
    const char *document, *error;
    bool plain;
} documents[] = {
    {"{" GOOD ",\"jwks_uri\":\"https://keys.example.com/a?b\"}", NULL},
    {"{" GOOD ",\"jwks_uri\":\"http://127.0.0.1/a\"}", NULL, true},
    {"{" GOOD ",\"jwks_uri\":\"https://a/\"}", NULL, true},
    {"{" GOOD ",\"jwks_uri\":\"http://127.0.0.1/a\"}", "its jwks_uri is http"},
    {"{" GOOD ",\"jwks_uri\":\"http://id.example.com/a\"}", "its jwks_uri is no https address", true},
    {"{" GOOD ",\"jwks_uri\":\"file:///etc/passwd\"}", "its jwks_uri is no https address"},
    {"{" GOOD ",\"jwks_uri\":\"\"}", "its jwks_uri is no https address"},
    {"{" GOOD ",\"jwks_uri\":5}", "it has no jwks_uri"},
    {"{" GOOD "}", "it has no jwks_uri"},
    {"{\"issuer\":\"https://id.example.com\",\"jwks_uri\":\"https://a/\"}",
     "its issuer is another one"},
    {"{\"issuer\":\"https://id.example.com/x\",\"jwks_uri\":\"https://a/\"}",
     "its issuer is another one"},
    {"{\"issuer\":[\"" ISSUER "\"],\"jwks_uri\":\"https://a/\"}", "its issuer is another one"},
    {"{\"jwks_uri\":\"https://a/\"}", "its issuer is another one"},
    {"{" GOOD "," GOOD ",\"jwks_uri\":\"https://a/\"}", NO_JSON},
    {"[]", NO_JSON},
    {"<html>", NO_JSON},
    {"", NO_JSON},
};

START_TEST(reads_documents)
{
    char uri[KEY_URL_MAX + 1];
    const char *error;
    bool good = discovery_read(str_of(documents[_i].document), STR(ISSUER), documents[_i].plain,
                               uri, &error);

    ck_assert_int_eq(good, documents[_i].error == NULL);
    if (!good)
        ck_assert_str_eq(error, documents[_i].error);
    else
        ck_assert_ptr_nonnull(strstr(documents[_i].document, uri));
}
END_TEST

Suite *
key_url_suite(void)
{
    Suite *suite = suite_create("key_url");
    TCase *url = tcase_create("url"), *discovery = tcase_create("discovery");

    tcase_add_loop_test(url, judges_addresses, 0, (int)COUNT_OF(urls));
    tcase_add_test(url, addresses_are_bounded);
    suite_add_tcase(suite, url);
    tcase_add_loop_test(discovery, finds_the_document, 0, (int)COUNT_OF(places));
    tcase_add_test(discovery, the_document_has_a_bounded_address);
    tcase_add_loop_test(discovery, reads_documents, 0, (int)COUNT_OF(documents));
    suite_add_tcase(suite, discovery);
    return suite;
}
