/* jwt_test.c - the jwt module, driven through a fake gateway. */
#include "bearer_rules.h"
#include "failing_memory.h"
#include "fake_host.h"
#include "jwt_keys.h"
#include "jwt_settings.h"
#include "registry.h"
#include "temporary_file.h"
#include "token_maker.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW_MS INT64_C(1700000000000)
#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* ---- Instances -------------------------------------------------------------------- */

static const struct fake_row key_rows[] = {{"secret", SECRET}, {"algorithm", "HS256"}, {NULL}};
static const struct mw_options key_options = {jwt_key_options, key_rows};
static const struct fake_row no_entries[] = {{"entries", "0"}, {NULL}};
static const struct mw_options no_cache = {jwt_cache_options, no_entries};
#define UNCACHED {"cache", NULL, &no_cache}
#define KEY {"keys", NULL, &key_options}, UNCACHED

/* An instance with those rows, and its one worker's state. */
struct instance {
    void *instance, *state;
};

static struct instance
start(const struct fake_row *rows)
{
    struct instance made = {fake_setup(&jwt_module, rows), NULL};

    ck_assert_msg(made.instance != NULL, "%s", fake_complaints());
    made.state = jwt_module.worker_start(made.instance, NULL);
    ck_assert_ptr_nonnull(made.state);
    return made;
}

static void
stop(struct instance made)
{
    jwt_module.worker_stop(made.state);
    jwt_module.teardown(made.instance);
}

/* One request through a new instance. */
static enum mw_verdict
decide(const struct fake_row *rows, struct mw_request *request)
{
    struct instance made = start(rows);

    request->now_ms = NOW_MS;
    enum mw_verdict verdict = jwt_module.decide(made.instance, made.state, request);
    stop(made);
    fake_request_free(request);
    return verdict;
}

/* "Bearer TOKEN" for a request; the caller frees. */
static char *
bearer(const char *payload)
{
    char *token = maker_plain(JOSE_HS256, NULL, payload), *value = malloc(strlen(token) + 8);

    sprintf(value, "Bearer %s", token);
    free(token);
    return value;
}

#define CLAIMS "{\"iss\":\"i\",\"sub\":\"alice\",\"exp\":1700000060}"

/* ---- Where tokens are --------------------------------------------------------------- */

#define ALL_PLACES                                                                                \
    {"token_from", "header"}, {"token_from", "cookie:session"}, {"token_from", "query:t"},        \
        {"token_from", "subprotocol"}
#define KUBERNETES "base64url.bearer.authorization.k8s.io."

static const struct fake_row header_only[] = {KEY, {NULL}};
static const struct fake_row everywhere[] = {KEY, ALL_PLACES, {NULL}};
static const struct fake_row kept[] = {KEY, ALL_PLACES, {"forward_token", "true"}, {NULL}};

#define ID "identify i alice\ndeadline 1700000060000\n"

/* In values "@" stands for a good token and "#" for its base64url. */
static const struct {
    const struct fake_row *rows;
    const char *word; /* "token-ok" when it passes */
    const char *trace;
    struct fake_pair headers[4], cookies[3], arguments[3];
    const char *protocols[6];
} requests[] = {
    /* Authorization */
    {header_only, "token-ok", "strip header Authorization\n" ID, {{"Authorization", "Bearer @"}}},
    {header_only, "token-ok", "strip header Authorization\n" ID, {{"AUTHORIZATION", "bEARER   @"}}},
    {header_only, "token-missing", "", {{"X-Other", "Bearer @"}}},
    {header_only, "token-missing", "", {{"Authorization", "Basic QTpC"}}},
    {header_only, "token-missing", "", {{"Authorization", "BearerX @"}}},
    {header_only, "token-missing", "", {{"Authorization", "Bearer-x @"}}},
    {header_only, "token-missing", "", {{"Authorization", "Bear"}}},
    {header_only, "token-missing", "", {{"Authorization", ""}}},
    {header_only, "token-malformed", "strip header Authorization\n", {{"Authorization", "Bearer"}}},
    {header_only, "token-malformed", "strip header Authorization\n",
     {{"Authorization", "Bearer "}}},
    {header_only, "token-malformed", "strip header Authorization\n",
     {{"Authorization", "Bearer\t@"}}},
    {header_only, "token-malformed", "strip header Authorization\n",
     {{"Authorization", "Bearer, @"}}},
    {header_only, "token-malformed", "strip header Authorization\n",
     {{"Authorization", "Bearer @ x"}}},
    {header_only, "token-malformed", "strip header Authorization\n",
     {{"Authorization", "Bearer @, Bearer @"}}},
    {header_only, "token-several", "strip header Authorization\n",
     {{"Authorization", "Bearer @"}, {"Authorization", "Bearer @"}}},
    {header_only, "token-several", "strip header Authorization\n",
     {{"Authorization", "Bearer @"}, {"Authorization", "Basic QTpC"}}},
    {header_only, "token-several", "strip header Authorization\n",
     {{"Authorization", "Basic QTpC"}, {"authorization", "Bearer @"}}},
    {header_only, "token-missing", "",
     {{"Authorization", "Basic QTpC"}, {"Authorization", "Digest x"}}},
    /* Places that are not configured are no places. */
    {header_only, "token-missing", "", {{NULL}}, {{"session", "@"}}, {{"t", "@"}}, {"bearer", "@"}},
    {header_only, "token-ok", "strip header Authorization\n" ID, {{"Authorization", "Bearer @"}},
     {{"session", "@"}}, {{"t", "@"}}, {"bearer", "@"}},
    /* Cookie */
    {everywhere, "token-ok", "strip cookie session\n" ID, {{NULL}}, {{"session", "@"}}},
    {everywhere, "token-ok", "strip cookie session\n" ID, {{"Authorization", "Basic QTpC"}},
     {{"session", "@"}}},
    {everywhere, "token-missing", "", {{NULL}}, {{"Session", "@"}}},
    {everywhere, "token-missing", "strip cookie session\n", {{NULL}}, {{"session", ""}}},
    {everywhere, "token-ok", "strip header Authorization\nstrip cookie session\n" ID,
     {{"Authorization", "Bearer @"}}, {{"session", ""}}},
    {everywhere, "token-several", "strip cookie session\n", {{NULL}},
     {{"session", "@"}, {"session", "@"}}},
    {everywhere, "token-several", "strip cookie session\n", {{NULL}},
     {{"session", ""}, {"session", "@"}}},
    {everywhere, "token-several", "strip cookie session\n", {{NULL}},
     {{"session", ""}, {"session", ""}}},
    {everywhere, "token-malformed", "strip cookie session\n", {{NULL}}, {{"session", "x"}}},
    /* Query */
    {everywhere, "token-ok", "strip query t\n" ID, {{NULL}}, {{NULL}}, {{"t", "@"}, {"u", "1"}}},
    {everywhere, "token-missing", "strip query t\n", {{NULL}}, {{NULL}}, {{"t", ""}}},
    {everywhere, "token-several", "strip query t\n", {{NULL}}, {{NULL}}, {{"t", "@"}, {"t", "x"}}},
    /* Two places */
    {everywhere, "token-several", "strip header Authorization\nstrip cookie session\n",
     {{"Authorization", "Bearer @"}}, {{"session", "@"}}},
    {everywhere, "token-several", "strip cookie session\nstrip query t\n", {{NULL}},
     {{"session", "x"}}, {{"t", "@"}}},
    {everywhere, "token-several",
     "strip header Authorization\nstrip subprotocol 1\nstrip subprotocol 0\n",
     {{"Authorization", "Bearer @"}}, {{NULL}}, {{NULL}}, {"bearer", "@"}},
    /* The pair */
    {everywhere, "token-ok", "strip subprotocol 1\nstrip subprotocol 0\n" ID, {{NULL}}, {{NULL}},
     {{NULL}}, {"bearer", "@"}},
    {everywhere, "token-ok", "strip subprotocol 1\nstrip subprotocol 0\n" ID, {{NULL}}, {{NULL}},
     {{NULL}}, {"bearer", "@", "chat"}},
    {everywhere, "token-ok", "strip subprotocol 2\nstrip subprotocol 1\n" ID, {{NULL}}, {{NULL}},
     {{NULL}}, {"chat", "bearer", "@", "chat2"}},
    {everywhere, "token-malformed", "strip subprotocol 1\nstrip subprotocol 0\n", {{NULL}},
     {{NULL}},
     {{NULL}}, {"bearer", "chat", "@"}},
    {everywhere, "token-malformed", "strip subprotocol 0\n", {{NULL}}, {{NULL}}, {{NULL}},
     {"bearer"}},
    {everywhere, "token-malformed", "strip subprotocol 1\n", {{NULL}}, {{NULL}}, {{NULL}},
     {"chat", "bearer"}},
    {everywhere, "token-ok", "strip subprotocol 1\nstrip subprotocol 0\n" ID, {{NULL}}, {{NULL}},
     {{NULL}}, {"Bearer", "@"}},
    {everywhere, "token-missing", "", {{NULL}}, {{NULL}}, {{NULL}}, {"chat", "chat2"}},
    {everywhere, "token-several",
     "strip subprotocol 3\nstrip subprotocol 2\nstrip subprotocol 1\nstrip subprotocol 0\n",
     {{NULL}}, {{NULL}}, {{NULL}}, {"bearer", "@", "bearer", "@"}},
    {everywhere, "token-several", "strip subprotocol 2\nstrip subprotocol 1\nstrip subprotocol 0\n",
     {{NULL}}, {{NULL}}, {{NULL}}, {"bearer", "@", "bearer"}},
    /* Kubernetes' form */
    {everywhere, "token-ok", "strip subprotocol 0\n" ID, {{NULL}}, {{NULL}}, {{NULL}},
     {KUBERNETES "#", "chat"}},
    {everywhere, "token-ok", "strip subprotocol 1\n" ID, {{NULL}}, {{NULL}}, {{NULL}},
     {"chat", KUBERNETES "#"}},
    {everywhere, "token-alone", "strip subprotocol 0\n", {{NULL}}, {{NULL}}, {{NULL}},
     {KUBERNETES "#"}},
    {everywhere, "token-alone", "strip subprotocol 0\n", {{NULL}}, {{NULL}}, {{NULL}},
     {KUBERNETES "#", "api-key.x"}},
    {everywhere, "token-malformed", "strip subprotocol 1\n", {{NULL}}, {{NULL}}, {{NULL}},
     {"chat", KUBERNETES "#="}},
    {everywhere, "token-malformed", "strip subprotocol 1\n", {{NULL}}, {{NULL}}, {{NULL}},
     {"chat", KUBERNETES "@"}},
    {everywhere, "token-malformed", "strip subprotocol 1\n", {{NULL}}, {{NULL}}, {{NULL}},
     {"chat", KUBERNETES}},
    {everywhere, "token-several", "strip subprotocol 2\nstrip subprotocol 0\n", {{NULL}}, {{NULL}},
     {{NULL}}, {KUBERNETES "#", "chat", KUBERNETES "#"}},
    {everywhere, "token-several", "strip subprotocol 2\nstrip subprotocol 1\nstrip subprotocol 0\n",
     {{NULL}}, {{NULL}}, {{NULL}}, {KUBERNETES "#", "bearer", "@", "chat"}},
    {everywhere, "token-missing", "", {{NULL}}, {{NULL}}, {{NULL}},
     {"base64url.bearer.authorization.k8s.io", "chat"}},
    /* forward_token: the backend sees it too, but never among the subprotocols. */
    {kept, "token-ok", ID, {{"Authorization", "Bearer @"}}},
    {kept, "token-ok", ID, {{NULL}}, {{"session", "@"}}},
    {kept, "token-ok", "strip subprotocol 1\nstrip subprotocol 0\n" ID, {{NULL}}, {{NULL}},
     {{NULL}},
     {"bearer", "@", "chat"}},
};

/* text with "@" and "#" filled in; the test's process ends with it. */
static const char *
filled(const char *text)
{
    const char *mark = text ? strpbrk(text, "@#") : NULL;
    char *token, *out;

    if (!mark)
        return text;
    token = maker_plain(JOSE_HS256, NULL, CLAIMS);
    if (*mark == '#') {
        char *encoded = maker_text(token);
        free(token);
        token = encoded;
    }
    const char *rest = filled(mark + 1);
    size_t size = strlen(text) + strlen(token) + strlen(rest) + 1;
    out = malloc(size);
    snprintf(out, size, "%.*s%s%s", (int)(mark - text), text, token, rest);
    if (rest != mark + 1)
        free((void *)(uintptr_t)rest);
    free(token);
    return out;
}

static void
fill_pairs(struct fake_pair *out, const struct fake_pair *pairs)
{
    for (; pairs->name; pairs++, out++)
        *out = (struct fake_pair){pairs->name, filled(pairs->value)};
}

static void
free_filled(const char *now, const char *before)
{
    if (now != before)
        free((void *)(uintptr_t)now);
}

START_TEST(finds_the_one_token)
{
    struct mw_request request = {.now_ms = 0};

    fill_pairs(request.headers, requests[_i].headers);
    fill_pairs(request.cookies, requests[_i].cookies);
    fill_pairs(request.arguments, requests[_i].arguments);
    for (size_t i = 0; requests[_i].protocols[i]; i++)
        request.protocols[i] = filled(requests[_i].protocols[i]);

    enum mw_verdict verdict = decide(requests[_i].rows, &request);
    const char *word = verdict == MW_PASS ? "token-ok" : request.word;
    ck_assert_msg(strcmp(word, requests[_i].word) == 0, "case %d: %s, wanted %s", _i, word,
                  requests[_i].word);
    ck_assert_msg(strcmp(request.trace, requests[_i].trace) == 0, "case %d: %s, wanted %s", _i,
                  request.trace, requests[_i].trace);
    for (size_t i = 0; i < 4; i++)
        free_filled(request.headers[i].value, requests[_i].headers[i].value);
    for (size_t i = 0; i < 3; i++)
        free_filled(request.cookies[i].value, requests[_i].cookies[i].value);
    for (size_t i = 0; i < 3; i++)
        free_filled(request.arguments[i].value, requests[_i].arguments[i].value);
    for (size_t i = 0; i < 6; i++)
        free_filled(request.protocols[i], requests[_i].protocols[i]);
}
END_TEST

/* ---- What a refusal says ------------------------------------------------------------------ */

START_TEST(a_challenge_follows_rfc_6750)
{
    static const struct fake_row rows[] = {
        KEY, {"realm", "a \"b\" \\c"}, {"issuer", "i"}, {"audience", "x"}, {NULL}};
    struct instance made = start(rows);
    struct mw_request none = {.now_ms = NOW_MS};

    ck_assert_int_eq(jwt_module.decide(made.instance, made.state, &none), MW_DENY);
    ck_assert_int_eq(none.status, 401);
    ck_assert_str_eq(none.challenge, "Bearer realm=\"a \\\"b\\\" \\\\c\"");

    struct mw_request bad = {.headers = {{"Authorization", "Bearer x"}}, .now_ms = NOW_MS};
    ck_assert_int_eq(jwt_module.decide(made.instance, made.state, &bad), MW_DENY);
    ck_assert_int_eq(bad.status, 401);
    ck_assert_str_eq(bad.challenge, "Bearer realm=\"a \\\"b\\\" \\\\c\", error=\"invalid_token\", "
                                    "error_description=\"The access token is malformed\"");

    struct mw_request two = {
        .headers = {{"Authorization", "Bearer x"}, {"Authorization", "Bearer x"}},
        .now_ms = NOW_MS};
    ck_assert_int_eq(jwt_module.decide(made.instance, made.state, &two), MW_DENY);
    ck_assert_int_eq(two.status, 400);
    ck_assert_ptr_nonnull(strstr(two.challenge, "error=\"invalid_request\""));
    stop(made);
}
END_TEST

static const struct {
    const char *claims, *word;
} refusals[] = {
    {"{\"iss\":\"j\",\"aud\":\"x\",\"exp\":1700000060}", "token-issuer"},
    {"{\"iss\":\"i\",\"aud\":\"y\",\"exp\":1700000060}", "token-audience"},
    {"{\"iss\":\"i\",\"aud\":\"x\"}", "token-no-expiry"},
    {"{\"iss\":\"i\",\"aud\":\"x\",\"exp\":1699999990}", "token-expired"},
    {"{\"iss\":\"i\",\"aud\":\"x\",\"exp\":1700000060,\"nbf\":1700000011}", "token-not-yet-valid"},
    {"{\"iss\":\"i\",\"aud\":\"x\",\"exp\":\"x\"}", "token-claim"},
    {"{\"iss\":\"i\",\"aud\":\"x\",\"exp\":1699999991}", "token-ok"},
    {"{\"iss\":\"i\",\"aud\":[\"z\",\"w\"],\"exp\":1700000060,\"nbf\":1700000010}", "token-ok"},
};

START_TEST(claims_are_judged)
{
    static const struct fake_row rows[] = {KEY, {"issuer", "i"}, {"audience", "x"},
                                           {"audience", "w"}, {"leeway", "10s"}, {NULL}};
    char *value = bearer(refusals[_i].claims);
    struct mw_request request = {.headers = {{"Authorization", value}}};

    enum mw_verdict verdict = decide(rows, &request);
    ck_assert_str_eq(verdict == MW_PASS ? "token-ok" : request.word, refusals[_i].word);
    free(value);
}
END_TEST

START_TEST(a_type_can_be_asked_for)
{
    static const struct fake_row rows[] = {KEY, {"typ", "at+jwt"}, {NULL}};
    char *value = bearer(CLAIMS);
    struct mw_request request = {.headers = {{"Authorization", value}}};

    ck_assert_int_eq(decide(rows, &request), MW_DENY);
    ck_assert_str_eq(request.word, "token-type");
    free(value);
}
END_TEST

START_TEST(only_listed_algorithms_pass)
{
    static const struct fake_row any_rows[] = {{"secret", SECRET}, {NULL}};
    static const struct mw_options any_key = {jwt_key_options, any_rows};
    static const struct fake_row rows[] = {
        {"keys", NULL, &any_key}, {"algorithms", "HS384"}, {"algorithms", "ES256"}, {NULL}};
    char *value = bearer(CLAIMS);
    struct mw_request request = {.headers = {{"Authorization", value}}};

    ck_assert_int_eq(decide(rows, &request), MW_DENY);
    ck_assert_str_eq(request.word, "token-algorithm");
    free(value);
}
END_TEST

/* ---- What is handed on -------------------------------------------------------------------- */

START_TEST(the_tunnel_ends_with_the_token)
{
    static const struct fake_row with_leeway[] = {KEY, {"leeway", "30s"}, {NULL}};
    static const struct fake_row keep[] = {KEY, {"on_expiry", "keep"}, {NULL}};
    static const struct fake_row endless[] = {KEY, {"require_expiration", "false"}, {NULL}};
    static const struct {
        const struct fake_row *rows;
        const char *claims, *trace;
    } cases[] = {
        {header_only, CLAIMS, "strip header Authorization\n" ID},
        {with_leeway, CLAIMS,
         "strip header Authorization\nidentify i alice\ndeadline 1700000090000\n"},
        {keep, CLAIMS, "strip header Authorization\nidentify i alice\n"},
        {endless, "{\"sub\":\"a\"}", "strip header Authorization\nidentify  a\n"},
        {endless, "{\"iss\":\"i\"}", "strip header Authorization\n"},
        {endless, CLAIMS, "strip header Authorization\n" ID},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *value = bearer(cases[i].claims);
        struct mw_request request = {.headers = {{"Authorization", value}}};

        ck_assert_int_eq(decide(cases[i].rows, &request), MW_PASS);
        ck_assert_str_eq(request.trace, cases[i].trace);
        free(value);
    }
}
END_TEST

/* "@" in the claims is the value of c; the header that comes of it, or NULL for none. */
static const struct {
    const char *claims, *header;
} forwards[] = {
    {"\"c\":\"plain text, with commas\"", "plain text%2C with commas"},
    {"\"c\":\"\"", ""},
    {"\"c\":\" \"", "%20"},
    {"\"c\":\" a b \"", "%20a b%20"},
    {"\"c\":\"100%\"", "100%25"},
    {"\"c\":\"J\\u00fcrgen\"", "J%C3%BCrgen"},
    {"\"c\":\"J%C3%BCrgen\"", "J%25C3%25BCrgen"},
    {"\"c\":\"a\\r\\nX-Admin: 1\"", "a%0D%0AX-Admin: 1"},
    {"\"c\":\"a\\tb\\u007f\"", "a%09b%7F"},
    {"\"c\":42", "42"},
    {"\"c\":-9223372036854775808", "-9223372036854775808"},
    {"\"c\":1.5", "1.5"},
    {"\"c\":true", "true"},
    {"\"c\":false", "false"},
    {"\"c\":[\"a\",\"b\"]", "a,b"},
    {"\"c\":[\"a,b\",\" c\"]", "a%2Cb,%20c"},
    {"\"c\":[]", ""},
    {"\"c\":[\"\"]", ""},
    {"\"c\":null", NULL},
    {"\"c\":{\"a\":1}", NULL},
    {"\"c\":0.1", "0.1"},
    {"\"c\":1e3", "1000"},
    {"\"c\":[1,-2.5,true,\"x\"]", "1,-2.5,true,x"},
    {"\"c\":[\"a\\r\\nb\",\"100%\",\"\\u00fc\"]", "a%0D%0Ab,100%25,%C3%BC"},
    {"\"c\":[1,{}]", NULL},
    {"\"c\":[\"a\",null]", NULL},
    {"\"c\":[[\"a\"]]", NULL},
};

START_TEST(claims_become_headers)
{
    static const struct fake_row rows[] = {
        KEY, {"forward_claims", "c=X-C"}, {"require_expiration", "false"}, {NULL}};
    char claims[256], wanted[512];

    snprintf(claims, sizeof(claims), "{%s}", forwards[_i].claims);
    char *value = bearer(claims);
    struct mw_request request = {.headers = {{"Authorization", value}, {"x-c", "forged"}}};
    ck_assert_int_eq(decide(rows, &request), MW_PASS);
    snprintf(wanted, sizeof(wanted), "strip header Authorization\n%s%s\n",
             forwards[_i].header ? "forward X-C: " : "count claim-not-forwarded 1",
             forwards[_i].header ? forwards[_i].header : "");
    ck_assert_str_eq(request.trace, wanted);
    free(value);
}
END_TEST

START_TEST(claims_are_found_by_path)
{
    static const struct fake_row rows[] = {KEY,
                                           {"forward_claims", "sub=X-Sub"},
                                           {"forward_claims", "realm_access.roles=X-Roles"},
                                           {"forward_claims", "https://e.example/r=X-R"},
                                           {"forward_claims", "a.b.c=X-Abc"},
                                           {"forward_claims", "sub.x=X-None"},
                                           {"forward_claims", "missing=X-Missing"},
                                           {"require_expiration", "false"},
                                           {NULL}};
    char *value = bearer("{\"sub\":\"s\",\"realm_access\":{\"roles\":[\"user\",\"admin\"]},"
                         "\"https://e.example/r\":\"whole\",\"a\":{\"b\":{\"c\":1}},\"a.b\":2}");
    struct mw_request request = {.headers = {{"Authorization", value}}};

    ck_assert_int_eq(decide(rows, &request), MW_PASS);
    ck_assert_str_eq(request.trace, "strip header Authorization\nidentify  s\n"
                                    "forward X-Sub: s\n"
                                    "forward X-Roles: user,admin\n"
                                    "forward X-R: whole\n"
                                    "forward X-Abc: 1\n");
    ck_assert_str_eq(fake_reserved(), "X-Missing"); /* no client can send it, on any route */
    free(value);
}
END_TEST

/* Those that the modules behind this one read, as text; what has none is not there. */
START_TEST(claims_are_given)
{
    static const struct fake_row rows[] = {KEY, {"require_expiration", "false"}, {NULL}};
    char *value = bearer("{\"iss\":\"i\",\"tenant\":\"acme\",\"org\":{\"id\":42},\"half\":1.50,"
                         "\"yes\":true,\"list\":[\"a\"],\"map\":{\"a\":1},\"nothing\":null,"
                         "\"empty\":\"\",\"unread\":\"x\"}");
    struct mw_request request = {
        .headers = {{"Authorization", value}},
        .expected = {"tenant", "org.id", "half", "yes", "list", "map", "nothing", "empty",
                     "missing", "tenant.x"},
    };

    int offers = fake_offers();
    ck_assert_int_eq(decide(rows, &request), MW_PASS);
    ck_assert_int_eq(fake_offers(), offers + 1);
    ck_assert_str_eq(request.trace, "strip header Authorization\n"
                                    "give tenant by i: acme\n"
                                    "give org.id by i: 42\n"
                                    "give half by i: 1.5\n"
                                    "give yes by i: true\n"
                                    "give empty by i: \n");
    free(value);
}
END_TEST

/* Of a token that was refused nothing is given. */
START_TEST(claims_of_a_refused_token_are_not_given)
{
    static const struct fake_row presence[] = {{"present", "true"}, {NULL}};
    static const struct mw_options present = {bearer_rule_options, presence};
    static const struct fake_row rows[] = {
        KEY, {"require_expiration", "false"}, {"claims", "role", &present}, {NULL}};
    char *value = bearer("{\"iss\":\"i\",\"tenant\":\"acme\"}");
    struct mw_request request = {.headers = {{"Authorization", value}}, .expected = {"tenant"}};

    ck_assert_int_eq(decide(rows, &request), MW_DENY);
    ck_assert_ptr_null(strstr(request.trace, "give"));
    free(value);
}
END_TEST

/* ---- Who it is ------------------------------------------------------------------------------ */

START_TEST(a_claim_says_who_it_is)
{
    static const struct fake_row by_sub[] = {KEY, {"require_expiration", "false"}, {NULL}};
    static const struct fake_row by_path[] = {
        KEY, {"require_expiration", "false"}, {"subject_claim", "user.id"}, {NULL}};
    static const struct {
        const struct fake_row *rows;
        const char *claims, *identity; /* NULL: nobody; "" : refused */
    } cases[] = {
        {by_sub, "{\"sub\":\"s\"}", "s"},
        {by_sub, "{\"sub\":\"\"}", " "},
        {by_sub, "{}", NULL},
        {by_sub, "{\"sub\":7}", ""},
        {by_path, "{\"sub\":\"s\",\"user\":{\"id\":\"u\"}}", "u"},
        {by_path, "{\"sub\":\"s\",\"user\":{\"id\":42}}", "42"},
        {by_path, "{\"sub\":\"s\",\"user.id\":\"whole\",\"user\":{\"id\":42}}", "whole"},
        {by_path, "{\"sub\":\"s\"}", NULL},
        {by_path, "{\"user\":{\"id\":1.5}}", ""},
        {by_path, "{\"user\":{\"id\":true}}", ""},
        {by_path, "{\"user\":{\"id\":[\"u\"]}}", ""},
        {by_path, "{\"user\":{\"id\":null}}", ""},
        {by_path, "{\"sub\":7,\"user\":{\"id\":\"u\"}}", ""},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *value = bearer(cases[i].claims), wanted[128] = "strip header Authorization\n";
        struct mw_request request = {.headers = {{"Authorization", value}}};
        bool refused = cases[i].identity && !*cases[i].identity;

        ck_assert_int_eq(decide(cases[i].rows, &request), refused ? MW_DENY : MW_PASS);
        if (refused)
            ck_assert_str_eq(request.word, "token-claim");
        else if (cases[i].identity)
            snprintf(wanted + strlen(wanted), 64, "identify  %s\n",
                     strcmp(cases[i].identity, " ") == 0 ? "" : cases[i].identity);
        ck_assert_str_eq(request.trace, wanted);
        free(value);
    }
}
END_TEST

/* ---- Claim rules ---------------------------------------------------------------------------- */

#define RULE(name, ...)                                                                           \
    static const struct fake_row name##_rows[] = {__VA_ARGS__, {NULL}};                           \
    static const struct mw_options name = {bearer_rule_options, name##_rows};

RULE(chat_scope, {"contains", "chat"})
RULE(room_scope, {"any_of", "room:{room}"}, {"any_of", "rooms"})
RULE(own_room, {"contains", "{room}"})
RULE(staff, {"all_of", "user"}, {"all_of", "admin"}, {"matches", "[a-z]+"})
RULE(tenant, {"equals", "t1"}, {"present", "true"})
RULE(no_actor, {"present", "false"})

#define REFUSED "Bearer realm=\"wsgate\", error=\"insufficient_scope\", "                         \
                "error_description=\"The access token does not grant this\""

static const struct {
    struct fake_row rules[4];
    const char *claims, *room;
    const char *labels;    /* NULL: it passes */
    const char *challenge; /* behind REFUSED */
} rule_cases[] = {
    {{{"claims", "scope", &chat_scope}}, "\"scope\":\"log chat\"", NULL, NULL, NULL},
    {{{"claims", "scope", &chat_scope}}, "\"scope\":\"log\"", NULL,
     "label claim scope\nlabel rule contains\n", ", scope=\"chat\""},
    {{{"claims", "scope", &room_scope}}, "\"scope\":\"room:blue\"", "blue", NULL, NULL},
    {{{"claims", "scope", &room_scope}}, "\"scope\":\"room:red\"", "blue",
     "label claim scope\nlabel rule any_of\n", ", scope=\"room:blue rooms\""},
    {{{"claims", "scope", &room_scope}}, "\"scope\":\"room:red\"", "%22%5C%0D",
     "label claim scope\nlabel rule any_of\n", ""},
    {{{"claims", "scope", &room_scope}}, "\"scope\":\"rooms\"", NULL,
     "label claim scope\nlabel rule any_of\nlabel capture room\n", ""},
    {{{"claims", "rooms", &own_room}}, "\"rooms\":[\"red\",\"blue\"]", "blue", NULL, NULL},
    {{{"claims", "rooms", &own_room}}, "\"rooms\":[\"red\"]", "blue",
     "label claim rooms\nlabel rule contains\n", ""},
    {{{"claims", "realm_access.roles", &staff}},
     "\"realm_access\":{\"roles\":[\"admin\",\"user\"]}", NULL, NULL, NULL},
    {{{"claims", "realm_access.roles", &staff}}, "\"realm_access\":{\"roles\":[\"user\"]}", NULL,
     "label claim realm_access.roles\nlabel rule all_of\n", ""},
    {{{"claims", "tenant", &tenant},
      {"claims", "act", &no_actor},
      {"claims", "scope", &chat_scope}},
     "\"tenant\":\"t1\",\"scope\":\"chat\"", NULL, NULL, NULL},
    {{{"claims", "tenant", &tenant},
      {"claims", "act", &no_actor},
      {"claims", "scope", &chat_scope}},
     "\"tenant\":\"t1\",\"scope\":\"chat\",\"act\":{\"sub\":\"eve\"}", NULL,
     "label claim act\nlabel rule present\n", ""},
};

START_TEST(rules_decide)
{
    struct fake_row rows[] = {KEY, {"require_expiration", "false"}, rule_cases[_i].rules[0],
                              rule_cases[_i].rules[1], rule_cases[_i].rules[2], {NULL}};
    char claims[256], trace[512], challenge[512];

    snprintf(claims, sizeof(claims), "{\"sub\":\"s\",%s}", rule_cases[_i].claims);
    char *value = bearer(claims);
    struct mw_request request = {.headers = {{"Authorization", value}}};
    if (rule_cases[_i].room)
        request.captures[0] = (struct fake_pair){"room", rule_cases[_i].room};
    enum mw_verdict verdict = decide(rows, &request);
    snprintf(trace, sizeof(trace), "strip header Authorization\nidentify  s\n%s",
             rule_cases[_i].labels ? rule_cases[_i].labels : "");
    ck_assert_str_eq(request.trace, trace);
    ck_assert_int_eq(verdict, rule_cases[_i].labels ? MW_DENY : MW_PASS);
    if (verdict == MW_DENY) {
        snprintf(challenge, sizeof(challenge), REFUSED "%s", rule_cases[_i].challenge);
        ck_assert_int_eq(request.status, 403);
        ck_assert_str_eq(request.word, "claims-not-met");
        ck_assert_str_eq(request.challenge, challenge);
    }
    free(value);
}
END_TEST

/* A rule about a token that does not verify says nothing. */
START_TEST(rules_come_after_the_signature)
{
    static const struct fake_row rows[] = {KEY, {"claims", "scope", &chat_scope}, {NULL}};
    char *value = bearer("{\"sub\":\"s\",\"exp\":1}");
    struct mw_request request = {.headers = {{"Authorization", value}}};

    ck_assert_int_eq(decide(rows, &request), MW_DENY);
    ck_assert_str_eq(request.word, "token-expired");
    ck_assert_str_eq(request.trace, "strip header Authorization\n");
    free(value);
}
END_TEST

/* ---- The cache ------------------------------------------------------------------------------ */

/* One that is found there is judged like a new one, and counted. */
START_TEST(a_token_is_remembered)
{
    static const struct fake_row rows[] = {
        {"keys", NULL, &key_options}, {"forward_claims", "sub=X-Sub"}, {NULL}};
    static const struct {
        const char *count;
        int64_t now_ms;
        const char *rest, *word;
    } uses[] = {
#define PASSED                                                                                    \
    "identify i alice\nforward X-Sub: alice\ngive sub by i: alice\ndeadline 1700000060000\n"
        {"miss", NOW_MS, PASSED, NULL},
        {"hit", NOW_MS, PASSED, NULL},
        {"hit", NOW_MS + 59999, PASSED, NULL},
        {"miss", NOW_MS + 60000, "", "token-expired"},
        {"miss", NOW_MS + 60000, "", "token-expired"},
        {"miss", NOW_MS, PASSED, NULL}, /* the clock was put back */
#undef PASSED
    };
    struct instance made = start(rows);
    void *other = jwt_module.worker_start(made.instance, NULL);
    char *value = bearer(CLAIMS), wanted[512];

    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        struct mw_request request = {.headers = {{"Authorization", value}},
                                     .expected = {"sub"},
                                     .now_ms = uses[i].now_ms};
        enum mw_verdict verdict =
            jwt_module.decide(made.instance, i % 2 ? other : made.state, &request);
        snprintf(wanted, sizeof(wanted), "strip header Authorization\ncount token-cache-%s 1\n%s",
                 uses[i].count, uses[i].rest);
        ck_assert_str_eq(request.trace, wanted);
        ck_assert_int_eq(verdict, uses[i].word ? MW_DENY : MW_PASS);
        if (uses[i].word)
            ck_assert_str_eq(request.word, uses[i].word);
        fake_request_free(&request);
    }
    free(value);
    jwt_module.worker_stop(other);
    stop(made);
}
END_TEST

/* Nothing goes on half: whatever fails, the answer is 503 and no challenge. */
START_TEST(out_of_memory_refuses)
{
    static const struct fake_row rows[] = {
        KEY, ALL_PLACES, {"forward_claims", "sub=X-Sub"}, {NULL}};
    static const struct {
        const char *broken;
        bool no_memory, subprotocol;
    } cases[] = {{"strip"}, {"identify"}, {"forward"}, {"give"}, {NULL, true}, {NULL, true, true}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *value = bearer(CLAIMS);
        struct mw_request request = {
            .broken = cases[i].broken, .no_memory = cases[i].no_memory, .expected = {"sub"}};
        if (cases[i].subprotocol) {
            request.protocols[0] = KUBERNETES "AAAA";
            request.protocols[1] = "chat";
        } else {
            request.headers[0] = (struct fake_pair){"Authorization", value};
        }
        ck_assert_int_eq(decide(rows, &request), MW_DENY);
        ck_assert_int_eq(request.status, 503);
        ck_assert_str_eq(request.word, "token-internal");
        ck_assert_ptr_null(request.challenge);
        free(value);
    }
}
END_TEST

/* The n-th allocation fails, for every n until there are no more. A bad token never passes; a good
 * one passes with everything that it passes with else, or not at all. */
static void
starve(struct instance made, const char *value, bool good)
{
    char whole[4096] = "";
    bool starved = true;

    for (size_t n = 0; starved; n = failing_memory_next(n)) {
        struct mw_request request = {.headers = {{"Authorization", value}}, .now_ms = NOW_MS};
        void *state = n % 2 ? made.state : jwt_module.worker_start(made.instance, NULL);

        failing_memory_arm(n);
        enum mw_verdict verdict = jwt_module.decide(made.instance, state, &request);
        starved = n == 0 || failing_memory_disarm();
        ck_assert(good || verdict == MW_DENY);
        ck_assert(!good || starved || verdict == MW_PASS);
        if (n == 0)
            memcpy(whole, request.trace, sizeof(whole));
        else if (verdict == MW_PASS)
            ck_assert_str_eq(request.trace, whole);
        else
            ck_assert(request.status == 401 || request.status == 503);
        fake_request_free(&request);
        if (state != made.state)
            jwt_module.worker_stop(state);
        ck_assert_uint_lt(n, 2000);
    }
}

START_TEST(a_request_survives_failing_memory)
{
    const struct fake_row any_rows[] = {{"secret", SECRET}, {NULL}};
    const struct mw_options secret = {jwt_key_options, any_rows};
    char *pem = maker_private((enum jose_algorithm)_i) ? maker_pem(maker_private(_i)) : NULL;
    char path[TEMPORARY_PATH_MAX] = "/dev/null";
    const struct fake_row file_rows[] = {{"file", path}, {NULL}};
    const struct mw_options file = {jwt_key_options, file_rows};
    const struct fake_row rows[] = {
        {"keys", NULL, pem ? &file : &secret}, UNCACHED, {"forward_claims", "sub=X-Sub"}, {NULL}};

    if (pem)
        temporary_file(path, str_of(pem));
    struct instance made = start(rows);
    for (int good = 0; good <= 1; good++) {
        char *token = maker_plain((enum jose_algorithm)_i, NULL, CLAIMS), *value;
        char *last = token + strlen(token) - 8;

        if (!good)
            *last = *last == 'A' ? 'B' : 'A';
        value = malloc(strlen(token) + 8);
        sprintf(value, "Bearer %s", token);
        starve(made, value, good);
        free(value);
        free(token);
    }
    stop(made);
    if (pem)
        unlink(path);
    free(pem);
}
END_TEST

/* A request with this Authorization, the n-th allocation failing (0: none). */
static enum mw_verdict
decide_starved(struct instance made, const char *value, size_t n, struct mw_request *request)
{
    *request = (struct mw_request){.headers = {{"Authorization", value}}, .now_ms = NOW_MS};
    failing_memory_arm(n);
    return jwt_module.decide(made.instance, made.state, request);
}

/* Whether it could be remembered or not, the next request with the token gets the same. */
START_TEST(a_remembered_token_survives_failing_memory)
{
    static const struct fake_row rows[] = {
        {"keys", NULL, &key_options}, {"forward_claims", "sub=X-Sub"}, {NULL}};
    static const char passed[] = "identify i alice\nforward X-Sub: alice\n"
                                 "deadline 1700000060000\n";
    char *value = bearer(CLAIMS);
    bool starved = true;

    for (size_t n = 1; starved; n = failing_memory_next(n)) {
        struct instance made = start(rows);
        struct mw_request request;
        starved = false;
        for (int use = 0; use < 4; use++) {
            enum mw_verdict verdict = decide_starved(made, value, use % 2 ? 0 : n, &request);
            bool failed = failing_memory_disarm() && use % 2 == 0;
            starved = starved || failed;
            ck_assert(failed || verdict == MW_PASS);
            if (verdict == MW_PASS)
                ck_assert_ptr_nonnull(strstr(request.trace, passed));
            if (use == 3) /* the second, at the latest, was remembered */
                ck_assert_ptr_nonnull(strstr(request.trace, "count token-cache-hit 1\n"));
            fake_request_free(&request);
        }
        stop(made);
        ck_assert_uint_lt(n, 2000);
    }
    free(value);
}
END_TEST

START_TEST(an_instance_survives_failing_memory)
{
    static const char set[] =
        "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
        "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"},"
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"e\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}";
    char *pem = maker_certificate(maker()->rsa), pem_path[TEMPORARY_PATH_MAX],
         set_path[TEMPORARY_PATH_MAX];
    const struct fake_row pem_rows[] = {{"file", pem_path}, {"kid", "k"}, {NULL}};
    const struct mw_options pem_key = {jwt_key_options, pem_rows};
    const struct fake_row rows[] = {{"keys", NULL, &pem_key},   {"jwks_file", set_path},
                                    {"audience", "a"},          {"forward_claims", "sub=X-Sub"},
                                    {"token_from", "cookie:a"}, {"claims", "scope", &room_scope},
                                    {"claims", "c", &staff},    {NULL}};
    bool starved = true;

    temporary_file(pem_path, str_of(pem));
    temporary_file(set_path, str_of(set));
    for (size_t n = 1; starved; n = failing_memory_next(n)) {
        failing_memory_arm(n);
        void *instance = fake_setup(&jwt_module, rows);
        void *state = instance ? jwt_module.worker_start(instance, NULL) : NULL;
        starved = failing_memory_disarm();
        ck_assert(starved || state);
        if (state)
            jwt_module.worker_stop(state);
        if (instance)
            jwt_module.teardown(instance);
        ck_assert_uint_lt(n, 20000);
    }
    unlink(pem_path);
    unlink(set_path);
    free(pem);
}
END_TEST

/* ---- Revocation, and judging again ------------------------------------------------------- */

#define NAMED "{\"iss\":\"i\",\"sub\":\"alice\",\"jti\":7,\"sid\":\"s\",\"exp\":4102444800}"

static const struct {
    const char *payload, *revoked;
    bool passes;
} revoked[] = {
    {NAMED, "alice", false}, {NAMED, "7", false}, {NAMED, "s", false},
    {NAMED, "bob", true},    {NAMED, "i", true},
    {"{\"sub\":\"alice\",\"jti\":[\"7\"],\"exp\":4102444800}", "7", true},
    {"{\"jti\":\"7\",\"exp\":4102444800}", "7", false},
};

/* Remembered or not: that it is revoked is asked at every use. */
START_TEST(a_revoked_token)
{
    static const struct fake_row rows[] = {{"keys", NULL, &key_options}, {NULL}};
    struct instance made = start(rows);
    char *value = bearer(revoked[_i].payload);

    for (int use = 0; use < 3; use++) {
        struct mw_request request = {.headers = {{"Authorization", value}}, .now_ms = NOW_MS};
        fake_revoke(use == 0 ? NULL : revoked[_i].revoked);
        bool passes = use == 0 || revoked[_i].passes;
        ck_assert_int_eq(jwt_module.decide(made.instance, made.state, &request),
                         passes ? MW_PASS : MW_DENY);
        if (!passes)
            ck_assert_str_eq(request.word, "token-revoked");
        if (!passes)
            ck_assert_int_eq(request.status, 401);
        ck_assert_int_eq(strstr(request.trace, "token-cache-hit") != NULL, use > 0);
        ck_assert_ptr_null(request.slot); /* its tunnel is not judged again */
        fake_request_free(&request);
    }
    fake_revoke(NULL);
    free(value);
    stop(made);
}
END_TEST

static const struct fake_row keeping[] = {{"on_expiry", "keep"}, KEY, {NULL}};
static const struct fake_row ending[] = {KEY, {NULL}};

/* What a configuration may have come to say meanwhile. */
static const struct fake_row no_sid_rows[] = {{"present", "false"}, {NULL}};
static const struct mw_options no_sid = {bearer_rule_options, no_sid_rows};
static const struct fake_row other_key_rows[] = {
    {"secret", "another secret of thirty-two byte"}, {"algorithm", "HS256"}, {NULL}};
static const struct mw_options other_key = {jwt_key_options, other_key_rows};
static const struct fake_row other_keys[] = {{"keys", NULL, &other_key}, UNCACHED, {NULL}};
static const struct fake_row other_issuer[] = {{"issuer", "j"}, KEY, {NULL}};
static const struct fake_row an_audience[] = {{"audience", "chat"}, KEY, {NULL}};
static const struct fake_row a_type[] = {{"typ", "at+jwt"}, KEY, {NULL}};
static const struct fake_row young[] = {{"max_age", "1h"}, KEY, {NULL}};
static const struct fake_row in_room[] = {{"claims", "rooms", &own_room}, KEY, {NULL}};
static const struct fake_row without_sid[] = {{"claims", "sid", &no_sid}, KEY, {NULL}};
static const struct fake_row keeping_issuer[] = {
    {"on_expiry", "keep"}, {"issuer", "j"}, KEY, {NULL}};
static const struct fake_row other_subject[] = {{"subject_claim", "jti"}, KEY, {NULL}};

#define ROOMS "{\"rooms\":[\"blue\",\"red\"],\"exp\":4102444800}"

static const struct {
    const struct fake_row *rows, *newest; /* of the instance that let it in, and of the judge */
    const char *payload, *revoked, *room;
    int status; /* 0: it passes */
    const char *word;
} tunnels[] = {
    {ending, ending, NAMED, NULL, NULL, 0, NULL},
    {ending, ending, NAMED, "alice", NULL, 403, "token-revoked"},
    {ending, ending, NAMED, "7", NULL, 403, "token-revoked"},
    {ending, ending, NAMED, "s", NULL, 403, "token-revoked"},
    {ending, ending, NAMED, "i", NULL, 0, NULL},
    {ending, ending, CLAIMS, NULL, NULL, 401, "token-expired"}, /* long ago */
    {ending, ending, "{\"exp\":4102444800}", "alice", NULL, 0, NULL},
    {keeping, keeping, CLAIMS, NULL, NULL, 0, NULL},
    {keeping, keeping, CLAIMS, "alice", NULL, 403, "token-revoked"},
    {keeping, ending, CLAIMS, NULL, NULL, 401, "token-expired"},
    {ending, keeping, CLAIMS, NULL, NULL, 0, NULL},
    {keeping, keeping_issuer, CLAIMS, NULL, NULL, 401, "token-issuer"},
    {ending, other_keys, NAMED, NULL, NULL, 401, "token-key-unknown"},
    {ending, other_issuer, NAMED, NULL, NULL, 401, "token-issuer"},
    {ending, an_audience, NAMED, NULL, NULL, 401, "token-audience"},
    {ending, a_type, NAMED, NULL, NULL, 401, "token-type"},
    {ending, young, NAMED, NULL, NULL, 401, "token-no-issue-time"},
    {ending, without_sid, NAMED, NULL, NULL, 403, "claims-not-met"},
    {ending, without_sid, ROOMS, NULL, NULL, 0, NULL},
    {ending, in_room, ROOMS, NULL, "red", 0, NULL},
    {ending, in_room, ROOMS, NULL, "green", 403, "claims-not-met"},
    {ending, in_room, ROOMS, NULL, NULL, 403, "claims-not-met"}, /* no such capture was kept */
    {in_room, in_room, ROOMS, NULL, "blue", 0, NULL},
    {ending, other_subject, NAMED, "alice", NULL, 0, NULL},
};

START_TEST(a_tunnel_is_judged_again)
{
    struct instance made = start(tunnels[_i].rows), newest = start(tunnels[_i].newest);
    char *value = bearer(tunnels[_i].payload);
    struct mw_request request = {
        .headers = {{"Authorization", value}}, .now_ms = NOW_MS, .revalidated = true};
    struct mw_task *task = (struct mw_task *)&request;

    if (tunnels[_i].room != NULL)
        request.captures[0] = (struct fake_pair){"room", tunnels[_i].room};
    ck_assert_int_eq(jwt_module.decide(made.instance, made.state, &request), MW_PASS);
    ck_assert_ptr_nonnull(request.slot);
    fake_request_free(&request);
    memset(value, 'x', strlen(value));
    free(value); /* nothing of the request is needed any more */
    fake_revoke(tunnels[_i].revoked);
    ck_assert_int_eq(jwt_module.revalidate(newest.state, request.slot, task),
                     tunnels[_i].status == 0 ? MW_PASS : MW_DENY);
    ck_assert_int_eq(request.status, tunnels[_i].status);
    if (tunnels[_i].word != NULL)
        ck_assert_str_eq(request.word, tunnels[_i].word);
    fake_revoke(NULL);
    jwt_module.release(made.state, request.slot, MW_END_CLOSED);
    ck_assert_int_eq(jwt_module.revalidate(made.state, NULL, task), MW_DENY);
    jwt_module.release(made.state, NULL, MW_END_CLOSED);
    stop(newest);
    stop(made);
}
END_TEST

START_TEST(a_worker_without_state_refuses)
{
    struct instance made = start(header_only);
    char *value = bearer(CLAIMS);
    struct mw_request request = {.headers = {{"Authorization", value}}, .now_ms = NOW_MS};

    ck_assert_int_eq(jwt_module.decide(made.instance, NULL, &request), MW_DENY);
    ck_assert_int_eq(request.status, 503);
    free(value);
    stop(made);
}
END_TEST

/* ---- Options --------------------------------------------------------------------------------- */

static const struct fake_row short_rows[] = {{"secret", "short"}, {"algorithm", "HS256"}, {NULL}};
static const struct mw_options short_key = {jwt_key_options, short_rows};
static const struct fake_row two_rows[] = {{"secret", SECRET}, {"file", "/nowhere"}, {NULL}};
static const struct mw_options two_key = {jwt_key_options, two_rows};
static const struct fake_row no_rows[] = {{"kid", "a"}, {NULL}};
static const struct mw_options no_key = {jwt_key_options, no_rows};
static const struct fake_row gone_rows[] = {{"file", "/nowhere"}, {NULL}};
static const struct mw_options gone_key = {jwt_key_options, gone_rows};
static const struct fake_row es_rows[] = {{"secret", SECRET}, {"algorithm", "ES256"}, {NULL}};
static const struct mw_options es_key = {jwt_key_options, es_rows};
static const struct fake_row named_rows[] = {{"secret", SECRET}, {"kid", "a"}, {NULL}};
static const struct mw_options named_key = {jwt_key_options, named_rows};
static const struct fake_row nul_rows[] = {{"secret", SECRET}, {"kid", ""}, {NULL}};
static const struct mw_options nul_key = {jwt_key_options, nul_rows};
static const struct fake_row many_rows[] = {{"entries", "10000001"}, {NULL}};
static const struct mw_options many_entries = {jwt_cache_options, many_rows};
static const struct fake_row few_rows[] = {{"bytes", "65535"}, {NULL}};
static const struct mw_options few_bytes = {jwt_cache_options, few_rows};

RULE(empty_rule, {NULL})
RULE(brace, {"any_of", "a"}, {"any_of", "{room"})
RULE(reference, {"matches", "(a)\\1"})
RULE(impossible, {"equals", "a"}, {"present", "false"})

static const struct {
    struct fake_row rows[22];
    const char *complaints;
} faults[] = {
    {{KEY,
      {"claims", "a", &empty_rule},
      {"claims", "b", &brace},
      {"claims", "c", &reference},
      {"claims", "d", &impossible},
      {"claims", "e..f", &chat_scope},
      {NULL}},
     "equals[0]: nothing is asked of `a`; expected equals, any_of, all_of, contains, matches or "
     "present\n"
     "any_of[1]: expected the name of a capture and \"}\" behind \"{\"; \"{{\" stands for \"{\"\n"
     "matches[0]: back-references are not allowed\n"
     "present[0]: a claim that must be absent has nothing to test\n"
     "claims[4]: expected a claim's name, or names joined by dots\n"},
    {{KEY, {"subject_claim", "a..b"}, {NULL}},
     "subject_claim[0]: expected a claim's name, or names joined by dots\n"},
    {{{NULL}}, "keys[0]: expected keys, jwks_file, jwks_url, discovery or an https issuer\n"},
    {{{"keys", NULL, &no_key}, {NULL}}, "file[0]: expected one of file, secret_file and secret\n"},
    {{{"keys", NULL, &two_key}, {NULL}}, "file[0]: expected one of file, secret_file and secret\n"},
    {{{"keys", NULL, &short_key}, {NULL}},
     "secret[0]: a secret of 5 bytes; HS256 needs 32 or more\n"},
    {{{"keys", NULL, &es_key}, {NULL}}, "secret[0]: this kind of key cannot serve ES256\n"},
    {{{"keys", NULL, &nul_key}, {NULL}}, "kid[0]: 0 bytes; expected 1 to 255\n"},
    {{{"keys", NULL, &gone_key}, {NULL}}, "file[0]: No such file or directory\n"},
    {{{"keys", NULL, &named_key}, {"keys", NULL, &named_key}, {NULL}},
     "secret[0]: an earlier key has the same kid and can serve the same algorithm\n"},
    {{{"jwks_file", "/nowhere"}, {NULL}}, "jwks_file[0]: /nowhere: No such file or directory\n"},
    {{{"jwks_file", "/dev/null"}, {NULL}},
     "jwks_file[0]: /dev/null: it is not one JSON object, or a name in it is repeated\n"},
    {{KEY, {"algorithms", "HS256"}, {"algorithms", "none"}, {NULL}},
     "algorithms[1]: \"none\" is no algorithm; expected one of HS256 HS384 HS512 RS256 RS384 RS512 "
     "PS256 PS384 PS512 ES256 ES384 ES512 EdDSA\n"},
    {{KEY, {"algorithms", "ES256"}, {NULL}},
     "algorithm[0]: HS256 is not among the instance's algorithms\n"},
    {{{"keys", NULL, &named_key}, {"algorithms", "ES256"}, {NULL}},
     "algorithms[0]: no key can serve any of these\n"},
    {{KEY, {"token_from", "header"}, {"token_from", "body"}, {NULL}},
     "token_from[1]: expected header, \"cookie:NAME\", \"query:NAME\" or subprotocol\n"},
    {{KEY,
      {"token_from", "cookie:"},
      {"token_from", "query:"},
      {"token_from", "cookies:a"},
      {NULL}},
     "token_from[0]: expected header, \"cookie:NAME\", \"query:NAME\" or subprotocol\n"
     "token_from[1]: expected header, \"cookie:NAME\", \"query:NAME\" or subprotocol\n"
     "token_from[2]: expected header, \"cookie:NAME\", \"query:NAME\" or subprotocol\n"},
    {{KEY, {"token_from", "cookie:a b"}, {"token_from", "cookie:a;b"}, {NULL}},
     "token_from[0]: no name that a cookie can have (RFC 6265 4.1.1)\n"
     "token_from[1]: no name that a cookie can have (RFC 6265 4.1.1)\n"},
    {{KEY,
      {"token_from", "query:a"},
      {"token_from", "cookie:a"},
      {"token_from", "query:a"},
      {NULL}},
     "token_from[2]: named twice\n"},
    {{KEY,
      {"token_from", "query:1"},
      {"token_from", "query:2"},
      {"token_from", "query:3"},
      {"token_from", "query:4"},
      {"token_from", "query:5"},
      {"token_from", "query:6"},
      {"token_from", "query:7"},
      {"token_from", "query:8"},
      {"token_from", "query:9"},
      {"token_from", "query:10"},
      {"token_from", "query:11"},
      {"token_from", "query:12"},
      {"token_from", "query:13"},
      {"token_from", "query:14"},
      {"token_from", "query:15"},
      {"token_from", "query:16"},
      {"token_from", "query:17"},
      {NULL}},
     "token_from[16]: too many places\n"},
    {{KEY, {"issuer", ""}, {"typ", ""}, {NULL}},
     "issuer[0]: empty; leave it out, or name one\ntyp[0]: empty; leave it out, or name one\n"},
    {{KEY, {"leeway", "2h"}, {NULL}}, "leeway[0]: expected at most 1h\n"},
    {{{"keys", NULL, &key_options}, {"cache", NULL, &many_entries}, {NULL}},
     "entries[0]: expected at most 10000000\n"},
    {{{"keys", NULL, &key_options}, {"cache", NULL, &few_bytes}, {NULL}},
     "bytes[0]: expected at least 64KiB; entries: 0 for no cache\n"},
    {{KEY, {"realm", "a\nb"}, {NULL}}, "realm[0]: expected printable ASCII\n"},
    {{KEY, {"realm", "\xc3\xa4"}, {NULL}}, "realm[0]: expected printable ASCII\n"},
    {{KEY,
      {"forward_claims", "=X-A"},
      {"forward_claims", ".a=X-B"},
      {"forward_claims", "a.=X-C"},
      {"forward_claims", "a..b=X-D"},
      {NULL}},
     "forward_claims[0]: expected a claim's name, or names joined by dots\n"
     "forward_claims[1]: expected a claim's name, or names joined by dots\n"
     "forward_claims[2]: expected a claim's name, or names joined by dots\n"
     "forward_claims[3]: expected a claim's name, or names joined by dots\n"},
    {{KEY,
      {"forward_claims", "a="},
      {"forward_claims", "b=X_B"},
      {"forward_claims", "c=X C"},
      {"forward_claims", "d=X:D"},
      {NULL}},
     "forward_claims[0]: expected a header name of letters, digits and \"-\"\n"
     "forward_claims[1]: expected a header name of letters, digits and \"-\"\n"
     "forward_claims[2]: expected a header name of letters, digits and \"-\"\n"
     "forward_claims[3]: expected a header name of letters, digits and \"-\"\n"},
    {{KEY, {"forward_claims", "a=Host"}, {"forward_claims", "b=sec-websocket-key"}, {NULL}},
     "forward_claims[0]: this header has a meaning of its own; expected another, such as "
     "X-Auth-Subject\n"
     "forward_claims[1]: this header has a meaning of its own; expected another, such as "
     "X-Auth-Subject\n"},
    {{KEY, {"forward_claims", "a=X-A"}, {"forward_claims", "b=x-a"}, {NULL}},
     "forward_claims[1]: another claim goes to this header\n"},
    /* All faults at once. */
    {{{"keys", NULL, &short_key}, {"token_from", "x"}, {"leeway", "2h"}, {"realm", "\x7f"}, {NULL}},
     "token_from[0]: expected header, \"cookie:NAME\", \"query:NAME\" or subprotocol\n"
     "leeway[0]: expected at most 1h\n"
     "secret[0]: a secret of 5 bytes; HS256 needs 32 or more\n"
     "realm[0]: expected printable ASCII\n"},
};

START_TEST(faults_are_reported_where_they_are)
{
    ck_assert_ptr_null(fake_setup(&jwt_module, faults[_i].rows));
    ck_assert_str_eq(fake_complaints(), faults[_i].complaints);
}
END_TEST

START_TEST(claims_to_forward_are_bounded)
{
    static struct fake_row rows[40] = {KEY};
    static char texts[33][32];

    for (int i = 0; i < 33; i++) {
        snprintf(texts[i], sizeof(texts[i]), "c%d=X-%d", i, i);
        rows[i + 1] = (struct fake_row){"forward_claims", texts[i], NULL};
    }
    ck_assert_ptr_null(fake_setup(&jwt_module, rows));
    ck_assert_str_eq(fake_complaints(), "forward_claims[32]: too many claims\n");
}
END_TEST

START_TEST(keys_come_from_files)
{
    char *pem = maker_pem(maker()->p256), pem_path[TEMPORARY_PATH_MAX],
         secret_path[TEMPORARY_PATH_MAX], jwks_path[TEMPORARY_PATH_MAX];
    const struct fake_row pem_rows[] = {
        {"file", pem_path}, {"kid", "p"}, {"algorithm", "ES256"}, {NULL}};
    const struct fake_row secret_rows[] = {
        {"secret_file", secret_path}, {"algorithm", "HS512"}, {NULL}};
    const struct mw_options pem_key = {jwt_key_options, pem_rows};
    const struct mw_options secret_key = {jwt_key_options, secret_rows};
    const struct fake_row rows[] = {{"keys", NULL, &pem_key},
                                    {"keys", NULL, &secret_key},
                                    {"jwks_file", jwks_path},
                                    {NULL}};
    const struct mw_options options = {jwt_module.options, rows};
    char jwks[512], note[128];

    temporary_file(pem_path, str_of(pem));
    temporary_file(secret_path, STR(SECRET "\n"));
    snprintf(jwks, sizeof(jwks),
             "{\"keys\":[{\"kty\":\"XYZ\"},{\"kty\":\"oct\",\"alg\":\"HS256\",\"kid\":\"j\","
             "\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}");
    temporary_file(jwks_path, str_of(jwks));
    struct instance made = {jwt_module.setup(&options, &fake_host), NULL};
    ck_assert_ptr_nonnull(made.instance);
    snprintf(note, sizeof(note), "log 1 jwt: %s: key 1: its kty is not RSA, EC, OKP or oct\n",
             jwks_path);
    ck_assert_str_eq(fake_complaints(), note);
    made.state = jwt_module.worker_start(made.instance, NULL);

    static const struct {
        enum jose_algorithm algorithm;
        const char *kid, *word;
    } cases[] = {{JOSE_ES256, "p", "token-ok"},
                 {JOSE_ES256, "q", "token-key-unknown"},
                 {JOSE_HS512, "whatever", "token-ok"},
                 {JOSE_HS256, "j", "token-signature"},
                 {JOSE_RS256, NULL, "token-key-unknown"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *token = maker_plain(cases[i].algorithm, cases[i].kid, CLAIMS);
        char *value = malloc(strlen(token) + 8);
        sprintf(value, "Bearer %s", token);
        struct mw_request request = {.headers = {{"Authorization", value}}, .now_ms = NOW_MS};
        enum mw_verdict verdict = jwt_module.decide(made.instance, made.state, &request);
        ck_assert_str_eq(verdict == MW_PASS ? "token-ok" : request.word, cases[i].word);
        free(value);
        free(token);
    }
    stop(made);
    unlink(pem_path);
    unlink(secret_path);
    unlink(jwks_path);
    free(pem);
}
END_TEST

START_TEST(the_table_is_whole)
{
    const struct mw_module *const *module = middleware_registry;
    size_t later = 0;

    while (*module && *module != &jwt_module)
        module++;
    ck_assert_ptr_eq(*module, &jwt_module);
    ck_assert_uint_eq(jwt_module.abi, WSGATE_MIDDLEWARE_ABI);
    ck_assert_uint_eq(jwt_module.size, sizeof(struct mw_module));
    for (const struct mw_option *row = jwt_module.options; row->word; row++) {
        ck_assert(row->help && row->help[strlen(row->help) - 1] == '.');
        later += (row->flags & MW_LATER) != 0;
    }
    ck_assert_uint_eq(later, 0);
}
END_TEST

Suite *
jwt_suite(void)
{
    Suite *suite = suite_create("jwt");
    TCase *find = tcase_create("find"), *judge = tcase_create("judge");
    TCase *hand_on = tcase_create("hand on"), *options = tcase_create("options");

    tcase_add_unchecked_fixture(find, maker_setup, NULL);
    tcase_add_loop_test(find, finds_the_one_token, 0, (int)COUNT_OF(requests));
    suite_add_tcase(suite, find);
    tcase_add_unchecked_fixture(judge, maker_setup, NULL);
    tcase_add_test(judge, a_challenge_follows_rfc_6750);
    tcase_add_loop_test(judge, claims_are_judged, 0, (int)COUNT_OF(refusals));
    tcase_add_test(judge, a_type_can_be_asked_for);
    tcase_add_test(judge, only_listed_algorithms_pass);
    suite_add_tcase(suite, judge);
    tcase_add_unchecked_fixture(hand_on, maker_setup, NULL);
    tcase_set_timeout(hand_on, 60);
    tcase_add_test(hand_on, the_tunnel_ends_with_the_token);
    tcase_add_loop_test(hand_on, claims_become_headers, 0, (int)COUNT_OF(forwards));
    tcase_add_test(hand_on, claims_are_found_by_path);
    tcase_add_test(hand_on, claims_are_given);
    tcase_add_test(hand_on, claims_of_a_refused_token_are_not_given);
    tcase_add_test(hand_on, a_claim_says_who_it_is);
    tcase_add_loop_test(hand_on, rules_decide, 0, (int)COUNT_OF(rule_cases));
    tcase_add_test(hand_on, rules_come_after_the_signature);
    tcase_add_test(hand_on, a_token_is_remembered);
    tcase_add_test(hand_on, out_of_memory_refuses);
    tcase_add_loop_test(hand_on, a_request_survives_failing_memory, JOSE_HS256,
                        JOSE_ALGORITHM_COUNT);
    tcase_add_test(hand_on, a_remembered_token_survives_failing_memory);
    tcase_add_test(hand_on, an_instance_survives_failing_memory);
    tcase_add_loop_test(hand_on, a_revoked_token, 0, (int)COUNT_OF(revoked));
    tcase_add_loop_test(hand_on, a_tunnel_is_judged_again, 0, (int)COUNT_OF(tunnels));
    tcase_add_test(hand_on, a_worker_without_state_refuses);
    suite_add_tcase(suite, hand_on);
    tcase_add_unchecked_fixture(options, maker_setup, NULL);
    tcase_add_loop_test(options, faults_are_reported_where_they_are, 0, (int)COUNT_OF(faults));
    tcase_add_test(options, claims_to_forward_are_bounded);
    tcase_add_test(options, keys_come_from_files);
    tcase_add_test(options, the_table_is_whole);
    suite_add_tcase(suite, options);
    return suite;
}
