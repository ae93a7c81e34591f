/*
 * redact.h - a request's head made fit to be shown: no credential in it.
 *
 * Redacted are: what follows the scheme in (Proxy-)Authorization; every cookie's value; the value
 * of every query argument; subprotocols that are credentials ("bearer" and the next, Kubernetes'
 * form, an API key); fields whose name says that they hold a secret; and, wherever it stands, the
 * token that was given. Names stay, so that one sees what was there.
 */
#ifndef WSGATE_REDACT_H
#define WSGATE_REDACT_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdio.h>

/* Writes a piece of a head; secret.at == NULL: none is known. What is written may hold any byte. */
typedef void redact_function(FILE *out, struct str piece, struct str secret);

redact_function redact_request_line; /* "GET /path?name=value HTTP/1.1" */
redact_function redact_target;       /* "/path?name=value" */
redact_function redact_field;        /* "Name: value" */

/* What that function writes, as a string of its own (end it with free). NULL: out of memory. */
char *redact_copy(redact_function *redact, struct str piece, struct str secret) MUST_CHECK;
/* The same of the value of a field of that name, alone. */
char *redact_value_copy(struct str name, struct str value, struct str secret) MUST_CHECK;

#endif
