/*
 * redact.h - a request's head made fit to be shown: no credential in it.
 *
 * Redacted are: what follows the scheme in (Proxy-)Authorization; every cookie's value; the value of
 * every query argument; subprotocols that are tokens ("bearer" and the next, or Kubernetes' form); fields
 * whose name says that they hold a secret; and, wherever it stands, the token that was given. Names
 * stay, so that one sees what was there.
 */
#ifndef WSGATE_REDACT_H
#define WSGATE_REDACT_H

#include "base/str.h"

#include <stdio.h>

/* The first line of a request, without its line end. secret.at == NULL: none is known. */
void redact_request_line(FILE *out, struct str line, struct str secret);
/* "/path?name=value&.." with values redacted. */
void redact_target(FILE *out, struct str target, struct str secret);
/* The value of a field. */
void redact_value(FILE *out, struct str name, struct str value, struct str secret);

#endif
