/*
 * session_order.h - an order about sessions, from any thread: count them, list them, end them.
 *
 * It travels: through the mailbox of each worker in turn, and back to that of whoever sent it. On
 * a worker it looks at so many rows and acts on so many sessions in one turn of the loop, then
 * waits in the mailbox again, so that no turn gets long, whatever it is about. Nothing is locked,
 * for one thread at a time has it.
 *
 * Sessions that enter meanwhile may be met or not. Who revokes puts the revocation first where
 * handshakes ask for it, then sends the order: what is not met will ask.
 */
#ifndef WSGATE_SESSION_ORDER_H
#define WSGATE_SESSION_ORDER_H

#include "base/mailbox.h"
#include "gateway/session_record.h"

enum session_action { SESSIONS_COUNT, SESSIONS_LIST, SESSIONS_KILL };

enum { SESSION_PAGE_MAX = 256 }; /* sessions in an answer */

/* Where a list goes on; zeroed: at its start. */
struct session_cursor {
    uint32_t worker, place;
};

struct session_query {
    enum session_action action;
    struct session_filter filter; /* its texts are copied, its set is taken over */
    enum reason reason;           /* SESSIONS_KILL: what it is called */
    size_t page;                  /* SESSIONS_LIST: so many at most, and SESSION_PAGE_MAX */
    struct session_cursor from;
};

struct session_answer {
    uint64_t count;                  /* sessions counted, listed, or ended */
    struct session_record **records; /* SESSIONS_LIST: so many, gone when the callback returns */
    struct session_cursor next;      /* where the next page begins */
    bool more;                       /* there may be one */
    bool partial;                    /* memory ran out, or the gateway ends */
};

/* Who can be reached: all workers. */
struct worker_list {
    struct worker *workers;
    size_t count;
};

/*
 * `answered` runs once, on the thread of `home`, from its mailbox; never where that is closed
 * before, or memory is lacking for the way back. home == NULL: nobody waits for an answer.
 * false: no memory; the set is freed all the same.
 */
bool session_order_send(struct worker_list workers, const struct session_query *query,
                        struct mailbox *home,
                        void (*answered)(const struct session_answer *answer, void *arg),
                        void *arg) MUST_CHECK;

#endif
