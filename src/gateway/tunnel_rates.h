/*
 * tunnel_rates.h - how much may go through a tunnel in a second: token buckets, two for each
 * direction. Pure.
 *
 * What has been read is paid for afterwards, so a bucket can be in debt by what one read brings;
 * messages alone can be counted before they go on (rates_budget).
 */
#ifndef WSGATE_TUNNEL_RATES_H
#define WSGATE_TUNNEL_RATES_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

/* 0: no limit; no burst: what a second brings. At most RATE_MAX. */
#define RATE_MAX (INT64_C(1) << 40)
struct rate {
    uint64_t per_second, burst;
};

struct rates_terms {
    struct rate messages, bytes;
    bool of[2];  /* what comes from the client, from the backend */
    bool delay;  /* over a limit reading waits; else the tunnel is ended */
};

struct bucket {
    int64_t level; /* in thousandths; below 0: a debt */
    uint64_t filled_ms;
};

struct rates {
    struct bucket messages[2], bytes[2];
};

/* Full buckets; malloc'd. NULL: no memory. */
struct rates *rates_new(const struct rates_terms *terms, uint64_t now_ms) MUST_CHECK;
bool rates_wanted(const struct rates_terms *terms);
/* How many messages may begin now; UINT64_MAX / 2: any number. */
uint64_t rates_budget(struct rates *rates, const struct rates_terms *terms, int from,
                      uint64_t now_ms);
/* They have passed. false: that was more than there was. */
bool rates_spend(struct rates *rates, const struct rates_terms *terms, int from, uint64_t messages,
                 uint64_t bytes, uint64_t now_ms) MUST_CHECK;
/* When the debts of a direction will be paid. */
uint64_t rates_due(const struct rates *rates, const struct rates_terms *terms, int from);

#endif
