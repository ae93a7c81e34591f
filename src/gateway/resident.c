/* resident.c - see resident.h. */
#include "gateway/resident.h"

#include "gateway/worker.h"

static bool
start(struct resident *resident)
{
    const struct instance *instance = resident->instance;

    if (instance->module->worker_start == NULL)
        return true;
    resident->state = instance->module->worker_start(instance->instance, &resident->view);
    return resident->state != NULL;
}

bool
resident_enter(struct resident *resident, struct worker *worker)
{
    if (resident->users++ > 0)
        return true;
    resident->worker = worker;
    resident->view = (struct mw_worker){worker->base, {&worker->mailbox, false}, &worker->metrics};
    resident->next = worker->residents;
    resident->link = &worker->residents;
    turns_init(&resident->turns, &worker->mailbox);
    if (resident->next != NULL)
        resident->next->link = &resident->next;
    worker->residents = resident;
    return start(resident);
}

void
resident_hold(struct resident *resident)
{
    resident->users++;
}

/* On the control thread. */
static void
on_ended(void *arg)
{
    struct resident *resident = arg;

    instance_resident_ended(resident->instance);
}

/* Nobody uses it, and nothing waits for it. */
static void
stop(struct resident *resident)
{
    struct worker *worker = resident->worker;

    *resident->link = resident->next;
    if (resident->next != NULL)
        resident->next->link = resident->link;
    if (resident->state != NULL)
        resident->instance->module->worker_stop(resident->state);
    resident->state = NULL;
    worker_tell(worker, &resident->message, on_ended, resident);
}

static void
on_last_message(void *arg)
{
    stop(arg);
}

void
resident_leave(struct resident *resident)
{
    if (--resident->users > 0)
        return;
    /* Where the worker ends, residents_stop is about to come. */
    (void)!mailbox_door_close(&resident->view.door, &resident->message, on_last_message, resident);
}

void
residents_stop(struct worker *worker)
{
    while (worker->residents != NULL)
        stop(worker->residents);
}
