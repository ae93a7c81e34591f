/* timer.c - see timer.h. */
#include "net/timer.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <stdlib.h>

struct timer {
    struct event event;
    void (*fn)(void *arg);
    void *arg;
};

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
    const struct timer *timer = arg;

    (void)fd, (void)what;
    timer->fn(timer->arg);
}

struct timer *
timer_new(struct event_base *base, void (*fn)(void *arg), void *arg)
{
    struct timer *timer = malloc(sizeof(*timer));

    if (timer == NULL)
        return NULL;
    timer->fn = fn;
    timer->arg = arg;
    evtimer_assign(&timer->event, base, on_due, timer);
    return timer;
}

void
timer_set(struct timer *timer, uint64_t ms)
{
    struct timeval after = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    /* It can fail only where there is no memory for the loop's heap of timers. */
    (void)evtimer_add(&timer->event, &after);
}

void
timer_stop(struct timer *timer)
{
    (void)evtimer_del(&timer->event);
}

void
timer_free(struct timer *timer)
{
    if (timer == NULL)
        return;
    timer_stop(timer);
    free(timer);
}
