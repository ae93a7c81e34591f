/*
 * connection_deadline.c - when each state is over. A connection has one deadline at a time, in its
 * worker's wheel, and none later than the worker's last moment.
 */
#include "gateway/connection.h"

/* The servers of a backend share one time for their answer: the next one gets what is left of
 * it. */
static uint64_t
answer_due(struct opening *opening, const struct worker *worker)
{
    if (opening->answer_due_ms == 0)
        opening->answer_due_ms =
            worker_after(worker, opening->request->route->backend->handshake_timeout);
    return opening->answer_due_ms;
}

uint64_t
connection_due(const struct connection *connection)
{
    const struct worker *worker = connection->worker;
    const struct request *request =
        connection->opening != NULL ? connection->opening->request : NULL;

    switch (connection->state) {
    case STATE_ACCEPT:
        return worker_after(worker, request->settings->timeouts.head);
    case STATE_HEAD:
        return connection->deadline.due_ms; /* they share it */
    case STATE_AUTH:
        return worker_after(worker, request->settings->timeouts.auth);
    case STATE_CONNECT:
        return worker_after(worker, request->route->backend->connect_timeout);
    case STATE_UPGRADE:
        return answer_due(connection->opening, worker);
    case STATE_REFUSE:
        return worker_after(worker, request->settings->timeouts.close);
    case STATE_TUNNEL:
        return tunnel_due(&connection->tunnel, worker->now_ms, worker_wall_ms(worker));
    case STATE_CLOSED:
        break;
    }
    return WHEEL_NEVER;
}

void
connection_arm(struct connection *connection, uint64_t due_ms)
{
    struct worker *worker = connection->worker;

    wheel_set(&worker->wheel, &connection->deadline,
              due_ms < worker->last_ms ? due_ms : worker->last_ms);
}

void
connection_rearm(struct connection *connection)
{
    if (connection->state == STATE_TUNNEL)
        connection_arm(connection, connection_due(connection));
}
