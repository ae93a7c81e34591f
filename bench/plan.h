/*
 * plan.h - what one run of the load generator shall do, and the requests it
 * will send: laid down in memory before the clock starts, so that the
 * generator computes nothing while it measures.
 */
#ifndef BENCH_PLAN_H
#define BENCH_PLAN_H

#include "opening.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan {
    struct sockaddr_in address;
    const char *host, *origin, *path;
    const char *token_file;     /* NULL: no Authorization header */
    unsigned long token_skip;   /* lines of the file to pass over; it starts again at its end */
    unsigned long count;        /* opening handshakes, or tunnels */
    unsigned long in_flight;    /* opening handshakes at a time */
    unsigned long message_size; /* bytes of payload */
    unsigned long messages;     /* to each tunnel */
    int status;                 /* what a request is answered with */
    bool keep;                  /* the connection stays, as a tunnel */
    bool synchronised;          /* print "ready", then wait for a line; see load.c */
    uint64_t deadline_ns;
};

struct request {
    char *bytes;
    size_t len;
    const char *accept;
};

struct requests {
    struct request *row;
    size_t count;
};

/* What came of it. first_fault is for the reader; any fault makes the run worthless. */
struct outcome {
    unsigned long done, faults;
    char first_fault[160];
    uint64_t begin_ns, end_ns;
    uint64_t payload_bytes;
    uint32_t *round_trip_ns; /* one for each message, or NULL */
    size_t round_trips;
};

struct requests plan_requests(const struct plan *plan); /* dies on a bad file */
void plan_fault(struct outcome *outcome, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
