/*
 * revalidation_parts.h - what the parts of a revalidation need of each other; for revalidation*.c
 * alone.
 *
 *   revalidation.c        rounds: who is asked, waits, and what comes of it
 *   revalidation_birth.c  what is kept of the request, and the end
 */
#ifndef WSGATE_REVALIDATION_PARTS_H
#define WSGATE_REVALIDATION_PARTS_H

#include "gateway/kept_captures.h"
#include "gateway/resident.h"
#include "gateway/revalidation.h"
#include "gateway/turns.h"

enum state_of_round {
    RESTING,
    QUEUED,  /* until its turn with that judge comes */
    ASKING,  /* in revalidate() */
    WAITING, /* it answered MW_WAIT */
    OVER,
};

/* By whose instance it is judged. */
struct judge {
    struct resident *resident;
    bool dry_run;
};

/* A module of the chain. */
struct asked {
    struct judge own; /* which let it in; held by the connection */
    void *slot;
    struct mw_task task; /* index: its own, in `asked` */
};

struct revalidation {
    struct wheel_node due; /* the next round, or the end of its patience with this one */
    struct turn turn;
    struct connection *connection;
    uint64_t interval_ms, patience_ms;
    uint64_t answer_due_ms; /* when the answers of this round must be there */
    uint64_t turn_due_ms;   /* when it must have had all its turns */
    uint64_t queued_ms;
    enum state_of_round state;
    bool on_reload;   /* it is due then */
    bool is_soon;     /* another configuration came while it was asked */
    bool was_judged;  /* once at least */
    bool out_of_turn; /* resumed while it was asked: a fault of the module, which must not admit */
    struct {
        enum reason reason; /* NONE: not a word */
        const char *word;   /* the module's; NULL: none */
    } said;                 /* by who is or was asked last */
    struct judge judge;     /* held, while it is queued or asked; else resident == NULL */
    struct kept_captures *captures;
    size_t next, count;
    struct asked asked[]; /* in the chain's order */
};

void revalidation_rest(struct revalidation *revalidation);
/* Whoever is waited for is not any more. */
void revalidation_take_back(struct revalidation *revalidation);

#endif
