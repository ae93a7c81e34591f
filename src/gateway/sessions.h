/*
 * sessions.h - the registry of a worker's sessions: a table, and a walk through it.
 *
 * A row is a session and its signature, 16 bytes, in pieces of 4 KiB. A session keeps its row until
 * it leaves, so a walk that is broken off and goes on later meets everyone who was there all
 * the time exactly once. To find one is to walk: signatures lie side by side, and 10,000 of them
 * are passed in some 100 microseconds; no facet needs an index of its own.
 *
 * The worker's thread alone; others send orders (session_order.h).
 */
#ifndef WSGATE_SESSIONS_H
#define WSGATE_SESSIONS_H

#include "gateway/session.h"

struct session_row;

/* Zeroed: empty. */
struct sessions {
    struct names names;
    struct session_row **pieces;
    uint32_t piece_count;
    uint32_t free; /* place of the first free row + 1; 0: none */
    size_t count;
};

/* NULL: no memory, or a text of the identity is too long. */
struct session *sessions_enter(struct sessions *sessions, const struct request *request) MUST_CHECK;
/* Frees it, and makes it NULL; *session may be NULL. */
void sessions_leave(struct sessions *sessions, struct session **session);
/* The next one from *place on that `filter` lets through; *place is behind it afterwards. Looks at
 * *rows rows at most and takes off what it looked at. NULL: none there; it was the last where
 * *rows is not 0. Begins with *place == 0. `signature`: the filter's. */
struct session *sessions_next(const struct sessions *sessions, const struct session_filter *filter,
                              uint64_t signature, uint32_t *place, size_t *rows) MUST_CHECK;
/* When all have left. */
void sessions_free(struct sessions *sessions);

#endif
