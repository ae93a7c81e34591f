/*
 * tunnel_rules.h - what holds for all tunnels of a route, kept once.
 *
 * A tunnel outlives the configuration that it came from, so its rules do too: a worker keeps each
 * set of them once, with the number of tunnels that go by it. Not shared between workers.
 */
#ifndef WSGATE_TUNNEL_RULES_H
#define WSGATE_TUNNEL_RULES_H

#include "base/compiler.h"
#include "gateway/tunnel_rates.h"
#include "protocol/frames.h"

/* Milliseconds; 0 is off. */
struct tunnel_times {
    uint64_t idle, write, fin, close;
    uint64_t ping, pong; /* between pings of ours; for a sign of life after one */
};

/* Compared as bytes: whoever fills it begins with zeroed memory. */
struct tunnel_terms {
    struct tunnel_times times;
    struct frames_rules frames;
    struct rates_terms rates;
    bool checked; /* frames are followed; else `frames` does not count */
};

struct tunnel_rules {
    struct tunnel_terms terms;
    size_t tunnels;
    struct tunnel_rules *next;
};

/* Those of `list` that say the same, or new ones; held for one tunnel. NULL: no memory. */
const struct tunnel_rules *tunnel_rules_hold(struct tunnel_rules **list,
                                             const struct tunnel_terms *terms) MUST_CHECK;
/* That tunnel is over. NULL does no harm. */
void tunnel_rules_drop(struct tunnel_rules **list, const struct tunnel_rules *rules);

#endif
