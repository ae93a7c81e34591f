/*
 * turns.h - the questions of tunnels that are judged again, of one instance on one worker: so many
 * are asked at a time, the others wait for their turn.
 *
 * After a reload all tunnels ask within a second. They leave some connections to the service free,
 * so that handshakes are answered meanwhile. A turn is part of a struct of the module's; nothing is
 * allocated here. How long one waits is for its owner to bound.
 */
#ifndef WSGATE_TURNS_H
#define WSGATE_TURNS_H

#include "base/compiler.h"
#include "net/http_client.h"

#include <sys/queue.h>

enum { TURNS_MAX = HTTP_CLIENT_PER_HOST * 3 / 4 };

/* Zeroed: none. */
struct turn {
    enum { TURN_NONE, TURN_WAITS, TURN_TAKEN } state;
    TAILQ_ENTRY(turn) in_queue; /* while it waits */
};

struct turns {
    TAILQ_HEAD(, turn) waiting; /* who came first is first */
    size_t taken;
};

void turns_init(struct turns *turns);
/* True: it is taken at once. Else it waits, until turns_next has it or turns_leave ends it. */
bool turns_ask(struct turns *turns, struct turn *turn) MUST_CHECK;
/* It has none any more, whichever it had. */
void turns_leave(struct turns *turns, struct turn *turn);
/* Takes a turn for the first who waits. NULL: nobody does, or all are taken. */
struct turn *turns_next(struct turns *turns) MUST_CHECK;

#endif
