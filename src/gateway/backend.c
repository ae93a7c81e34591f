/* backend.c - reaching a server; see backend.h. */
#include "gateway/backend.h"

#include "gateway/descriptors.h"
#include "gateway/forward.h"
#include "gateway/worker.h"

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
    if (attempt->last_errno == ETIMEDOUT)
        return request_fail(request, REASON_BACKEND_CONNECT_TIMEOUT, NULL);
    return request_fail(request, REASON_BACKEND_CONNECT, strerror(attempt->last_errno));
}

/* SIDE_KEPT: most often the connect is not through yet; a long request is the rare case. */
static enum side_sent
reach(const struct server *server, struct side *side, const struct text *text)
{
    struct stream stream;

    if (!stream_connect(&stream, &server->settings->address))
        return SIDE_FAILED;
    side_open(side, stream);
    return side_send(side, text->at, text->len);
}

enum step
backend_start(struct attempt *attempt, struct request *request, struct side *side)
{
    struct worker *worker = request->worker;
    struct text text = {worker->buffer, 0, WORKER_BUFFER_BYTES, false};

    if (!forward_request(request, &text))
        return STEP_FAILED;
    while ((attempt->server = pool_take(attempt->pool, &attempt->tries)) != NULL) {
        switch (reach(attempt->server, side, &text)) {
        case SIDE_SENT:
            return STEP_DONE;
        case SIDE_KEPT:
            return STEP_WAIT;
        case SIDE_FAILED:
            attempt->last_errno = errno;
            if (descriptors_lacking(attempt->last_errno)) { /* no other server would help */
                backend_leave(attempt, side);
                return request_fail(request, REASON_NO_DESCRIPTORS, strerror(attempt->last_errno));
            }
            backend_failed(attempt, request, side, strerror(attempt->last_errno));
            break;
        }
    }
    return none_left(attempt, request);
}

bool
backend_connected(struct attempt *attempt, struct side *side)
{
    attempt->last_errno = stream_connect_error(&side->stream);
    return attempt->last_errno == 0;
}
