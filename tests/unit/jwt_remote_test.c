/*
 * jwt_remote_test.c - keys by URL, with the fetches and the threads in the test's hands: who
 * waits, for which fetch, and what becomes of him.
 */
#include "base/compiler.h"
#include "failing_memory.h"
#include "fake_host.h"
#include "fake_http.h"
#include "registry.h"
#include "token/key_schedule.h"
#include "token_maker.h"
#include "unit.h"
#include "wsgatectl/jwk.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NOW_MS INT64_C(1700000000000)
#define CLAIMS "{\"iss\":\"https://id\",\"sub\":\"alice\",\"exp\":1700000060}"
#define ONE {"jwks_url", "https://one/jwks"}
#define TWO {"jwks_url", "https://two/jwks"}
#define SLOW {"refetch_interval", "1h"}

enum { WORKERS = 2 };

/* A gateway with one instance. */
struct setup {
    struct mw_options options;
    struct mw_worker control, workers[WORKERS];
    void *instance, *control_state, *states[WORKERS];
    bool offline; /* requests are made up */
};

static void
open_instance(struct setup *setup, const struct fake_row *rows)
{
    *setup = (struct setup){.options = {jwt_module.options, rows}};
    setup->instance = jwt_module.setup(&setup->options, &fake_host);
    ck_assert_msg(setup->instance != NULL, "%s", fake_complaints());
}

static void
begin(struct setup *setup, const struct fake_row *rows)
{
    fake_http_arm();
    open_instance(setup, rows);
    setup->control_state = jwt_module.control_start(setup->instance, &setup->control);
    ck_assert_ptr_nonnull(setup->control_state);
    for (int i = 0; i < WORKERS; i++) {
        setup->states[i] = jwt_module.worker_start(setup->instance, &setup->workers[i]);
        ck_assert_ptr_nonnull(setup->states[i]);
    }
    ck_assert_int_eq(fake_posts_run(&setup->control), WORKERS);
}

/* In the gateway's order. */
static void
end(struct setup *setup)
{
    for (int i = 0; i < WORKERS; i++) {
        setup->workers[i].closed = true;
        fake_posts_run(&setup->workers[i]);
        jwt_module.worker_stop(setup->states[i]);
    }
    setup->control.closed = true;
    fake_posts_run(&setup->control);
    jwt_module.control_stop(setup->control_state);
    jwt_module.teardown(setup->instance);
    fake_http_disarm();
    (void)fake_complaints();
}

/* Everybody reads his mail until there is none. */
static void
settle(struct setup *setup)
{
    int ran;

    do {
        ran = fake_posts_run(&setup->control);
        for (int i = 0; i < WORKERS; i++)
            ran += fake_posts_run(&setup->workers[i]);
    } while (ran > 0);
}

/* ---- Requests and sets ------------------------------------------------------------------- */

struct ask {
    struct mw_request request;
    char value[1024];
};

/* A token signed by our P-256 key under that kid, brought to that worker. */
static enum mw_verdict
ask_with(struct setup *setup, int worker, struct ask *ask, const char *kid, const char *claims)
{
    char *token = maker_plain(JOSE_ES256, kid, claims);

    *ask = (struct ask){.request = {.now_ms = NOW_MS, .offline = setup->offline}};
    snprintf(ask->value, sizeof(ask->value), "Bearer %s", token);
    free(token);
    ask->request.headers[0] = (struct fake_pair){"Authorization", ask->value};
    return jwt_module.decide(setup->instance, setup->states[worker], &ask->request);
}

static enum mw_verdict
ask(struct setup *setup, int worker, struct ask *made, const char *kid)
{
    return ask_with(setup, worker, made, kid, CLAIMS);
}

static void
check_waits(struct setup *setup, int worker, struct ask *made, const char *kid)
{
    ck_assert_int_eq(ask(setup, worker, made, kid), MW_WAIT);
    ck_assert_int_eq(made->request.resumed, 0);
}

static void
check_denied(struct setup *setup, int worker, const char *kid, const char *word)
{
    struct ask made;

    ck_assert_int_eq(ask(setup, worker, &made, kid), MW_DENY);
    ck_assert_str_eq(made.request.word, word);
}

/* By a made-up request: only a provider could say. */
static void
check_undecided(struct setup *setup, const char *kid)
{
    setup->offline = true;
    check_denied(setup, 0, kid, "undecided");
    setup->offline = false;
}

static void
check_passes(struct setup *setup, int worker, const char *kid)
{
    struct ask made;

    ck_assert_int_eq(ask(setup, worker, &made, kid), MW_PASS);
}

/* It was resumed once, and refused for that; NULL: let in. */
static void
check_resumed(const struct ask *made, const char *word)
{
    ck_assert_int_eq(made->request.resumed, 1);
    ck_assert_int_eq(made->request.verdict, word ? MW_DENY : MW_PASS);
    if (word)
        ck_assert_str_eq(made->request.word, word);
}

/* A key set with our P-256 key under these kids ("a b"), and a stranger's under "x". */
static const char *
set_of(const char *kids)
{
    static char text[4096];
    char copy[64], *rest = copy;
    json_t *keys = json_array();

    snprintf(copy, sizeof(copy), "%s", kids);
    for (const char *kid; (kid = strsep(&rest, " ")) != NULL;)
        json_array_append_new(keys, jwk_from_public(maker()->p256, kid, JOSE_ES256));
    json_array_append_new(keys, jwk_from_public(maker()->p256_other, "x", JOSE_ES256));
    json_t *set = json_pack("{s:o}", "keys", keys);
    char *dumped = json_dumps(set, JSON_COMPACT);
    snprintf(text, sizeof(text), "%s", dumped);
    free(dumped);
    json_decref(set);
    return text;
}

static void
answer(struct setup *setup, const char *kids)
{
    fake_http_end(0, 200, set_of(kids));
    settle(setup);
}

static void
refuse_connection(struct setup *setup)
{
    fake_http_end(0, HTTP_NO_CONNECTION, NULL);
    settle(setup);
}

/* ---- The start --------------------------------------------------------------------------- */

START_TEST(the_first_set_is_waited_for)
{
    const struct fake_row rows[] = {ONE, {NULL}};
    struct setup setup;
    struct ask made[3];

    begin(&setup, rows);
    ck_assert_int_eq(fake_http_waiting(), 1);
    ck_assert_str_eq(fake_http_url(0), "https://one/jwks");
    check_waits(&setup, 0, &made[0], "a");
    check_waits(&setup, 0, &made[1], "b");
    check_waits(&setup, 1, &made[2], "a");
    settle(&setup);
    ck_assert_int_eq(fake_http_started(), 1); /* they wait for the one that is under way */
    answer(&setup, "a");
    check_resumed(&made[0], NULL);
    check_resumed(&made[2], NULL);
    ck_assert_int_eq(made[1].request.resumed, 0); /* it came after that had begun */
    ck_assert_int_eq(fake_http_started(), 2);
    answer(&setup, "a");
    check_resumed(&made[1], "token-key-unknown");
    check_passes(&setup, 0, "a");
    check_passes(&setup, 1, "a");
    check_waits(&setup, 1, &made[0], "x"); /* its kid may have got another key */
    settle(&setup);
    answer(&setup, "a");
    check_resumed(&made[0], "token-signature");
    ck_assert_int_eq(fake_http_started(), 3);
    end(&setup);
}
END_TEST

START_TEST(without_any_set_nobody_can_know)
{
    const struct fake_row rows[] = {ONE, SLOW, {NULL}};
    struct setup setup;
    struct ask made;

    begin(&setup, rows);
    check_waits(&setup, 0, &made, "a");
    settle(&setup);
    refuse_connection(&setup);
    check_resumed(&made, "token-keys-unavailable");
    ck_assert_int_eq(made.request.status, 503);
    for (int i = 0; i < KEY_ALLOWANCE_BURST; i++) {
        check_waits(&setup, 0, &made, "a");
        settle(&setup);
        ck_assert_int_eq(fake_http_started(), 2 + i);
        refuse_connection(&setup);
        check_resumed(&made, "token-keys-unavailable");
    }
    check_denied(&setup, 0, "a", "token-keys-unavailable"); /* the next fetch is far away */
    check_denied(&setup, 1, "a", "token-keys-unavailable");
    ck_assert_int_eq(fake_http_started(), 1 + KEY_ALLOWANCE_BURST);
    ck_assert_uint_eq(setup.control.counted, 1 + KEY_ALLOWANCE_BURST);
    end(&setup);
}
END_TEST

/* ---- Unknown keys ---------------------------------------------------------------------------- */

START_TEST(an_unknown_key_costs_one_fetch)
{
    const struct fake_row rows[] = {ONE, SLOW, {NULL}};
    struct setup setup;
    struct ask made[4];

    begin(&setup, rows);
    answer(&setup, "a");
    for (int i = 0; i < 4; i++)
        check_waits(&setup, i % 2, &made[i], "b");
    check_passes(&setup, 0, "a"); /* a known one does not wait */
    settle(&setup);
    ck_assert_int_eq(fake_http_started(), 2);
    ck_assert_int_eq(fake_http_waiting(), 1);
    answer(&setup, "a b");
    for (int i = 0; i < 4; i++)
        check_resumed(&made[i], NULL);
    end(&setup);
}
END_TEST

/* Tokens of strangers use the allowance up; who is then good and new is not told that it is bad. */
START_TEST(fetches_are_rationed)
{
    const struct fake_row rows[] = {ONE, SLOW, {NULL}};
    struct setup setup;
    struct ask made;

    begin(&setup, rows);
    answer(&setup, "a");
    for (int i = 0; i < KEY_ALLOWANCE_BURST; i++) {
        check_waits(&setup, i % 2, &made, i == 0 ? "x" : "no");
        settle(&setup);
        answer(&setup, "a");
        check_resumed(&made, i == 0 ? "token-signature" : "token-key-unknown");
    }
    check_denied(&setup, 0, "b", "token-keys-unavailable");
    check_denied(&setup, 1, "b", "token-keys-unavailable");
    check_denied(&setup, 1, "x", "token-signature"); /* its kid is there */
    check_passes(&setup, 1, "a");
    ck_assert_int_eq(setup.control.post_count, 0);
    ck_assert_int_eq(fake_http_started(), 1 + KEY_ALLOWANCE_BURST);
    end(&setup);
}
END_TEST

/* Where the next fetch is near, it is waited for, by all who come meanwhile. */
START_TEST(the_next_fetch_is_waited_for)
{
    const struct fake_row rows[] = {ONE, {"refetch_interval", "3s"}, {NULL}};
    struct setup setup;
    struct ask made, good[2];

    begin(&setup, rows);
    answer(&setup, "a");
    for (int i = 0; i < KEY_ALLOWANCE_BURST; i++) {
        check_waits(&setup, 0, &made, "no");
        settle(&setup);
        answer(&setup, "a");
        check_resumed(&made, "token-key-unknown");
    }
    check_waits(&setup, 0, &made, "no");
    check_waits(&setup, 0, &good[0], "b");
    check_waits(&setup, 1, &good[1], "b");
    settle(&setup);
    ck_assert_int_eq(fake_http_waiting(), 0);
    uint64_t ms = fake_timer_fire();
    ck_assert_uint_gt(ms, 2000);
    ck_assert_uint_le(ms, 3001);
    ck_assert_int_eq(fake_http_waiting(), 1);
    answer(&setup, "a b");
    check_resumed(&made, "token-key-unknown");
    check_resumed(&good[0], NULL);
    check_resumed(&good[1], NULL);
    ck_assert_int_eq(fake_http_started(), 2 + KEY_ALLOWANCE_BURST);
    end(&setup);
}
END_TEST

/* What came after a fetch had begun is not refused by what that brings. */
START_TEST(a_fetch_says_nothing_of_who_comes_later)
{
    const struct fake_row rows[] = {ONE, {NULL}};
    struct setup setup;
    struct ask early, late;

    begin(&setup, rows);
    answer(&setup, "a");
    check_waits(&setup, 0, &early, "b");
    settle(&setup);
    ck_assert_int_eq(fake_http_started(), 2);
    check_waits(&setup, 0, &late, "b");
    settle(&setup);
    answer(&setup, "a"); /* asked for before the key was published */
    check_resumed(&early, "token-key-unknown");
    ck_assert_int_eq(late.request.resumed, 0);
    ck_assert_int_eq(fake_http_started(), 3);
    answer(&setup, "a b");
    check_resumed(&late, NULL);
    end(&setup);
}
END_TEST

START_TEST(a_fetch_that_fails_ends_the_waiting)
{
    const struct fake_row rows[] = {ONE, SLOW, {NULL}};
    struct setup setup;
    struct ask made;

    begin(&setup, rows);
    answer(&setup, "a");
    check_waits(&setup, 0, &made, "b");
    settle(&setup);
    refuse_connection(&setup);
    check_resumed(&made, "token-keys-unavailable"); /* nobody knows whether it is bad */
    check_passes(&setup, 0, "a"); /* the last good set stays */
    end(&setup);
}
END_TEST

START_TEST(only_a_good_token_is_worth_a_fetch)
{
    static const char *const claims[] = {
        "{\"iss\":\"https://id\",\"exp\":1699999999}", "{\"exp\":1700000060}",
        "{\"iss\":\"https://other\",\"exp\":1700000060}", "{\"iss\":\"https://id\"}", "[]"};
    const struct fake_row rows[] = {ONE, {"issuer", "https://id"}, {NULL}};
    struct setup setup;
    struct ask made;

    begin(&setup, rows);
    answer(&setup, "a");
    for (size_t i = 0; i < COUNT_OF(claims); i++)
        ck_assert_int_eq(ask_with(&setup, 0, &made, "b", claims[i]), MW_DENY);
    ck_assert_int_eq(setup.control.post_count, 0);
    end(&setup);
}
END_TEST

/* News that were written before our ask was read must not end our waiting. */
START_TEST(news_of_an_earlier_fetch_end_no_waiting)
{
    const struct fake_row rows[] = {ONE, {NULL}};
    struct setup setup;
    struct ask made;

    begin(&setup, rows);
    fake_http_end(0, 200, set_of("a")); /* the news are on their way */
    check_waits(&setup, 0, &made, "b");
    fake_posts_run(&setup.workers[0]);
    ck_assert_int_eq(made.request.resumed, 0);
    fake_posts_run(&setup.control); /* now the ask is read, and a fetch begins */
    ck_assert_int_eq(fake_http_started(), 2);
    answer(&setup, "a b");
    check_resumed(&made, NULL);
    end(&setup);
}
END_TEST

START_TEST(who_leaves_is_forgotten)
{
    const struct fake_row rows[] = {ONE, {NULL}};
    struct setup setup;
    struct ask made[3];

    begin(&setup, rows);
    for (int i = 0; i < 3; i++)
        check_waits(&setup, 0, &made[i], "a");
    jwt_module.cancel(setup.states[0], (struct mw_task *)&made[1].request);
    settle(&setup);
    answer(&setup, "a");
    check_resumed(&made[0], NULL);
    ck_assert_int_eq(made[1].request.resumed, 0);
    check_resumed(&made[2], NULL);
    end(&setup);
}
END_TEST

START_TEST(the_waiting_are_bounded)
{
    const struct fake_row rows[] = {ONE, {NULL}};
    struct ask *made = calloc(1025, sizeof(*made));
    struct setup setup;

    begin(&setup, rows);
    for (int i = 0; i < 1024; i++)
        check_waits(&setup, 0, &made[i], "a");
    ck_assert_int_eq(ask(&setup, 0, &made[1024], "a"), MW_DENY);
    ck_assert_str_eq(made[1024].request.word, "token-keys-unavailable");
    check_waits(&setup, 1, &made[1024], "a"); /* of each worker */
    settle(&setup);
    answer(&setup, "a");
    for (int i = 0; i < 1025; i++)
        check_resumed(&made[i], NULL);
    end(&setup);
    free(made);
}
END_TEST

/* ---- Several sources ------------------------------------------------------------------------- */

START_TEST(one_source_does_not_wait_for_another)
{
    const struct fake_row rows[] = {ONE, TWO, SLOW, {NULL}};
    struct setup setup;
    struct ask made[3];

    begin(&setup, rows);
    ck_assert_int_eq(fake_http_waiting(), 2);
    check_waits(&setup, 0, &made[0], "a");
    check_waits(&setup, 0, &made[1], "b");
    check_waits(&setup, 0, &made[2], "c");
    settle(&setup);
    answer(&setup, "a");
    check_resumed(&made[0], NULL);
    ck_assert_int_eq(made[1].request.resumed, 0);
    answer(&setup, "b");
    check_resumed(&made[1], NULL);
    ck_assert_int_eq(made[2].request.resumed, 0);
    answer(&setup, "a");
    answer(&setup, "b");
    check_resumed(&made[2], "token-key-unknown");
    end(&setup);
}
END_TEST

START_TEST(a_source_that_hangs_hides_no_other)
{
    const struct fake_row rows[] = {ONE, TWO, SLOW, {NULL}};
    struct setup setup;
    struct ask made;

    begin(&setup, rows);
    answer(&setup, "a"); /* the second one hangs */
    check_waits(&setup, 0, &made, "b");
    settle(&setup);
    ck_assert_int_eq(fake_http_started(), 3);
    ck_assert_str_eq(fake_http_url(1), "https://one/jwks");
    fake_http_end(1, 200, set_of("a b"));
    settle(&setup);
    check_resumed(&made, NULL);
    check_waits(&setup, 0, &made, "c"); /* for both */
    settle(&setup);
    ck_assert_int_eq(fake_http_started(), 4);
    fake_http_end(1, 200, set_of("a b"));
    settle(&setup);
    ck_assert_int_eq(made.request.resumed, 0);
    ck_assert_int_eq(fake_http_started(), 4); /* that one has been asked since */
    refuse_connection(&setup);
    check_resumed(&made, "token-keys-unavailable");
    end(&setup);
}
END_TEST

START_TEST(a_source_keeps_its_own)
{
    const struct fake_row rows[] = {ONE, TWO, {NULL}};
    struct setup setup;

    begin(&setup, rows);
    answer(&setup, "a");
    fake_http_end(0, 200, "{\"keys\":[]}");
    settle(&setup);
    check_passes(&setup, 0, "a");
    ck_assert_ptr_nonnull(strstr(fake_complaints(), "https://two/jwks: not fetched: malformed"));
    end(&setup);
}
END_TEST

/* ---- What is said
 * ------------------------------------------------------------------------------ */

static const struct {
    const char *kids, *body; /* kids: set_of them; neither: no answer, and status is an outcome */
    unsigned status;
    const char *said;
} answers[] = {
    {"a", NULL, 200, "log 2 jwt: key set https://one/a: fetched, 2 keys\n"},
    {"a", NULL, 200, ""},
    {"a b", NULL, 200, "log 2 jwt: key set https://one/a: fetched, 3 keys\n"},
    {NULL, NULL, HTTP_TLS, "log 1 jwt: key set https://one/a: not fetched: tls: it was not to be; "
                           "the last good one stays\n"},
    {NULL, NULL, HTTP_TLS, ""},
    {NULL, "", 500, "log 1 jwt: key set https://one/a: not fetched: status 500; "
                    "the last good one stays\n"},
    {NULL, "", 500, ""},
    {NULL, "", 404, "log 1 jwt: key set https://one/a: not fetched: status 404; "
                    "the last good one stays\n"},
    {NULL, "x", 200,
     "log 1 jwt: key set https://one/a: it is not one JSON object, or a name in it is repeated\n"
     "log 1 jwt: key set https://one/a: not fetched: malformed: it has no key that can be used; "
     "the last good one stays\n"},
    {NULL, "{\"keys\":[{\"kty\":\"RSA\"}]}", 200, ""},
    {"a b", NULL, 200, "log 2 jwt: key set https://one/a: fetched, 3 keys\n"},
};

START_TEST(changes_are_said_once)
{
    const struct fake_row rows[] = {{"jwks_url", "https://one/a?key=secret"}, {NULL}};
    struct setup setup;

    begin(&setup, rows);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        const char *body = answers[i].kids ? set_of(answers[i].kids) : answers[i].body;
        fake_http_end(0, answers[i].status, body);
        ck_assert_str_eq(fake_complaints(), answers[i].said);
        settle(&setup);
        check_passes(&setup, 0, "a"); /* whatever came last */
        ck_assert_uint_gt(fake_timer_fire(), 0);
    }
    fake_http_end(0, 200, set_of("a b"));
    end(&setup);
}
END_TEST

static bool
is_about(uint64_t ms, uint64_t wanted)
{
    return ms >= wanted - wanted / 10 && ms <= wanted + wanted / 10;
}

/* One second, two, four, and after a good answer from the beginning. */
START_TEST(failures_are_tried_again_ever_later)
{
    const struct fake_row rows[] = {ONE, {"refresh", "5s"}, {NULL}};
    static const uint64_t later_ms[] = {1000, 2000, 4000, 5000, 5000};
    struct setup setup;

    begin(&setup, rows);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < COUNT_OF(later_ms); i++) {
            refuse_connection(&setup);
            ck_assert(is_about(fake_timer_fire(), later_ms[i]));
            ck_assert_int_eq(fake_http_waiting(), 1);
        }
        answer(&setup, "a");
        ck_assert(is_about(fake_timer_fire(), 5000));
    }
    answer(&setup, "b");
    check_passes(&setup, 0, "b"); /* the old key is gone */
    end(&setup);
}
END_TEST

/* ---- Discovery
 * ---------------------------------------------------------------------------------- */

START_TEST(a_provider_says_where_its_keys_are)
{
    const struct fake_row rows[] = {{"issuer", "https://id"}, {NULL}};
    struct setup setup;
    struct ask made;

    begin(&setup, rows);
    ck_assert_str_eq(fake_http_url(0), "https://id/.well-known/openid-configuration");
    check_waits(&setup, 0, &made, "a");
    settle(&setup);
    fake_http_end(0, 200, "{\"issuer\":\"https://id\",\"jwks_uri\":\"https://keys/1\"}");
    settle(&setup);
    ck_assert_int_eq(made.request.resumed, 0);
    ck_assert_str_eq(fake_http_url(0), "https://keys/1");
    answer(&setup, "a");
    check_resumed(&made, NULL);
    end(&setup);
}
END_TEST

START_TEST(another_issuer_is_not_believed)
{
    const struct fake_row rows[] = {{"discovery", "https://id/"}, {NULL}};
    struct setup setup;
    struct ask made;

    begin(&setup, rows);
    ck_assert_int_eq(ask(&setup, 0, &made, "a"), MW_DENY); /* iss must be the provider */
    ck_assert_str_eq(made.request.word, "token-issuer");
    fake_http_end(0, 200, "{\"issuer\":\"https://id\",\"jwks_uri\":\"https://keys/1\"}");
    ck_assert_int_eq(fake_http_waiting(), 0);
    ck_assert_str_eq(fake_complaints(),
                     "log 1 jwt: key set https://id/.well-known/openid-configuration: not fetched: "
                     "the provider's document: its issuer is another one; there is none\n");
    end(&setup);
}
END_TEST

/* ---- The cache file ------------------------------------------------------------- */

START_TEST(a_restart_knows_what_was_fetched)
{
    char directory[] = "/tmp/wsgate-remote-XXXXXX", path[64];
    const struct fake_row rows[] = {ONE, {"cache_file", path}, SLOW, {NULL}};
    struct setup setup;
    struct ask made;

    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/keys", directory);
    begin(&setup, rows);
    answer(&setup, "a");
    end(&setup);
    begin(&setup, rows);
    check_passes(&setup, 0, "a"); /* before anything was fetched */
    check_waits(&setup, 1, &made, "b");
    settle(&setup);
    refuse_connection(&setup);
    check_resumed(&made, "token-keys-unavailable");
    check_passes(&setup, 1, "a");
    end(&setup);

    /* `wsgatectl explain`: no control thread, and nobody waits. */
    open_instance(&setup, rows);
    setup.states[0] = jwt_module.worker_start(setup.instance, &setup.workers[0]);
    ck_assert_str_eq(fake_complaints(), "log 1 jwt: keys by URL are not fetched here; known are "
                                        "those of cache_file\n");
    check_passes(&setup, 0, "a");
    check_denied(&setup, 0, "b", "token-key-unknown");
    check_undecided(&setup, "b");
    jwt_module.worker_stop(setup.states[0]);
    jwt_module.teardown(setup.instance);
    unlink(path);
    rmdir(directory);
}
END_TEST

START_TEST(without_a_cache_nothing_is_known_offline)
{
    const struct fake_row rows[] = {ONE, {NULL}};
    struct setup setup;

    open_instance(&setup, rows);
    setup.states[0] = jwt_module.worker_start(setup.instance, &setup.workers[0]);
    check_denied(&setup, 0, "a", "token-keys-unavailable");
    check_undecided(&setup, "a");
    jwt_module.worker_stop(setup.states[0]);
    jwt_module.teardown(setup.instance);
    (void)fake_complaints();
}
END_TEST

/* ---- Options -------------------------------------------------------------------- */

static const struct {
    struct fake_row rows[20];
    const char *complaints;
} faults[] = {
    {{{"jwks_url", "http://id.example.com/"},
      {"jwks_url", "https://a/"},
      {"jwks_url", "https://a/"},
      {NULL}},
     "jwks_url[0]: expected https://; http:// is for localhost, 127.0.0.0/8 and [::1] alone\n"
     "jwks_url[2]: named twice\n"},
    {{{"discovery", "https://id/.well-known/openid-configuration"}, {NULL}},
     "discovery[0]: expected the provider's address without /.well-known/openid-configuration\n"},
    {{{"discovery", "ldap://id"}, {NULL}},
     "discovery[0]: expected an address that begins with https://\n"},
    {{{"issuer", "https://id/?a"}, {NULL}}, "issuer[0]: an issuer has no query\n"},
    {{{"issuer", "id"}, {NULL}},
     "keys[0]: expected keys, jwks_file, jwks_url, discovery or an https issuer\n"},
    {{{"issuer", "id"},
      {"cache_file", "/x"},
      {"refresh", "5s"},
      {"ca_file", "/x"},
      {"fetch_timeout", "1s"},
      {"refetch_interval", "1s"},
      {NULL}},
     "cache_file[0]: it needs jwks_url or discovery\n"
     "refresh[0]: it needs jwks_url or discovery\n"
     "refetch_interval[0]: it needs jwks_url or discovery\n"
     "fetch_timeout[0]: it needs jwks_url or discovery\n"
     "ca_file[0]: it needs jwks_url or discovery\n"},
    {{ONE, {"algorithms", "HS256"}, {"algorithms", "HS512"}, {NULL}},
     "algorithms[0]: no key can serve any of these\n"},
    {{ONE, {"ca_file", "/dev/null"}, {NULL}}, "ca_file[0]: expected certificates in PEM\n"},
    {{ONE,
      {"refresh", "500"},
      {"refetch_interval", "0"},
      {"fetch_timeout", "61s"},
      {"max_stale", "500ms"},
      {"cache_file", "keys"},
      {NULL}},
     "refresh[0]: expected 1s to 7d\n"
     "refetch_interval[0]: expected 1s to 1h\n"
     "fetch_timeout[0]: expected 100ms to 1m\n"
     "max_stale[0]: expected 1s to 30d, or 0 for ever\n"
     "cache_file[0]: expected an absolute path\n"},
};

START_TEST(faults_are_reported_where_they_are)
{
    const struct mw_options options = {jwt_module.options, faults[_i].rows};

    ck_assert_ptr_null(jwt_module.setup(&options, &fake_host));
    ck_assert_str_eq(fake_complaints(), faults[_i].complaints);
}
END_TEST

START_TEST(addresses_are_bounded)
{
    static struct fake_row rows[18];
    static char urls[16][32];
    const struct mw_options options = {jwt_module.options, rows};

    for (int i = 0; i < 16; i++) {
        snprintf(urls[i], sizeof(urls[i]), "https://id/%d", i);
        rows[i] = (struct fake_row){"jwks_url", urls[i], NULL};
    }
    ck_assert_ptr_null(jwt_module.setup(&options, &fake_host));
    ck_assert_str_eq(fake_complaints(), "jwks_url[15]: too many addresses\n");
}
END_TEST

/* Who waits hears of the end of his fetch, even if there was no memory to tell him at once. */
START_TEST(lost_news_are_told_again)
{
    const struct fake_row rows[] = {ONE, SLOW, {NULL}};
    char text[4096];
    bool starved = true, lost = false;

    strcpy(text, set_of("a b"));
    for (size_t n = 1; starved; n = failing_memory_next(n)) {
        struct setup setup;
        struct ask made;

        begin(&setup, rows);
        answer(&setup, "a");
        check_waits(&setup, 0, &made, "b");
        settle(&setup);
        failing_memory_arm(n);
        fake_http_end(0, 200, text);
        settle(&setup);
        starved = failing_memory_disarm();
        if (!made.request.resumed) {
            lost = true;
            ck_assert_uint_gt(fake_timer_fire(), 0);
            settle(&setup);
        }
        ck_assert_int_eq(made.request.resumed, 1);
        ck_assert_int_eq(fake_http_waiting(), 0);
        end(&setup);
        ck_assert_uint_lt(n, 20000);
    }
    ck_assert(lost || failing_memory_is_sampled());
}
END_TEST

/* Whatever allocation fails, nothing leaks and nobody is let in who should not be. */
START_TEST(memory_may_fail)
{
    const struct fake_row rows[] = {ONE, TWO, SLOW, {NULL}};
    char first[4096], second[4096];
    bool starved = true;

    strcpy(first, set_of("a"));
    strcpy(second, set_of("b"));
    for (size_t n = 1; starved; n = failing_memory_next(n)) {
        struct setup setup;
        struct ask good, bad;

        begin(&setup, rows);
        enum mw_verdict verdict = ask(&setup, 0, &good, "b");
        enum mw_verdict other = ask(&setup, 0, &bad, "c");
        failing_memory_arm(n);
        settle(&setup);
        fake_http_end(0, 200, first);
        settle(&setup);
        fake_http_end(0, 200, second);
        settle(&setup);
        starved = failing_memory_disarm();
        ck_assert_int_eq(verdict, MW_WAIT);
        ck_assert_int_eq(other, MW_WAIT);
        ck_assert_int_ne(bad.request.verdict, MW_PASS);
        ck_assert(starved || good.request.verdict == MW_PASS);
        while (fake_http_waiting() > 0)
            fake_http_end(0, HTTP_TIMEOUT, NULL);
        if (!good.request.resumed)
            jwt_module.cancel(setup.states[0], (struct mw_task *)&good.request);
        if (!bad.request.resumed)
            jwt_module.cancel(setup.states[0], (struct mw_task *)&bad.request);
        end(&setup);
        ck_assert_uint_lt(n, 20000);
    }
}
END_TEST

Suite *
jwt_remote_suite(void)
{
    Suite *suite = suite_create("jwt_remote");
    TCase *tc = tcase_create("jwt_remote");

    tcase_add_unchecked_fixture(tc, maker_setup, NULL);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_first_set_is_waited_for);
    tcase_add_test(tc, without_any_set_nobody_can_know);
    tcase_add_test(tc, an_unknown_key_costs_one_fetch);
    tcase_add_test(tc, fetches_are_rationed);
    tcase_add_test(tc, the_next_fetch_is_waited_for);
    tcase_add_test(tc, a_fetch_says_nothing_of_who_comes_later);
    tcase_add_test(tc, a_fetch_that_fails_ends_the_waiting);
    tcase_add_test(tc, only_a_good_token_is_worth_a_fetch);
    tcase_add_test(tc, news_of_an_earlier_fetch_end_no_waiting);
    tcase_add_test(tc, lost_news_are_told_again);
    tcase_add_test(tc, who_leaves_is_forgotten);
    tcase_add_test(tc, the_waiting_are_bounded);
    tcase_add_test(tc, one_source_does_not_wait_for_another);
    tcase_add_test(tc, a_source_that_hangs_hides_no_other);
    tcase_add_test(tc, a_source_keeps_its_own);
    tcase_add_test(tc, changes_are_said_once);
    tcase_add_test(tc, failures_are_tried_again_ever_later);
    tcase_add_test(tc, a_provider_says_where_its_keys_are);
    tcase_add_test(tc, another_issuer_is_not_believed);
    tcase_add_test(tc, a_restart_knows_what_was_fetched);
    tcase_add_test(tc, without_a_cache_nothing_is_known_offline);
    tcase_add_loop_test(tc, faults_are_reported_where_they_are, 0, (int)COUNT_OF(faults));
    tcase_add_test(tc, addresses_are_bounded);
    tcase_add_test(tc, memory_may_fail);
    suite_add_tcase(suite, tc);
    return suite;
}
