/*
 * connection.c - the straight line; the events that drive it are in connection_events.c.
 *
 *   ACCEPT -> HEAD -> AUTH -> CONNECT -> UPGRADE -> TUNNEL -> CLOSED
 *      \         \______\_________\__________\-> REFUSE -> CLOSED
 *       \-> CLOSED
 *
 * connection_run goes from stage to stage in a loop, as long as they answer DONE; where one
 * answers WAIT, an event (below), a module's resume, or the deadline goes on.
 * A step that fails leads to REFUSE when the client can still be told, else to CLOSED.
 */
#include "gateway/connection.h"

#include "base/clock.h"
#include "gateway/access_log.h"
#include "gateway/forward.h"
#include "gateway/refusal.h"
#include "gateway/upgrade.h"

static struct side *
client_of(struct connection *connection)
{
    return &connection->tunnel.sides[CLIENT];
}

static struct side *
backend_of(struct connection *connection)
{
    return &connection->tunnel.sides[BACKEND];
}

/* ---- State, end --------------------------------------------------------------- */

/* The only writer of the state. Arms the one deadline of the new one. */
static void
set_state(struct connection *connection, enum state state)
{
    connection->state = state;
    if (state == STATE_CLOSED)
        wheel_set(&connection->worker->wheel, &connection->deadline, WHEEL_NEVER);
    else
        connection_arm(connection, connection_due(connection));
}

/* The handshake is over: its line is written, its place in the crowd is free. */
static void
handshake_over(struct connection *connection, unsigned status)
{
    struct worker *worker = connection->worker;
    const struct opening *opening = connection->opening;
    const struct request *request = opening->request;
    const struct attempt *attempt = &opening->attempt;

    crowd_handshake_over(worker->crowd, &request->handle->generation->limits,
                         opening->counted ? &connection->peer.any : NULL);
    if (request->answer.reason == REASON_CLIENT_GONE && request->in.len == 0 &&
        !opening->accept.heard)
        return; /* it came and went without a byte: a port check */
    worker->metrics.handshakes++;
    worker->metrics.reasons[request->answer.reason]++;
    if (status == 101)
        worker->metrics.tunnels++;
    else
        worker->metrics.refused++;
    worker->metrics.refused_by_close += status != 0 && request->answer.close_code != 0;
    const struct server *server =
        attempt->tries.count > 0 ? attempt->tries.servers[attempt->tries.count - 1] : NULL;
    access_log_handshake(worker->log, request, status,
                         server != NULL ? server->settings->text : NULL);
}

static void
tunnel_over(struct connection *connection, enum reason reason)
{
    struct worker *worker = connection->worker;
    struct tunnel_record record;

    connection_describe(connection, reason, &record);
    worker->metrics.reasons[reason]++;
    worker->metrics.bytes_in += connection->tunnel.bytes[CLIENT];
    worker->metrics.bytes_out += connection->tunnel.bytes[BACKEND];
    access_log_tunnel(worker->log, &record, &connection->tunnel, reason);
    held_release(connection->held, connection->held_count, MW_END_CLOSED);
    connection->held = NULL;
    connection->held_count = 0;
}

/* Everything that belongs to the request goes, and is wiped. */
static void
opening_over(struct connection *connection, enum mw_end end)
{
    struct opening *opening = connection->opening;

    if (opening == NULL)
        return;
    chain_cancel(opening->request);
    chain_release(opening->request, end);
    connection->opening = NULL;
    request_free(opening->request); /* the opening lies in its arena */
}

void
connection_close(struct connection *connection, enum reason reason)
{
    if (connection->state == STATE_CLOSED)
        return;
    bool handshake = connection->opening != NULL && connection->state != STATE_REFUSE;
    bool tunnel = connection->state == STATE_TUNNEL;
    enum mw_end end = reason == REASON_CLIENT_GONE ? MW_END_GONE : MW_END_REFUSED;

    if (handshake) {
        (void)request_fail(connection->opening->request, reason, NULL);
        handshake_over(connection, 0);
    }
    set_state(connection, STATE_CLOSED);
    if (tunnel)
        tunnel_over(connection, reason);
    else
        backend_leave(&connection->opening->attempt, backend_of(connection));
    opening_over(connection, end);
    sessions_leave(&connection->worker->sessions, &connection->session);
    side_close(client_of(connection));
    side_close(backend_of(connection));
    tunnel_end(&connection->tunnel, &connection->worker->tunnel_rules);
    if (connection->load != NULL)
        pool_give(connection->load);
    connection->load = NULL;
    crowd_leave(connection->worker->crowd);
    connection->worker->metrics.closed++;
    worker_bury(connection->worker, connection);
}

/* ---- Stages ------------------------------------------------------------------- */

/* Leaves the backend, tells the client what it may know, or closes where it cannot be told: before
 * the head nobody has spoken HTTP yet. */
static enum step
refuse(struct connection *connection)
{
    struct opening *opening = connection->opening;
    struct request *request = opening->request;

    backend_leave(&opening->attempt, backend_of(connection));
    sessions_leave(&connection->worker->sessions, &connection->session);
    if (connection->state == STATE_ACCEPT || refusal_status(&request->answer) == 0) {
        connection_close(connection, request->answer.reason);
        return STEP_WAIT;
    }
    chain_cancel(request);
    chain_release(request, MW_END_REFUSED); /* before who is told comes again, to another worker */
    set_state(connection, STATE_REFUSE);
    enum step step = refusal_start(request, client_of(connection));
    handshake_over(connection, step == STEP_FAILED ? 0 : refusal_status(&request->answer));
    return step;
}

/* The request has reached a server: its answer is the next thing, and may be there already. */
static enum step
start_upgrade(struct connection *connection)
{
    set_state(connection, STATE_UPGRADE);
    if (!side_read_on(backend_of(connection)))
        return request_fail(connection->opening->request, REASON_NO_MEMORY, NULL);
    return STEP_WAIT;
}

/* The chain has passed: there is a session, before any socket to a backend. */
static enum step
start_connect(struct connection *connection)
{
    struct request *request = connection->opening->request;

    connection->session = sessions_enter(&connection->worker->sessions, request);
    if (connection->session == NULL)
        return request_fail(request, REASON_NO_MEMORY, "no room for the session");
    return connection_next_server(connection);
}

enum step
connection_next_server(struct connection *connection)
{
    struct opening *opening = connection->opening;
    size_t backend = opening->request->route->backend->index;

    opening->attempt.pool = &opening->request->handle->generation->pools[backend];
    set_state(connection, STATE_CONNECT);
    if (upgrade_prepare(opening->request) == STEP_FAILED)
        return STEP_FAILED;
    return backend_start(&opening->attempt, opening->request, connection->tunnel.sides);
}

/* The 101 is verified: from here on the client is no longer answered, but connected. */
static enum step
start_tunnel(struct connection *connection)
{
    struct worker *worker = connection->worker;
    struct opening *opening = connection->opening;
    struct request *request = opening->request;
    struct text text = {worker->buffer, 0, WORKER_BUFFER_BYTES, false};
    size_t held_count;

    if (request->answer.reason != REASON_NONE) /* a module resumed out of turn */
        return STEP_FAILED;
    if (!request_still_holds(request))
        return STEP_FAILED;
    if (!forward_switching(request, &text))
        return request_fail(request, REASON_BACKEND_HANDSHAKE, "the 101 is too large");
    if (!connection_fill_tunnel(connection) || !held_take(request, &connection->held, &held_count))
        return request_fail(request, REASON_NO_MEMORY, NULL);
    connection->held_count = (uint32_t)held_count & INT32_MAX;
    connection->load = opening->attempt.server->load;
    opening->attempt.server = NULL;
    enum reason over = connection_exchange_early(connection, &text);
    handshake_over(connection, 101);
    opening_over(connection, MW_END_CLOSED);
    set_state(connection, STATE_TUNNEL);
    if (over == REASON_NONE)
        over = tunnel_open(&connection->tunnel);
    if (over != REASON_NONE)
        connection_close(connection, over);
    return STEP_WAIT;
}

static enum step
next_stage(struct connection *connection)
{
    switch (connection->state) {
    case STATE_ACCEPT:
        set_state(connection, STATE_HEAD);
        return request_read(connection->opening->request, client_of(connection));
    case STATE_HEAD:
        if (connection_client_found(connection) == STEP_FAILED)
            return STEP_FAILED;
        set_state(connection, STATE_AUTH);
        return chain_start(connection->opening->request);
    case STATE_AUTH:
        return start_connect(connection);
    case STATE_CONNECT:
        return start_upgrade(connection);
    case STATE_UPGRADE:
        return start_tunnel(connection);
    case STATE_REFUSE:
        connection_close(connection, REASON_REFUSED);
        break;
    case STATE_TUNNEL:
    case STATE_CLOSED:
        break;
    }
    return STEP_WAIT;
}

/* A server that closed without a word is followed by the next one. */
static enum step
failed(struct connection *connection)
{
    struct opening *opening = connection->opening;

    if (connection->state == STATE_REFUSE) {
        connection_close(connection, REASON_CLIENT_GONE);
        return STEP_WAIT;
    }
    if (connection->state == STATE_UPGRADE && upgrade_unanswered(opening->request)) {
        struct answer unanswered = opening->request->answer;
        backend_failed(&opening->attempt, opening->request, backend_of(connection),
                       "closed without an answer");
        opening->request->answer = (struct answer){.reason = REASON_NONE};
        enum step step = connection_next_server(connection);
        if (step == STEP_FAILED)
            opening->request->answer = unanswered;
        else
            return step;
    }
    return refuse(connection);
}

void
connection_run(struct connection *connection, enum step step)
{
    while (step != STEP_WAIT) {
        step = step == STEP_DONE ? next_stage(connection) : failed(connection);
        if (connection->state == STATE_CLOSED)
            return;
    }
    /* While others are waited for, the client is listened to: it may leave, or send early. */
    if (connection->opening != NULL && connection->state != STATE_REFUSE &&
        !client_of(connection)->reading &&
        connection->opening->request->early.len < REQUEST_EARLY_MAX &&
        !side_read_on(client_of(connection)))
        connection_close(connection, REASON_NO_MEMORY);
}

void
connection_start(struct connection *connection)
{
    struct opening *opening = connection->opening;

    set_state(connection, STATE_ACCEPT);
    connection_run(connection,
                   accept_run(&opening->accept, opening->request, client_of(connection)));
}
