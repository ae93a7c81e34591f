/* turns.c - see turns.h. */
#include "turns.h"

void
turns_init(struct turns *turns)
{
    TAILQ_INIT(&turns->waiting);
    turns->taken = 0;
}

bool
turns_ask(struct turns *turns, struct turn *turn)
{
    turn->state = TURN_WAITS;
    TAILQ_INSERT_TAIL(&turns->waiting, turn, in_queue);
    /* Whoever waits while there is room is about to be fetched, and goes first. */
    return TAILQ_FIRST(&turns->waiting) == turn && turns_next(turns) == turn;
}

void
turns_leave(struct turns *turns, struct turn *turn)
{
    if (turn->state == TURN_WAITS)
        TAILQ_REMOVE(&turns->waiting, turn, in_queue);
    else if (turn->state == TURN_TAKEN)
        turns->taken--;
    turn->state = TURN_NONE;
}

struct turn *
turns_next(struct turns *turns)
{
    struct turn *turn = TAILQ_FIRST(&turns->waiting);

    if (turn == NULL || turns->taken >= TURNS_MAX)
        return NULL;
    TAILQ_REMOVE(&turns->waiting, turn, in_queue);
    turn->state = TURN_TAKEN;
    turns->taken++;
    return turn;
}
