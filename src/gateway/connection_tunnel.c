/*
 * connection_tunnel.c - what a tunnel takes along from the handshake that it began with.
 */
#include "base/clock.h"
#include "gateway/access_log.h"
#include "gateway/connection.h"
#include "gateway/revalidation.h"
#include "gateway/upgrade.h"

static const struct tunnel_rules *
hold_rules(struct worker *worker, const struct request *request)
{
    const struct tunnel_settings *settings = &request->route->tunnel;
    struct tunnel_terms terms;

    memset(&terms, 0, sizeof(terms)); /* the gaps too */
    terms.times = (struct tunnel_times){settings->idle_timeout, settings->write_timeout,
                                        request->settings->timeouts.fin,
                                        request->settings->timeouts.close,
                                        settings->ping_interval, settings->pong_timeout};
    terms.checked = settings->checked;
    terms.frames.max_frame = settings->frames.max_frame;
    terms.frames.max_message = settings->frames.max_message;
    terms.frames.allow = settings->frames.allow;
    terms.frames.validate_utf8 = settings->frames.validate_utf8;
    terms.rates.messages = (struct rate){settings->messages_per_second, settings->messages_burst};
    terms.rates.bytes = (struct rate){settings->bytes_per_second, settings->bytes_burst};
    terms.rates.of[CLIENT] = settings->limit_client;
    terms.rates.of[BACKEND] = settings->limit_backend;
    terms.rates.delay = settings->delay;
    return tunnel_rules_hold(&worker->tunnel_rules, &terms);
}

bool
connection_fill_tunnel(struct connection *connection)
{
    const struct request *request = connection->opening->request;
    const struct tunnel_settings *settings = &request->route->tunnel;
    const struct tunnel_rules *rules = hold_rules(connection->worker, request);
    struct tunnel *tunnel = &connection->tunnel;

    if (rules == NULL ||
        !tunnel_begin(tunnel, rules, handshake_has_deflate(request->upgrade.choice.extensions),
                      worker_random(connection->worker), connection->worker->now_ms))
        return false;
    tunnel->keep_alive_ms = worker_after(connection->worker, TUNNEL_KEEP_ALIVE_AFTER_MS);
    tunnel->lifetime_due_ms = worker_after(connection->worker, settings->max_lifetime);
    tunnel->lifetime_reason = REASON_LIFETIME;
    tunnel->expiry_wall_ms = request->deadline_wall_ms;
    tunnel->first_end = REASON_NONE;
    connection->route = (uint32_t)request->route->index;
    connection->started_us = clock_monotonic_us();
    return true;
}

void
connection_describe(const struct connection *connection, enum reason reason,
                    struct tunnel_record *record)
{
    *record = (struct tunnel_record){connection->id, &connection->peer.any, connection->named,
                                     connection->started_us, connection->route, NULL, NULL};
    revalidation_tell(connection, reason, record);
}

enum reason
connection_exchange_early(struct connection *connection, const struct text *head)
{
    const struct request *request = connection->opening->request;
    struct str from_backend = upgrade_early(request);
    struct text text = *head;
    uint64_t now_ms = connection->worker->now_ms;

    text_add(&text, from_backend);
    if (text.full)
        return REASON_NO_MEMORY;
    enum reason over =
        tunnel_give(&connection->tunnel, BACKEND, text.at, text.len, head->len, now_ms);
    if (over == REASON_NONE)
        over = tunnel_give(&connection->tunnel, CLIENT, request->early.at, request->early.len, 0,
                           now_ms);
    return over;
}
