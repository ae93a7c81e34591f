/*
 * request.c - the HEAD stage: bytes in, a routed request or a refusal out.
 *
 * The order of refusals is part of the contract: whatever makes the head itself
 * ambiguous (400, 414, 431) comes before the method (405), the upgrade (426)
 * and the route (404), so that nothing is concluded from a head that cannot be trusted.
 */
#include "gateway/request.h"

#include "base/clock.h"
#include "gateway/client_address.h"
#include "gateway/router.h"
#include "gateway/worker.h"

struct request *
request_new(struct worker *worker)
{
    const struct settings *settings = worker->handle->generation->settings;
    struct arena arena;

    arena_init(&arena, &worker->arenas,
               REQUEST_ARENA_BYTES + REQUEST_ARENA_HEADS * settings->limits.head);
    struct request *request = arena_alloc_plain(&arena, sizeof(*request)); /* pointers, counts */
    if (request == NULL)
        return NULL;
    memset(request, 0, offsetof(struct request, forwards));
    request->worker = worker;
    request->settings = settings;
    request->deadline_wall_ms = INT64_MAX;
    if (!inbox_begin(&request->in, &request->head, &arena,
                     &(struct http_limits){.head_bytes = settings->limits.head,
                                           .uri_bytes = settings->limits.uri,
                                           .fields = settings->limits.headers})) {
        arena_free(&arena);
        return NULL;
    }
    request->arena = arena;
    request->handle = handle_hold(worker->handle);
    return request;
}

void
request_free(struct request *request)
{
    if (request == NULL)
        return;
    struct arena arena = request->arena; /* the request itself lives in it */
    struct handle *handle = request->handle;

    inbox_wipe(&request->in);
    inbox_wipe(&request->early);
    inbox_wipe(&request->upgrade.in);
    arena_free(&arena);
    handle_drop(handle);
}

enum step
request_fail(struct request *request, enum reason reason, const char *detail)
{
    if (request->answer.reason == REASON_NONE) {
        request->answer.reason = reason;
        request->answer.detail = detail;
    }
    return STEP_FAILED;
}

/* ---- Judging ---------------------------------------------------------- */

/* The absolute form names the host twice: both must agree. */
static enum step
judge_authority(struct request *request)
{
    struct str text = request->target.authority;
    char *scratch = arena_alloc(&request->arena, HOST_OUT_BYTES(text.len));
    struct host authority;
    const char *error;

    if (scratch == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    if (host_parse(&authority, text, request->target.secure, scratch, &error) &&
        str_equal(authority.name, request->host.name) && authority.port == request->host.port)
        return STEP_DONE;
    return request_fail(request, REASON_HOST_BAD, "the target's authority is not the Host");
}

static enum step
judge_target(struct request *request)
{
    const char *error;
    char *path = arena_alloc(&request->arena, request->head.target.len + 1);
    char *host = arena_alloc(&request->arena, HOST_OUT_BYTES(request->handshake.host.len));

    if (path == NULL || host == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    if (!target_parse(&request->target, request->head.target, path, &error))
        return request_fail(request, REASON_PATH_BAD, error);
    /* The default port is that of the target's scheme, else of the connection's (RFC 9110 7.1). */
    bool secure = request->target.authority.at != NULL ? request->target.secure : request->secure;
    if (!host_parse(&request->host, request->handshake.host, secure, host, &error))
        return request_fail(request, REASON_HOST_BAD, error);
    return request->target.authority.at != NULL ? judge_authority(request) : STEP_DONE;
}

/* Some servers drop path parameters: a path must lead to the same route with and without them. */
static enum step
judge_parameters(struct request *request)
{
    struct str path = request->target.path, captures[ROUTE_CAPTURES_MAX];

    if (!path_has_parameters(path))
        return STEP_DONE;
    char *out = arena_alloc(&request->arena, path.len);
    if (out == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    if (router_match(request->settings, request->listener, request->host.name,
                     path_without_parameters(path, out), captures) == request->route)
        return STEP_DONE;
    return request_fail(request, REASON_PATH_BAD, "without its parameters it is another route's");
}

static enum step
judge(struct request *request)
{
    static const enum reason reasons[] = {
        [HANDSHAKE_METHOD] = REASON_METHOD,
        [HANDSHAKE_NO_UPGRADE] = REASON_NO_UPGRADE,
        [HANDSHAKE_BAD_VERSION] = REASON_VERSION,
    };
    const char *error = NULL;
    enum handshake_verdict verdict =
        handshake_check_request(&request->handshake, &request->head, &error);

    if (verdict == HANDSHAKE_BAD)
        return request_fail(request, REASON_HANDSHAKE_BAD, error);
    if (judge_target(request) == STEP_FAILED)
        return STEP_FAILED;
    request->route = router_match(request->settings, request->listener, request->host.name,
                                  request->target.path, request->captures);
    if (request->target.encoded_slash &&
        (request->route == NULL || !request->route->keep_encoded_slashes))
        return request_fail(request, REASON_PATH_BAD, "%2F on a route that does not keep it");
    if (judge_parameters(request) == STEP_FAILED || client_address_judge(request) == STEP_FAILED)
        return STEP_FAILED;
    if (verdict != HANDSHAKE_OK)
        return request_fail(request, reasons[verdict], error);
    if (request->route == NULL)
        return request_fail(request, REASON_NO_ROUTE, NULL);
    return STEP_DONE;
}

/* ---- Reading ---------------------------------------------------------- */

static enum step
parse(struct request *request)
{
    struct inbox *in = &request->in;

    switch (http_request_parse(&request->head, in->at, in->len)) {
    case HTTP_MORE:
        break;
    case HTTP_DONE:
        request->wall_ms = clock_wall_ms();
        request->early = (struct inbox){in->at + request->head.length,
                                        in->len - request->head.length,
                                        in->cap - request->head.length};
        return judge(request);
    case HTTP_URI_TOO_LONG:
        return request_fail(request, REASON_URI_TOO_LONG, NULL);
    case HTTP_HEAD_TOO_LARGE:
        return request_fail(request, REASON_HEAD_TOO_LARGE, NULL);
    case HTTP_BAD:
    default:
        return request_fail(request, REASON_HEAD_MALFORMED, request->head.error);
    }
    if (!inbox_go_on(in, &request->head, &request->arena))
        return request_fail(request, REASON_NO_MEMORY, NULL);
    return STEP_WAIT;
}

enum step
request_read(struct request *request, struct side *client)
{
    struct inbox *in = &request->in;
    struct stream_result result = side_read(client, in->at + in->len, in->cap - in->len);

    if (result.status == STREAM_AGAIN)
        return STEP_WAIT;
    if (result.status != STREAM_OK)
        return request_fail(request, REASON_CLIENT_GONE, NULL);
    in->len += result.n;
    return parse(request);
}

enum step
request_feed(struct request *request, const char *bytes, size_t len)
{
    struct inbox *in = &request->in;
    enum step step = STEP_WAIT;

    while (step == STEP_WAIT && len > 0) {
        size_t room = in->cap - in->len, taken = len < room ? len : room;
        memcpy(in->at + in->len, bytes, taken);
        in->len += taken;
        bytes += taken;
        len -= taken;
        step = parse(request);
    }
    return step;
}

enum step
request_read_early(struct request *request, struct side *client)
{
    struct inbox *early = &request->early;

    if (early->len == early->cap) {
        size_t cap = early->cap < INBOX_FIRST_BYTES ? (size_t)INBOX_FIRST_BYTES : REQUEST_EARLY_MAX;
        if (!inbox_grow(early, &request->arena, cap)) {
            side_read_off(client); /* the tunnel takes the rest; a deadline is running */
            return STEP_WAIT;
        }
    }
    struct stream_result result =
        side_read(client, early->at + early->len, early->cap - early->len);
    if (result.status == STREAM_AGAIN)
        return STEP_WAIT;
    if (result.status != STREAM_OK)
        return request_fail(request, REASON_CLIENT_GONE, NULL);
    early->len += result.n;
    return STEP_WAIT;
}

/* Which realm it was for its module knows; RFC 6750 3 lets us leave it out. */
bool
request_still_holds(struct request *request)
{
    int64_t now_ms = clock_wall_ms();

    if (now_ms >= request->deadline_wall_ms) {
        request->answer.challenge =
            STR("Bearer error=\"invalid_token\", error_description=\"the token has expired\"");
        (void)request_fail(request, REASON_EXPIRED_EARLY, NULL);
    } else if (revocations_hold(request->worker->revocations, &request->who, now_ms)) {
        request->answer.challenge =
            STR("Bearer error=\"invalid_token\", error_description=\"the token was revoked\"");
        (void)request_fail(request, REASON_REVOKED_EARLY, NULL);
    }
    return request->answer.reason == REASON_NONE;
}
