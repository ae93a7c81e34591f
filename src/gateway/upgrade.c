/* upgrade.c - reading and judging the backend's answer; see upgrade.h. */
#include "gateway/upgrade.h"

#include "base/text.h"
#include "gateway/worker.h"
#include "protocol/http_body.h"

/* Another answer than 101, on its way to the client. */
struct refused_body {
    struct http_body body;
    struct text data;
};

static const struct http_limits limits = {
    .head_bytes = UPGRADE_HEAD_MAX,
    .uri_bytes = UPGRADE_HEAD_MAX,
    .fields = UPGRADE_FIELDS_MAX,
};

enum step
upgrade_prepare(struct request *request)
{
    struct upgrade *upgrade = &request->upgrade;

    upgrade->interim = 0;
    upgrade->body = NULL;
    if (upgrade->in.at != NULL) { /* another server's answer came before */
        inbox_drop(&upgrade->in, upgrade->in.len);
        http_head_init(&upgrade->head, upgrade->head.fields, &limits);
        return STEP_DONE;
    }
    if (!inbox_begin(&upgrade->in, &upgrade->head, &request->arena, &limits))
        return request_fail(request, REASON_NO_MEMORY, NULL);
    return STEP_DONE;
}

/* ---- A refusal of the backend's ------------------------------------------- */

static enum step
refusal_whole(struct request *request)
{
    struct upgrade *upgrade = &request->upgrade;

    if (request->answer.reason == REASON_NONE)
        request->answer = (struct answer){.reason = REASON_BACKEND_REFUSED,
                                          .status = upgrade->head.status,
                                          .body = text_str(&upgrade->body->data)};
    return STEP_FAILED;
}

static enum step
feed_body(struct request *request, const char *bytes, size_t len)
{
    struct refused_body *refused = request->upgrade.body;
    struct text *data = &refused->data;
    size_t used, room = data->cap - data->len;

    switch (http_body_feed(&refused->body, bytes, len, &used, data->at + data->len, &room)) {
    case HTTP_MORE:
        data->len += room;
        return STEP_WAIT;
    case HTTP_DONE:
        data->len += room;
        return refusal_whole(request);
    case HTTP_HEAD_TOO_LARGE:
        return request_fail(request, REASON_BACKEND_BODY, "the answer's body is too large");
    case HTTP_BAD:
    case HTTP_URI_TOO_LONG:
        break;
    }
    return request_fail(request, REASON_BACKEND_BODY, refused->body.error);
}

static enum step
begin_refusal(struct request *request)
{
    struct upgrade *upgrade = &request->upgrade;
    struct refused_body *refused = arena_zalloc(&request->arena, sizeof(*refused));

    if (refused == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    upgrade->body = refused;
    enum http_verdict verdict = http_body_init(&refused->body, &upgrade->head);
    if (verdict == HTTP_BAD)
        return request_fail(request, REASON_BACKEND_BODY, refused->body.error);
    size_t cap =
        refused->body.kind == HTTP_BODY_LENGTH && refused->body.remaining < UPGRADE_BODY_MAX
            ? (size_t)refused->body.remaining
            : (size_t)UPGRADE_BODY_MAX;
    refused->data = (struct text){arena_alloc(&request->arena, cap + 1), 0, cap, false};
    if (refused->data.at == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    if (verdict == HTTP_DONE)
        return refusal_whole(request);
    struct str rest = upgrade_early(request);
    return rest.len > 0 ? feed_body(request, rest.at, rest.len) : STEP_WAIT;
}

/* ---- The head ---------------------------------------------------------------- */

static enum step judge(struct request *request, struct side *backend);

/* Forgets an interim answer; what follows it moves to the front. */
static enum step
skip_interim(struct request *request, struct side *backend)
{
    struct upgrade *upgrade = &request->upgrade;

    if (++upgrade->interim > UPGRADE_INTERIM_MAX)
        return request_fail(request, REASON_BACKEND_MALFORMED, "too many interim answers");
    inbox_drop(&upgrade->in, upgrade->head.length);
    http_head_init(&upgrade->head, upgrade->head.fields, &limits);
    return upgrade->in.len > 0 ? judge(request, backend) : STEP_WAIT; /* at most 8 deep */
}

static enum step
judge_head(struct request *request, struct side *backend)
{
    struct upgrade *upgrade = &request->upgrade;
    const char *error;

    if (upgrade->head.status > 599) /* RFC 9110 15: no class that a client knows */
        return request_fail(request, REASON_BACKEND_MALFORMED, "a status above 599");
    if (upgrade->head.status != 101)
        return upgrade->head.status < 200 ? skip_interim(request, backend) : begin_refusal(request);
    if (!handshake_check_response(&upgrade->head, &upgrade->offer, &upgrade->choice, &error))
        return request_fail(request, REASON_BACKEND_HANDSHAKE, error);
    if (side_waiting(backend) > 0)
        return request_fail(request, REASON_BACKEND_HANDSHAKE, "a 101 before the request was read");
    return STEP_DONE;
}

static enum step
judge(struct request *request, struct side *backend)
{
    struct upgrade *upgrade = &request->upgrade;

    switch (http_response_parse(&upgrade->head, upgrade->in.at, upgrade->in.len)) {
    case HTTP_MORE:
        break;
    case HTTP_DONE:
        return judge_head(request, backend);
    case HTTP_HEAD_TOO_LARGE:
    case HTTP_URI_TOO_LONG:
        return request_fail(request, REASON_BACKEND_MALFORMED, "the answer's head is too large");
    case HTTP_BAD:
        return request_fail(request, REASON_BACKEND_MALFORMED, upgrade->head.error);
    }
    if (!inbox_go_on(&upgrade->in, &upgrade->head, &request->arena))
        return request_fail(request, REASON_NO_MEMORY, NULL);
    return STEP_WAIT;
}

/* ---- Reading ------------------------------------------------------------------ */

/* A body that lasts until the close must be closed, not cut off. */
static enum step
ended(struct request *request, bool cut)
{
    struct upgrade *upgrade = &request->upgrade;

    if (upgrade->body != NULL && !cut && http_body_at_close(&upgrade->body->body))
        return refusal_whole(request);
    return request_fail(request,
                        upgrade->body != NULL ? REASON_BACKEND_BODY : REASON_BACKEND_CLOSED,
                        "the backend closed before its answer was whole");
}

/* In TLS 1.3 a server judges our certificate when our handshake is over already (RFC 8446 4.4.2.4):
 * its alert comes in place of an answer. */
static enum step
broken(struct request *request, const struct stream *stream)
{
    const char *fault = stream_fault(stream);

    return fault != NULL && request->upgrade.in.len == 0
               ? request_fail(request, REASON_BACKEND_TLS, fault)
               : ended(request, true);
}

enum step
upgrade_read(struct request *request, struct side *backend)
{
    struct upgrade *upgrade = &request->upgrade;
    struct inbox *in = &upgrade->in;
    bool head = upgrade->body == NULL;
    struct stream_result result =
        head ? side_read(backend, in->at + in->len, in->cap - in->len)
             : side_read(backend, request->worker->buffer, WORKER_BUFFER_BYTES);

    switch (result.status) {
    case STREAM_AGAIN:
        return STEP_WAIT;
    case STREAM_END:
    case STREAM_CUT:
        return ended(request, result.status == STREAM_CUT);
    case STREAM_ERROR:
        return broken(request, &backend->stream);
    case STREAM_OK:
        break;
    }
    if (!head)
        return feed_body(request, request->worker->buffer, result.n);
    in->len += result.n;
    return judge(request, backend);
}

bool
upgrade_unanswered(const struct request *request)
{
    enum reason reason = request->answer.reason;

    return (reason == REASON_BACKEND_CLOSED || reason == REASON_BACKEND_TLS) &&
           request->upgrade.in.len == 0 && request->upgrade.interim == 0;
}

struct str
upgrade_early(const struct request *request)
{
    const struct upgrade *upgrade = &request->upgrade;

    return (struct str){upgrade->in.at + upgrade->head.length,
                        upgrade->in.len - upgrade->head.length};
}
