/*
 * forward_auth_test.c - the forward_auth module, driven through a fake gateway, with the calls to
 * the service in the test's hands.
 */
#include "base/clock.h"
#include "failing_memory.h"
#include "fake_host.h"
#include "fake_http.h"
#include "forward_auth_worker.h"
#include "registry.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_MS INT64_C(1700000000000)
#define URL                                                      \
    {                                                            \
        "url", "https://auth.example.com/check?key=secret", NULL \
    }

struct setup {
    struct mw_worker worker;
    void *instance, *state;
};

static struct setup
begin(const struct fake_row *rows)
{
    struct setup setup = {.instance = fake_setup(&forward_auth_module, rows)};

    ck_assert_msg(setup.instance != NULL, "%s", fake_complaints());
    fake_http_arm();
    setup.state = forward_auth_module.worker_start(setup.instance, &setup.worker);
    ck_assert_ptr_nonnull(setup.state);
    return setup;
}

static void
end(struct setup *setup)
{
    forward_auth_module.worker_stop(setup->state);
    forward_auth_module.teardown(setup->instance);
    fake_http_disarm();
}

static struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr.s_addr = 0x010200C0};

static struct mw_request
request_with(const char *authorization)
{
    struct mw_request request = {
        .now_ms = NOW_MS, .uri = "/chat?a=%20b", .peer = (const struct sockaddr *)&client};

    request.headers[0] = (struct fake_pair){"Authorization", authorization};
    request.headers[1] = (struct fake_pair){"X-Tenant", "t"};
    request.headers[2] = (struct fake_pair){"X-Tenant", "u"};
    return request;
}

static enum mw_verdict
decide(struct setup *setup, struct mw_request *request)
{
    return forward_auth_module.decide(setup->instance, setup->state, request);
}

static void
let_go(struct setup *setup, struct mw_request *request)
{
    if (request->verdict == MW_PASS)
        forward_auth_module.release(setup->state, request->slot, MW_END_CLOSED);
    fake_request_free(request);
}

/* ---- What is asked ------------------------------------------------------------------- */

#define ABOUT                         \
    "X-Forwarded-Method: GET\n"       \
    "X-Forwarded-Proto: https\n"      \
    "X-Forwarded-Host: gate.test\n"   \
    "X-Forwarded-Uri: /chat?a=%20b\n" \
    "X-Forwarded-For: 192.0.2.1\n"

static const struct {
    struct fake_row rows[4];
    const char *connection; /* NULL: no such header */
    const char *fields;
    struct fake_pair own;
} questions[] = {
    {{URL}, NULL, ABOUT "Authorization: secret\n", {NULL, NULL}},
    {{URL, {"copy_headers", "x-tenant", NULL}},
     NULL,
     ABOUT "x-tenant: t\nx-tenant: u\n",
     {NULL, NULL}},
    {{URL}, "keep-alive, authorization", ABOUT, {NULL, NULL}},
    {{URL, {"copy_headers", NULL, NULL}}, NULL, ABOUT, {NULL, NULL}},
    /* What is the gateway's to say no client says. */
    {{URL, {"copy_headers", "X-Tenant", NULL}}, NULL, ABOUT, {"x-tenant", NULL}},
    {{URL, {"copy_headers", "X-Tenant", NULL}},
     "X-Tenant",
     ABOUT "X-Tenant: v\n",
     {"x-tenant", "v"}},
};

START_TEST(the_service_sees_what_it_needs)
{
    struct setup setup = begin(questions[_i].rows);
    struct mw_request request = request_with("secret");

    request.own[0] = questions[_i].own;
    if (questions[_i].connection)
        request.headers[3] = (struct fake_pair){"Connection", questions[_i].connection};
    ck_assert_int_eq(decide(&setup, &request), MW_WAIT);
    ck_assert_str_eq(fake_http_url(0), "https://auth.example.com/check?key=secret");
    ck_assert_str_eq(fake_http_fields(0), questions[_i].fields);
    forward_auth_module.cancel(setup.state, (struct mw_task *)&request);
    ck_assert_int_eq(fake_http_waiting(), 0);
    fake_request_free(&request);
    end(&setup);
}
END_TEST

START_TEST(nobody_is_asked_offline)
{
    struct setup setup = begin(questions[0].rows);
    struct mw_request request = request_with("secret");

    request.offline = true;
    ck_assert_int_eq(decide(&setup, &request), MW_DENY);
    ck_assert_str_eq(request.word, "undecided");
    ck_assert_int_eq(fake_http_waiting(), 0);
    end(&setup);
}
END_TEST

/* ---- What an answer does ------------------------------------------------------------- */

#define ASKED "count forward-auth-asked 1\n"

static const struct fake_row plain[] = {URL, {NULL, NULL, NULL}};
static const struct fake_row passing[] = {URL, {"on_error", "pass", NULL}, {NULL, NULL, NULL}};
static const struct fake_row telling[] = {URL,
                                          {"forward_headers", "X-Role", NULL},
                                          {"identity_header", "X-User", NULL},
                                          {"deadline_header", "X-Until", NULL},
                                          {NULL, NULL, NULL}};

static const struct {
    const struct fake_row *rows;
    unsigned status; /* an outcome where there is no body */
    const char *body;
    const char *fields[8];
    int refused; /* 0: it passes */
    const char *word;
    const char *trace; /* behind ASKED */
} answers[] = {
    {plain, 200, "", {NULL}, 0, NULL, ""},
    {plain, 204, "", {"X-User", "ann", NULL}, 0, NULL, ""},
    {plain, 299, "whatever", {NULL}, 0, NULL, ""},
    {telling,
     200,
     "",
     {"x-user", "ann", "X-ROLE", "a \"b\" \\\t", NULL},
     0,
     NULL,
     "identify  ann\nforward X-Role: a \"b\" \\\t\n"},
    {telling,
     200,
     "",
     {"X-User", "u", "X-Until", "1700000001", NULL},
     0,
     NULL,
     "deadline 1700000001000\nidentify  u\n"},
    {telling,
     200,
     "",
     {"X-User", "u", "X-Until", "1700000000", NULL},
     401,
     "forward-auth-expired",
     ""},
    {telling, 200, "", {"X-User", "u", "X-Until", "soon", NULL}, 401, "forward-auth-expired", ""},
    {telling, 200, "", {"X-User", "u", "X-Until", "", NULL}, 401, "forward-auth-expired", ""},
    {telling,
     200,
     "",
     {"X-User", "u", "X-Until", "99999999999999999999", NULL},
     401,
     "forward-auth-expired",
     ""},
    {telling, 200, "", {"X-User", "u", "X-Role", "\xff", NULL}, 503, "forward-auth-garbled", ""},
    {telling, 200, "", {"X-User", "u", "X-Role", "\xc3", NULL}, 503, "forward-auth-garbled", ""},
    {telling, 200, "", {"X-User", "u", "X-Role", "a\rb", NULL}, 503, "forward-auth-garbled", ""},
    {telling, 200, "", {"X-User", "u", "X-Role", "a\x7f", NULL}, 503, "forward-auth-garbled", ""},
    {telling, 200, "", {"X-User", "a\nb", NULL}, 503, "forward-auth-garbled", ""},
    {telling, 200, "", {"X-User", "\xc3\xa4", NULL}, 0, NULL, "identify  \xc3\xa4\n"},
    {telling,
     200,
     "",
     {"X-User", "u", "X-Role", "", NULL},
     0,
     NULL,
     "identify  u\nforward X-Role: \n"},
    {telling,
     200,
     "",
     {"X-Role", "a", "X-User", "u", "x-role", "b", NULL},
     0,
     NULL,
     "identify  u\nforward X-Role: a, b\n"},
    {telling, 200, "", {"X-Role", "a", NULL}, 503, "forward-auth-nameless", ""},
    {telling, 200, "", {"X-User", "", NULL}, 503, "forward-auth-nameless", ""},
    {telling, 200, "", {"X-User", "u", "x-user", "u", NULL}, 503, "forward-auth-garbled", ""},
    {telling,
     200,
     "",
     {"X-User", "u", "X-Until", "1700000001", "X-Until", "1700000001", NULL},
     503,
     "forward-auth-garbled",
     ""},
    {plain, 401, "", {NULL}, 401, "forward-auth-refused", ""},
    {plain,
     401,
     "no",
     {"WWW-Authenticate", "Basic realm=x", "Content-Type", "text/x", NULL},
     401,
     "forward-auth-refused",
     "body text/x: no\n"},
    {plain, 403, "no", {NULL}, 403, "forward-auth-refused", "body text/plain: no\n"},
    {plain, 403, "\x1f\x8b", {"Content-Encoding", "gzip", NULL}, 403, "forward-auth-refused", ""},
    {telling, 403, "", {NULL}, 403, "forward-auth-refused", ""},
    {passing, 403, "", {NULL}, 403, "forward-auth-refused", ""},
    {plain, 302, "", {"Location", "file:///etc/passwd", NULL}, 503, "forward-auth-status", ""},
    {plain, 404, "", {NULL}, 503, "forward-auth-status", ""},
    {plain, 500, "", {NULL}, 503, "forward-auth-status", ""},
    {plain, 101, "", {NULL}, 503, "forward-auth-status", ""},
    {plain, HTTP_TIMEOUT, NULL, {NULL}, 504, "forward-auth-timeout", ""},
    {plain, HTTP_NO_CONNECTION, NULL, {NULL}, 503, "forward-auth-unreachable", ""},
    {plain, HTTP_NO_ADDRESS, NULL, {NULL}, 503, "forward-auth-unreachable", ""},
    {plain, HTTP_TLS, NULL, {NULL}, 503, "forward-auth-unreachable", ""},
    {plain, HTTP_BROKEN, NULL, {NULL}, 503, "forward-auth-unreachable", ""},
    {plain, HTTP_TOO_LARGE, NULL, {NULL}, 503, "forward-auth-garbled", ""},
    {passing, HTTP_TIMEOUT, NULL, {NULL}, 0, NULL, "count forward-auth-passed-on-error 1\n"},
    {passing, 500, "", {NULL}, 0, NULL, "count forward-auth-passed-on-error 1\n"},
};

START_TEST(an_answer_decides)
{
    struct setup setup = begin(answers[_i].rows);
    struct mw_request request = request_with("secret");

    ck_assert_int_eq(decide(&setup, &request), MW_WAIT);
    fake_http_end_with(0, answers[_i].status, answers[_i].body, answers[_i].fields);
    ck_assert_int_eq(request.resumed, 1);
    ck_assert_int_eq(request.verdict, answers[_i].refused ? MW_DENY : MW_PASS);
    ck_assert_int_eq(request.status, answers[_i].refused);
    if (answers[_i].refused)
        ck_assert_str_eq(request.word, answers[_i].word);
    ck_assert_msg(strncmp(request.trace, ASKED, strlen(ASKED)) == 0, "%s", request.trace);
    ck_assert_str_eq(request.trace + strlen(ASKED), answers[_i].trace);
    if (answers[_i].fields[0] && strcmp(answers[_i].fields[0], "WWW-Authenticate") == 0)
        ck_assert_str_eq(request.challenge, "Basic realm=x");
    ck_assert_msg(strstr(fake_complaints(), "secret") == NULL, "a secret in the log");
    let_go(&setup, &request);
    end(&setup);
}
END_TEST

/* The head has said it: whatever becomes of the body, on_error does not let him in. */
START_TEST(no_is_no_without_its_body)
{
    static const enum http_outcome outcomes[] = {HTTP_TOO_LARGE, HTTP_TIMEOUT, HTTP_BROKEN};
    static const char *const fields[] = {"WWW-Authenticate", "Negotiate", "www-authenticate",
                                         "Basic realm=\"a, b\"", NULL};

    for (unsigned status = 401; status <= 403; status += 2) {
        struct setup setup = begin(passing);
        struct mw_request request = request_with("secret");
        ck_assert_int_eq(decide(&setup, &request), MW_WAIT);
        fake_http_break(0, outcomes[_i], status, fields);
        ck_assert_int_eq(request.verdict, MW_DENY);
        ck_assert_uint_eq((unsigned)request.status, status);
        ck_assert_str_eq(request.word, "forward-auth-refused");
        ck_assert_str_eq(request.challenge, "Negotiate, Basic realm=\"a, b\"");
        ck_assert_str_eq(request.trace, ASKED);
        end(&setup);
    }
}
END_TEST

/* A yes whose end nobody has seen is none. */
START_TEST(yes_is_whole)
{
    struct setup setup = begin(plain);
    struct mw_request request = request_with("secret");

    ck_assert_int_eq(decide(&setup, &request), MW_WAIT);
    fake_http_break(0, HTTP_TOO_LARGE, 200, NULL);
    ck_assert_int_eq(request.verdict, MW_DENY);
    ck_assert_str_eq(request.word, "forward-auth-garbled");
    end(&setup);
}
END_TEST

/* ---- What is kept -------------------------------------------------------------------- */

static const struct fake_row cache_rows[] = {{"time", "10s", NULL},
                                             {"by", "header:Authorization", NULL},
                                             {"by", "path", NULL},
                                             {"by", "claim:tenant", NULL},
                                             {NULL, NULL, NULL}};

static const struct mw_options *
cache_options(struct mw_options *members, const struct fake_row *rows)
{
    *members = (struct mw_options){NULL, rows};
    for (const struct mw_option *row = forward_auth_options; row->word; row++)
        if (strcmp(row->word, "cache") == 0)
            members->table = row->members;
    return members;
}

START_TEST(a_yes_is_kept_for_its_parts)
{
    struct mw_options members;
    const struct fake_row rows[] = {URL,
                                    {"cache", NULL, cache_options(&members, cache_rows)},
                                    {"identity_header", "X-User", NULL},
                                    {NULL, NULL, NULL}};
    static const char *const fields[] = {"X-User", "ann", NULL};
    struct setup setup = begin(rows);
    struct mw_request first = request_with("a"), again = request_with("a"),
                      other = request_with("b"), elsewhere = request_with("a"),
                      later = request_with("a"), tenant = request_with("a");

    first.now_ms = again.now_ms = clock_wall_ms();
    ck_assert_int_eq(decide(&setup, &first), MW_WAIT);
    fake_http_end_with(0, 200, "", fields);
    ck_assert_int_eq(first.verdict, MW_PASS);
    ck_assert_int_eq(decide(&setup, &again), MW_PASS);
    ck_assert_str_eq(again.trace, "count forward-auth-kept 1\nidentify  ann\n");
    elsewhere.uri = "/other";
    later.now_ms = clock_wall_ms() + 20000;
    tenant.claims[0] = (struct fake_pair){"tenant", "acme"};
    struct mw_request *asking[] = {&other, &elsewhere, &later, &tenant};
    for (size_t i = 0; i < COUNT_OF(asking); i++) {
        ck_assert_int_eq(decide(&setup, asking[i]), MW_WAIT);
        fake_http_end_with(0, 403, "", NULL);
        ck_assert_int_eq(asking[i]->verdict, MW_DENY);
        fake_request_free(asking[i]);
    }
    /* A no is not kept. */
    struct mw_request once_more = request_with("b");
    ck_assert_int_eq(decide(&setup, &once_more), MW_WAIT);
    forward_auth_module.cancel(setup.state, (struct mw_task *)&once_more);
    fake_request_free(&once_more);
    let_go(&setup, &first);
    again.verdict = MW_PASS;
    let_go(&setup, &again);
    end(&setup);
}
END_TEST

/* By which of the two, and who comes second. Each is asked about anew, but for the last rows. */
static const struct {
    const char *by[2]; /* the second may be NULL */
    const char *uri, *again;
    struct fake_pair first[3], second[3]; /* headers */
    struct fake_pair cookies[3];          /* of the second */
    struct fake_pair arguments[3];        /* the same */
    bool kept;
} seconds[] = {
    /* Nobody has named where the credential stands. */
    {{"path"}, "/a", "/a", {{"Authorization", "x"}}, {{NULL, NULL}}, {{0}}, {{0}}, false},
    {{"path"}, "/a", "/a", {{"Cookie", "s=1"}}, {{"Cookie", "s=2"}}, {{0}}, {{0}}, false},
    {{"path"}, "/a?token=x", "/a", {{0}}, {{0}}, {{0}}, {{0}}, false},
    {{"path"}, "/a?token=x", "/a?token=y", {{0}}, {{0}}, {{0}}, {{0}}, false},
    {{"address"},
     "/a",
     "/a",
     {{"Authorization", "x"}},
     {{"Authorization", "x"}, {"Authorization", "y"}},
     {{0}},
     {{0}},
     false},
    {{"address"},
     "/a",
     "/a",
     {{"Authorization", "x"}},
     {{"Authorization", "x"}, {"Connection", "authorization"}},
     {{0}},
     {{0}},
     false},
    {{"address"}, "/a", "/a", {{"Cookie", "x"}}, {{"Authorization", "x"}}, {{0}}, {{0}}, false},
    /* He has; but there it stands twice. */
    {{"cookie:s"}, "/a", "/a", {{0}}, {{0}}, {{"s", "1"}, {"s", "1"}}, {{0}}, false},
    {{"query:t"}, "/a", "/a", {{0}}, {{0}}, {{0}}, {{"t", "1"}, {"t", "1"}}, false},
    /* What was not named where something was does not count. */
    {{"cookie:s"}, "/a", "/a", {{"Cookie", "x=1"}}, {{"Cookie", "x=2"}}, {{0}}, {{0}}, true},
    {{"query:t"}, "/a?x=1", "/a?x=2", {{0}}, {{0}}, {{0}}, {{0}}, true},
    {{"query:t", "cookie:s"},
     "/a?x=1",
     "/b",
     {{"Cookie", "x=1"}},
     {{"X-Tenant", "t"}},
     {{0}},
     {{0}},
     true},
};

START_TEST(no_yes_is_given_to_another)
{
    const struct fake_row by[] = {{"time", "10s", NULL},
                                  {"by", seconds[_i].by[0], NULL},
                                  {seconds[_i].by[1] ? "by" : NULL, seconds[_i].by[1], NULL},
                                  {NULL, NULL, NULL}};
    struct mw_options members;
    const struct fake_row rows[] = {
        URL, {"cache", NULL, cache_options(&members, by)}, {NULL, NULL, NULL}};
    struct setup setup = begin(rows);
    struct mw_request first = {.now_ms = clock_wall_ms(),
                               .uri = seconds[_i].uri,
                               .peer = (const struct sockaddr *)&client};
    struct mw_request second = first, same = first;

    memcpy(first.headers, seconds[_i].first, sizeof(seconds[_i].first));
    memcpy(same.headers, seconds[_i].first, sizeof(seconds[_i].first));
    memcpy(second.headers, seconds[_i].second, sizeof(seconds[_i].second));
    memcpy(second.cookies, seconds[_i].cookies, sizeof(seconds[_i].cookies));
    memcpy(second.arguments, seconds[_i].arguments, sizeof(seconds[_i].arguments));
    second.uri = seconds[_i].again;
    ck_assert_int_eq(decide(&setup, &first), MW_WAIT);
    fake_http_end(0, 200, "");
    ck_assert_int_eq(first.verdict, MW_PASS);
    ck_assert_int_eq(same.verdict = decide(&setup, &same), MW_PASS);
    second.verdict = decide(&setup, &second);
    ck_assert_int_eq(second.verdict, seconds[_i].kept ? MW_PASS : MW_WAIT);
    if (second.verdict == MW_WAIT)
        fake_http_end(0, 403, "");
    let_go(&setup, &first);
    let_go(&setup, &same);
    let_go(&setup, &second);
    end(&setup);
}
END_TEST

/* Not beyond the moment that it names; a refused one not at all. */
START_TEST(a_yes_is_kept_while_it_holds)
{
    struct mw_options members;
    const struct fake_row rows[] = {URL,
                                    {"cache", NULL, cache_options(&members, cache_rows)},
                                    {"deadline_header", "X-Until", NULL},
                                    {NULL, NULL, NULL}};
    struct setup setup = begin(rows);
    int64_t now_ms = clock_wall_ms();
    char soon[32], past[32];

    snprintf(soon, sizeof(soon), "%lld", (long long)(now_ms / 1000 + 5));
    snprintf(past, sizeof(past), "%lld", (long long)(now_ms / 1000 - 5));
    const char *const fields[][3] = {{"X-Until", past, NULL}, {"X-Until", soon, NULL}};
    for (int i = 0; i < 2; i++) {
        struct mw_request request = request_with("a");
        request.now_ms = now_ms;
        ck_assert_int_eq(decide(&setup, &request), MW_WAIT);
        fake_http_end_with(0, 200, "", fields[i]);
        ck_assert_int_eq(request.verdict, i == 0 ? MW_DENY : MW_PASS);
        let_go(&setup, &request);
    }
    for (int i = 0; i < 2; i++) {
        struct mw_request request = request_with("a");
        request.now_ms = now_ms + 6000 * i;
        ck_assert_int_eq(request.verdict = decide(&setup, &request), i == 0 ? MW_PASS : MW_WAIT);
        if (i == 1)
            forward_auth_module.cancel(setup.state, (struct mw_task *)&request);
        let_go(&setup, &request);
    }
    end(&setup);
}
END_TEST

/* ---- Bounds, memory, ends ------------------------------------------------------------ */

START_TEST(the_waiting_are_bounded)
{
    enum { CALLS = 500 }; /* the fake's */
    struct setup setup = begin(plain);
    struct mw_request *requests = calloc(CALLS, sizeof(*requests));

    for (int i = 0; i < CALLS; i++) {
        requests[i] = request_with("a");
        ck_assert_int_eq(decide(&setup, &requests[i]), MW_WAIT);
    }
    for (int i = 0; i < CALLS; i += 2)
        forward_auth_module.cancel(setup.state, (struct mw_task *)&requests[i]);
    ck_assert_int_eq(fake_http_waiting(), CALLS / 2);
    for (int i = 1; i < CALLS; i += 4)
        fake_http_end(0, 403, "");
    for (int i = 0; i < CALLS; i++)
        fake_request_free(&requests[i]);
    end(&setup); /* with a quarter of them waiting */
    free(requests);
}
END_TEST

static const struct {
    unsigned status; /* an outcome where it is not answered */
    const char *body, *until;
    int denied; /* with this status, and this by an instance that passes on errors; 0: it passes */
    int denied_all_the_same;
    const char *word;
} again[] = {
    {200, "", NULL, 0, 0, NULL},
    {204, "", "4102444800", 0, 0, NULL},
    {200, "", "1700000000", 401, 401, "forward-auth-expired"},
    {200, "", "soon", 401, 401, "forward-auth-expired"},
    {401, "who?", NULL, 401, 401, "forward-auth-refused"},
    {403, "no", NULL, 403, 403, "forward-auth-refused"},
    {500, "", NULL, 503, 0, "forward-auth-status"},
    {HTTP_TIMEOUT, NULL, NULL, 504, 0, "forward-auth-timeout"},
    {HTTP_NO_CONNECTION, NULL, NULL, 503, 0, "forward-auth-unreachable"},
    {HTTP_TOO_LARGE, NULL, NULL, 503, 0, "forward-auth-garbled"},
};

/* By an instance with other options than the one that let it in. */
START_TEST(a_tunnel_is_judged_again)
{
    static const struct fake_row strict[] = {URL, {"deadline_header", "X-Until", NULL}, {NULL}};
    static const struct fake_row lenient[] = {
        URL, {"deadline_header", "X-Until", NULL}, {"on_error", "pass", NULL}, {NULL}};

    for (int pass = 0; pass < 2; pass++) {
        struct setup setup = begin(pass ? lenient : strict);
        const char *const fields[] = {again[_i].until ? "X-Until" : NULL, again[_i].until, NULL};
        struct mw_request first = request_with("a"), tunnel = {.status = 0};
        int denied = pass ? again[_i].denied_all_the_same : again[_i].denied;

        first.revalidated = true;
        ck_assert_int_eq(decide(&setup, &first), MW_WAIT);
        fake_http_end(0, 200, "");
        ck_assert_ptr_nonnull(first.slot);
        fake_request_free(&first);
        ck_assert_int_eq(forward_auth_module.revalidate(setup.state, first.slot,
                                                        (struct mw_task *)&tunnel),
                         MW_WAIT);
        ck_assert_str_eq(fake_http_fields(0), ABOUT "Authorization: a\n");
        fake_http_end_with(0, again[_i].status, again[_i].body, fields);
        ck_assert_int_eq(tunnel.resumed, 1);
        ck_assert_int_eq(tunnel.verdict, denied == 0 ? MW_PASS : MW_DENY);
        ck_assert_int_eq(tunnel.status, denied);
        if (denied != 0)
            ck_assert_str_eq(tunnel.word, again[_i].word);
        let_go(&setup, &first);
        end(&setup);
        (void)fake_complaints();
    }
}
END_TEST

/* They are beside the bound of handshakes, and cancelled one by one. */
START_TEST(tunnels_refuse_no_handshake)
{
    struct setup setup = begin(plain);
    struct mw_request first = request_with("a"), tunnels[MW_REVALIDATIONS_MAX] = {{.status = 0}};
    struct mw_request *requests = calloc(FORWARD_WAITERS_MAX, sizeof(*requests));
    struct mw_request late = request_with("b");

    first.revalidated = true;
    ck_assert_int_eq(decide(&setup, &first), MW_WAIT);
    fake_http_end(0, 200, "");
    for (int i = 0; i < MW_REVALIDATIONS_MAX; i++)
        ck_assert_int_eq(forward_auth_module.revalidate(setup.state, first.slot,
                                                        (struct mw_task *)&tunnels[i]),
                         MW_WAIT);
    for (int i = 0; i < FORWARD_WAITERS_MAX; i++) {
        requests[i] = request_with("b");
        ck_assert_int_eq(decide(&setup, &requests[i]), MW_WAIT);
    }
    ck_assert_int_eq(decide(&setup, &late), MW_DENY);
    ck_assert_str_eq(late.word, "forward-auth-full");
    forward_auth_module.cancel(setup.state, (struct mw_task *)&tunnels[0]);
    ck_assert_int_eq(fake_http_waiting(), HTTP_CLIENT_CALLS_MAX - 1);
    end(&setup); /* with all others waiting */
    for (int i = 0; i < FORWARD_WAITERS_MAX; i++)
        fake_request_free(&requests[i]);
    fake_request_free(&late);
    let_go(&setup, &first);
    free(requests);
}
END_TEST

START_TEST(a_tunnel_may_fail_for_want_of_memory)
{
    bool starved = true;

    for (size_t n = 1; starved; n = failing_memory_next(n)) {
        struct setup setup = begin(plain);
        struct mw_request first = request_with("a"), tunnel = {.status = 0};
        first.revalidated = true;
        ck_assert_int_eq(decide(&setup, &first), MW_WAIT);
        fake_http_end(0, 200, "");
        failing_memory_arm(n);
        enum mw_verdict verdict = forward_auth_module.revalidate(setup.state, first.slot,
                                                                 (struct mw_task *)&tunnel);
        if (verdict == MW_WAIT)
            fake_http_end(0, 200, "");
        starved = failing_memory_disarm();
        verdict = verdict == MW_WAIT ? tunnel.verdict : verdict;
        ck_assert_int_eq(verdict, starved ? MW_DENY : MW_PASS);
        ck_assert_int_eq(tunnel.status, starved ? 503 : 0);
        let_go(&setup, &first);
        end(&setup);
        (void)fake_complaints();
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

START_TEST(memory_may_fail)
{
    bool starved = true;

    for (size_t n = 1; starved; n = failing_memory_next(n)) {
        struct setup setup = begin(telling);
        static const char *const fields[] = {"X-User", "ann", "X-Role", "r", NULL};
        struct mw_request request = request_with("a");
        failing_memory_arm(n);
        enum mw_verdict verdict = decide(&setup, &request);
        if (verdict == MW_WAIT)
            fake_http_end_with(0, 200, "", fields);
        starved = failing_memory_disarm();
        if (verdict == MW_WAIT)
            verdict = request.verdict;
        ck_assert_int_eq(verdict, starved ? MW_DENY : MW_PASS);
        if (starved)
            ck_assert_int_eq(request.status, 503);
        request.verdict = verdict;
        let_go(&setup, &request);
        end(&setup);
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

/* ---- Faults -------------------------------------------------------------------------- */

static const struct {
    struct fake_row rows[5];
    const char *complaints;
} faults[] = {
    {{{"url", "ftp://x", NULL}}, "url[0]: expected an address that begins with https://\n"},
    {{URL,
      {"copy_headers", "Upgrade", NULL},
      {"copy_headers", "sec-websocket-key", NULL},
      {"copy_headers", "a b", NULL}},
     "copy_headers[0]: that header is the gateway's own, or of one connection\n"
     "copy_headers[1]: that header is the gateway's own, or of one connection\n"
     "copy_headers[2]: expected the name of a header\n"},
    {{URL,
      {"copy_headers", "Sec_WebSocket_Key", NULL},
      {"copy_headers", "X_Forwarded_For", NULL},
      {"copy_headers", "x-real-ip", NULL}},
     "copy_headers[0]: that header is the gateway's own, or of one connection\n"
     "copy_headers[1]: that header is the gateway's own, or of one connection\n"
     "copy_headers[2]: that header is the gateway's own, or of one connection\n"},
    {{URL,
      {"copy_headers", "Proxy", NULL},
      {"copy_headers", "X-A", NULL},
      {"copy_headers", "x_a", NULL},
      {"forward_headers", "X-Forwarded-Proto", NULL}},
     "copy_headers[0]: that header is the gateway's own, or of one connection\n"
     "copy_headers[2]: that header stands here twice\n"
     "forward_headers[0]: that header is the gateway's own, or of one connection\n"},
    {{URL,
      {"identity_header", "a b", NULL},
      {"deadline_header", "", NULL},
      {"timeout", "61s", NULL}},
     "timeout[0]: expected 1ms to 1m\n"
     "identity_header[0]: expected the name of a header\n"
     "deadline_header[0]: expected the name of a header\n"},
};

START_TEST(faults_are_reported)
{
    ck_assert_ptr_null(fake_setup(&forward_auth_module, faults[_i].rows));
    ck_assert_str_eq(fake_complaints(), faults[_i].complaints);
}
END_TEST

Suite *
forward_auth_suite(void)
{
    Suite *suite = suite_create("forward_auth");
    TCase *one = tcase_create("one"), *many = tcase_create("many");

    tcase_add_loop_test(one, the_service_sees_what_it_needs, 0, (int)COUNT_OF(questions));
    tcase_add_test(one, nobody_is_asked_offline);
    tcase_add_loop_test(one, an_answer_decides, 0, (int)COUNT_OF(answers));
    tcase_add_loop_test(one, faults_are_reported, 0, (int)COUNT_OF(faults));
    tcase_add_loop_test(one, no_is_no_without_its_body, 0, 3);
    tcase_add_test(one, yes_is_whole);
    tcase_add_test(many, a_yes_is_kept_for_its_parts);
    tcase_add_loop_test(many, no_yes_is_given_to_another, 0, (int)COUNT_OF(seconds));
    tcase_add_test(many, a_yes_is_kept_while_it_holds);
    tcase_add_test(many, the_waiting_are_bounded);
    tcase_add_loop_test(one, a_tunnel_is_judged_again, 0, (int)COUNT_OF(again));
    tcase_add_test(many, tunnels_refuse_no_handshake);
    tcase_add_test(many, a_tunnel_may_fail_for_want_of_memory);
    tcase_add_test(many, memory_may_fail);
    suite_add_tcase(suite, one);
    suite_add_tcase(suite, many);
    return suite;
}
