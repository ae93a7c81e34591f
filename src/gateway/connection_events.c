/*
 * connection_events.c - what the loop tells a connection, translated into steps.
 *
 * Each callback looks at the state, asks the stage whose turn it is, and hands the
 * answer to connection_run. Nothing is decided here.
 */
#include "gateway/connection.h"

#include "gateway/bulk.h"
#include "gateway/refusal.h"
#include "gateway/upgrade.h"

#include <errno.h>
#include <string.h>

/* ---- Tunnel ------------------------------------------------------------------- */

/* Moves the deadline forward only where something new can fall due: mostly it costs four tests. */
static void
after_tunnel(struct connection *connection, enum reason over)
{
    struct tunnel *tunnel = &connection->tunnel;
    struct worker *worker = connection->worker;

    if (over != REASON_NONE) {
        connection_close(connection, over);
        return;
    }
    if (tunnel->fin_ms == 0 && tunnel->sides[CLIENT].reading && tunnel->sides[BACKEND].reading &&
        tunnel->heartbeat == NULL)
        return;
    uint64_t due = tunnel_due(tunnel, worker->now_ms, worker_wall_ms(worker));
    if (due < connection->deadline.due_ms)
        connection_arm(connection, due);
}

static void
tunnel_read(struct connection *connection, int from)
{
    struct worker *worker = connection->worker;
    struct tunnel *tunnel = &connection->tunnel;
    const struct bulk_means means = {&worker->pipe, worker->buffer, WORKER_BUFFER_BYTES,
                                     worker->now_ms};

    after_tunnel(connection, bulk_is_wanted(tunnel, from)
                                 ? bulk_readable(tunnel, from, &means)
                                 : tunnel_readable(tunnel, from, means.buffer, means.bytes,
                                                   means.now_ms));
}

static void
tunnel_write(struct connection *connection, int to)
{
    after_tunnel(connection,
                 tunnel_writable(&connection->tunnel, to, connection->worker->now_ms));
}

/* ---- The client's side ----------------------------------------------------------- */

static void
client_readable(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct side *client = &connection->tunnel.sides[CLIENT];
    struct opening *opening = connection->opening;

    switch (connection->state) {
    case STATE_ACCEPT:
        connection_run(connection, accept_run(&opening->accept, opening->request, client));
        break;
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
client_writable(struct connection *connection)
{
    struct side *client = &connection->tunnel.sides[CLIENT];
    struct opening *opening = connection->opening;

    if (connection->state == STATE_TUNNEL)
        tunnel_write(connection, CLIENT);
    else if (connection->state == STATE_REFUSE)
        connection_run(connection, refusal_writable(client));
    else if (connection->state == STATE_ACCEPT)
        connection_run(connection, accept_run(&opening->accept, opening->request, client));
}

static void
on_client_ready(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;

    (void)fd;
    worker_turn(connection->worker);
    if ((what & EV_WRITE) != 0)
        client_writable(connection);
    else
        client_readable(connection);
}

/* ---- The backend's side ----------------------------------------------------------- */

/* This server has failed: on with the next one. */
static void
next_server(struct connection *connection)
{
    struct opening *opening = connection->opening;

    backend_failed(&opening->attempt, opening->request, &connection->tunnel.sides[BACKEND],
                   opening->attempt.why);
    connection_run(connection, connection_next_server(connection));
}

static void
connect_on(struct connection *connection)
{
    struct opening *opening = connection->opening;
    enum step step = backend_go_on(&opening->attempt, opening->request,
                                   &connection->tunnel.sides[BACKEND]);

    if (step == STEP_FAILED && opening->request->answer.reason == REASON_NONE)
        next_server(connection);
    else
        connection_run(connection, step);
}

static void
backend_readable(struct connection *connection)
{
    struct side *backend = &connection->tunnel.sides[BACKEND];

    if (connection->state == STATE_TUNNEL)
        tunnel_read(connection, BACKEND);
    else if (connection->state == STATE_CONNECT)
        connect_on(connection);
    else if (connection->state == STATE_UPGRADE)
        connection_run(connection, upgrade_read(connection->opening->request, backend));
}

static void
backend_writable(struct connection *connection)
{
    if (connection->state == STATE_TUNNEL)
        tunnel_write(connection, BACKEND);
    else if (connection->state == STATE_CONNECT)
        connect_on(connection);
    else if (connection->state == STATE_UPGRADE &&
             side_flush(&connection->tunnel.sides[BACKEND]) == SIDE_FAILED)
        return; /* it takes no more of the request, but may have answered: reading will tell */
}

static void
on_backend_ready(evutil_socket_t fd, short what, void *arg)
{
    struct connection *connection = arg;

    (void)fd;
    worker_turn(connection->worker);
    if ((what & EV_WRITE) != 0)
        backend_writable(connection);
    else
        backend_readable(connection);
}

const event_callback_fn connection_ready[] = {
    [CLIENT] = on_client_ready,
    [BACKEND] = on_backend_ready,
};

/* ---- Resume, deadline, orders -------------------------------------------------------- */

void
connection_resumed(struct request *request, enum mw_verdict verdict)
{
    struct connection *connection = request->connection;

    connection_run(connection, chain_resume(request, verdict));
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
    case STATE_ACCEPT:
    case STATE_HEAD:
    case STATE_UPGRADE:
        connection_run(connection, request_fail(connection->opening->request,
                                                overdue[connection->state], NULL));
        break;
    case STATE_CONNECT:
        backend_too_slow(&connection->opening->attempt);
        next_server(connection);
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
connection_drain(struct connection *connection, uint64_t due_ms)
{
    struct tunnel *tunnel = &connection->tunnel;

    if (connection->state == STATE_CLOSED)
        return;
    if (due_ms == 0) {
        connection_close(connection, REASON_SHUTDOWN);
    } else if (connection->state == STATE_TUNNEL) {
        if (due_ms < tunnel->lifetime_due_ms) {
            tunnel->lifetime_due_ms = due_ms;
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

/* Where its token was revoked, or has expired, that is what it is told. */
static void
end_handshake(struct request *request, enum reason reason)
{
    (void)!request_still_holds(request);
    connection_run(request->connection, request_fail(request, reason, NULL));
}

bool
connection_end(struct connection *connection, enum reason reason)
{
    struct tunnel *tunnel = &connection->tunnel;

    if (connection->state == STATE_TUNNEL && !tunnel->closing)
        after_tunnel(connection, tunnel_finish(tunnel, reason, connection->worker->now_ms));
    else if (connection->state < STATE_TUNNEL)
        end_handshake(connection->opening->request, reason);
    else
        return false;
    return true;
}

bool
connection_end_handshake(struct worker *worker, uint64_t id, enum reason reason)
{
    for (struct connection *connection = worker->live; connection; connection = connection->next)
        if (connection->id == id && connection->session == NULL)
            return connection_end(connection, reason);
    return false;
}
