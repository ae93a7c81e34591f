/*
 * jwt_source.h - one key set by URL: fetched, refreshed, and the last good one kept.
 *
 * It lives on the control thread's loop. A failed or malformed answer changes nothing but the time
 * of the next try, until the last good one is older than `max_stale`: then its keys are dropped.
 * Each change of condition is one line in the log, each end of a fetch is counted. Odd keys of a
 * set are left out and told; a set with no usable key at all, and so an empty one, is malformed.
 */
#ifndef WSGATE_JWT_SOURCE_H
#define WSGATE_JWT_SOURCE_H

#include "jwt_remote_settings.h"
#include "jwt_set.h"
#include "net/http_client.h"
#include "net/timer.h"
#include "token/key_cache.h"
#include "token/key_schedule.h"

enum {
    JWT_BODY_MAX = 256 * 1024, /* the 256 keys that a set may have need some 120 KiB */
    JWT_REDIRECTS_MAX = 3,
};

/* What all sources of an instance share. */
struct jwt_fetcher {
    const struct mw_host *host;
    const struct jwt_remote_settings *settings;
    struct mw_worker *control;
    struct http_client *client;
    /* From the loop, when a fetch has ended; changed: there is another set now. */
    void (*ended)(void *arg, bool changed);
    void *arg;
};

/* Why the last fetch brought nothing. Zeroed: it did, or there was none. */
struct jwt_fault {
    const char *word; /* static */
    unsigned status;  /* of an answer that is none of ours; 0: it was not that */
};

struct jwt_source {
    const struct jwt_address *address;
    const struct jwt_fetcher *fetcher;
    struct timer *timer;     /* when it is due again; not set while a call is under way */
    struct http_call *call;
    /* Of the monotonic clock: */
    uint64_t due_us;         /* for the timer */
    uint64_t begun_us;       /* the fetch that began last */
    uint64_t known_us;       /* it was asked then or later, and has answered or failed; 0: never */
    struct key_allowance allowance;
    bool asked;              /* the next fetch is one of the allowance's */
    struct jwt_fault fault;
    unsigned failures;       /* in a row */
    struct jwt_set set;      /* the last good one */
};

/* Zeroes and fills. */
void jwt_source_init(struct jwt_source *source, const struct jwt_address *address,
                     const struct jwt_fetcher *fetcher);
/* A set from the cache file becomes the last good one, or *error says why it does not. Before
 * jwt_source_open. */
void jwt_source_restore(struct jwt_source *source, const struct key_cache_set *set,
                        struct key_error *error);
/* After fetcher has its client. false: out of memory. */
bool jwt_source_open(struct jwt_source *source) MUST_CHECK;
/* Fetches when it is due: at once, unless somebody said otherwise. */
void jwt_source_begin(struct jwt_source *source);
/* Fetches now, unless it is doing so already. Without memory it tries again later. */
void jwt_source_fetch(struct jwt_source *source);
/* A token came then that no known key verifies. Fetches as soon as the allowance lets it. true: an
 * end of a fetch will follow. false: one that began later has ended already, or there is no
 * memory. */
bool jwt_source_ask(struct jwt_source *source, uint64_t since_us);
/* When the next fetch that is asked for can begin; it may have been. */
uint64_t jwt_source_ask_from_us(const struct jwt_source *source);
/* It has a set, and its last fetch was a good one. */
bool jwt_source_is_certain(const struct jwt_source *source);
/* Ends what is under way, without a word. Idempotent; the set stays. */
void jwt_source_close(struct jwt_source *source);
void jwt_source_free(struct jwt_source *source);

#endif
