/*
 * http_client_test.c - the life of a call on a loop: who is told what, once; cancelling; memory.
 *
 * What servers do is in tests/http_client_test.py. Here nobody listens, or nobody accepts.
 */
#include "failing_memory.h"
#include "net/http_client.h"
#include "net/loop.h"
#include "unit.h"

#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static struct event_base *base;
static struct http_client *client;
static int listener;
static char closed_url[64], silent_url[64];

/* A port that is bound and does not listen, or listens and does not accept. */
static int
open_port(bool listens, char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert(bind(fd, (struct sockaddr *)&address, len) == 0);
    ck_assert(!listens || listen(fd, 8) == 0);
    ck_assert(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
    snprintf(url, 64, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return fd;
}

static int closed;

static void
set_up(void)
{
    ck_assert(http_client_global_start());
    ck_assert(http_client_global_start());
    closed = open_port(false, closed_url);
    listener = open_port(true, silent_url);
    base = loop_new();
    client = http_client_new(base);
    ck_assert_ptr_nonnull(client);
}

static void
tear_down(void)
{
    http_client_free(client);
    event_base_free(base);
    close(listener);
    close(closed);
}

struct told {
    int times;
    enum http_outcome outcome;
    bool whole;               /* nothing in the answer was NULL */
    const char *next;         /* asked from inside done */
    struct http_call *victim; /* cancelled from inside done */
};

static struct http_call *ask(const char *url, uint64_t timeout_ms, struct told *told);

/* Check's assertions allocate, and memory may be failing. */
static void
on_done(void *arg, const struct http_answer *answer)
{
    struct told *told = arg;
    const char *next = told->next;

    told->times++;
    told->outcome = answer->outcome;
    told->next = NULL;
    told->whole = answer->body.at != NULL && answer->error != NULL;
    if (next != NULL && ask(next, 10000, told) == NULL)
        told->times = -1;
    if (told->victim != NULL)
        http_call_cancel(told->victim);
}

static struct http_call *
ask(const char *url, uint64_t timeout_ms, struct told *told)
{
    return http_call_start(client,
                           &(struct http_query){.method = "POST",
                                                .url = url,
                                                .fields = (const char *const[]){"X: y", NULL},
                                                .body = STR("token=x"),
                                                .timeout_ms = timeout_ms,
                                                .body_max = 1024},
                           on_done, told);
}

/* The loop ends by itself once nothing is waited for. */
START_TEST(tells_once_and_from_the_loop)
{
    struct told refused = {.times = 0}, silent = {.times = 0};

    ck_assert_ptr_nonnull(ask(closed_url, 10000, &refused));
    ck_assert_ptr_nonnull(ask(silent_url, 100, &silent));
    ck_assert_int_eq(refused.times + silent.times, 0);
    event_base_dispatch(base);
    ck_assert(refused.whole && silent.whole);
    ck_assert_int_eq(refused.times, 1);
    ck_assert_int_eq(refused.outcome, HTTP_NO_CONNECTION);
    ck_assert_int_eq(silent.times, 1);
    ck_assert_int_eq(silent.outcome, HTTP_TIMEOUT);
}
END_TEST

START_TEST(done_may_start_another)
{
    struct told told = {.next = closed_url}, late = {.next = closed_url};

    ck_assert_ptr_nonnull(ask(closed_url, 10000, &told));
    ck_assert_ptr_nonnull(ask(silent_url, 50, &late));
    event_base_dispatch(base);
    ck_assert_int_eq(told.times, 2);
    ck_assert_int_eq(late.times, 2);
    ck_assert_int_eq(late.outcome, HTTP_NO_CONNECTION);
}
END_TEST

START_TEST(done_may_cancel_another)
{
    struct told victims[2] = {{.times = 0}, {.times = 0}}, told = {.times = 0}, late = {.times = 0};

    told.victim = ask(silent_url, 10000, &victims[0]);
    late.victim = ask(silent_url, 10000, &victims[1]);
    ck_assert_ptr_nonnull(ask(closed_url, 10000, &told));
    ck_assert_ptr_nonnull(ask(silent_url, 50, &late));
    event_base_dispatch(base);
    ck_assert_int_eq(told.times + late.times, 2);
    ck_assert_int_eq(victims[0].times + victims[1].times, 0);
}
END_TEST

START_TEST(a_cancelled_call_says_nothing)
{
    struct told told = {.times = 0};

    http_call_cancel(ask(closed_url, 10000, &told));
    struct http_call *call = ask(silent_url, 10000, &told);
    event_base_loop(base, EVLOOP_NONBLOCK);
    http_call_cancel(call);
    event_base_dispatch(base);
    ck_assert_int_eq(told.times, 0);
}
END_TEST

START_TEST(free_ends_calls_without_a_word)
{
    struct told told = {.times = 0};

    for (int i = 0; i < 5; i++)
        ck_assert_ptr_nonnull(ask(i % 2 ? closed_url : silent_url, 10000, &told));
    event_base_loop(base, EVLOOP_NONBLOCK);
    http_client_free(client);
    client = NULL;
    event_base_dispatch(base);
    ck_assert_int_le(told.times, 2);
    http_client_free(NULL);
}
END_TEST

START_TEST(survives_without_memory)
{
    bool failed = true;

    for (size_t n = 1; failed; n = failing_memory_next(n)) {
        struct told told = {.times = 0};
        ck_assert_uint_lt(n, 10000);
        failing_memory_arm(n);
        struct http_client *poor = http_client_new(base), *rich = client;
        client = poor;
        struct http_call *call = poor != NULL ? ask(closed_url, 1000, &told) : NULL;
        if (call != NULL)
            event_base_dispatch(base);
        failed = failing_memory_disarm();
        ck_assert_int_eq(told.times, call != NULL);
        ck_assert(failed || told.outcome == HTTP_NO_CONNECTION);
        http_client_free(poor);
        client = rich;
    }
}
END_TEST

START_TEST(each_outcome_has_a_word)
{
    for (int i = 0; i < HTTP_OUTCOME_COUNT; i++)
        ck_assert_str_ne(http_outcome_word((enum http_outcome)i), "");
    ck_assert_str_eq(http_outcome_word(HTTP_TOO_LARGE), "too-large");
}
END_TEST

Suite *
http_client_suite(void)
{
    Suite *suite = suite_create("http_client");
    TCase *tc = tcase_create("http_client");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, tells_once_and_from_the_loop);
    tcase_add_test(tc, done_may_start_another);
    tcase_add_test(tc, done_may_cancel_another);
    tcase_add_test(tc, a_cancelled_call_says_nothing);
    tcase_add_test(tc, free_ends_calls_without_a_word);
    tcase_add_test(tc, survives_without_memory);
    tcase_add_test(tc, each_outcome_has_a_word);
    suite_add_tcase(suite, tc);
    return suite;
}
