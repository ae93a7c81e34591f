/*
 * rate_limit.c - how often somebody may come: a token bucket for each key.
 *
 * An instance has one table for all workers and all routes that name it: its limit holds over the
 * whole gateway. A handshake that a module behind this one refuses has been counted all the same. A
 * reload that changes anything but what is counted by keeps what has been taken.
 */
#include "registry.h"

#include "base/clock.h"
#include "base/str.h"
#include "limit_buckets.h"

#include <stdlib.h>

enum { BURST_MAX = 1000000, KEYS_MAX = 10000000 };

struct rate_limit {
    const struct mw_host *host;
    struct limit_by by;
    struct limit_buckets *buckets;
};

static const struct mw_option options_table[] = {
    LIMIT_BY_OPTIONS,
    {"rate", MW_RATE, NULL, "How many handshakes in a time, such as 10/s or 100/1m.", MW_REQUIRED,
     NULL, NULL},
    {"burst", MW_INTEGER, "1", "How many may come at once after a pause, 1 to 1000000.", 0, NULL,
     NULL},
    {"max_keys", MW_INTEGER, "100000",
     "Keys in the table at most, 1 to 10000000; with all in use a new one is refused.", 0, NULL,
     NULL},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

/* ---- Setup ------------------------------------------------------------------------- */

static bool
in_range(const struct mw_options *options, const struct mw_host *host, const char *word,
         int64_t most)
{
    int64_t number = host->option_integer(options, word);

    if (number >= 1 && number <= most)
        return true;
    host->option_fault(options, word, 0, "expected 1 to %lld", (long long)most);
    return false;
}

static bool
read_rate(struct limit_rate *rate, const struct mw_options *options, const struct mw_host *host)
{
    bool ok = in_range(options, host, "burst", BURST_MAX);

    rate->period_ns = host->option_interval_ns(options, "rate");
    if (rate->period_ns > 0 && ok)
        rate->burst_ns = rate->period_ns * (uint64_t)host->option_integer(options, "burst");
    if (rate->period_ns > 0)
        return ok;
    if (host->option_given(options, "rate"))
        host->option_fault(options, "rate", 0, "expected more than 0, and at most 1000000000/s");
    return false;
}

static void
teardown(void *instance)
{
    struct rate_limit *limit = instance;

    limit_buckets_free(limit->buckets);
    free(limit);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct rate_limit *limit = calloc(1, sizeof(*limit));
    struct limit_rate rate = {0, 0};

    if (limit == NULL) {
        host->option_fault(options, "rate", 0, "out of memory");
        return NULL;
    }
    limit->host = host;
    bool ok = limit_by_read(&limit->by, options, host);
    ok = read_rate(&rate, options, host) && ok;
    ok = in_range(options, host, "max_keys", KEYS_MAX) && ok;
    if (ok) {
        limit->buckets =
            limit_buckets_new(&rate, (size_t)host->option_integer(options, "max_keys"));
        if (limit->buckets != NULL)
            return limit;
        host->option_fault(options, "rate", 0, "out of memory");
    }
    free(limit);
    return NULL;
}

static void
adopt(void *instance, const void *old)
{
    struct rate_limit *limit = instance;
    const struct rate_limit *before = old;

    if (limit_by_adopt(&limit->by, &before->by))
        limit_buckets_adopt(limit->buckets, before->buckets, clock_monotonic_us() * 1000);
}

/* ---- Deciding ------------------------------------------------------------------------ */

static enum mw_verdict
refuse(const struct rate_limit *limit, struct mw_request *request, uint64_t wait_ns,
       const char *word)
{
    uint64_t seconds = wait_ns / 1000000000 + 1; /* what is begun counts */

    limit->host->retry_after(request, seconds < UINT32_MAX ? (uint32_t)seconds : UINT32_MAX);
    return limit->host->deny(request, 429, word, NULL);
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct rate_limit *limit = instance;
    struct limit_key key;
    uint64_t wait_ns = 0;

    if (!limit_key_of(&limit->by, state, limit->host, request, &key))
        return limit->host->deny(request, 503, "out-of-memory", NULL);
    switch (limit_buckets_take(limit->buckets, key, clock_monotonic_us() * 1000, &wait_ns)) {
    case LIMIT_TAKEN:
        return MW_PASS;
    case LIMIT_TOO_FAST:
        return refuse(limit, request, wait_ns, "rate-exceeded");
    case LIMIT_NO_ROOM:
        break;
    }
    return refuse(limit, request, 0, "rate-keys-exhausted");
}

const struct mw_module rate_limit_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "rate_limit",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .worker_start = limit_worker_start,
    .worker_stop = limit_worker_stop,
    .decide = decide,
    .adopt = adopt,
};
