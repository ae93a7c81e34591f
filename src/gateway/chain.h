/*
 * chain.h - the AUTH stage: what the route requires, in order, until the verdict is clear.
 *
 * A module may wait for the loop; everything else goes through without a turn. What
 * passed is released exactly once: at once where it came to nothing (a refused member of an
 * any_of, `not`), by chain_release when the handshake fails, or by held_release when
 * the tunnel, which took the slots over, ends.
 */
#ifndef WSGATE_CHAIN_H
#define WSGATE_CHAIN_H

#include "gateway/request.h"
#include "gateway/worker.h"

/* STEP_DONE: every module passed. STEP_FAILED: request->answer is filled. STEP_WAIT:
 * request->resumed is called when a verdict is there. */
enum step chain_start(struct request *request) MUST_CHECK;
/* After a resume: goes on behind the module that had waited. */
enum step chain_resume(struct request *request, enum mw_verdict verdict) MUST_CHECK;
/* timeouts.auth has passed: who waits is refused with 504, and who would wait from here on. An
 * any_of can still let it in by a member that decides at once. Never STEP_WAIT. */
enum step chain_overdue(struct request *request) MUST_CHECK;
/* Ends a wait; harmless when there is none. */
void chain_cancel(struct request *request);
/* Gives back the slots of all modules that passed. Idempotent. */
void chain_release(struct request *request, enum mw_end end);

#endif
