/*
 * revoke.h - a revocation in force: who comes is refused, who is there is ended.
 *
 * First it is put where handshakes ask for it, then an order goes to all workers; so whoever the
 * order does not meet asks later. A tunnel ends with Close 4403, a handshake under way with 401.
 */
#ifndef WSGATE_REVOKE_H
#define WSGATE_REVOKE_H

#include "gateway/session_order.h"
#include "token/revocations.h"

/* From any thread. `answered` as in session_order.h: answer->count is how many were ended. It runs
 * only after REVOCATION_ADDED. NO_MEMORY: it may hold for those who come, and the others are still
 * there; to do it again does no harm. */
enum revocation_result
revoke_sessions(struct revocations *revocations, const struct revocation *revocation,
                struct worker_list workers, struct mailbox *home,
                void (*answered)(const struct session_answer *answer, void *arg),
                void *arg) MUST_CHECK;

#endif
