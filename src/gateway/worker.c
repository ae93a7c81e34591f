/* worker.c - one thread and its loop; see worker.h. */
#include "gateway/worker.h"

#include "base/clock.h"
#include "base/thread.h"
#include "gateway/connection.h"
#include "gateway/endpoint.h"
#include "gateway/resident.h"
#include "gateway/revalidation.h"
#include "gateway/start_fault.h"
#include "net/loop.h"
#include "protocol/accept_value.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

enum {
    DEADLINES_PER_TURN = 100, /* the rest soon after, behind others: no turn gets long */
    BACKLOG_MS = 5,           /* that soon: 9,000 Close frames go out within a second */
    CLOCK_JUMP_MS = 1000
};

/* ---- Small services ------------------------------------------------------------ */

void
worker_turn(struct worker *worker)
{
    while (worker->dead != NULL) {
        struct connection *dead = worker->dead;
        worker->dead = dead->next;
        blocks_give(&worker->connections, dead);
    }
}

uint64_t
worker_after(const struct worker *worker, uint64_t ms)
{
    /* now_ms may be a tick old: one more, and it is never early. */
    return ms == 0 ? WHEEL_NEVER : worker->now_ms + ms + WHEEL_TICK_MS;
}

int64_t
worker_wall_ms(const struct worker *worker)
{
    return (int64_t)worker->now_ms + worker->wall_offset_ms;
}

uint64_t
worker_new_id(struct worker *worker)
{
    return (uint64_t)worker->index << 56 | (worker->next_id++ & ((UINT64_C(1) << 56) - 1));
}

/* xorshift64* */
uint64_t
worker_random(struct worker *worker)
{
    worker->random ^= worker->random >> 12;
    worker->random ^= worker->random << 25;
    worker->random ^= worker->random >> 27;
    return worker->random * UINT64_C(0x2545F4914F6CDD1D) >> 16;
}

bool
worker_post(struct worker *worker, void (*fn)(void *arg), void *arg)
{
    return mailbox_post(&worker->mailbox, fn, arg);
}

void
worker_tell(struct worker *worker, struct mailbox_message *message, void (*fn)(void *arg),
            void *arg)
{
    if (worker->control != NULL)
        (void)!mailbox_put(worker->control, message, fn, arg);
}

void
worker_adopt(struct worker *worker, struct connection *connection)
{
    connection->prev = NULL;
    connection->next = worker->live;
    if (worker->live != NULL)
        worker->live->prev = connection;
    worker->live = connection;
    worker->live_count++;
}

void
worker_bury(struct worker *worker, struct connection *connection)
{
    if (connection->prev != NULL)
        connection->prev->next = connection->next;
    else
        worker->live = connection->next;
    if (connection->next != NULL)
        connection->next->prev = connection->prev;
    connection->next = worker->dead;
    worker->dead = connection;
    if (--worker->live_count == 0 && worker->draining)
        (void)event_base_loopbreak(worker->base);
}

/* ---- Time ------------------------------------------------------------------------ */

/* true: the wall clock has moved since deadlines were last computed from it. */
static bool
read_clocks(struct worker *worker)
{
    worker->now_ms = clock_monotonic_us() / 1000;
    worker->wall_offset_ms = clock_wall_ms() - (int64_t)worker->now_ms;
    if (llabs(worker->wall_offset_ms - worker->armed_offset_ms) <= CLOCK_JUMP_MS)
        return false;
    worker->armed_offset_ms = worker->wall_offset_ms;
    return true;
}

/* true: there may be more. */
static bool
run_deadlines(struct worker *worker)
{
    struct wheel_node *node;

    for (int i = 0; i < DEADLINES_PER_TURN; i++) {
        if ((node = wheel_next(&worker->wheel, worker->now_ms)) == NULL)
            return false;
        connection_overdue((struct connection *)((char *)node -
                                                 offsetof(struct connection, deadline)));
    }
    return true;
}

static bool
run_revalidations(struct worker *worker)
{
    struct wheel_node *node;

    for (int i = 0; i < DEADLINES_PER_TURN; i++) {
        if ((node = wheel_next(&worker->revalidations, worker->now_ms)) == NULL)
            return false;
        revalidation_due(node);
    }
    return true;
}

static bool
tick_in(struct worker *worker, unsigned ms)
{
    struct timeval interval = {0, (suseconds_t)ms * 1000};

    return event_add(&worker->tick_event, &interval) == 0;
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;

    (void)fd, (void)what;
    worker_turn(worker);
    if (read_clocks(worker))
        for (struct connection *c = worker->live; c != NULL; c = c->next)
            connection_rearm(c);
    bool backlog = run_deadlines(worker);
    backlog |= run_revalidations(worker);
    if (backlog != worker->backlog && tick_in(worker, backlog ? BACKLOG_MS : WHEEL_TICK_MS))
        worker->backlog = backlog;
    endpoints_each(worker->handle->generation, worker->index, listener_wake);
}

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;

    (void)fd, (void)what;
    worker_turn(worker);
    mailbox_run(&worker->mailbox);
}

/* ---- Drain ------------------------------------------------------------------------- */

/* One after the other, so that those who come back elsewhere do not come together; each a little
 * off its place. The last quarter is for goodbyes. */
static uint64_t
drain_due(struct worker *worker, uint64_t within_ms, uint64_t place, uint64_t count)
{
    uint64_t window_ms = within_ms - within_ms / 4;

    return worker->now_ms + 1 + (place * window_ms + worker_random(worker) % window_ms) / count;
}

void
worker_drain(struct worker *worker, uint64_t within_ms)
{
    struct connection *next;
    uint64_t count = worker->live_count, place = 0;

    worker->draining = true;
    worker->last_ms = worker->now_ms + within_ms;
    endpoints_each(worker->handle->generation, worker->index, listener_stop);
    for (struct connection *c = worker->live; c != NULL; c = next) {
        next = c->next;
        connection_drain(c, within_ms == 0 ? 0 : drain_due(worker, within_ms, place++, count));
    }
    if (worker->live_count == 0)
        (void)event_base_loopbreak(worker->base);
}

/* ---- Generations -------------------------------------------------------------------- */

const char *
worker_prepare(struct worker *worker, struct generation *generation)
{
    worker->next = &generation->handles[worker->index];
    return handle_enter(worker->next, worker);
}

void
worker_forget_next(struct worker *worker)
{
    struct handle *next = worker->next;

    worker->next = NULL;
    handle_drop(next);
}

/* A worker that drains has no sockets and opens none. */
static void
switch_listeners(struct worker *worker)
{
    struct generation *old = worker->handle != NULL ? worker->handle->generation : NULL;
    struct generation *next = worker->next->generation;

    for (size_t i = 0; old != NULL && i < endpoints_count(old); i++)
        if (!endpoint_is_in(old->endpoints[i], next))
            listener_retire(&old->endpoints[i]->listeners[worker->index]);
    for (size_t i = 0; i < endpoints_count(next); i++) {
        struct listener *listener = &next->endpoints[i]->listeners[worker->index];
        if (worker->draining)
            listener_stop(listener);
        else
            listener_use(listener, worker, &next->settings->listeners[i]);
    }
}

void
worker_switch(struct worker *worker)
{
    struct handle *old = worker->handle;

    switch_listeners(worker);
    worker->handle = worker->next;
    worker->next = NULL;
    handle_drop(old);
    if (old != NULL)
        revalidations_reloaded(worker);
}

/* ---- The thread ---------------------------------------------------------------------- */

bool
worker_begin(struct worker *worker)
{
    const char *failed;

    (void)read_clocks(worker);
    wheel_init(&worker->wheel, worker->now_ms);
    wheel_init(&worker->revalidations, worker->now_ms);
    worker->last_ms = WHEEL_NEVER;
    if ((failed = handle_enter(worker->next, worker)) != NULL)
        return start_fault(worker->log, "worker", "middleware %s did not start", failed);
    if (event_add(&worker->mail_event, NULL) == -1 || !tick_in(worker, WHEEL_TICK_MS))
        return start_fault(worker->log, "worker", "%s", strerror(errno));
    worker_switch(worker);
    return true;
}

void
worker_finish(struct worker *worker)
{
    mailbox_close(&worker->mailbox); /* what was posted last still runs */
    worker_turn(worker);
    if (worker->handle != NULL)
        endpoints_each(worker->handle->generation, worker->index, listener_stop);
    worker_forget_next(worker);
    handle_drop(worker->handle);
    worker->handle = NULL;
    residents_stop(worker);
}

static void *
worker_main(void *arg)
{
    struct worker *worker = arg;

    worker->failed = !worker_begin(worker);
    sem_post(&worker->ready);
    if (!worker->failed)
        (void)event_base_dispatch(worker->base);
    worker_finish(worker);
    if (worker->ended != NULL)
        worker->ended(worker->ended_arg);
    return NULL;
}

/* ---- From the control thread ------------------------------------------------------------ */

bool
worker_open(struct worker *worker, unsigned index, struct generation *generation, struct log *log)
{
    worker->opened = true;
    worker->index = index;
    worker->log = log;
    worker->mailbox.fd = -1;
    worker->pipe = SPLICE_PIPE_CLOSED;
    (void)!splice_pipe_ready(&worker->pipe, 0); /* without one bytes are copied */
    worker->next = &generation->handles[index];
    worker->buffer = malloc(WORKER_BUFFER_BYTES);
    worker->accepts = accept_maker_new();
    blocks_init(&worker->connections, sizeof(struct connection), CONNECTION_ALIGNMENT);
    worker->base = loop_new();
    sem_init(&worker->ready, 0, 0);
    if (worker->buffer == NULL || worker->accepts == NULL || worker->base == NULL ||
        !mailbox_open(&worker->mailbox) ||
        getrandom(&worker->next_id, sizeof(worker->next_id), 0) != sizeof(worker->next_id))
        return start_fault(worker->log, "worker", "%s", strerror(errno));
    worker->random = worker->next_id | 1;
    event_assign(&worker->mail_event, worker->base, worker->mailbox.fd, EV_READ | EV_PERSIST,
                 on_mail, worker);
    event_assign(&worker->tick_event, worker->base, -1, EV_PERSIST, on_tick, worker);
    return true;
}

bool
worker_start(struct worker *worker)
{
    worker->running = thread_start(&worker->thread, worker_main, worker);
    if (!worker->running)
        return start_fault(worker->log, "worker", "its thread does not start");
    while (sem_wait(&worker->ready) == -1)
        continue;
    return !worker->failed;
}

void
worker_join(struct worker *worker)
{
    if (worker->running)
        pthread_join(worker->thread, NULL);
    worker->running = false;
}

void
worker_close(struct worker *worker)
{
    if (!worker->opened)
        return;
    worker_join(worker);
    if (worker->base != NULL) {
        if (event_initialized(&worker->tick_event)) {
            (void)event_del(&worker->mail_event);
            (void)event_del(&worker->tick_event);
        }
        event_base_free(worker->base);
    }
    if (worker->mailbox.fd != -1)
        mailbox_destroy(&worker->mailbox);
    sem_destroy(&worker->ready);
    sessions_free(&worker->sessions);
    splice_pipe_close(&worker->pipe);
    arena_pool_free(&worker->arenas);
    blocks_free(&worker->connections);
    accept_maker_free(worker->accepts);
    free(worker->buffer);
}
