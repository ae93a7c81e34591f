/*
 * metrics.h - what one worker counts. Written by its worker alone; read by others only
 * after the worker has ended, or by asking it.
 */
#ifndef WSGATE_METRICS_H
#define WSGATE_METRICS_H

#include "gateway/reasons.h"

#include <stdint.h>

#define METRICS(M)                                                                          \
    M(accepted)       /* connections taken from listeners */                                \
    M(closed)         /* connections that are gone: accepted - closed = live */             \
    M(handshakes)     /* heads that were whole or refused */                                \
    M(refused)        /* handshakes answered with a status other than 101 */                \
    M(refused_by_close) /* of these: told by a Close frame after a 101 */                   \
    M(tunnels)        /* handshakes that became tunnels */                                  \
    M(bytes_in)       /* client to backend, through tunnels */                              \
    M(bytes_out)      /* backend to client */                                               \
    M(reloads)        /* configurations that took the place of another */               \
    M(reloads_failed) /* that were not taken: the old one stayed */                     \
    M(renewals)       /* certificates that were read again because a file had changed */    \
    M(renewals_failed) /* that were not good: the old ones stayed */                        \
    M(certificates_end) /* of the control thread alone: when the first certificate of a listener
                         * ends, in seconds since 1970; 0: there is none */                 \
    M(counts_lost)    /* times that a module counted a word for which there was no room */

/* Counters of modules, by (module, word): few, found by a walk. */
enum { METRICS_MODULE_COUNTERS_MAX = 64 };

struct module_counter {
    const char *module, *word; /* static strings of the module */
    uint64_t n;
};

struct metrics {
#define M(name) uint64_t name;
    METRICS(M)
#undef M
    uint64_t reasons[REASON_COUNT];
    struct module_counter modules[METRICS_MODULE_COUNTERS_MAX];
};

void metrics_count(struct metrics *metrics, const char *module, const char *word, uint64_t n);
/* sum += metrics */
void metrics_add(struct metrics *sum, const struct metrics *metrics);

#endif
