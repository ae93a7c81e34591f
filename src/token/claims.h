/*
 * claims.h - the claims of one token (RFC 7519 4): a JSON object in one block of memory.
 *
 * Nodes (base/json_node.h) and their text lie side by side: the block is quickly filled, read
 * and freed, it is small, and its size is known. Read only: threads may share it.
 */
#ifndef WSGATE_CLAIMS_H
#define WSGATE_CLAIMS_H

#include "base/json_node.h"

struct claims {
    size_t bytes;           /* of the block */
    struct json_node all[]; /* the object; what it holds follows it */
};

/* One JSON object (jose.h), as text, and in base64url. scratch: at least segment.len bytes,
 * overwritten and not wiped. NULL: it is none, or there is no memory. */
struct claims *claims_of_text(struct str text) MUST_CHECK;
struct claims *claims_of_segment(struct str segment, void *scratch) MUST_CHECK;
/* An object of strings, copied: no name twice, UTF-8 without NUL. NULL: no memory. */
struct claim_string {
    struct str name, value;
};
struct claims *claims_of_strings(const struct claim_string *members, size_t count) MUST_CHECK;
/* From any thread; NULL is allowed. */
void claims_free(struct claims *claims);

#endif
