/*
 * refusal_close.h - a refusal that a browser can see: a 101 for the client alone, then a Close.
 *
 * A page learns nothing of a handshake that was answered with a status; of a Close frame it gets
 * the code and the reason. For routes with `reject_with: close`.
 */
#ifndef WSGATE_REFUSAL_CLOSE_H
#define WSGATE_REFUSAL_CLOSE_H

#include "base/text.h"
#include "gateway/request.h"

/* The code that tells of request->answer. 0: it stays HTTP, for the route or the status wants no
 * other, the opening handshake was not found valid, or it offers no subprotocol but tokens. */
unsigned refusal_close_code(const struct request *request);
/* The head of that 101. */
void refusal_close_head(const struct request *request, struct text *text);
/* The Close, with answer->close_code, and the reason's word. */
void refusal_close_frame(const struct answer *answer, struct text *text);

#endif
