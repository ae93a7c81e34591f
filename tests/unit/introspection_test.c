/*
 * introspection_test.c - the introspection module, driven through a fake gateway, with the calls
 * to the service in the test's hands.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "bearer_rules.h"
#include "bearer_session.h"
#include "failing_memory.h"
#include "fake_host.h"
#include "fake_http.h"
#include "introspection_worker.h"
#include "registry.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_MS INT64_C(1700000000000)
#define ADDRESS "https://id.example.com/introspect?key=secret"
#define URL {"url", ADDRESS}
#define ACTIVE "{\"active\":true}"

/* ---- Instances and requests ---------------------------------------------------------- */

struct setup {
    struct mw_worker worker;
    void *instance, *state;
};

static struct setup
begin(const struct fake_row *rows)
{
    const struct mw_options options = {introspection_module.options, rows};
    struct setup setup = {.instance = introspection_module.setup(&options, &fake_host)};

    ck_assert_msg(setup.instance != NULL, "%s", fake_complaints());
    fake_http_arm();
    setup.state = introspection_module.worker_start(setup.instance, &setup.worker);
    ck_assert_ptr_nonnull(setup.state);
    return setup;
}

static void
end(struct setup *setup)
{
    introspection_module.worker_stop(setup->state);
    introspection_module.teardown(setup->instance);
    fake_http_disarm();
}

struct ask {
    struct mw_request request;
    char value[256];
};

static enum mw_verdict
ask(struct setup *setup, struct ask *ask, const char *token)
{
    *ask = (struct ask){.request = {.now_ms = NOW_MS, .expected = {"tenant"}}};
    snprintf(ask->value, sizeof(ask->value), "Bearer %s", token);
    ask->request.headers[0] = (struct fake_pair){"Authorization", ask->value};
    return introspection_module.decide(setup->instance, setup->state, &ask->request);
}

static void
check_waits(struct setup *setup, struct ask *made, const char *token)
{
    ck_assert_int_eq(ask(setup, made, token), MW_WAIT);
    ck_assert_int_eq(made->request.resumed, 0);
}

static void
check_resumed(struct ask *made, enum mw_verdict verdict)
{
    ck_assert_int_eq(made->request.resumed, 1);
    ck_assert_int_eq(made->request.verdict, verdict);
    fake_request_free(&made->request);
}

static void
cancel(struct setup *setup, struct ask *made)
{
    introspection_module.cancel(setup->state, (struct mw_task *)&made->request);
}

/* ---- Answers ------------------------------------------------------------------------- */

#define STRIP "strip header Authorization\n"
#define ASKED STRIP "count introspection_asked 1\n"

static const struct fake_row plain[] = {URL, {NULL}};
static const struct fake_row strict[] = {
    URL, {"issuer", "i"}, {"audience", "a"}, {"audience", "b"}, {"require_expiration", "true"},
    {NULL}};
static const struct fake_row kept_open[] = {
    URL, {"on_expiry", "keep"}, {"subject_claim", "username"}, {NULL}};
static const struct fake_row forwarding[] = {
    URL, {"forward_claims", "scope=X-Auth-Scope"}, {"forward_claims", "ext.role=X-Auth-Role"},
    {NULL}};

static const struct fake_row chat_rows[] = {{"contains", "chat"}, {NULL}};
static const struct mw_options chat = {bearer_rule_options, chat_rows};
static const struct fake_row ruled[] = {
    URL, {"claims", "scope", &chat}, {"subject_claim", "user.id"}, {NULL}};

static const struct {
    const struct fake_row *rows;
    unsigned status; /* an outcome where there is no body */
    const char *body;
    int wanted;
    const char *word;
    const char *trace; /* behind ASKED */
} answers[] = {
    {plain, 200, ACTIVE, 0, NULL, ""},
    {plain, 200, " {\"sub\":\"ann\",\"iss\":\"i\",\"active\":true}\n", 0, NULL, "identify i ann\n"},
    {plain, 200, "{\"active\":true,\"iss\":\"i\",\"tenant\":7}", 0, NULL, "give tenant by i: 7\n"},
    {plain, 200, "{\"active\":true,\"exp\":1700000060}", 0, NULL, "deadline 1700000060000\n"},
    {kept_open, 200, "{\"active\":true,\"exp\":1700000060,\"sub\":\"1\",\"username\":\"ann\"}", 0,
     NULL, "identify  ann\n"},
    {forwarding, 200, "{\"active\":true,\"scope\":\"a b\",\"ext\":{\"role\":\"x\"}}", 0, NULL,
     "forward X-Auth-Scope: a b\n"
     "forward X-Auth-Role: x\n"},
    {strict, 200, "{\"active\":true,\"iss\":\"i\",\"aud\":[\"x\",\"b\"],\"exp\":1700000060}", 0,
     NULL, "deadline 1700000060000\n"},
    {ruled, 200, "{\"active\":true,\"scope\":\"log chat\",\"user\":{\"id\":42}}", 0, NULL,
     "identify  42\n"},
    {ruled, 200, "{\"active\":true,\"scope\":[\"chat\"]}", 0, NULL, ""},
    /* What an answer says against its token. */
    {ruled, 200, "{\"active\":true,\"scope\":\"log\",\"user\":{\"id\":\"ann\"}}", 403,
     "claims-not-met", "identify  ann\nlabel claim scope\nlabel rule contains\n"},
    {ruled, 200, "{\"active\":false,\"scope\":\"log\"}", 401, "token-inactive", ""},
    {ruled, 200, "{\"active\":true,\"scope\":\"chat\",\"user\":{\"id\":true}}", 401,
     "token-claim", ""},
    {plain, 200, "{\"active\":false}", 401, "token-inactive", ""},
    {plain, 200, "{\"active\":false,\"sub\":\"ann\"}", 401, "token-inactive", ""},
    {plain, 200, "{\"active\":true,\"exp\":1700000000}", 401, "token-expired", ""},
    {plain, 200, "{\"active\":true,\"exp\":0}", 401, "token-expired", ""},
    {plain, 200, "{\"active\":true,\"nbf\":1700000060}", 401, "token-not-yet-valid", ""},
    {plain, 200, "{\"active\":true,\"exp\":\"1700000060\"}", 401, "token-claim", ""},
    {plain, 200, "{\"active\":true,\"exp\":-1}", 401, "token-claim", ""},
    {plain, 200, "{\"active\":true,\"sub\":7}", 401, "token-claim", ""},
    {kept_open, 200, "{\"active\":true,\"username\":[\"ann\"]}", 401, "token-claim", ""},
    {strict, 200, "{\"active\":true,\"aud\":\"a\",\"exp\":1700000060}", 401, "token-issuer", ""},
    {strict, 200, "{\"active\":true,\"iss\":\"j\",\"aud\":\"a\",\"exp\":1700000060}", 401,
     "token-issuer", ""},
    {strict, 200, "{\"active\":true,\"iss\":\"i\",\"exp\":1700000060}", 401, "token-audience", ""},
    {strict, 200, "{\"active\":true,\"iss\":\"i\",\"aud\":\"c\",\"exp\":1700000060}", 401,
     "token-audience", ""},
    {strict, 200, "{\"active\":true,\"iss\":\"i\",\"aud\":\"a\"}", 401, "token-no-expiry", ""},
    /* What is no answer. */
    {plain, 200, "", 503, "introspection-garbled", ""},
    {plain, 200, "active", 503, "introspection-garbled", ""},
    {plain, 200, "true", 503, "introspection-garbled", ""},
    {plain, 200, "[true]", 503, "introspection-garbled", ""},
    {plain, 200, "{}", 503, "introspection-garbled", ""},
    {plain, 200, "{\"sub\":\"ann\"}", 503, "introspection-garbled", ""},
    {plain, 200, "{\"active\":1}", 503, "introspection-garbled", ""},
    {plain, 200, "{\"active\":\"true\"}", 503, "introspection-garbled", ""},
    {plain, 200, "{\"active\":null}", 503, "introspection-garbled", ""},
    {plain, 200, "{\"Active\":true}", 503, "introspection-garbled", ""},
    {plain, 200, "{\"active\":false,\"active\":true}", 503, "introspection-garbled", ""},
    {plain, 200, ACTIVE ACTIVE, 503, "introspection-garbled", ""},
    {plain, 200, "{\"active\":true", 503, "introspection-garbled", ""},
    {plain, 200, "{\"active\":true,\"a\":\"\\u0000\"}", 503, "introspection-garbled", ""},
    {plain, 201, ACTIVE, 503, "introspection-status", ""},
    {plain, 204, "", 503, "introspection-status", ""},
    {plain, 302, ACTIVE, 503, "introspection-status", ""},
    {plain, 404, ACTIVE, 503, "introspection-status", ""},
    {plain, 500, ACTIVE, 503, "introspection-status", ""},
    {plain, 400, ACTIVE, 503, "introspection-refused", ""},
    {plain, 401, ACTIVE, 503, "introspection-refused", ""},
    {plain, 403, ACTIVE, 503, "introspection-refused", ""},
    {plain, HTTP_NO_ADDRESS, NULL, 503, "introspection-unreachable", ""},
    {plain, HTTP_NO_CONNECTION, NULL, 503, "introspection-unreachable", ""},
    {plain, HTTP_TLS, NULL, 503, "introspection-unreachable", ""},
    {plain, HTTP_REDIRECT, NULL, 503, "introspection-unreachable", ""},
    {plain, HTTP_BROKEN, NULL, 503, "introspection-unreachable", ""},
    {plain, HTTP_TOO_LARGE, NULL, 503, "introspection-garbled", ""},
    {plain, HTTP_TIMEOUT, NULL, 504, "introspection-timeout", ""},
};

START_TEST(judges_answers)
{
    struct setup setup = begin(answers[_i].rows);
    struct ask made;

    check_waits(&setup, &made, "t");
    ck_assert_int_eq(fake_http_waiting(), 1);
    ck_assert_str_eq(fake_http_url(0), ADDRESS);
    ck_assert_str_eq(fake_http_body(0), "token=t&token_type_hint=access_token");
    fake_http_end(0, answers[_i].status, answers[_i].body);
    const char *context = answers[_i].body ? answers[_i].body : "";
    ck_assert_msg(strncmp(made.request.trace, ASKED, strlen(ASKED)) == 0, "%s", made.request.trace);
    ck_assert_str_eq(made.request.trace + strlen(ASKED), answers[_i].trace);
    ck_assert_msg(made.request.status == answers[_i].wanted, "%s: %d", context,
                  made.request.status);
    if (answers[_i].word)
        ck_assert_str_eq(made.request.word, answers[_i].word);
    if (answers[_i].wanted == 401)
        ck_assert_ptr_nonnull(strstr(made.request.challenge, "error=\"invalid_token\""));
    else if (answers[_i].wanted == 403)
        ck_assert_ptr_nonnull(strstr(made.request.challenge, "scope=\"chat\""));
    else
        ck_assert_ptr_null(made.request.challenge);
    check_resumed(&made, answers[_i].wanted ? MW_DENY : MW_PASS);
    end(&setup);
    /* Only the service's own faults are worth a line, without the query. */
    const char *said = fake_complaints();
    ck_assert_msg((answers[_i].wanted >= 500) == (*said != '\0'), "%s: %s", context, said);
    ck_assert_ptr_null(strstr(said, "secret"));
    if (*said)
        ck_assert_ptr_nonnull(strstr(said, answers[_i].word));
}
END_TEST

/* ---- Credentials ----------------------------------------------------------------------- */

START_TEST(asks_only_about_what_may_be_a_token)
{
    static const struct {
        const char *header, *value, *word;
        int status;
    } rows[] = {
        {"X-Other", "Bearer t", "token-missing", 401},
        {"Authorization", "Basic QTpC", "token-missing", 401},
        {"Authorization", "Bearer ", "token-malformed", 401},
        {"Authorization", "Bearer a b", "token-malformed", 401},
        {"Authorization", "Bearer a\tb", "token-malformed", 401},
        {"Authorization", "Bearer \xc3\xa9", "token-malformed", 401},
    };
    struct setup setup = begin(plain);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct mw_request request = {.now_ms = NOW_MS,
                                     .headers = {{rows[i].header, rows[i].value}}};
        ck_assert_int_eq(introspection_module.decide(setup.instance, setup.state, &request),
                         MW_DENY);
        ck_assert_str_eq(request.word, rows[i].word);
        ck_assert_int_eq(request.status, rows[i].status);
        ck_assert_ptr_nonnull(strstr(request.challenge, "Bearer realm=\"wsgate\""));
        fake_request_free(&request);
    }
    struct mw_request twice = {
        .now_ms = NOW_MS,
        .headers = {{"Authorization", "Bearer t"}, {"Authorization", "Bearer t"}}};
    ck_assert_int_eq(introspection_module.decide(setup.instance, setup.state, &twice), MW_DENY);
    ck_assert_int_eq(twice.status, 400);
    ck_assert_int_eq(fake_http_started(), 0);
    end(&setup);
}
END_TEST

START_TEST(a_token_is_encoded)
{
    struct setup setup = begin(plain);
    struct ask made;

    check_waits(&setup, &made, "a+b/c=&token=d%");
    ck_assert_str_eq(fake_http_body(0),
                     "token=a%2Bb%2Fc%3D%26token%3Dd%25&token_type_hint=access_token");
    fake_http_end(0, 200, ACTIVE);
    check_resumed(&made, MW_PASS);
    end(&setup);
}
END_TEST

/* ---- Waiting ----------------------------------------------------------------------------- */

START_TEST(one_call_for_one_token)
{
    struct setup setup = begin(plain);
    struct ask first, second, other;

    check_waits(&setup, &first, "t");
    check_waits(&setup, &second, "t");
    check_waits(&setup, &other, "u");
    ck_assert_int_eq(fake_http_waiting(), 2);
    ck_assert_ptr_nonnull(strstr(second.request.trace, "count introspection_shared 1\n"));
    fake_http_end(0, 200, "{\"active\":true,\"sub\":\"ann\"}");
    ck_assert_ptr_nonnull(strstr(first.request.trace, "identify  ann\n"));
    ck_assert_ptr_nonnull(strstr(second.request.trace, "identify  ann\n"));
    check_resumed(&first, MW_PASS);
    check_resumed(&second, MW_PASS);
    ck_assert_int_eq(other.request.resumed, 0);
    fake_http_end(0, 200, "{\"active\":false}");
    check_resumed(&other, MW_DENY);
    end(&setup);
}
END_TEST

START_TEST(who_has_left_is_not_resumed)
{
    struct setup setup = begin(plain);
    struct ask first, second, back;

    check_waits(&setup, &first, "t");
    check_waits(&setup, &second, "t");
    cancel(&setup, &first);
    cancel(&setup, &second);
    ck_assert_int_eq(fake_http_waiting(), 1);
    check_waits(&setup, &back, "t"); /* the call goes on, for him */
    ck_assert_int_eq(fake_http_started(), 1);
    fake_http_end(0, 200, ACTIVE);
    ck_assert_int_eq(first.request.resumed + second.request.resumed, 0);
    check_resumed(&back, MW_PASS);
    end(&setup);
}
END_TEST

START_TEST(the_worker_may_end_before_the_answer)
{
    struct setup setup = begin(plain);
    struct ask waits, left;

    check_waits(&setup, &waits, "t");
    check_waits(&setup, &left, "u");
    cancel(&setup, &left);
    end(&setup); /* it says that nothing is under way any more */
    ck_assert_int_eq(waits.request.resumed + left.request.resumed, 0);
}
END_TEST

START_TEST(calls_and_waiters_are_bounded)
{
    struct setup setup = begin(plain);
    struct ask *asks = calloc(INTROSPECTION_WAITERS_MAX, sizeof(*asks)), late;
    char token[16];

    for (int i = 0; i < INTROSPECTION_CALLS_MAX; i++) {
        snprintf(token, sizeof(token), "%d", i);
        check_waits(&setup, &asks[i], token);
    }
    ck_assert_int_eq(ask(&setup, &late, "late"), MW_DENY);
    ck_assert_str_eq(late.request.word, "introspection-full");
    ck_assert_int_eq(late.request.status, 503);
    for (int i = INTROSPECTION_CALLS_MAX; i < INTROSPECTION_WAITERS_MAX; i++)
        check_waits(&setup, &asks[i], "0");
    ck_assert_int_eq(ask(&setup, &late, "0"), MW_DENY);
    ck_assert_str_eq(late.request.word, "introspection-full");
    while (fake_http_waiting())
        fake_http_end(0, 200, ACTIVE);
    for (int i = 0; i < INTROSPECTION_WAITERS_MAX; i++)
        check_resumed(&asks[i], MW_PASS);
    check_waits(&setup, &late, "late");
    fake_http_end(0, 200, ACTIVE);
    check_resumed(&late, MW_PASS);
    free(asks);
    end(&setup);
}
END_TEST

/* ---- Tunnels that are judged again -------------------------------------------------------- */

enum { TUNNELS = MW_REVALIDATIONS_MAX };

struct tunnel {
    struct mw_request task; /* stands for its mw_task */
    char token[24];
};

static enum mw_verdict
revalidate(struct setup *setup, struct tunnel *tunnel, const char *token)
{
    *tunnel = (struct tunnel){.task = {.status = 0}};
    snprintf(tunnel->token, sizeof(tunnel->token), "%s", token);
    struct bearer_session session = {.token = str_of(tunnel->token)};
    return introspection_module.revalidate(setup->state, &session,
                                           (struct mw_task *)&tunnel->task);
}

/* Each with a token of its own. */
static void
begin_tunnels(struct setup *setup, struct tunnel *tunnels, int count)
{
    char token[24];

    for (int i = 0; i < count; i++) {
        snprintf(token, sizeof(token), "tunnel-%d", i);
        ck_assert_int_eq(revalidate(setup, &tunnels[i], token), MW_WAIT);
    }
}

static void
cancel_tunnel(struct setup *setup, struct tunnel *tunnel)
{
    introspection_module.cancel(setup->state, (struct mw_task *)&tunnel->task);
}

static const struct fake_row in_room_rows[] = {{"contains", "{room}"}, {NULL}};
static const struct mw_options in_room = {bearer_rule_options, in_room_rows};
static const struct fake_row roomy[] = {URL, {"claims", "rooms", &in_room}, {NULL}};

static const struct {
    const struct fake_row *rows;
    unsigned status; /* an outcome where there is no body */
    const char *body, *room, *revoked;
    int denied; /* 0: it passes */
    const char *word;
} again[] = {
    {plain, 200, ACTIVE, NULL, NULL, 0, NULL},
    {plain, 200, "{\"active\":false}", NULL, NULL, 401, "token-inactive"},
    {plain, 200, "{\"active\":true,\"exp\":1600000000}", NULL, NULL, 401, "token-expired"},
    {plain, 200, "{\"active\":true,\"sub\":\"ann\"}", NULL, "ann", 403, "token-revoked"},
    {plain, 200, "{\"active\":true,\"sub\":\"ann\"}", NULL, "bob", 0, NULL},
    {strict, 200, ACTIVE, NULL, NULL, 401, "token-issuer"},
    {ruled, 200, ACTIVE, NULL, NULL, 403, "claims-not-met"},
    {ruled, 200, "{\"active\":true,\"scope\":\"read chat\"}", NULL, NULL, 0, NULL},
    {ruled, 200, "{\"active\":true,\"scope\":\"chat\",\"user\":{\"id\":[]}}", NULL, NULL, 401,
     "token-claim"},
    {roomy, 200, "{\"active\":true,\"rooms\":[\"blue\"]}", "blue", NULL, 0, NULL},
    {roomy, 200, "{\"active\":true,\"rooms\":[\"blue\"]}", "red", NULL, 403, "claims-not-met"},
    {plain, 500, "", NULL, NULL, 503, "introspection-status"},
    {plain, 401, "", NULL, NULL, 503, "introspection-refused"},
    {plain, 200, "{}", NULL, NULL, 503, "introspection-garbled"},
    {plain, HTTP_TIMEOUT, NULL, NULL, NULL, 504, "introspection-timeout"},
    {plain, HTTP_NO_CONNECTION, NULL, NULL, NULL, 503, "introspection-unreachable"},
};

START_TEST(a_tunnel_is_judged_again)
{
    struct setup setup = begin(again[_i].rows);
    struct tunnel tunnel;

    fake_revoke(again[_i].revoked);
    ck_assert_int_eq(revalidate(&setup, &tunnel, "t"), MW_WAIT);
    if (again[_i].room)
        tunnel.task.captures[0] = (struct fake_pair){"room", again[_i].room};
    ck_assert_str_eq(fake_http_body(0), "token=t&token_type_hint=access_token");
    fake_http_end(0, again[_i].status, again[_i].body);
    ck_assert_int_eq(tunnel.task.resumed, 1);
    ck_assert_int_eq(tunnel.task.verdict, again[_i].denied == 0 ? MW_PASS : MW_DENY);
    ck_assert_int_eq(tunnel.task.status, again[_i].denied);
    if (again[_i].word)
        ck_assert_str_eq(tunnel.task.word, again[_i].word);
    ck_assert_int_eq(introspection_module.revalidate(setup.state, NULL, NULL), MW_DENY);
    fake_revoke(NULL);
    end(&setup);
    (void)fake_complaints();
}
END_TEST

START_TEST(tunnels_refuse_no_handshake)
{
    struct setup setup = begin(plain);
    struct tunnel tunnels[TUNNELS];
    struct ask *asks = calloc(INTROSPECTION_CALLS_MAX, sizeof(*asks)), late;
    char token[16];

    begin_tunnels(&setup, tunnels, TUNNELS);
    for (int i = 0; i < INTROSPECTION_CALLS_MAX; i++) {
        snprintf(token, sizeof(token), "%d", i);
        check_waits(&setup, &asks[i], token);
    }
    ck_assert_int_eq(fake_http_waiting(), TUNNELS + INTROSPECTION_CALLS_MAX);
    ck_assert_int_eq(ask(&setup, &late, "late"), MW_DENY);
    ck_assert_str_eq(late.request.word, "introspection-full");
    check_waits(&setup, &late, "tunnel-0"); /* which is asked about */
    while (fake_http_waiting())
        fake_http_end(0, 200, ACTIVE);
    check_resumed(&late, MW_PASS);
    for (int i = 0; i < INTROSPECTION_CALLS_MAX; i++)
        check_resumed(&asks[i], MW_PASS);
    for (int i = 0; i < TUNNELS; i++)
        ck_assert_int_eq(tunnels[i].task.resumed, 1);
    ck_assert_int_eq(fake_http_started(), TUNNELS + INTROSPECTION_CALLS_MAX);
    free(asks);
    end(&setup);
}
END_TEST

/* Its call, unless somebody else waits for it. */
START_TEST(a_tunnel_that_leaves_takes_its_call_along)
{
    struct setup setup = begin(plain);
    struct tunnel tunnels[3];
    struct ask one, other;

    begin_tunnels(&setup, tunnels, 3);
    check_waits(&setup, &one, "tunnel-1");
    check_waits(&setup, &other, "own");
    ck_assert_int_eq(fake_http_waiting(), 4);
    cancel_tunnel(&setup, &tunnels[0]);
    cancel_tunnel(&setup, &tunnels[1]);
    ck_assert_int_eq(fake_http_waiting(), 3);
    cancel(&setup, &one);
    ck_assert_int_eq(fake_http_waiting(), 2);
    cancel(&setup, &other); /* a handshake's goes on */
    ck_assert_int_eq(fake_http_waiting(), 2);
    end(&setup); /* with one of each waiting */
}
END_TEST

/* A call that cannot be made, or an answer that cannot be read. The first round is not short of
 * memory: OpenSSL gets what it needs once. */
START_TEST(a_tunnel_may_fail_for_want_of_memory)
{
    bool starved = true;

    for (size_t n = 0; n == 0 || starved; n = n == 0 ? 1 : failing_memory_next(n)) {
        struct setup setup = begin(plain);
        struct tunnel tunnel;
        if (n > 0)
            failing_memory_arm(n);
        enum mw_verdict verdict = revalidate(&setup, &tunnel, "t");
        if (verdict == MW_WAIT)
            fake_http_end(0, 200, ACTIVE);
        starved = failing_memory_disarm();
        verdict = verdict == MW_WAIT ? tunnel.task.verdict : verdict;
        ck_assert(starved || verdict == MW_PASS);
        ck_assert_int_eq(tunnel.task.status, verdict == MW_PASS ? 0 : 503);
        end(&setup);
        (void)fake_complaints();
        ck_assert_uint_lt(n, 100);
    }
}
END_TEST

/* ---- What is kept -------------------------------------------------------------------------- */

static const struct fake_row no_entries[] = {{"entries", "0"}, {NULL}};
static const struct fake_row one_entry[] = {{"entries", "1"}, {NULL}};

/* Asks twice, the second time at once; how many calls was that? */
static int
calls_for_two(const struct fake_row *cache, const char *body)
{
    struct mw_options members = {.rows = cache};
    const struct fake_row rows[] = {URL, {"cache", NULL, &members}, {NULL}};

    for (const struct mw_option *row = introspection_module.options; row->word; row++)
        if (strcmp(row->word, "cache") == 0)
            members.table = row->members;
    struct setup setup = begin(cache ? rows : plain);
    struct ask first, second;

    check_waits(&setup, &first, "t");
    fake_http_end(0, 200, body);
    enum mw_verdict verdict = ask(&setup, &second, "t");
    int calls = fake_http_started();
    if (verdict == MW_WAIT) {
        fake_http_end(0, 200, body);
        verdict = second.request.verdict;
    }
    ck_assert_int_eq(verdict, first.request.verdict);
    ck_assert(second.request.word == first.request.word);
    fake_request_free(&first.request);
    fake_request_free(&second.request);
    end(&setup);
    return calls;
}

START_TEST(active_answers_are_kept)
{
    char ends[128];
    int64_t now_s = clock_wall_ms() / 1000;

    ck_assert_int_eq(calls_for_two(NULL, ACTIVE), 1);
    ck_assert_int_eq(calls_for_two(one_entry, ACTIVE), 1);
    ck_assert_int_eq(calls_for_two(no_entries, ACTIVE), 2);
    ck_assert_int_eq(calls_for_two(NULL, "{\"active\":false}"), 2);
    ck_assert_int_eq(calls_for_two(NULL, "{}"), 2);
    ck_assert_int_eq(calls_for_two(NULL, "{\"active\":true,\"exp\":\"x\"}"), 2);
    snprintf(ends, sizeof(ends), "{\"active\":true,\"exp\":%lld}", (long long)now_s + 3600);
    ck_assert_int_eq(calls_for_two(NULL, ends), 1);
    snprintf(ends, sizeof(ends), "{\"active\":true,\"exp\":%lld}", (long long)now_s);
    ck_assert_int_eq(calls_for_two(NULL, ends), 2);
    (void)fake_complaints();
}
END_TEST

/* The fake's clock says when a request comes, the real one when an answer came. */
START_TEST(what_is_kept_ends_with_its_token)
{
    struct setup setup = begin(plain);
    char body[128];
    struct ask made;
    int64_t exp_s = clock_wall_ms() / 1000 + 20;

    snprintf(body, sizeof(body), "{\"active\":true,\"sub\":\"ann\",\"exp\":%lld}",
             (long long)exp_s);
    check_waits(&setup, &made, "t");
    fake_http_end(0, 200, body);
    check_resumed(&made, MW_PASS);
    ck_assert_int_eq(ask(&setup, &made, "t"), MW_PASS);
    ck_assert_ptr_nonnull(
        strstr(made.request.trace, "count introspection_kept 1\nidentify  ann\ndeadline "));
    struct mw_request late = {.now_ms = exp_s * 1000, .headers = {{"Authorization", "Bearer t"}}};
    ck_assert_int_eq(introspection_module.decide(setup.instance, setup.state, &late), MW_WAIT);
    fake_http_end(0, 200, body);
    ck_assert_int_eq(late.verdict, MW_DENY);
    ck_assert_str_eq(late.word, "token-expired");
    end(&setup);
}
END_TEST

/* ---- Set-up ------------------------------------------------------------------------------ */

static const struct fake_row many[] = {{"entries", "10000001"}, {"time", "2h"}, {NULL}};
static struct mw_options many_options = {.rows = many};

static const struct {
    struct fake_row rows[6];
    const char *faults;
} faults[] = {
    {{{"url", "http://id.example.com/"}, {NULL}},
     "url[0]: expected https://; http:// is for localhost, 127.0.0.0/8 and [::1] alone\n"},
    {{{"url", "https://me:secret@id.example.com/"}, {NULL}},
     "url[0]: a user and a password have no place in the address\n"},
    {{{"url", ""}, {NULL}}, "url[0]: expected an address that begins with https://\n"},
    {{URL, {"client_id", "me"}, {NULL}},
     "client_secret_file[0]: expected it or client_secret, which client_id needs\n"},
    {{URL, {"client_secret", "x"}, {NULL}},
     "client_id[0]: expected one, which client_secret needs\n"},
    {{URL, {"client_id", ""}, {"client_secret", "x"}, {NULL}},
     "client_id[0]: empty; leave it out, or name one\n"},
    {{URL, {"client_id", "me"}, {"client_secret", ""}, {NULL}},
     "client_secret[0]: expected a secret of 1 to 1024 bytes\n"},
    {{URL, {"client_id", "me"}, {"client_secret", "x"}, {"client_secret_file", "x"}, {NULL}},
     "client_secret[0]: there is a client_secret_file too\n"},
    {{URL, {"client_id", "me"}, {"client_secret_file", "/nowhere"}, {NULL}},
     "client_secret_file[0]: No such file or directory\n"},
    {{URL, {"client_id", "me"}, {"client_secret_file", "/dev/null"}, {NULL}},
     "client_secret_file[0]: expected a secret of 1 to 1024 bytes\n"},
    {{URL, {"timeout", "0"}, {NULL}}, "timeout[0]: expected 1ms to 1m\n"},
    {{URL, {"timeout", "61s"}, {NULL}}, "timeout[0]: expected 1ms to 1m\n"},
    {{URL, {"cache", NULL, &many_options}, {NULL}},
     "time[0]: expected 1ms to 1h; entries: 0 for no cache\n"
     "entries[0]: expected at most 10000000\n"},
    {{URL, {"issuer", ""}, {"subject_claim", ""}, {NULL}},
     "issuer[0]: empty; leave it out, or name one\n"
     "subject_claim[0]: expected a claim's name, or names joined by dots\n"},
    {{URL, {"forward_claims", "sub=Host"}, {NULL}},
     "forward_claims[0]: this header has a meaning of its own; expected another, such as "
     "X-Auth-Subject\n"},
    {{URL, {"token_from", "body"}, {NULL}},
     "token_from[0]: expected header, \"cookie:NAME\", \"query:NAME\" or subprotocol\n"},
    {{URL, {"realm", "\n"}, {NULL}}, "realm[0]: expected printable ASCII\n"},
};

START_TEST(names_every_fault)
{
    const struct mw_options options = {introspection_module.options, faults[_i].rows};

    for (const struct mw_option *row = introspection_module.options; row->word; row++)
        if (strcmp(row->word, "cache") == 0)
            many_options.table = row->members;
    ck_assert_ptr_null(introspection_module.setup(&options, &fake_host));
    ck_assert_str_eq(fake_complaints(), faults[_i].faults);
}
END_TEST

/* A life with one request and what else can be asked for; nothing may pass that should not. */
static bool
live(size_t n)
{
    static const struct fake_row rows[] = {
        URL, {"client_id", "me"}, {"client_secret", "secret"}, {"audience", "a"},
        {"claims", "scope", &chat}, {"forward_claims", "sub=X-Auth-Subject"}, {NULL}};
    const struct mw_options options = {introspection_module.options, rows};
    struct mw_worker worker = {.base = NULL};
    struct ask made;

    fake_http_arm();
    failing_memory_arm(n);
    void *instance = introspection_module.setup(&options, &fake_host);
    void *state = instance ? introspection_module.worker_start(instance, &worker) : NULL;
    for (int i = 0; state && i < 2; i++) {
        made =
            (struct ask){.request = {.now_ms = NOW_MS, .headers = {{"Authorization", "Bearer t"}}}};
        enum mw_verdict verdict = introspection_module.decide(instance, state, &made.request);
        if (fake_http_waiting())
            fake_http_end(
                0, 200,
                "{\"active\":true,\"sub\":\"ann\",\"aud\":\"a\",\"scope\":\"chat\"}");
        verdict = verdict == MW_WAIT ? made.request.verdict : verdict;
        if (verdict != MW_PASS && made.request.status != 503)
            ck_abort_msg("refused with %d", made.request.status);
        fake_request_free(&made.request);
    }
    bool failed = failing_memory_disarm();
    if (state)
        introspection_module.worker_stop(state);
    if (instance)
        introspection_module.teardown(instance);
    fake_http_disarm();
    (void)fake_complaints();
    return failed;
}

START_TEST(fails_closed_without_memory)
{
    for (size_t n = 1; live(n); n = failing_memory_next(n))
        ck_assert_uint_lt(n, 10000);
}
END_TEST

Suite *
introspection_suite(void)
{
    Suite *suite = suite_create("introspection");
    TCase *tc = tcase_create("introspection");

    tcase_add_loop_test(tc, judges_answers, 0, COUNT_OF(answers));
    tcase_add_test(tc, asks_only_about_what_may_be_a_token);
    tcase_add_test(tc, a_token_is_encoded);
    tcase_add_test(tc, one_call_for_one_token);
    tcase_add_test(tc, who_has_left_is_not_resumed);
    tcase_add_test(tc, the_worker_may_end_before_the_answer);
    tcase_add_test(tc, calls_and_waiters_are_bounded);
    tcase_add_loop_test(tc, a_tunnel_is_judged_again, 0, COUNT_OF(again));
    tcase_add_test(tc, tunnels_refuse_no_handshake);
    tcase_add_test(tc, a_tunnel_that_leaves_takes_its_call_along);
    tcase_add_test(tc, a_tunnel_may_fail_for_want_of_memory);
    tcase_add_test(tc, active_answers_are_kept);
    tcase_add_test(tc, what_is_kept_ends_with_its_token);
    tcase_add_loop_test(tc, names_every_fault, 0, COUNT_OF(faults));
    tcase_add_test(tc, fails_closed_without_memory);
    suite_add_tcase(suite, tc);
    return suite;
}
