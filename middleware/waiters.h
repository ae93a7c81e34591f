/*
 * waiters.h - the handshakes of one instance that wait on one worker, found by their task.
 *
 * A module keeps what it knows of one in a struct that begins with `struct waiter`, and puts it
 * into a list of its own choice: those of one list are told together. Putting in, taking out and
 * finding take the same time however many wait. Nothing is allocated here; memory is the module's.
 */
#ifndef WSGATE_WAITERS_H
#define WSGATE_WAITERS_H

#include "base/compiler.h"

#include <wsgate/middleware.h>

#include <sys/queue.h>

enum { WAITERS_CHAINS = 1024 };

struct waiter {
    struct mw_task *task;
    LIST_ENTRY(waiter) in_list, in_chain;
};

LIST_HEAD(waiter_list, waiter);

/* Zeroed: nobody waits. */
struct waiters {
    struct waiter_list chains[WAITERS_CHAINS];
    size_t count;
};

/* waiter->task is set. */
void waiters_add(struct waiters *waiters, struct waiter_list *list, struct waiter *waiter);
/* NULL: nobody waits with that task. */
struct waiter *waiters_find(const struct waiters *waiters, const struct mw_task *task) MUST_CHECK;
/* Takes it out of its list too. */
void waiters_remove(struct waiters *waiters, struct waiter *waiter);
/* All of `from`, which is empty then, are now in `to`, which was. */
void waiters_move(struct waiter_list *to, struct waiter_list *from);

#endif
