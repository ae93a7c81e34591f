/*
 * connection_events.c - what the loop tells a connection, translated into steps.
 *
 * Each callback looks at the state, asks the stage whose turn it is, and hands the
 * answer to connection_run. Nothing is decided here.
 */
#include "gateway/connection.h"

#include "base/clock.h"
#include "gateway/access_log.h"
#include "gateway/refusal.h"
#include "gateway/upgrade.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- Tunnel ------------------------------------------------------------------- */

/* Moves the deadline forward only where something new can fall due: mostly it costs three tests. */
static void
after_tunnel(struct connection *connection, enum reason over)
{
    struct tunnel *tunnel = &connection->tunnel;
    struct worker *worker = connection->worker;

    if (over != REASON_NONE) {
        connection_close(connection, over);
        return;
    }
    if (tunnel->fin_ms == 0 && tunnel->sides[CLIENT].out == NULL &&
        tunnel->sides[BACKEND].out == NULL)
        return;
    uint64_t due = tunnel_due(tunnel, worker->now_ms, worker_wall_ms(worker));
    if (due < connection->deadline.due_ms)
        connection_arm(connection, due);
}

static void
tunnel_read(struct connection *connection, int from)
{
    struct worker *worker = connection->worker;

    after_tunnel(connection, tunnel_readable(&connection->tunnel, from, worker->buffer,
                                             WORKER_BUFFER_BYTES, worker->now_ms));
}

static void
tunnel_write(struct connection *connection, int to)
{
    after_tunnel(connection,
                 tunnel_writable(&connection->tunnel, to, connection->worker->now_ms));
}

/* ---- The client's side ----------------------------------------------------------- */

static void
on_client_readable(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;
    struct worker *worker = connection->worker;
    struct side *client = &connection->tunnel.sides[CLIENT];
    struct opening *opening = connection->opening;

    (void)fd, (void)what;
    worker_turn(worker);
    switch (connection->state) {
    case STATE_HEAD:
        connection_run(connection, request_read(opening->request, client));
        break;
    case STATE_AUTH:
    case STATE_CONNECT:
    case STATE_UPGRADE:
        if (request_read_early(opening->request, client) == STEP_FAILED)
            connection_run(connection, STEP_FAILED);
        break;
    case STATE_TUNNEL:
        tunnel_read(connection, CLIENT);
        break;
    case STATE_REFUSE:
        connection_run(connection, refusal_readable(client, worker->buffer, WORKER_BUFFER_BYTES,
                                                    &opening->dropped_bytes));
        break;
    case STATE_CLOSED:
        break;
    }
}

static void
on_client_writable(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;

    (void)fd, (void)what;
    worker_turn(connection->worker);
    if (connection->state == STATE_TUNNEL)
        tunnel_write(connection, CLIENT);
    else if (connection->state == STATE_REFUSE)
        connection_run(connection, refusal_writable(&connection->tunnel.sides[CLIENT]));
}

static const struct side_handlers client_handlers = {on_client_readable, on_client_writable};

/* ---- The backend's side ----------------------------------------------------------- */

static void
on_backend_readable(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;
    struct side *backend = &connection->tunnel.sides[BACKEND];

    (void)fd, (void)what;
    worker_turn(connection->worker);
    if (connection->state == STATE_TUNNEL)
        tunnel_read(connection, BACKEND);
    else if (connection->state == STATE_UPGRADE)
        connection_run(connection, upgrade_read(connection->opening->request, backend));
}

/* The connect has come to an end: on with the request, or with the next server. */
static void
connect_over(struct connection *connection)
{
    struct attempt *attempt = &connection->opening->attempt;
    struct side *backend = &connection->tunnel.sides[BACKEND];

    if (backend_connected(attempt, backend)) {
        if (side_flush(backend) != SIDE_FAILED) {
            connection_run(connection, STEP_DONE);
            return;
        }
        attempt->last_errno = errno;
    }
    backend_failed(attempt, connection->opening->request, backend, strerror(attempt->last_errno));
    connection_run(connection, connection_next_server(connection));
}

static void
on_backend_writable(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;

    (void)fd, (void)what;
    worker_turn(connection->worker);
    if (connection->state == STATE_TUNNEL)
        tunnel_write(connection, BACKEND);
    else if (connection->state == STATE_CONNECT)
        connect_over(connection);
    else if (connection->state == STATE_UPGRADE &&
             side_flush(&connection->tunnel.sides[BACKEND]) == SIDE_FAILED)
        return; /* it takes no more of the request, but may have answered: reading will tell */
}

static const struct side_handlers backend_handlers = {on_backend_readable, on_backend_writable};

/* ---- Resume, deadline, orders -------------------------------------------------------- */

static void
on_chain_resumed(struct request *request, enum mw_verdict verdict)
{
    struct connection *connection = request->connection;

    connection_run(connection, chain_resume(request, verdict));
}

static void
connect_overdue(struct connection *connection)
{
    struct attempt *attempt = &connection->opening->attempt;

    attempt->last_errno = ETIMEDOUT;
    backend_failed(attempt, connection->opening->request, &connection->tunnel.sides[BACKEND],
                   "connect_timeout passed");
    connection_run(connection, connection_next_server(connection));
}

static void
tunnel_deadline(struct connection *connection)
{
    const struct worker *worker = connection->worker;
    enum reason over = tunnel_tick(&connection->tunnel, worker->now_ms, worker_wall_ms(worker));

    if (over != REASON_NONE)
        connection_close(connection, over);
    else
        connection_rearm(connection);
}

void
connection_rearm(struct connection *connection)
{
    const struct worker *worker = connection->worker;

    if (connection->state == STATE_TUNNEL)
        connection_arm(connection,
                       tunnel_due(&connection->tunnel, worker->now_ms, worker_wall_ms(worker)));
}

/* The gateway's own end has come. */
static void
last_moment(struct connection *connection)
{
    const struct tunnel *tunnel = &connection->tunnel;

    connection_close(connection, tunnel->closing ? tunnel->first_end : REASON_SHUTDOWN);
}

void
connection_overdue(struct connection *connection)
{
    static const enum reason overdue[] = {
#define S(name, word, reason) [STATE_##name] = reason,
        STATES(S)
#undef S
    };

    if (connection->worker->now_ms >= connection->worker->last_ms) {
        last_moment(connection);
        return;
    }
    switch (connection->state) {
    case STATE_AUTH:
        connection_run(connection, chain_overdue(connection->opening->request));
        break;
    case STATE_HEAD:
    case STATE_UPGRADE:
        connection_run(connection, request_fail(connection->opening->request,
                                                overdue[connection->state], NULL));
        break;
    case STATE_CONNECT:
        connect_overdue(connection);
        break;
    case STATE_TUNNEL:
        tunnel_deadline(connection);
        break;
    case STATE_REFUSE:
        connection_close(connection, overdue[connection->state]);
        break;
    case STATE_CLOSED:
        break;
    }
}

void
connection_drain(struct connection *connection, uint64_t within_ms)
{
    struct worker *worker = connection->worker;
    struct tunnel *tunnel = &connection->tunnel;

    if (connection->state == STATE_CLOSED)
        return;
    if (within_ms == 0) {
        connection_close(connection, REASON_SHUTDOWN);
    } else if (connection->state == STATE_TUNNEL) {
        /* The last quarter is for goodbyes. */
        uint64_t due = worker->now_ms + worker_random(worker) % (within_ms - within_ms / 4);
        if (due < tunnel->lifetime_due_ms) {
            tunnel->lifetime_due_ms = due;
            tunnel->lifetime_reason = REASON_DRAIN;
        }
        connection_rearm(connection);
    } else if (connection->state == STATE_REFUSE) {
        connection_arm(connection, connection->deadline.due_ms);
    } else {
        connection_run(connection,
                       request_fail(connection->opening->request, REASON_STOPPING, NULL));
    }
}

void
connection_end(struct connection *connection, enum reason reason)
{
    struct tunnel *tunnel = &connection->tunnel;

    if (connection->state == STATE_TUNNEL && !tunnel->closing)
        after_tunnel(connection, tunnel_finish(tunnel, reason, connection->worker->now_ms));
    else if (connection->state < STATE_TUNNEL)
        connection_run(connection, request_fail(connection->opening->request, reason, NULL));
}

void
connection_close_id(struct worker *worker, uint64_t id, enum reason reason)
{
    for (struct connection *connection = worker->live; connection; connection = connection->next)
        if (connection->id == id) {
            connection_end(connection, reason);
            return;
        }
}

/* ---- Birth ----------------------------------------------------------------------------- */

static struct opening *
opening_new(struct connection *connection, const struct listener_settings *listener)
{
    struct worker *worker = connection->worker;
    struct request *request = request_new(worker, worker->handle.generation->settings);

    if (request == NULL)
        return NULL;
    struct opening *opening = arena_zalloc(&request->arena, sizeof(*opening));
    if (opening == NULL) {
        request_free(request);
        return NULL;
    }
    opening->request = request;
    request->connection = connection;
    request->resumed = on_chain_resumed;
    request->id = connection->id;
    request->peer = &connection->peer.any;
    request->listener = listener;
    request->started_us = clock_monotonic_us();
    worker->handle.connections++;
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
    (void)!stream_write(stream, text.at, text.len).n;
    stream_shutdown(stream);
    /* What it has sent already is read, so that the close does not reset. */
    (void)!stream_read(stream, worker->buffer, WORKER_BUFFER_BYTES).n;
    stream_close(stream);
    worker->metrics.closed++;
}

static void
peer_set(struct connection *connection, const struct address *peer)
{
    connection->peer.any.sa_family = peer->any.sa_family;
    if (peer->any.sa_family == AF_INET)
        connection->peer.v4 = peer->v4;
    else if (peer->any.sa_family == AF_INET6)
        connection->peer.v6 = peer->v6;
}

static struct connection *
connection_new(struct worker *worker, const struct address *peer)
{
    static const struct side_handlers *const handlers[] = {&client_handlers, &backend_handlers};
    struct connection *connection = aligned_alloc(CONNECTION_ALIGNMENT, sizeof(*connection));

    if (connection == NULL)
        return NULL;
    memset(connection, 0, sizeof(*connection));
    connection->worker = worker;
    connection->id = worker_new_id(worker);
    for (int i = CLIENT; i <= BACKEND; i++)
        side_init(&connection->tunnel.sides[i], &connection->reads[i], worker->base, handlers[i],
                  connection);
    peer_set(connection, peer);
    return connection;
}

void
connection_accepted(struct worker *worker, const struct listener_settings *listener,
                    struct stream stream, const struct address *peer)
{
    worker->metrics.accepted++;
    enum reason reason = crowd_enter(worker->crowd, &peer->any);
    if (reason != REASON_NONE) {
        turn_away(worker, listener, &stream, peer, reason);
        return;
    }
    struct connection *connection = connection_new(worker, peer);
    if (connection != NULL)
        connection->opening = opening_new(connection, listener);
    if (connection == NULL || connection->opening == NULL) {
        free(connection);
        crowd_handshake_over(worker->crowd, &peer->any);
        crowd_leave(worker->crowd);
        turn_away(worker, listener, &stream, peer, REASON_NO_MEMORY);
        return;
    }
    side_open(&connection->tunnel.sides[CLIENT], stream);
    worker_adopt(worker, connection);
    connection_start(connection);
}
