/*
 * descriptors.h - how many descriptors the process may have, and how many connections that makes.
 */
#ifndef WSGATE_DESCRIPTORS_H
#define WSGATE_DESCRIPTORS_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    /* Kept for what comes and goes: log files opened anew, libraries' own, outgoing fetches. */
    DESCRIPTORS_RESERVE = 16,
    DESCRIPTORS_PER_CONNECTION = 2, /* to the client, to the backend */
};

/* The soft limit becomes the hard one, as far as that is possible. */
void descriptors_raise(void);
/* The soft limit. */
uint64_t descriptors_limit(void);
/* Those that are open now. */
uint64_t descriptors_open(void);
/* How many connections fit beside what is open now, the reserve, and one descriptor for each of
 * `workers`, with which it tells a client that there is no room. Once everything is open. */
uint64_t descriptors_connections(unsigned workers) MUST_CHECK;
/* Is it that with which a call fails for want of descriptors, ours or the system's? */
bool descriptors_lacking(int error) MUST_CHECK;

#endif
