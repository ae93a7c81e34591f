/*
 * module_questions.c - what a module can ask about a request; see wsgate/middleware.h.
 *
 * Answers point into the request's own memory, which lives until the verdict.
 */
#include "gateway/module_host.h"

#include "base/clock.h"
#include "gateway/connection.h"
#include "gateway/forward.h"
#include "gateway/request.h"
#include "gateway/revalidation.h"
#include "gateway/router.h"
#include "net/tls_peer.h"
#include "protocol/http_head.h"

static struct mw_str
out(struct str text)
{
    return (struct mw_str){text.at, text.len};
}

static const struct sockaddr *
host_peer_address(const struct mw_request *request)
{
    return request_from(request)->peer;
}

static struct mw_str
host_method(const struct mw_request *request)
{
    return out(request_from(request)->head.method);
}

static struct mw_str
host_host(const struct mw_request *request)
{
    return out(request_from(request)->host.name);
}

static struct mw_str
host_authority(const struct mw_request *mw)
{
    struct request *request = request_from(mw);
    struct text text = {NULL, 0, request->host.name.len + sizeof(":65535"), false};

    text.at = arena_alloc(&request->arena, text.cap);
    if (text.at == NULL) {
        (void)request_fail(request, REASON_NO_MEMORY, NULL);
        return out(STR_NONE);
    }
    forward_write_host(&text, &request->host);
    return out(text_str(&text));
}

static struct mw_str
host_path(const struct mw_request *request)
{
    return out(request_from(request)->target.path);
}

static struct mw_str
host_capture(const struct mw_request *request, const char *name)
{
    const struct request *of = request_from(request);

    return out(router_capture(of->route, of->captures, str_of(name)));
}

/* Decoded; an argument that cannot be decoded is given as it came, so that it is seen. */
static struct mw_str
host_query(const struct mw_request *mw, const char *name, size_t i)
{
    struct request *request = request_from(mw);
    struct str value;
    size_t len;

    if (request->target.query.at == NULL ||
        !query_find(request->target.query, str_of(name), i, &value))
        return out(STR_NONE);
    char *decoded = arena_alloc(&request->arena, value.len + 1);
    if (decoded == NULL) {
        (void)request_fail(request, REASON_NO_MEMORY, NULL);
        return out(STR_NONE);
    }
    if (!query_decode(value, decoded, &len))
        return out(value);
    return (struct mw_str){decoded, len};
}

static struct mw_str
host_header(const struct mw_request *request, const char *name, size_t i)
{
    size_t place = 0;

    for (;; i--) {
        const struct http_field *field =
            http_find(&request_from(request)->head, str_of(name), &place);
        if (field == NULL)
            return out(STR_NONE);
        if (i == 0)
            return out(field->value);
    }
}

static bool
host_own_header(const struct mw_request *mw, const char *name, struct mw_str *said)
{
    const struct request *request = request_from(mw);

    *said = out(STR_NONE);
    if (!forward_is_own(request->settings, str_of(name)))
        return false;
    for (size_t i = 0; i < request->forward_count; i++)
        if (http_names_alike(request->forwards[i].name, str_of(name)))
            *said = out(request->forwards[i].value);
    return true;
}

/* Over all Cookie fields: RFC 6265 allows one, HTTP/2 front ends send several. */
static struct mw_str
host_cookie(const struct mw_request *request, const char *name, size_t i)
{
    const struct http_field *field;
    size_t place = 0;
    struct str value;

    while ((field = http_find(&request_from(request)->head, STR("cookie"), &place)) != NULL)
        for (size_t k = 0; cookie_find(field->value, str_of(name), k, &value); k++)
            if (i-- == 0)
                return out(value);
    return out(STR_NONE);
}

static struct mw_str
host_subprotocol(const struct mw_request *request, size_t i)
{
    const struct handshake *handshake = &request_from(request)->handshake;

    return out(i < handshake->protocol_count ? handshake->protocols[i] : STR_NONE);
}

/* A module that waited asks before it resumes: what it judges may have expired meanwhile. */
static int64_t
host_wall_clock_ms(const struct mw_request *request)
{
    return request_from(request)->chain.waiting ? clock_wall_ms() : request_from(request)->wall_ms;
}

static struct mw_str
host_peer_certificate(const struct mw_request *mw, enum mw_certificate part, size_t i)
{
    struct request *request = request_from(mw);
    const struct connection *connection = request->connection;

    if (connection == NULL)
        return out(STR_NONE);
    return out(tls_peer_part(&connection->tunnel.sides[CLIENT].stream, part, i, &request->arena));
}

static uint64_t
host_session_id(const struct mw_request *request)
{
    return request_from(request)->id;
}

static struct mw_str
host_issuer(const struct mw_request *request)
{
    return out(request_from(request)->who.issuer);
}

static struct mw_str
host_subject(const struct mw_request *request)
{
    return out(request_from(request)->who.subject);
}

static const char *
host_expected_claim(const struct mw_request *request, size_t i)
{
    const struct route_settings *route = request_from(request)->route;

    return i < route->claim_count ? route->claims[i] : NULL;
}

static struct mw_str
host_claim(const struct mw_request *request, const char *name, struct mw_str *issuer)
{
    const struct request_claim *claim = request_from(request)->claims;

    while (claim != NULL && strcmp(claim->name, name) != 0)
        claim = claim->older;
    if (issuer != NULL)
        *issuer = out(claim != NULL ? claim->issuer : STR_NONE);
    return out(claim != NULL ? claim->value : STR_NONE);
}

static struct mw_str
host_uri(const struct mw_request *mw)
{
    struct request *request = request_from(mw);
    struct target target = request->target;
    struct text text = {NULL, 0, target.path.len + target.query.len + 1, false};

    text.at = arena_alloc(&request->arena, text.cap);
    if (text.at == NULL) {
        (void)request_fail(request, REASON_NO_MEMORY, NULL);
        return out(STR_NONE);
    }
    text_add(&text, target.path);
    text_add(&text, target.query.at != NULL ? STR("?") : STR(""));
    text_add(&text, target.query);
    return out(text_str(&text));
}

static bool
host_is_secure(const struct mw_request *request)
{
    return request_from(request)->secure;
}

static struct mw_str
host_route(const struct mw_request *mw)
{
    struct request *request = request_from(mw);
    struct text text = {NULL, 0, request->route->host.len + request->route->path.len + 2, false};

    text.at = arena_alloc(&request->arena, text.cap);
    if (text.at != NULL)
        return out(router_text(request->route, &text));
    (void)request_fail(request, REASON_NO_MEMORY, NULL);
    return out(STR_NONE);
}

static const struct instance_settings *
deciding(const struct mw_request *mw)
{
    const struct request *request = request_from(mw);

    return &request->settings->instances[request->route->require[request->chain.next].instance];
}

static bool
host_is_dry_run(const struct mw_request *request)
{
    return deciding(request)->dry_run;
}

static bool
host_is_revalidated(const struct mw_request *request)
{
    return route_is_revalidated(request_from(request)->route);
}

static struct mw_str
host_tunnel_capture(const struct mw_task *task, const char *name)
{
    return task->request != NULL
               ? host_capture((const struct mw_request *)task->request, name)
               : out(revalidation_capture(task, str_of(name)));
}

static bool
host_is_offline(const struct mw_request *request)
{
    return request_from(request)->connection == NULL;
}

void
module_questions_fill(struct mw_host *host)
{
    host->peer_address = host_peer_address;
    host->method = host_method;
    host->host = host_host;
    host->authority = host_authority;
    host->path = host_path;
    host->capture = host_capture;
    host->tunnel_capture = host_tunnel_capture;
    host->query = host_query;
    host->header = host_header;
    host->own_header = host_own_header;
    host->cookie = host_cookie;
    host->subprotocol = host_subprotocol;
    host->wall_clock_ms = host_wall_clock_ms;
    host->session_id = host_session_id;
    host->issuer = host_issuer;
    host->subject = host_subject;
    host->route = host_route;
    host->uri = host_uri;
    host->is_secure = host_is_secure;
    host->is_revalidated = host_is_revalidated;
    host->is_offline = host_is_offline;
    host->is_dry_run = host_is_dry_run;
    host->peer_certificate = host_peer_certificate;
    host->expected_claim = host_expected_claim;
    host->claim = host_claim;
}
