/*
 * reload.c - see reload.h.
 *
 *   IDLE -> PREPARING -> SWITCHING -> IDLE
 *                  \---> FORGETTING -> IDLE
 *
 * The hard thing: a worker ends when it likes, and then answers no more. It does so only when the
 * gateway stops; reload_end ends what was under way then.
 */
#include "gateway/reload.h"

#include "base/clock.h"
#include "base/log_targets.h"
#include "gateway/endpoint.h"
#include "gateway/notify.h"
#include "gateway/reload_load.h"

#include <stdlib.h>

static void begin(struct reload *reload);

/* ---- The end of a run -------------------------------------------------------------- */

static void
log_lines(struct reload *reload, char *lines)
{
    char *rest;

    for (char *line = strtok_r(lines, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest))
        log_message(reload->log, LOG_LEVEL_ERROR, "reload", "%s", line);
}

static void
answer(struct reload *reload, const char *faults)
{
    struct reload_asker *asker;

    while ((asker = reload->askers) != NULL) {
        reload->askers = asker->next; /* it is his again, and he may ask anew */
        asker->done(asker->arg, faults);
    }
}

static void
warn(void *arg, const char *text)
{
    log_message(arg, LOG_LEVEL_WARNING, "configuration", "%s", text);
}

void
reload_warn(const struct settings *settings, struct log *log)
{
    settings_warn(settings, warn, log);
}

static void
say(struct reload *reload, bool good)
{
    if (good) {
        reload_warn(reload->present->settings, reload->log);
        log_message(reload->log, LOG_LEVEL_INFO, "reload", "%s: reloaded",
                    reload->present->settings->file);
        notify_send("READY=1\nSTATUS=reloaded");
    } else {
        log_message(reload->log, LOG_LEVEL_ERROR, "reload",
                    "not reloaded: the configuration stays as it was");
        notify_send("READY=1\nSTATUS=not reloaded, the configuration stays as it was: see the log");
    }
}

static void
finish(struct reload *reload, bool good)
{
    char *faults = NULL;

    reload->other = NULL;
    if (reload->out != NULL && fclose(reload->out) == 0)
        faults = reload->faults;
    reload->out = NULL;
    answer(reload, good ? NULL : faults != NULL ? faults : "out of memory\n");
    if (!good && faults != NULL)
        log_lines(reload, faults);
    free(faults);
    reload->metrics->reloads += good;
    reload->metrics->reloads_failed += !good;
    say(reload, good);
    reload->state = RELOAD_IDLE;
    if (reload->wanted)
        begin(reload);
}

/* ---- Orders to workers ------------------------------------------------------------------ */

static void finish_preparing(struct reload *reload);

static void
on_answered(void *arg)
{
    struct reload_order *order = arg;
    struct reload *reload = order->reload;

    if (--reload->waiting > 0)
        return;
    struct generation *other = reload->other;
    switch (reload->state) {
    case RELOAD_PREPARING:
        finish_preparing(reload);
        break;
    case RELOAD_SWITCHING:
        endpoints_free(other, reload->present);
        generation_drop(other);
        finish(reload, true);
        break;
    case RELOAD_FORGETTING:
        endpoints_free(other, reload->present);
        generation_drop(other);
        finish(reload, false);
        break;
    case RELOAD_IDLE:
        break;
    }
}

/* On the worker, as the next three. */
static void
reply(struct reload_order *order)
{
    worker_tell(order->worker, &order->message, on_answered, order);
}

static void
on_prepare(void *arg)
{
    struct reload_order *order = arg;

    order->failed = worker_prepare(order->worker, order->reload->other);
    reply(order);
}

static void
on_switch(void *arg)
{
    struct reload_order *order = arg;

    worker_switch(order->worker);
    reply(order);
}

static void
on_forget(void *arg)
{
    struct reload_order *order = arg;

    worker_forget_next(order->worker);
    reply(order);
}

/* Where a box is closed the gateway stops, and the answers stay away. */
static void
order_all(struct reload *reload, enum reload_state state, void (*fn)(void *arg))
{
    reload->state = state;
    reload->waiting = reload->worker_count;
    for (unsigned i = 0; i < reload->worker_count; i++) {
        struct reload_order *order = &reload->orders[i];
        order->reload = reload;
        order->worker = &reload->workers[i];
        (void)!mailbox_put(&order->worker->mailbox, &order->message, fn, order);
    }
}

/* The same one mostly fails on all workers. */
static bool
any_failed(const struct reload *reload)
{
    for (unsigned i = 0; i < reload->worker_count; i++)
        if (reload->orders[i].failed != NULL) {
            fprintf(reload->out, "middleware `%s` did not start on a worker\n",
                    reload->orders[i].failed);
            return true;
        }
    return false;
}

static void
finish_preparing(struct reload *reload)
{
    struct generation *old = reload->present;

    if (reload->over || any_failed(reload)) {
        log_targets_close(reload->targets);
        reload->targets = NULL;
        order_all(reload, RELOAD_FORGETTING, on_forget);
        return;
    }
    endpoints_hide(old, reload->other);
    log_move(reload->log, reload->targets, reload->other->settings->log.level);
    reload->targets = NULL;
    reload->present = reload->other;
    reload->other = old;
    order_all(reload, RELOAD_SWITCHING, on_switch);
}

/* ---- Beginning -------------------------------------------------------------------------- */

static void
begin(struct reload *reload)
{
    char state[64];

    (void)snprintf(state, sizeof(state), "RELOADING=1\nMONOTONIC_USEC=%llu",
                   (unsigned long long)clock_monotonic_us());
    notify_send(state);
    reload->state = RELOAD_PREPARING;
    reload->askers = reload->later;
    reload->later = NULL;
    reload->wanted = false;
    reload->faults = NULL;
    reload->out = open_memstream(&reload->faults, &reload->faults_len);
    reload->other = reload->out != NULL ? reload_load(reload) : NULL;
    if (reload->other == NULL) {
        finish(reload, false);
        return;
    }
    for (unsigned i = 0; i < reload->worker_count; i++)
        reload->orders[i].failed = NULL;
    order_all(reload, RELOAD_PREPARING, on_prepare);
}

static struct reload_asker **
end_of(struct reload_asker **list)
{
    while (*list != NULL)
        list = &(*list)->next;
    return list;
}

void
reload_ask(struct reload *reload, struct reload_asker *asker)
{
    if (reload->over && asker != NULL)
        asker->done(asker->arg, "the gateway is stopping\n");
    if (reload->over)
        return;
    reload->wanted = true;
    if (asker != NULL) {
        asker->next = NULL;
        *end_of(&reload->later) = asker;
    }
    if (reload->state == RELOAD_IDLE)
        begin(reload);
}

static void
take_out(struct reload_asker **list, const struct reload_asker *asker)
{
    for (; *list != NULL; list = &(*list)->next)
        if (*list == asker) {
            *list = asker->next;
            return;
        }
}

void
reload_forget(struct reload *reload, struct reload_asker *asker)
{
    take_out(&reload->askers, asker);
    take_out(&reload->later, asker);
}

/* ---- The gateway stops ---------------------------------------------------------------- */

void
reload_stop(struct reload *reload)
{
    reload->over = true;
    if (reload->present != NULL)
        endpoints_hide(reload->present, NULL);
    if (reload->other != NULL && reload->other->endpoints != NULL)
        endpoints_hide(reload->other, NULL);
}

void
reload_end(struct reload *reload)
{
    struct generation *other = reload->other, *present = reload->present;

    reload->over = true;
    if (reload->out != NULL && fclose(reload->out) == 0)
        free(reload->faults);
    reload->out = NULL;
    if (other != NULL)
        endpoints_free(other, present);
    generation_end(other);
    if (present != NULL)
        endpoints_free(present, NULL);
    generation_end(present);
    reload->other = reload->present = NULL;
    log_targets_close(reload->targets);
    free(reload->orders);
    reload->orders = NULL;
}
