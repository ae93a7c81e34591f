/* timer.h - a moment on a loop at which something is due, once, and again when it is set again. */
#ifndef WSGATE_TIMER_H
#define WSGATE_TIMER_H

#include "base/compiler.h"

#include <stdint.h>

struct event_base;
struct timer;

/* Not set yet. fn may set it again or free it. NULL: out of memory. */
struct timer *timer_new(struct event_base *base, void (*fn)(void *arg), void *arg) MUST_CHECK;
/* In `ms` from now, instead of when it was due before. */
void timer_set(struct timer *timer, uint64_t ms);
void timer_stop(struct timer *timer);
/* NULL is allowed. */
void timer_free(struct timer *timer);

#endif
