/*
 * jwt_source.h - one key set by URL: fetched, refreshed, and the last good one kept.
 *
 * It lives on the control thread's loop. A failed or malformed answer changes nothing but the time
 * of the next try; each change of condition is one line in the log, each end of a fetch is counted.
 * Odd keys of a set are left out and told; a set with no usable key at all is malformed.
 */
#ifndef WSGATE_JWT_SOURCE_H
#define WSGATE_JWT_SOURCE_H

#include "jwt_remote_settings.h"
#include "net/http_client.h"
#include "net/timer.h"
#include "token/key_cache.h"
#include "token/keyset.h"

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
    uint64_t deadline_us;    /* of the fetch under way, on the monotonic clock */
    struct jwt_fault fault;
    unsigned failures;       /* in a row */
    /* The last good set, its text as it was fetched, and when that text came first. */
    struct keyset *keyset;   /* NULL: there was none yet */
    char *text;
    size_t text_len;
    int64_t fetched_s;
};

/* Zeroes and fills. */
void jwt_source_init(struct jwt_source *source, const struct jwt_address *address,
                     const struct jwt_fetcher *fetcher);
/* A set from the cache file becomes the last good one. Before jwt_source_open. false: it is not
 * usable. */
bool jwt_source_restore(struct jwt_source *source, const struct key_cache_set *set) MUST_CHECK;
/* After fetcher has its client. false: out of memory. */
bool jwt_source_open(struct jwt_source *source) MUST_CHECK;
/* Fetches now, unless it is doing so already. Without memory it tries again later. */
void jwt_source_fetch(struct jwt_source *source);
bool jwt_source_is_fetching(const struct jwt_source *source);
/* Ends what is under way, without a word. Idempotent; the set stays. */
void jwt_source_close(struct jwt_source *source);
void jwt_source_free(struct jwt_source *source);

#endif
