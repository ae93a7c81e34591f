/* session_record.c - a copy of a session; see session_record.h. */
#include "gateway/session_record.h"

#include "base/clock.h"
#include "gateway/connection.h"

#include <stdlib.h>

static const char *
state_word(enum state state)
{
    static const char *const words[] = {
#define S(name, word, overdue) word,
        STATES(S)
#undef S
    };

    return words[state];
}

static struct str
server_text(const struct connection *connection)
{
    const struct load *load = connection->load;

    if (load == NULL && connection->opening != NULL && connection->opening->attempt.server != NULL)
        load = connection->opening->attempt.server->load;
    return load != NULL ? str_of(load->text) : STR_NONE;
}

static int64_t
earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Of the tunnel, or what it will be. */
static int64_t
deadline(const struct connection *connection)
{
    const struct tunnel *tunnel = &connection->tunnel;

    if (connection->opening != NULL)
        return connection->opening->request->deadline_wall_ms;
    if (tunnel->lifetime_due_ms == WHEEL_NEVER)
        return tunnel->expiry_wall_ms;
    return earliest(tunnel->expiry_wall_ms,
                    (int64_t)tunnel->lifetime_due_ms + connection->worker->wall_offset_ms);
}

static int64_t
started(const struct connection *connection)
{
    const struct opening *opening = connection->opening;
    uint64_t started_us = opening != NULL ? opening->request->started_us : connection->started_us;

    return (int64_t)(started_us / 1000) + connection->worker->wall_offset_ms;
}

static size_t
gather(const struct session *session, struct session_record *record)
{
    size_t bytes = 0;

    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++)
        bytes += (record->texts[i] = session_text(session, i)).len;
    for (size_t i = 0; i < session->label_count; i++) {
        record->labels[i] = session_label(session, i);
        bytes += record->labels[i].name.len + record->labels[i].value.len;
    }
    record->server = server_text(session->connection);
    return bytes + record->server.len;
}

struct session_record *
session_record_new(const struct session *session)
{
    const struct connection *connection = session->connection;
    struct session_record found = {
        .id = connection->id,
        .state = state_word(connection->state),
        .label_count = session->label_count,
        .started_wall_ms = started(connection),
        .deadline_wall_ms = deadline(connection),
        .bytes = {connection->tunnel.bytes[CLIENT], connection->tunnel.bytes[BACKEND]},
        .messages = {connection->tunnel.frames[CLIENT].messages,
                     connection->tunnel.frames[BACKEND].messages},
    };
    size_t bytes = gather(session, &found);
    struct session_record *record = malloc(sizeof(*record) + bytes);

    if (record == NULL)
        return NULL;
    *record = found;
    address_of(&record->peer, &connection->peer.any);
    char *at = record->memory;
    for (unsigned i = 0; i < SESSION_TEXT_COUNT; i++)
        str_keep(&record->texts[i], &at);
    for (size_t i = 0; i < record->label_count; i++) {
        str_keep(&record->labels[i].name, &at);
        str_keep(&record->labels[i].value, &at);
    }
    str_keep(&record->server, &at);
    return record;
}
