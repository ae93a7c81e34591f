/*
 * turns.h - the tunnels that an instance is to judge again on one worker: so many at a time, the
 * others wait for their turn.
 *
 * After a reload all tunnels are due within a second, and what each of them waits for is mostly one
 * and the same service. A turn is part of a struct of its owner's; nothing is allocated here. How
 * long one waits is for its owner to bound. On the worker's thread alone.
 */
#ifndef WSGATE_TURNS_H
#define WSGATE_TURNS_H

#include "base/mailbox.h"

#include <wsgate/middleware.h>

#include <stddef.h>
#include <sys/queue.h>

enum { TURNS_MAX = MW_REVALIDATIONS_MAX };

/* Zeroed: none. */
struct turn {
    enum { TURN_NONE, TURN_WAITS, TURN_TAKEN } state;
    TAILQ_ENTRY(turn) in_queue; /* while it waits */
    void (*come)(struct turn *turn);
};

struct turns {
    TAILQ_HEAD(, turn) waiting; /* who came first is first */
    size_t taken;
    struct mailbox *box; /* the worker's */
    struct mailbox_message message;
    bool called; /* the message is on its way */
};

void turns_init(struct turns *turns, struct mailbox *box);
/* true: it is taken at once. Else it waits: `come` is called when it has been taken, from the
 * worker's loop and never from in here, unless turns_leave ends it before. */
bool turns_ask(struct turns *turns, struct turn *turn, void (*come)(struct turn *turn)) MUST_CHECK;
/* It has none any more, whichever it had. Whose turn it is then hears of it from the loop, where
 * *turns has to be until then: what was posted to the box behind this comes later. */
void turns_leave(struct turns *turns, struct turn *turn);

#endif
