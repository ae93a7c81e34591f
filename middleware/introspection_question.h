/* introspection_question.h - what a service is asked about a token (RFC 7662 2.1). */
#ifndef WSGATE_INTROSPECTION_QUESTION_H
#define WSGATE_INTROSPECTION_QUESTION_H

#include "base/compiler.h"
#include "base/str.h"

/* The body of the POST, of *len bytes, for the caller to wipe and free. NULL: out of memory. */
char *introspection_question_body(struct str token, size_t *len) MUST_CHECK;

#endif
