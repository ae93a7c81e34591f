/*
 * mailbox.h - messages to a thread: functions to run on it, in order.
 *
 * Any thread posts; the owner runs them when the descriptor becomes readable.
 * Memory for a message is allocated by post and freed by run.
 */
#ifndef WSGATE_MAILBOX_H
#define WSGATE_MAILBOX_H

#include "base/compiler.h"

#include <pthread.h>
#include <stdbool.h>

struct mailbox {
    pthread_mutex_t lock;
    struct mailbox_message *first, **last;
    int fd; /* an eventfd: readable while messages wait */
    bool closed;
};

bool mailbox_open(struct mailbox *box) MUST_CHECK;
/* false: out of memory or closed; fn will not run, arg stays the caller's. */
bool mailbox_post(struct mailbox *box, void (*fn)(void *arg), void *arg) MUST_CHECK;
/* Owner only: runs what waits, in order, outside the lock. Bounded: what is posted
 * meanwhile waits for the next call (the descriptor stays readable). */
void mailbox_run(struct mailbox *box);
/* Owner only: no more posts; then runs what is left. */
void mailbox_close(struct mailbox *box);
/* After all posters are gone: closes the descriptor. */
void mailbox_destroy(struct mailbox *box);

#endif
