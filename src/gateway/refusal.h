/*
 * refusal.h - the REFUSE stage: an answer, flushed, and a close that does not destroy it.
 *
 * After the answer our direction is ended and what the client still sends is read and
 * dropped, within a bound of bytes and timeouts.close: a close with unread bytes would
 * make the kernel send a reset, which can take the answer from the client.
 */
#ifndef WSGATE_REFUSAL_H
#define WSGATE_REFUSAL_H

#include "base/text.h"
#include "gateway/request.h"

enum { REFUSAL_LINGER_BYTES_MAX = 256 * 1024 };

/* The status that the client sees; 0: it cannot be told. */
unsigned refusal_status(const struct answer *answer);
/* What the log calls it: the module's word, or the reason's. */
const char *refusal_word(const struct answer *answer);
/* Writes the answer, which fits into WORKER_BUFFER_BYTES; what a backend's has for a body, or the
 * Close where answer.close_code says so (refusal_close.h), is still to follow. An answer that does
 * not fit becomes a bare one, in request->answer too. */
void refusal_compose(struct request *request, struct text *text);

/* From here on request->answer is what was sent. STEP_WAIT: flushing or lingering. STEP_DONE: sent,
 * and the client cannot be listened to. STEP_FAILED: the client takes nothing. */
enum step refusal_start(struct request *request, struct side *client) MUST_CHECK;
/* STEP_DONE: the client has closed, or sent more than is read for it. */
enum step refusal_readable(struct side *client, char *buffer, size_t bytes, size_t *dropped)
    MUST_CHECK;
enum step refusal_writable(struct side *client) MUST_CHECK;

/* The answer to a connection that is one too many: it has no request, but an id. */
void refusal_turn_away(enum reason reason, uint64_t id, struct text *text);

#endif
