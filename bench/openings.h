/* openings.h - makes opening handshakes, so many at a time, and checks every answer. */
#ifndef BENCH_OPENINGS_H
#define BENCH_OPENINGS_H

#include "plan.h"

/*
 * Sends every request on a connection of its own. With plan->keep the
 * connections stay open and fds[i] is that of request i; otherwise the client
 * closes as soon as it has its answer, and fds may be NULL.
 */
void openings_run(const struct plan *plan, const struct requests *requests, int *fds,
                  struct outcome *outcome);

#endif
