/*
 * field_names.h - lists of names of header fields. Pure.
 *
 * Names are compared with whatever is no letter and no digit as "-" (http_names_alike).
 */
#ifndef WSGATE_FIELD_NAMES_H
#define WSGATE_FIELD_NAMES_H

#include "base/str.h"

#include <stdbool.h>

/* In lower case. */
struct field_names {
    const struct str *at;
    size_t count;
};

bool field_names_have(const struct field_names *names, struct str name);

/* Of a request to a backend, the gateway's own: of these no client's passes, and no module sets
 * one. They belong to one connection (RFC 9110 7.6.1), or are written anew. */
extern const struct field_names field_names_own;

#endif
