/*
 * session_record.h - what others are told of a session: a copy, in one block, at one moment.
 */
#ifndef WSGATE_SESSION_RECORD_H
#define WSGATE_SESSION_RECORD_H

#include "gateway/session.h"

struct session_record {
    uint64_t id;
    const char *state; /* "tunnel"; or the stage that its handshake is in */
    struct str texts[SESSION_TEXT_COUNT];
    struct header labels[REQUEST_LABELS_MAX];
    size_t label_count;
    struct str server; /* at == NULL: none yet */
    struct address peer;
    int64_t started_wall_ms;  /* when the connection became a tunnel, or was accepted */
    int64_t deadline_wall_ms; /* the token's or the lifetime's, what comes first; INT64_MAX: none */
    uint64_t bytes[2];        /* from the client, from the backend */
    uint64_t messages[2];     /* where frames are followed */
    char memory[];            /* of the texts */
};

/* On the session's worker. NULL: no memory. free() ends it, on any thread. */
struct session_record *session_record_new(const struct session *session) MUST_CHECK;

#endif
