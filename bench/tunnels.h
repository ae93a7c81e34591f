/* tunnels.h - traffic on open tunnels: echoes checked byte by byte, and one-way streams. */
#ifndef BENCH_TUNNELS_H
#define BENCH_TUNNELS_H

#include "plan.h"

/* plan->messages to each tunnel, one under way at a time; fills outcome->round_trip_ns if set. */
void tunnels_echo(const struct plan *plan, const int *fds, struct outcome *outcome);

/* plan->messages binary frames into each tunnel without waiting, then a text whose echo says
 * that all has arrived. The backend must be a sink. */
void tunnels_stream(const struct plan *plan, const int *fds, struct outcome *outcome);

#endif
