/*
 * http_client_program.c - the HTTP client for tests/http_client_test.py.
 *
 * Standard input is a JSON list of rounds, each a list of calls: url, and method, body, fields,
 * ca_file, timeout_ms, body_max, redirects_max, cancel_after_ms where they differ from the
 * defaults. The calls of a round go out together; when all are over a line says what came of each.
 * With "abandon" as the last word of a round nobody waits for it. The last line says how long the
 * client took to go, and how many threads are left.
 */
#include "base/clock.h"
#include "base/compiler.h"
#include "net/http_client.h"
#include "net/loop.h"

#include <dirent.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 20000, BODY_MAX = 65536, FIELDS_MAX = 8, CALLS_MAX = 2048 };

struct one {
    struct round *round;
    struct http_call *call;
    struct event *cancel;
    json_t *answer; /* borrowed from the round's list */
    uint64_t started_us;
};

struct round {
    struct event_base *base;
    struct http_client *client;
    json_t *answers;
    struct one calls[CALLS_MAX];
    size_t count, waiting;
};

static json_t *
milliseconds_since(uint64_t us)
{
    return json_integer((json_int_t)((clock_monotonic_us() - us) / 1000));
}

static void
end(struct one *one, const char *outcome)
{
    json_object_set_new(one->answer, "outcome", json_string(outcome));
    json_object_set_new(one->answer, "ms", milliseconds_since(one->started_us));
    if (one->cancel != NULL)
        event_free(one->cancel);
    if (--one->round->waiting == 0)
        (void)event_base_loopbreak(one->round->base);
}

static void
on_done(void *arg, const struct http_answer *answer)
{
    struct one *one = arg;
    struct str field = http_answer_field(answer, "X-Field", 0);

    json_object_set_new(one->answer, "status", json_integer(answer->status));
    json_object_set_new(one->answer, "head_status", json_integer(answer->head_status));
    json_object_set_new(one->answer, "field",
                        field.at != NULL ? json_stringn(field.at, field.len) : json_null());
    json_object_set_new(one->answer, "max_age", json_integer(answer->max_age_s));
    json_object_set_new(one->answer, "error", json_string(answer->error));
    json_object_set_new(one->answer, "body", json_stringn(answer->body.at, answer->body.len));
    end(one, http_outcome_word(answer->outcome));
}

static void
on_cancel(evutil_socket_t fd, short what, void *arg)
{
    struct one *one = arg;
    uint64_t before_us = clock_monotonic_us();

    (void)fd, (void)what;
    http_call_cancel(one->call);
    json_object_set_new(one->answer, "cancel_ms", milliseconds_since(before_us));
    end(one, "cancelled");
}

static const char *
text_of(const json_t *call, const char *name, const char *fallback)
{
    const json_t *value = json_object_get(call, name);

    return json_is_string(value) ? json_string_value(value) : fallback;
}

static json_int_t
number_of(const json_t *call, const char *name, json_int_t fallback)
{
    const json_t *value = json_object_get(call, name);

    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

static void
start(struct round *round, const json_t *call)
{
    const char *fields[FIELDS_MAX + 1] = {NULL};
    const json_t *list = json_object_get(call, "fields");
    struct one *one = &round->calls[round->count++];

    if (round->count == CALLS_MAX)
        abort();
    for (size_t i = 0; i < json_array_size(list) && i < FIELDS_MAX; i++)
        fields[i] = json_string_value(json_array_get(list, i));
    *one = (struct one){.round = round, .started_us = clock_monotonic_us()};
    one->answer = json_object();
    json_array_append_new(round->answers, one->answer);
    round->waiting++;
    one->call = http_call_start(
        round->client,
        &(struct http_query){.method = text_of(call, "method", "GET"),
                             .url = text_of(call, "url", ""),
                             .fields = fields,
                             .body = str_of(text_of(call, "body", NULL)),
                             .ca_file = text_of(call, "ca_file", NULL),
                             .timeout_ms = (uint64_t)number_of(call, "timeout_ms", TIMEOUT_MS),
                             .body_max = (size_t)number_of(call, "body_max", BODY_MAX),
                             .redirects_max = (unsigned)number_of(call, "redirects_max", 0)},
        on_done, one);
    json_int_t after_ms = number_of(call, "cancel_after_ms", -1);
    if (one->call == NULL) {
        end(one, "refused");
    } else if (after_ms >= 0) {
        struct timeval after = {after_ms / 1000, after_ms % 1000 * 1000};
        one->cancel = evtimer_new(round->base, on_cancel, one);
        if (one->cancel == NULL || event_add(one->cancel, &after) == -1)
            abort();
    }
}

/* false: its calls are left under way. */
static bool
run_round(struct round *round, const json_t *calls)
{
    bool abandoned = false;
    const json_t *call;
    size_t i;

    round->answers = json_array();
    round->count = 0;
    json_array_foreach(calls, i, call) {
        if (json_is_object(call))
            start(round, call);
        else
            abandoned = true;
    }
    if (abandoned)
        (void)event_base_loop(round->base, EVLOOP_ONCE);
    else if (round->waiting > 0)
        (void)event_base_dispatch(round->base);
    json_dumpf(round->answers, stdout, JSON_COMPACT | JSON_SORT_KEYS);
    printf("\n");
    fflush(stdout);
    json_decref(round->answers);
    return !abandoned;
}

static size_t
count_threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    size_t count = 0;

    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
        count += entry->d_name[0] != '.';
    if (directory != NULL)
        closedir(directory);
    return count;
}

int
main(void)
{
    json_t *rounds = json_loadf(stdin, 0, NULL), *calls;
    static struct round round;
    size_t i;

    if (rounds == NULL || !http_client_global_start() || (round.base = loop_new()) == NULL ||
        (round.client = http_client_new(round.base)) == NULL)
        return EXIT_FAILURE;
    json_array_foreach(rounds, i, calls)
        if (!run_round(&round, calls))
            break;
    uint64_t before_us = clock_monotonic_us();
    http_client_free(round.client);
    printf("{\"free_ms\":%llu,\"threads\":%zu}\n",
           (unsigned long long)((clock_monotonic_us() - before_us) / 1000), count_threads());
    event_base_free(round.base);
    json_decref(rounds);
    return EXIT_SUCCESS;
}
