/*
 * crowd.h - how many connections and unfinished handshakes there are, over all workers.
 *
 * Totals are atomic; counts by address stand in shards, each behind a short lock that only
 * accepting and ending a handshake take, and only where the limit is on. An
 * address is an IPv4 address or an IPv6 /64. The limits are a generation's; what is counted goes
 * on from one to the next.
 */
#ifndef WSGATE_CROWD_H
#define WSGATE_CROWD_H

#include "base/compiler.h"
#include "gateway/reasons.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

struct crowd;

struct crowd_limits {
    uint64_t connections;            /* 0: no limit */
    uint64_t handshakes;             /* 0: no limit */
    uint64_t handshakes_per_address; /* 0: not counted */
};

struct crowd *crowd_new(void) MUST_CHECK;
void crowd_free(struct crowd *crowd);

/* A new connection with an unfinished handshake. client: NULL where a proxy has yet to say who that
 * is. Anything but REASON_NONE: it is one too many, nothing was counted. */
enum reason crowd_enter(struct crowd *crowd, const struct crowd_limits *limits,
                        const struct sockaddr *client) MUST_CHECK;
/* The client of such a handshake is known; call once, with the limits that it came under. */
enum reason crowd_count(struct crowd *crowd, const struct crowd_limits *limits,
                        const struct sockaddr *client) MUST_CHECK;
/* The handshake is over, one way or the other; call once, with the same limits. client: NULL where
 * none was counted. */
void crowd_handshake_over(struct crowd *crowd, const struct crowd_limits *limits,
                          const struct sockaddr *client);
/* The connection is gone; call once, after the former. */
void crowd_leave(struct crowd *crowd);

#endif
