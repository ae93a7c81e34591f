/* discovery_test.c - how an OpenID provider says where its keys are. */
#include "base/compiler.h"
#include "token/discovery.h"
#include "unit.h"

#include <string.h>

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
    char out[DISCOVERY_URL_MAX + 1];
    const char *error;
    bool good = discovery_url(places[_i].issuer, out, &error);

    ck_assert_int_eq(good, places[_i].url != NULL);
    if (good)
        ck_assert_str_eq(out, places[_i].url);
}
END_TEST

START_TEST(the_document_has_a_bounded_address)
{
    char issuer[DISCOVERY_URL_MAX + 1], out[DISCOVERY_URL_MAX + 1];
    size_t most = DISCOVERY_URL_MAX - strlen(DISCOVERY_PATH);
    const char *error;

    memset(issuer, 'a', sizeof(issuer));
    memcpy(issuer, "https://a/", 10);
    issuer[most] = '\0';
    ck_assert(discovery_url(issuer, out, &error));
    ck_assert_uint_eq(strlen(out), DISCOVERY_URL_MAX);
    issuer[most] = 'a';
    issuer[most + 1] = '\0';
    ck_assert(!discovery_url(issuer, out, &error));
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
    {"{" GOOD ",\"jwks_uri\":\"http://id.example.com/a\"}", "its jwks_uri is no https address",
     true},
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
    char uri[DISCOVERY_URL_MAX + 1];
    const char *error;
    bool good = discovery_read(str_of(documents[_i].document), ISSUER, documents[_i].plain,
                               uri, &error);

    ck_assert_int_eq(good, documents[_i].error == NULL);
    if (!good)
        ck_assert_str_eq(error, documents[_i].error);
    else
        ck_assert_ptr_nonnull(strstr(documents[_i].document, uri));
}
END_TEST

Suite *
discovery_suite(void)
{
    Suite *suite = suite_create("discovery");
    TCase *discovery = tcase_create("discovery");

    tcase_add_loop_test(discovery, finds_the_document, 0, (int)COUNT_OF(places));
    tcase_add_test(discovery, the_document_has_a_bounded_address);
    tcase_add_loop_test(discovery, reads_documents, 0, (int)COUNT_OF(documents));
    suite_add_tcase(suite, discovery);
    return suite;
}
