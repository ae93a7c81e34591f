/*
 * turns.c - see turns.h.
 *
 * The hard thing: a turn becomes free while a module calls, in resume or behind its cancel. To ask
 * that module about the next tunnel there and then would surprise it; so a message does it.
 */
#include "gateway/turns.h"

enum { SERVED_AT_A_TIME = 100 }; /* of those who are answered at once; the loop has others, too */

void
turns_init(struct turns *turns, struct mailbox *box)
{
    TAILQ_INIT(&turns->waiting);
    turns->taken = 0;
    turns->box = box;
    turns->called = false;
}

static bool
take(struct turns *turns, struct turn *turn)
{
    if (turns->taken >= TURNS_MAX)
        return false;
    TAILQ_REMOVE(&turns->waiting, turn, in_queue);
    turn->state = TURN_TAKEN;
    turns->taken++;
    return true;
}

static void serve(void *arg);

static void
call_next(struct turns *turns)
{
    if (!turns->called && !TAILQ_EMPTY(&turns->waiting) && turns->taken < TURNS_MAX)
        turns->called = mailbox_put(turns->box, &turns->message, serve, turns);
}

static void
serve(void *arg)
{
    struct turns *turns = arg;
    struct turn *turn;

    for (int i = 0; i < SERVED_AT_A_TIME; i++) {
        turn = TAILQ_FIRST(&turns->waiting);
        if (turn == NULL || !take(turns, turn))
            break;
        turn->come(turn);
    }
    turns->called = false;
    call_next(turns);
}

bool
turns_ask(struct turns *turns, struct turn *turn, void (*come)(struct turn *turn))
{
    turn->state = TURN_WAITS;
    turn->come = come;
    TAILQ_INSERT_TAIL(&turns->waiting, turn, in_queue);
    /* Whoever waits while there is room is about to be called, and goes first. */
    return TAILQ_FIRST(&turns->waiting) == turn && take(turns, turn);
}

void
turns_leave(struct turns *turns, struct turn *turn)
{
    if (turn->state == TURN_WAITS)
        TAILQ_REMOVE(&turns->waiting, turn, in_queue);
    else if (turn->state == TURN_TAKEN)
        turns->taken--;
    turn->state = TURN_NONE;
    call_next(turns);
}
