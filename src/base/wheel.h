/*
 * wheel.h - many deadlines, few timers: a hashed timing wheel.
 *
 * One worker's deadlines hang in WHEEL_SLOTS lists, one for each coming tick of
 * WHEEL_TICK_MS. Arming and disarming are a few pointer writes; only what is due, or
 * a whole turn of the wheel away, is looked at. A deadline fires at most one
 * tick late, never early. Not thread safe: one worker.
 */
#ifndef WSGATE_WHEEL_H
#define WSGATE_WHEEL_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_TICK_MS = 100, WHEEL_SLOTS = 1024 };

#define WHEEL_NEVER UINT64_MAX

/* Embedded in its owner; zeroed memory is "not armed". */
struct wheel_node {
    struct wheel_node *next, *prev;
    uint64_t due_ms; /* on the monotonic clock */
};

struct wheel {
    struct wheel_node slots[WHEEL_SLOTS]; /* heads of circular lists */
    uint64_t done_tick;                   /* every deadline up to this tick has fired */
};

void wheel_init(struct wheel *wheel, uint64_t now_ms);
/* Arms, or moves, to due_ms; WHEEL_NEVER disarms. */
void wheel_set(struct wheel *wheel, struct wheel_node *node, uint64_t due_ms);
void wheel_clear(struct wheel_node *node);
/*
 * Takes the next node that is due, disarmed; NULL when there is none. Call until
 * NULL, or stop earlier and go on later: nothing is lost.
 */
struct wheel_node *wheel_next(struct wheel *wheel, uint64_t now_ms);

#endif
