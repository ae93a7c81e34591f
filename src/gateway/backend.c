/* backend.c - reaching a server; see backend.h. */
#include "gateway/backend.h"

#include "gateway/client_address.h"
#include "gateway/descriptors.h"
#include "gateway/forward.h"
#include "gateway/tunnel.h"
#include "gateway/worker.h"
#include "net/tls_client.h"
#include "protocol/proxy_protocol.h"

#include <errno.h>
#include <string.h>

void
backend_leave(struct attempt *attempt, struct side *side)
{
    side_close(side);
    if (attempt->server != NULL)
        pool_give(attempt->server->load);
    attempt->server = NULL;
}

void
backend_failed(struct attempt *attempt, const struct request *request, struct side *side,
               const char *why)
{
    struct log_line line;
    unsigned before;

    if (pool_failed(attempt->server, request->worker->now_ms, &before)) {
        log_begin(&line, request->worker->log, LOG_ERROR, LOG_LEVEL_WARNING, "server_failed");
        log_text(&line, "backend", attempt->pool->settings->name);
        log_text(&line, "server", attempt->server->settings->text);
        log_text(&line, "message", why);
        log_int(&line, "untold", before);
        log_end(&line);
    }
    backend_leave(attempt, side);
}

static enum step
none_left(struct attempt *attempt, struct request *request)
{
    if (attempt->tries.count == 0)
        return request_fail(request, REASON_BACKEND_BUSY, "every server stands at max_connections");
    return request_fail(request, attempt->reason, attempt->why);
}

/* ---- One server ------------------------------------------------------------------- */

static enum step
blame(struct attempt *attempt, enum reason reason, const char *why)
{
    attempt->reason = reason;
    attempt->why = why;
    return STEP_FAILED;
}

static enum step
blame_errno(struct attempt *attempt, int error)
{
    if (descriptors_lacking(error)) /* no other server would help */
        return blame(attempt, REASON_NO_DESCRIPTORS, strerrordesc_np(error));
    return blame(attempt,
                 error == ETIMEDOUT ? REASON_BACKEND_CONNECT_TIMEOUT : REASON_BACKEND_CONNECT,
                 strerrordesc_np(error));
}

/* The first bytes of the connection, before TLS. */
static void
write_proxy_header(const struct request *request, struct text *text)
{
    enum send_proxy version = request->route->backend->send_proxy;
    struct address client;

    if (version == SEND_PROXY_OFF)
        return;
    address_of(&client, request->peer);
    (version == SEND_PROXY_V1 ? proxy_header_write_v1 : proxy_header_write_v2)(text, &client,
                                                                              request->arrival);
}

/* SIDE_KEPT: on a plain side most often the connect is not through yet; a long request is the rare
 * case. */
static enum step
send_request(struct attempt *attempt, struct side *side, const struct text *text)
{
    attempt->sent = true;
    switch (side_send(side, text->at, text->len)) {
    case SIDE_SENT:
        return STEP_DONE;
    case SIDE_KEPT:
        return side->stream.tls != NULL ? STEP_DONE : STEP_WAIT;
    case SIDE_FAILED:
        break;
    }
    return blame_errno(attempt, errno);
}

static bool
begin_tls(struct attempt *attempt, struct side *side)
{
    struct tls_client *tls = attempt->pool->settings->tls;
    struct server *server = attempt->server;

    return tls == NULL || side->stream.tls != NULL ||
           tls_client_begin(tls, (size_t)(server - attempt->pool->servers),
                            &server->settings->address, &side->stream);
}

/* In the worker's buffer, which is nobody's in the loop's next turn. */
static bool
compose(const struct attempt *attempt, struct request *request, struct text *text)
{
    *text = (struct text){request->worker->buffer, 0, WORKER_BUFFER_BYTES, false};
    if (attempt->pool->settings->tls == NULL)
        write_proxy_header(request, text);
    return forward_request(request, text);
}

/* TLS's handshake waits for a PROXY header to have gone, and the request for the handshake. */
static enum step
go_on(struct attempt *attempt, struct request *request, struct side *side)
{
    struct text text;

    if (side_waiting(side) > 0)
        return STEP_WAIT;
    if (!begin_tls(attempt, side))
        return blame_errno(attempt, ENOMEM);
    switch (side_handshake(side)) {
    case STREAM_OK:
        return compose(attempt, request, &text) ? send_request(attempt, side, &text)
                                                : STEP_FAILED;
    case STREAM_AGAIN: /* who waits for an answer has sent something */
        attempt->connected = !stream_wants_write(&side->stream);
        return STEP_WAIT;
    case STREAM_END:
    case STREAM_CUT:
    case STREAM_ERROR:
        break;
    }
    if (errno == ECONNREFUSED) /* TLS's first write may be what finds it out */
        return blame_errno(attempt, errno);
    return blame(attempt, REASON_BACKEND_TLS, stream_fault(&side->stream));
}

/* A request that cannot be written down makes no connection. */
static enum step
reach(struct attempt *attempt, struct request *request, struct side *side)
{
    char bytes[PROXY_V1_MAX];
    struct text text, header = {bytes, 0, sizeof(bytes), false};
    struct stream stream;

    attempt->sent = attempt->connected = false;
    if (!compose(attempt, request, &text))
        return STEP_FAILED;
    if (!stream_connect(&stream, &attempt->server->settings->address))
        return blame_errno(attempt, errno);
    side_open(side, stream);
    if (attempt->pool->settings->tls == NULL)
        return send_request(attempt, side, &text);
    write_proxy_header(request, &header);
    if (side_send(side, header.at, header.len) == SIDE_FAILED)
        return blame_errno(attempt, errno);
    return go_on(attempt, request, side);
}

/* ---- One after the other ---------------------------------------------------------- */

enum step
backend_start(struct attempt *attempt, struct request *request, struct side sides[2])
{
    struct side *side = &sides[BACKEND];

    if (request->route->backend->send_proxy != SEND_PROXY_OFF &&
        client_address_arrive(request, &sides[CLIENT].stream) == STEP_FAILED)
        return STEP_FAILED;
    while ((attempt->server = pool_take(attempt->pool, &attempt->tries)) != NULL) {
        enum step step = reach(attempt, request, side);
        if (step != STEP_FAILED)
            return step;
        if (request->answer.reason != REASON_NONE)
            return STEP_FAILED; /* it cannot be written down */
        if (attempt->reason == REASON_NO_DESCRIPTORS) {
            backend_leave(attempt, side);
            break;
        }
        backend_failed(attempt, request, side, attempt->why);
    }
    return none_left(attempt, request);
}

enum step
backend_go_on(struct attempt *attempt, struct request *request, struct side *side)
{
    int error = attempt->connected ? 0 : stream_connect_error(&side->stream);

    if (error != 0)
        return blame_errno(attempt, error);
    if (side_flush(side) == SIDE_FAILED)
        return blame_errno(attempt, errno);
    return attempt->sent ? STEP_DONE : go_on(attempt, request, side);
}

void
backend_too_slow(struct attempt *attempt)
{
    (void)blame(attempt, REASON_BACKEND_CONNECT_TIMEOUT, "connect_timeout passed");
}
