/*
 * worker.h - one thread, one event loop, and everything that lives on it.
 *
 * A connection lives and dies on the worker that accepted it. Nothing here is touched by
 * another thread, with three exceptions: the mailbox (its lock), `crowd` (atomics and
 * locks of its own) and the log. Others reach a worker by worker_post alone.
 */
#ifndef WSGATE_WORKER_H
#define WSGATE_WORKER_H

#include "base/arena.h"
#include "base/blocks.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/wheel.h"
#include "gateway/crowd.h"
#include "gateway/generation.h"
#include "gateway/metrics.h"
#include "gateway/sessions.h"
#include "net/splice_pipe.h"

#include <wsgate/middleware.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <semaphore.h>

enum { WORKER_BUFFER_BYTES = 64 * 1024 };

struct accept_maker;
struct connection;
struct tunnel_rules;

struct worker {
    unsigned index;
    pthread_t thread;
    struct event_base *base;
    struct mailbox mailbox;
    struct mailbox *control; /* the control thread's; NULL: there is none */
    struct event mail_event, tick_event;
    struct log *log;
    struct crowd *crowd; /* shared by all workers */

    struct handle *handle; /* on the present generation */
    struct handle *next;   /* on the one to come; NULL: none */
    struct resident *residents; /* a list: what lives here of modules */

    struct connection *live; /* doubly linked */
    struct connection *dead; /* closed in this turn, freed in the next */
    size_t live_count;
    struct sessions sessions;
    struct revocations *revocations; /* all workers'; NULL: nothing is revoked */
    struct wheel wheel;         /* of connections' deadlines */
    struct tunnel_rules *tunnel_rules; /* those that live tunnels go by */
    struct wheel revalidations; /* apart, for a wheel's nodes are of one kind */
    struct splice_pipe pipe; /* empty between two callbacks */
    struct arena_pool arenas;
    struct blocks connections; /* memory for the next ones */
    struct accept_maker *accepts;
    char *buffer;    /* WORKER_BUFFER_BYTES; nobody's between two callbacks */
    uint64_t now_ms; /* the monotonic clock at the last tick */
    int64_t wall_offset_ms; /* wall - monotonic, at the last tick */
    int64_t armed_offset_ms; /* the same, when all deadlines were last computed anew */
    uint64_t next_id;
    uint64_t random;
    bool backlog;     /* more has fallen due than a turn takes: ticks come sooner */
    bool draining;    /* no new connections; ends with the last one */
    uint64_t last_ms; /* when what is left then is closed; WHEEL_NEVER: no end is in sight */
    bool opened, running, failed;
    sem_t ready;
    void (*ended)(void *arg); /* called on the worker's thread as its last act; may be NULL */
    void *ended_arg;
    struct metrics metrics;
};

/* Control thread, before the thread runs. The worker takes its handle on the generation when it
 * begins. `crowd` is set by whoever lets it listen, `control` by whoever wants to hear of it.
 * false: said (start_fault.h), as by the next two. */
bool worker_open(struct worker *worker, unsigned index, struct generation *generation,
                 struct log *log) MUST_CHECK;
/* Starts the thread and waits until the modules are ready and the listeners are on. */
bool worker_start(struct worker *worker) MUST_CHECK;
/* Any thread. */
bool worker_post(struct worker *worker, void (*fn)(void *arg), void *arg) MUST_CHECK;
/* Control thread: waits for the thread's end. Idempotent; harmless where none was started. */
void worker_join(struct worker *worker);
/* Control thread: waits for the thread's end, then frees everything. Harmless on a worker that was
 * opened half. */
void worker_close(struct worker *worker);

/* ---- On the worker's own thread ---- */

/* What the thread does before its loop, and after it: the modules' states, ticks, mail, listeners.
 * For whoever runs an opened worker's loop on his own thread; worker_finish is due even after a
 * failure. */
bool worker_begin(struct worker *worker) MUST_CHECK;
void worker_finish(struct worker *worker);

/* The next generation: its modules' states are made, and everything goes on as it is. NULL, or
 * which instance did not start. Either way one of the following two is due. */
const char *worker_prepare(struct worker *worker, struct generation *generation) MUST_CHECK;
/* From now on new connections come under it. Sockets it does not have are closed, once those that
 * wait there have come in under the old one. */
void worker_switch(struct worker *worker);
void worker_forget_next(struct worker *worker);
/* To the control thread, with memory that is lent. Lost where nobody listens there any more. */
void worker_tell(struct worker *worker, struct mailbox_message *message, void (*fn)(void *arg),
                 void *arg);

/* Stops listening and ends connections over the next `within_ms`, one after the other; 0
 * ends them now. The loop ends with the last one. */
void worker_drain(struct worker *worker, uint64_t within_ms);
/* Every callback from the loop begins here: frees what died in an earlier turn. */
void worker_turn(struct worker *worker);
/* A deadline `ms` from now, never early; ms == 0 is "off": WHEEL_NEVER. */
uint64_t worker_after(const struct worker *worker, uint64_t ms);
/* The wall clock at the last tick, in milliseconds. */
int64_t worker_wall_ms(const struct worker *worker);
uint64_t worker_new_id(struct worker *worker); /* unique in the process; names the worker */
uint64_t worker_random(struct worker *worker); /* for jitter, not for secrets */
/* Into the live list, and out of it to be freed in a later turn. */
void worker_adopt(struct worker *worker, struct connection *connection);
void worker_bury(struct worker *worker, struct connection *connection);

#endif
