/*
 * claim_header.h - a claim handed to the backend as a request header.
 *
 * Strings, numbers, booleans, and lists of strings joined by ",". The text is
 * unambiguous: "%", controls, non-ASCII bytes, a space at either end and, inside a list, ","
 * are written as %XX, so that no two claims become one value. A claim of another
 * kind is not handed on, and counted.
 */
#ifndef WSGATE_CLAIM_HEADER_H
#define WSGATE_CLAIM_HEADER_H

#include "base/compiler.h"

#include <wsgate/middleware.h>

struct json_t;

struct claim_header {
    const char *claim;  /* as configured */
    char *steps;        /* the same, each dot a NUL, and a second NUL at the end */
    const char *header;
};

/* claim: a member's name, or names joined by dots. Keeps both strings. false: *error is a static
 * phrase; nothing to free. */
bool claim_header_init(struct claim_header *forward, const char *claim, const char *header,
                       const char **error) MUST_CHECK;
void claim_header_free(struct claim_header *forward);

/* The claim: first a member named exactly like the whole path (names may hold dots, as in
 * "https://example.com/roles"), else the path followed step by step. NULL: none. */
const struct json_t *claim_header_find(const struct claim_header *forward,
                                       const struct json_t *claims);
/* Removes the client's header of that name and sets ours, if there is such a claim. false: out of
 * memory. */
bool claim_header_forward(const struct claim_header *forward, const struct mw_host *host,
                          struct mw_request *request, const struct json_t *claims) MUST_CHECK;

#endif
