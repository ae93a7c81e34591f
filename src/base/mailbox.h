/*
 * mailbox.h - messages to a thread: functions to run on it, in order.
 *
 * Any thread posts; the owner runs them when the descriptor becomes readable.
 * Memory for a message is allocated by post and freed by run, or lent by whoever puts it.
 *
 * A door is a way into a box for one who may end before the box does: what comes through it arrives
 * in order with all else, and once it is closed nothing more comes.
 */
#ifndef WSGATE_MAILBOX_H
#define WSGATE_MAILBOX_H

#include "base/compiler.h"

#include <pthread.h>
#include <stdbool.h>

struct mailbox_message {
    struct mailbox_message *next;
    void (*fn)(void *arg);
    void *arg;
    bool lent; /* whoever put it keeps the memory */
};

struct mailbox {
    pthread_mutex_t lock;
    struct mailbox_message *first, **last;
    int fd; /* an eventfd: readable while messages wait */
    bool closed;
};

bool mailbox_open(struct mailbox *box) MUST_CHECK;
/* false: out of memory or closed; fn will not run, arg stays the caller's. */
bool mailbox_post(struct mailbox *box, void (*fn)(void *arg), void *arg) MUST_CHECK;
/* The same with the caller's memory, which is his again when fn is called. false: closed. */
bool mailbox_put(struct mailbox *box, struct mailbox_message *message, void (*fn)(void *arg),
                 void *arg) MUST_CHECK;
/* Owner only: runs what waits, in order, outside the lock. Bounded: what is posted
 * meanwhile waits for the next call (the descriptor stays readable). */
void mailbox_run(struct mailbox *box);
/* Owner only: no more posts; then runs what is left. */
void mailbox_close(struct mailbox *box);
/* After all posters are gone: closes the descriptor. */
void mailbox_destroy(struct mailbox *box);

struct mailbox_door {
    struct mailbox *box;
    bool closed; /* under the box's lock */
};

/* As mailbox_post. */
bool mailbox_door_post(struct mailbox_door *door, void (*fn)(void *arg), void *arg) MUST_CHECK;
/* Any thread, once. fn is run behind all that came through. false: the box is closed, fn will not
 * run; the door is closed all the same. */
bool mailbox_door_close(struct mailbox_door *door, struct mailbox_message *message,
                        void (*fn)(void *arg), void *arg) MUST_CHECK;

#endif
