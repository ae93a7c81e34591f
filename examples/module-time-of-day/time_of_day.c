/*
 * time_of_day.c - a module for wsgate that lets nobody in outside certain hours.
 *
 * It decides at once and holds no state: the smallest kind of module there is. wsgate-middleware(7)
 * goes through it.
 *
 *     hours: { time_of_day: { from: "08:00", until: "18:00", close: true } }
 *
 * Times are UTC. Where `until` is before `from` the hours go over midnight.
 */
#include <wsgate/middleware.h>

#include <stdio.h>
#include <stdlib.h>

enum { DAY_MS = 24 * 60 * 60 * 1000, MINUTE_MS = 60 * 1000 };

/* What setup makes of the options. Constant afterwards: all workers read it. */
struct hours {
    const struct mw_host *host;
    int64_t from_ms, until_ms; /* since midnight */
    bool close;                /* tunnels end with the hours */
};

static const struct mw_option options[] = {
    {"from", MW_STRING, NULL, "HH:MM from which clients may come in", MW_REQUIRED, NULL, NULL},
    {"until", MW_STRING, NULL, "HH:MM from which they may not", MW_REQUIRED, NULL, NULL},
    {"close", MW_BOOL, "false", "whether tunnels end then, too", 0, NULL, NULL},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

/* false: a fault has been told, with the place in the file. */
static bool
read_time(const struct mw_options *given, const struct mw_host *host, const char *word,
          int64_t *time_ms)
{
    const char *text = host->option_string(given, word);
    unsigned hour, minute;
    int end = 0;

    if (sscanf(text, "%2u:%2u%n", &hour, &minute, &end) == 2 && end == 5 && text[end] == '\0' &&
        hour < 24 && minute < 60) {
        *time_ms = (int64_t)(hour * 60 + minute) * MINUTE_MS;
        return true;
    }
    host->option_fault(given, word, 0, "expected HH:MM, found `%s`", text);
    return false;
}

static void *
setup(const struct mw_options *given, const struct mw_host *host)
{
    struct hours *hours = calloc(1, sizeof(*hours));

    if (hours == NULL)
        return NULL;
    hours->host = host;
    hours->close = host->option_integer(given, "close") != 0;
    bool good = read_time(given, host, "from", &hours->from_ms);
    good &= read_time(given, host, "until", &hours->until_ms);
    if (good && hours->from_ms == hours->until_ms) {
        host->option_fault(given, "until", 0, "is the same as `from`: nobody could ever come in");
        good = false;
    }
    if (good)
        return hours;
    free(hours);
    return NULL;
}

/* How long it is from `time` until the clock shows `then`. */
static int64_t
ahead_ms(int64_t time_ms, int64_t then_ms)
{
    return (then_ms - time_ms + DAY_MS) % DAY_MS;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct hours *hours = instance;
    const struct mw_host *host = hours->host;
    int64_t now_ms = host->wall_clock_ms(request), today_ms = now_ms % DAY_MS;
    int64_t open_ms = ahead_ms(hours->from_ms, hours->until_ms);

    (void)state;
    if (ahead_ms(hours->from_ms, today_ms) >= open_ms)
        return host->deny(request, 403, "outside-hours", NULL);
    if (hours->close)
        host->deadline(request, now_ms + ahead_ms(today_ms, hours->until_ms));
    return MW_PASS;
}

static const struct mw_module module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "time_of_day",
    .options = options,
    .setup = setup,
    .teardown = free,
    .decide = decide,
};

const struct mw_module *
wsgate_module(void)
{
    return &module;
}
