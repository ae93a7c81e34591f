/*
 * forward.h - the request as the backend gets it, and the 101 as the client gets it.
 *
 * Both are written anew from what was parsed; nothing is copied as a block. A field
 * passes only when nothing speaks against it: hop-by-hop, named by Connection, ours
 * to set (X-Forwarded-*, X-Request-Id ..), an identity header, a stripped credential.
 */
#ifndef WSGATE_FORWARD_H
#define WSGATE_FORWARD_H

#include "base/text.h"
#include "gateway/request.h"

/* Is that field ours to set, whoever sends one: X-Forwarded-Anything, and what the operator or a
 * module reserved? */
bool forward_is_own(const struct settings *settings, struct str name);
/* Name and port of the Host as they were judged: the port where it is not the scheme's own. */
void forward_write_host(struct text *text, const struct host *host);
/* Writes the request into text and fills request->upgrade.offer. false: request->answer says why;
 * what the client sent is too large where it leaves no room for what is added. */
bool forward_request(struct request *request, struct text *text) MUST_CHECK;
/* Writes the client's 101 from the verified answer of the backend. */
bool forward_switching(const struct request *request, struct text *text) MUST_CHECK;
/* How every 101 begins: without the empty line. protocol.at == NULL: it names none. */
void forward_accept(const char accept[HANDSHAKE_ACCEPT_LEN], struct str protocol,
                    struct text *text);
/* Appends the end-to-end fields of a backend's answer ("Name: value\r\n" each). */
bool forward_answer_fields(const struct http_head *head, struct text *text) MUST_CHECK;

#endif
