/* fake_http.c - see fake_http.h. */
#include "fake_http.h"

#include "net/timer.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Unlike Check's assertions it allocates nothing while the condition holds: memory may fail. */
#define REQUIRE(condition)                                                                        \
    do {                                                                                          \
        if (!(condition))                                                                         \
            ck_abort_msg("fake http: %s", #condition);                                            \
    } while (0)

enum { CALLS_MAX = 1100, TIMERS_MAX = 16 };

struct http_call {
    http_done *done;
    void *arg;
    char url[256], body[256], fields[2048];
};

struct timer {
    void (*fn)(void *arg);
    void *arg;
    uint64_t ms;
};

static bool armed;
static struct timer *timers[TIMERS_MAX]; /* those that are set, in that order */
static int timer_count;
static struct http_call *calls[CALLS_MAX];
static int waiting, started;

struct http_client *__real_http_client_new(struct event_base *base);
void __real_http_client_free(struct http_client *client);
struct http_call *__real_http_call_start(struct http_client *client,
                                         const struct http_query *query, http_done *done,
                                         void *arg);
void __real_http_call_cancel(struct http_call *call);
struct http_client *__wrap_http_client_new(struct event_base *base);
void __wrap_http_client_free(struct http_client *client);
struct http_call *__wrap_http_call_start(struct http_client *client,
                                         const struct http_query *query, http_done *done,
                                         void *arg);
void __wrap_http_call_cancel(struct http_call *call);

struct timer *__real_timer_new(struct event_base *base, void (*fn)(void *arg), void *arg);
void __real_timer_set(struct timer *timer, uint64_t ms);
void __real_timer_stop(struct timer *timer);
void __real_timer_free(struct timer *timer);
struct timer *__wrap_timer_new(struct event_base *base, void (*fn)(void *arg), void *arg);
void __wrap_timer_set(struct timer *timer, uint64_t ms);
void __wrap_timer_stop(struct timer *timer);
void __wrap_timer_free(struct timer *timer);

void
fake_http_arm(void)
{
    armed = true;
    started = 0;
}

void
fake_http_disarm(void)
{
    ck_assert_int_eq(waiting, 0);
    ck_assert_int_eq(timer_count, 0);
    armed = false;
}

int
fake_http_waiting(void)
{
    return waiting;
}

int
fake_http_started(void)
{
    return started;
}

const char *
fake_http_url(int i)
{
    return calls[i]->url;
}

const char *
fake_http_fields(int i)
{
    return calls[i]->fields;
}

const char *
fake_http_body(int i)
{
    return calls[i]->body;
}

static struct http_call *
take(int i)
{
    struct http_call *call = calls[i];

    for (waiting--; i < waiting; i++)
        calls[i] = calls[i + 1];
    return call;
}

void
fake_http_end(int i, unsigned status, const char *body)
{
    fake_http_end_with(i, status, body, NULL);
}

static struct str
field_of(const struct http_answer *answer, const char *name, size_t i)
{
    const char *const *fields = answer->handle;

    for (; fields && fields[0]; fields += 2)
        if (strcasecmp(fields[0], name) == 0 && i-- == 0)
            return str_of(fields[1]);
    return STR_NONE;
}

void
fake_http_end_with(int i, unsigned status, const char *body, const char *const *fields)
{
    struct http_answer answer = {.status = status,
                                 .head_status = status,
                                 .body = STR(""),
                                 .max_age_s = -1,
                                 .error = "",
                                 .handle = (void *)(uintptr_t)fields,
                                 .field = field_of};

    REQUIRE(i < waiting);
    if (body)
        answer.body = str_of(body);
    else
        answer = (struct http_answer){.outcome = (enum http_outcome)status,
                                      .body = STR(""),
                                      .max_age_s = -1,
                                      .error = "it was not to be"};
    struct http_call *call = take(i);
    call->done(call->arg, &answer);
    free(call);
}

void
fake_http_break(int i, enum http_outcome outcome, unsigned head_status, const char *const *fields)
{
    const struct http_answer answer = {.outcome = outcome,
                                       .head_status = head_status,
                                       .body = STR(""),
                                       .max_age_s = -1,
                                       .error = "it was not to be",
                                       .handle = (void *)(uintptr_t)fields,
                                       .field = field_of};

    REQUIRE(i < waiting);
    struct http_call *call = take(i);
    call->done(call->arg, &answer);
    free(call);
}

/* ---- Where the calls arrive ------------------------------------------------------------ */

struct http_client *
__wrap_http_client_new(struct event_base *base)
{
    return armed ? malloc(1) : __real_http_client_new(base);
}

void
__wrap_http_client_free(struct http_client *client)
{
    if (armed)
        free(client);
    else
        __real_http_client_free(client);
}

struct http_call *
__wrap_http_call_start(struct http_client *client, const struct http_query *query,
                       http_done *done, void *arg)
{
    if (!armed)
        return __real_http_call_start(client, query, done, arg);
    struct http_call *call = calloc(1, sizeof(*call));
    if (!call)
        return NULL;
    REQUIRE(waiting < CALLS_MAX);
    REQUIRE(strlen(query->url) < sizeof(call->url));
    strcpy(call->url, query->url);
    REQUIRE(query->body.len < sizeof(call->body));
    if (query->body.at)
        memcpy(call->body, query->body.at, query->body.len);
    for (size_t i = 0; query->fields && query->fields[i]; i++) {
        REQUIRE(strlen(call->fields) + strlen(query->fields[i]) + 2 < sizeof(call->fields));
        strcat(strcat(call->fields, query->fields[i]), "\n");
    }
    call->done = done;
    call->arg = arg;
    calls[waiting++] = call;
    started++;
    return call;
}

void
__wrap_http_call_cancel(struct http_call *call)
{
    if (!armed) {
        __real_http_call_cancel(call);
        return;
    }
    for (int i = 0; i < waiting; i++)
        if (calls[i] == call) {
            free(take(i));
            return;
        }
    ck_abort_msg("cancelled what was not under way");
}

/* ---- Timers ------------------------------------------------------------------------------ */

struct timer *
__wrap_timer_new(struct event_base *base, void (*fn)(void *arg), void *arg)
{
    if (!armed)
        return __real_timer_new(base, fn, arg);
    struct timer *timer = calloc(1, sizeof(*timer));
    if (timer)
        *timer = (struct timer){fn, arg, 0};
    return timer;
}

void
__wrap_timer_stop(struct timer *timer)
{
    if (!armed) {
        __real_timer_stop(timer);
        return;
    }
    for (int i = 0; i < timer_count; i++)
        if (timers[i] == timer) {
            memmove(&timers[i], &timers[i + 1], (size_t)(timer_count - i - 1) * sizeof(timers[0]));
            timer_count--;
            return;
        }
}

void
__wrap_timer_set(struct timer *timer, uint64_t ms)
{
    if (!armed) {
        __real_timer_set(timer, ms);
        return;
    }
    __wrap_timer_stop(timer);
    REQUIRE(timer_count < TIMERS_MAX);
    timer->ms = ms;
    timers[timer_count++] = timer;
}

void
__wrap_timer_free(struct timer *timer)
{
    if (!armed) {
        __real_timer_free(timer);
        return;
    }
    if (timer)
        __wrap_timer_stop(timer);
    free(timer);
}

uint64_t
fake_timer_fire(void)
{
    if (timer_count == 0)
        return 0;
    struct timer *timer = timers[--timer_count];
    uint64_t ms = timer->ms;
    timer->fn(timer->arg);
    return ms;
}
