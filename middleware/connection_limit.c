/*
 * connection_limit.c - how many connections somebody may have at a time.
 *
 * Counted from this module's decision to the connection's end, over all workers and all routes that
 * name the instance, and over a reload that changes anything but what is counted by. With on_limit:
 * close_oldest a newcomer takes the oldest one's place at once, and that connection is ended: a
 * tunnel with Close 4429, a handshake with 429.
 */
#include "registry.h"

#include "base/str.h"
#include "limit_places.h"

#include <stdlib.h>

enum { MAX_MAX = 1000000000, ON_LIMIT_REFUSE = 0, ON_LIMIT_CLOSE_OLDEST = 1 };

static const char limit_reached[] = "connection-limit";

struct connection_limit {
    const struct mw_host *host;
    struct limit_by by;
    struct limit_places *places;
    uint64_t max;
    bool closes_oldest;
};

static const struct mw_option options_table[] = {
    LIMIT_BY_OPTIONS,
    {"max", MW_INTEGER, NULL, "Connections at a time, 1 to 1000000000.", MW_REQUIRED, NULL, NULL},
    {"on_limit", MW_WORD, "refuse", "Who makes room: refuse the new one, or close_oldest.", 0,
     "refuse|close_oldest", NULL},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

/* ---- Setup ------------------------------------------------------------------------- */

static void
teardown(void *instance)
{
    struct connection_limit *limit = instance;

    limit_places_leave(limit->places);
    free(limit);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct connection_limit *limit = calloc(1, sizeof(*limit));
    int64_t max = host->option_integer(options, "max");

    if (limit == NULL) {
        host->option_fault(options, "max", 0, "out of memory");
        return NULL;
    }
    limit->host = host;
    limit->closes_oldest = host->option_integer(options, "on_limit") == ON_LIMIT_CLOSE_OLDEST;
    bool ok = limit_by_read(&limit->by, options, host);
    if (host->option_given(options, "max") && (max < 1 || max > MAX_MAX)) {
        host->option_fault(options, "max", 0, "expected 1 to %d", MAX_MAX);
        ok = false;
    }
    limit->max = (uint64_t)max;
    if (ok && (limit->places = limit_places_new()) != NULL)
        return limit;
    if (ok)
        host->option_fault(options, "max", 0, "out of memory");
    free(limit);
    return NULL;
}

static void
adopt(void *instance, const void *old)
{
    struct connection_limit *limit = instance;
    const struct connection_limit *before = old;

    if (!limit_by_adopt(&limit->by, &before->by))
        return;
    limit_places_leave(limit->places);
    limit->places = limit_places_hold(before->places);
}

/* ---- Deciding ------------------------------------------------------------------------ */

static void
end_oldest(const struct connection_limit *limit, struct mw_request *request, uint64_t session)
{
    const struct mw_host *host = limit->host;

    if (!host->is_dry_run(request))
        host->end_session(host, session, MW_CLOSE_QUOTA, limit_reached);
    host->count(request, "closed-oldest", 1);
}

static enum mw_verdict
enter(const struct connection_limit *limit, struct mw_request *request, struct limit_key key)
{
    const struct mw_host *host = limit->host;
    struct limit_place *place;
    uint64_t oldest;

    switch (limit_places_take(limit->places, key, limit->max, host->session_id(request),
                              limit->closes_oldest, &place, &oldest)) {
    case LIMIT_ALL_TAKEN:
        return host->deny(request, 429, limit_reached, NULL);
    case LIMIT_NO_MEMORY:
        return host->deny(request, 503, "out-of-memory", NULL);
    case LIMIT_REPLACED:
        end_oldest(limit, request, oldest);
        while (limit_places_trim(limit->places, key, limit->max, &oldest))
            end_oldest(limit, request, oldest);
        break;
    case LIMIT_ENTERED:
        break;
    }
    host->slot_set(request, place);
    return MW_PASS;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct connection_limit *limit = instance;
    struct limit_key key;

    if (!limit_key_of(&limit->by, state, limit->host, request, &key))
        return limit->host->deny(request, 503, "out-of-memory", NULL);
    return enter(limit, request, key);
}

static void
release(void *state, void *slot, enum mw_end end)
{
    const struct limit_worker *worker = state;
    const struct connection_limit *limit = worker->instance;

    (void)end;
    limit_place_give_back(limit->places, slot);
}

const struct mw_module connection_limit_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "connection_limit",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .worker_start = limit_worker_start,
    .worker_stop = limit_worker_stop,
    .decide = decide,
    .release = release,
    .adopt = adopt,
};
