/*
 * claims.h - the claims of one token (RFC 7519 4): a JSON object in memory of its own.
 *
 * jansson asks for a piece of memory for each name and value. Here all pieces of one
 * object lie side by side, mostly in one block: it is quickly read and freed, and its size is
 * known. So the object is read only, and its values must not outlive it: no reference of jansson's
 * is taken or given back.
 */
#ifndef WSGATE_CLAIMS_H
#define WSGATE_CLAIMS_H

#include "base/compiler.h"
#include "base/str.h"

struct json_t;
struct claims_block;

struct claims {
    struct json_t *json;
    size_t bytes; /* memory that it takes in all */
    struct claims_block *last;
};

/* Once, before there are threads: jansson takes its memory from here from now on, in the whole
 * program, which changes nothing for others. Idempotent; the next two do it too. */
void claims_start(void);

/* One JSON object (jose.h), as text, and in base64url. scratch: at least segment.len bytes,
 * overwritten and not wiped. NULL: it is none, or there is no memory. */
struct claims *claims_of_text(struct str text) MUST_CHECK;
struct claims *claims_of_segment(struct str segment, void *scratch) MUST_CHECK;
/* From any thread; NULL is allowed. */
void claims_free(struct claims *claims);

#endif
