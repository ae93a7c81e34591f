/*
 * module_host.h - our functions, as a module sees them (struct mw_host).
 *
 * host_fill fills in everything but the functions about options, which the
 * configuration provides (settings_fill_host).
 */
#ifndef WSGATE_MODULE_HOST_H
#define WSGATE_MODULE_HOST_H

#include "base/log.h"

#include <wsgate/middleware.h>

struct revocations;
struct worker;

/* `public` must stay first: modules get a pointer to it. */
struct host_functions {
    struct mw_host public;
    struct log *log;         /* set before the first setup */
    struct worker *workers;  /* NULL until they run */
    size_t worker_count;
    struct revocations *revocations; /* NULL: nothing is revoked */
};

void host_fill(struct host_functions *host);
/* The parts of it that answer questions about a request, and take answers. */
void module_questions_fill(struct mw_host *host);
void module_answers_fill(struct mw_host *host);

#endif
