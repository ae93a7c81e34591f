/*
 * field_names.h - the names of fields that never pass the gateway as they came: those of one
 * connection (RFC 9110 7.6.1), those that it writes itself, and who the client is. Pure.
 */
#ifndef WSGATE_FIELD_NAMES_H
#define WSGATE_FIELD_NAMES_H

#include "protocol/http_head.h"

struct field_names {
    const struct str *at; /* in lower case */
    size_t count;
};

/* Of a request on its way to the backend, and of the backend's answer. */
extern const struct field_names field_names_of_requests, field_names_of_answers;

/* As backends may compare names: "_" is "-". */
static inline bool
field_names_have(const struct field_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->at[i].len == name.len && http_names_alike(names->at[i], name))
            return true;
    return false;
}

/* X-Forwarded-Anything. */
bool field_name_is_forwarded(struct str name);
/* May nobody but the gateway say in a request for a backend what this field is? */
bool field_name_is_ours(struct str name);

#endif
