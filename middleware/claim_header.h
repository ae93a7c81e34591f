/*
 * claim_header.h - a claim handed to the backend as a request header.
 *
 * Its text (token/claim_value.h), or the texts of a list joined by ",". Bytes outside of
 * printable ASCII, "%", "," and a space at either end are written as %XX: nothing can end the
 * line, and every "," is one between two elements of a list, whatever kind a claim is of. Objects,
 * nulls and lists that hold such are not handed on, and counted.
 */
#ifndef WSGATE_CLAIM_HEADER_H
#define WSGATE_CLAIM_HEADER_H

#include "base/compiler.h"

#include <wsgate/middleware.h>

struct json_node;

struct claim_header {
    const char *claim; /* claim_path.h */
    const char *header;
};

/* Keeps both strings. false: *error is a static phrase. */
bool claim_header_init(struct claim_header *forward, const char *claim, const char *header,
                       const char **error) MUST_CHECK;

/* Sets the header, if there is such a claim. The client's copies are gone either way: the name must
 * have been reserved. false: out of memory. */
bool claim_header_forward(const struct claim_header *forward, const struct mw_host *host,
                          struct mw_request *request, const struct json_node *claims) MUST_CHECK;

#endif
