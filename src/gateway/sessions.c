/* sessions.c - rows in pieces, free ones chained; see sessions.h. */
#include "gateway/sessions.h"

#include <stdlib.h>

enum { ROWS_PER_PIECE = 256 };

struct session_row {
    struct session *session; /* NULL: the row is free, and the next free one + 1 is this: */
    uint64_t signature;
};

static struct session_row *
row_at(const struct sessions *sessions, uint32_t place)
{
    return &sessions->pieces[place / ROWS_PER_PIECE][place % ROWS_PER_PIECE];
}

static void
row_free(struct sessions *sessions, uint32_t place)
{
    *row_at(sessions, place) = (struct session_row){NULL, sessions->free};
    sessions->free = place + 1;
}

static bool
grow(struct sessions *sessions)
{
    uint32_t count = sessions->piece_count;
    struct session_row *piece = malloc(ROWS_PER_PIECE * sizeof(*piece));
    struct session_row **pieces = malloc((count + 1) * sizeof(struct session_row *));

    if (piece == NULL || pieces == NULL) {
        free(piece);
        free(pieces);
        return false;
    }
    if (count > 0)
        memcpy(pieces, sessions->pieces, count * sizeof(struct session_row *));
    free(sessions->pieces);
    pieces[count] = piece;
    sessions->pieces = pieces;
    sessions->piece_count = count + 1;
    for (uint32_t i = ROWS_PER_PIECE; i-- > 0;)
        row_free(sessions, count * ROWS_PER_PIECE + i);
    return true;
}

struct session *
sessions_enter(struct sessions *sessions, const struct request *request)
{
    if (sessions->free == 0 && !grow(sessions))
        return NULL;
    struct session *session = session_new(request, &sessions->names);
    if (session == NULL)
        return NULL;
    uint32_t place = sessions->free - 1;
    struct session_row *row = row_at(sessions, place);
    sessions->free = (uint32_t)row->signature;
    *row = (struct session_row){session, session_signature(session)};
    session->place = place;
    sessions->count++;
    return session;
}

void
sessions_leave(struct sessions *sessions, struct session **session)
{
    if (*session == NULL)
        return;
    row_free(sessions, (*session)->place);
    sessions->count--;
    session_free(*session, &sessions->names);
    *session = NULL;
}

struct session *
sessions_next(const struct sessions *sessions, const struct session_filter *filter,
              uint64_t signature, uint32_t *place, size_t *rows)
{
    for (; *place<sessions->piece_count * ROWS_PER_PIECE && * rows> 0; --*rows) {
        const struct session_row *row = row_at(sessions, (*place)++);

        if (row->session != NULL && (row->signature & signature) == signature &&
            session_matches(row->session, filter)) {
            --*rows;
            return row->session;
        }
    }
    return NULL;
}

void
sessions_free(struct sessions *sessions)
{
    for (uint32_t i = 0; i < sessions->piece_count; i++)
        free(sessions->pieces[i]);
    free(sessions->pieces);
    *sessions = (struct sessions){.count = 0};
}
