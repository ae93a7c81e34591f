/*
 * connection_birth.c - from a stream that was accepted to a connection, or to a word of regret.
 *
 * What a connection needs is taken in one go; where something lacks, nothing of it is left.
 */
#include "gateway/connection.h"

#include "base/clock.h"
#include "gateway/access_log.h"
#include "gateway/client_address.h"
#include "gateway/refusal.h"

#include <string.h>

static struct opening *
opening_new(struct connection *connection, const struct listener_settings *listener)
{
    struct worker *worker = connection->worker;
    struct request *request = request_new(worker);

    if (request == NULL)
        return NULL;
    struct opening *opening = arena_zalloc(&request->arena, sizeof(*opening));
    if (opening == NULL) {
        request_free(request);
        return NULL;
    }
    opening->request = request;
    request->connection = connection;
    request->resumed = connection_resumed;
    request->id = connection->id;
    request->listener = listener;
    request->started_us = clock_monotonic_us();
    if (!client_address_begin(request, &connection->peer.any)) {
        request_free(request);
        return NULL;
    }
    opening->counted = !request->sender_trusted;
    return opening;
}

static void
turn_away(struct worker *worker, const struct listener_settings *listener, struct stream *stream,
          const struct address *peer, enum reason reason)
{
    struct text text = {worker->buffer, 0, WORKER_BUFFER_BYTES, false};
    uint64_t id = worker_new_id(worker);

    worker->metrics.handshakes++;
    worker->metrics.refused++;
    worker->metrics.reasons[reason]++;
    access_log_turned_away(worker->log, id, &peer->any, listener, reason);
    refusal_turn_away(reason, id, &text);
    if (listener->tls == NULL) /* nobody pays for a handshake only to hear a refusal */
        (void)!stream_write(stream, text.at, text.len, true).n;
    (void)stream_shutdown(stream);
    /* What it has sent already is read, so that the close does not reset. */
    (void)!stream_read(stream, worker->buffer, WORKER_BUFFER_BYTES).n;
    stream_close(stream);
    worker->metrics.closed++;
}

static void
peer_set(struct connection *connection, const struct sockaddr *peer)
{
    connection->peer.any.sa_family = peer->sa_family;
    if (peer->sa_family == AF_INET)
        memcpy(&connection->peer.v4, peer, sizeof(connection->peer.v4));
    else if (peer->sa_family == AF_INET6)
        memcpy(&connection->peer.v6, peer, sizeof(connection->peer.v6));
}

enum step
connection_client_found(struct connection *connection)
{
    struct opening *opening = connection->opening;
    struct request *request = opening->request;

    if (opening->counted)
        return STEP_DONE;
    enum reason reason = crowd_count(connection->worker->crowd,
                                     &request->handle->generation->limits, request->peer);
    if (reason != REASON_NONE)
        return request_fail(request, reason, NULL);
    opening->counted = true;
    peer_set(connection, request->peer);
    connection->named = request->peer != request->socket;
    return STEP_DONE;
}

static struct connection *
connection_new(struct worker *worker, const struct address *peer)
{
    struct connection *connection = blocks_take(&worker->connections);

    if (connection == NULL)
        return NULL;
    connection->worker = worker;
    connection->id = worker_new_id(worker);
    for (int i = CLIENT; i <= BACKEND; i++)
        side_init(&connection->tunnel.sides[i], &connection->reads[i], worker->base,
                  connection_ready[i], connection);
    peer_set(connection, &peer->any);
    return connection;
}

void
connection_accepted(struct worker *worker, const struct listener_settings *listener,
                    struct stream stream, const struct address *peer)
{
    const struct settings *settings = worker->handle->generation->settings;
    /* A trusted proxy is many clients: it has yet to say which one this is. */
    const struct sockaddr *client = settings_trusts(settings, &peer->any) ? NULL : &peer->any;

    worker->metrics.accepted++;
    const struct crowd_limits *limits = &worker->handle->generation->limits;
    enum reason reason = crowd_enter(worker->crowd, limits, client);
    if (reason != REASON_NONE) {
        turn_away(worker, listener, &stream, peer, reason);
        return;
    }
    struct connection *connection = connection_new(worker, peer);
    if (connection != NULL)
        connection->opening = opening_new(connection, listener);
    if (connection == NULL || connection->opening == NULL) {
        blocks_give(&worker->connections, connection);
        crowd_handshake_over(worker->crowd, limits, client);
        crowd_leave(worker->crowd);
        turn_away(worker, listener, &stream, peer, REASON_NO_MEMORY);
        return;
    }
    side_open(&connection->tunnel.sides[CLIENT], stream);
    worker_adopt(worker, connection);
    connection_start(connection);
}
