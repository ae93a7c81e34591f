/*
 * client_address.c - see client_address.h.
 *
 * A list of proxies grows at its right end, and whatever stands left of an address that is not
 * trusted was written by that one: the client. So one pass from the left will do: whoever is not
 * trusted is the client, until one behind him is not either. What the client wrote is dropped; he
 * and the proxies behind him are what goes on.
 */
#include "gateway/client_address.h"

#include "base/text.h"
#include "gateway/worker.h"
#include "protocol/forwarded.h"

#include <errno.h>

/* The proxies of one request. */
struct trail {
    const struct settings *settings;
    bool (*parse)(struct forwarded *forwarded, struct str element);
    struct forwarded client; /* the last that is not trusted, or the first of all */
    size_t count;            /* elements so far */
    struct text text;        /* the client and whoever stands behind him */
    const char *error;
};

/* A copy that lives as long as the request; NULL: no memory. */
static const struct sockaddr *
keep(struct request *request, const struct address *address)
{
    struct address *kept = arena_alloc(&request->arena, sizeof(*kept));

    if (kept == NULL) {
        (void)request_fail(request, REASON_NO_MEMORY, NULL);
        return NULL;
    }
    *kept = *address;
    return &kept->any;
}

bool
client_address_begin(struct request *request, const struct sockaddr *socket)
{
    struct address address;

    request->secure = request->listener->tls != NULL;
    request->sender_trusted = settings_trusts(request->settings, socket);
    if (request->sender_trusted) {
        address_of(&address, socket);
        socket = keep(request, &address);
    }
    request->socket = request->sender = request->peer = socket;
    return socket != NULL;
}

enum step
client_address_send(struct request *request, const struct address *sender)
{
    request->sender = request->peer = keep(request, sender);
    if (request->sender == NULL)
        return STEP_FAILED;
    request->sender_trusted = settings_trusts(request->settings, request->sender);
    return STEP_DONE;
}

enum step
client_address_arrive(struct request *request, const struct stream *stream)
{
    struct address *local = NULL;

    if (request->arrival != NULL)
        return STEP_DONE;
    local = arena_alloc(&request->arena, sizeof(*local));
    if (local == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    if (!stream_local(stream, local))
        return request_fail(request, REASON_CLIENT_GONE, strerror(errno));
    request->arrival = local;
    return STEP_DONE;
}

/* ---- The list ------------------------------------------------------------------ */

static bool
take_element(struct trail *trail, struct str element)
{
    char buffer[ADDRESS_TEXT_MAX];
    struct forwarded one;

    trail->error = "a list of more than 100 proxies";
    if (trail->count++ == FORWARDED_ELEMENTS_MAX)
        return false;
    trail->error = "an element of the list of proxies is no address";
    if (!trail->parse(&one, element))
        return false;
    if (trail->count == 1 || !one.named || !settings_trusts(trail->settings, &one.address.any)) {
        trail->client = one;
        trail->text.len = 0;
    }
    if (!one.named)
        return true;
    text_add(&trail->text, trail->text.len > 0 ? STR(", ") : STR(""));
    text_add(&trail->text, address_format_ip(&one.address, buffer));
    return true;
}

static bool
take_fields(struct trail *trail, const struct http_head *head, struct str name)
{
    const struct http_field *field;
    struct str element;
    size_t at = 0;

    while ((field = http_find(head, name, &at)) != NULL)
        for (struct str rest = field->value; http_list_next(&rest, &element);)
            if (!take_element(trail, element))
                return false;
    trail->error = "the list of proxies does not say who the client is";
    return trail->count == 0 || trail->client.named;
}

/* What the nearest proxy says stands last. */
static struct str
last_element(const struct http_head *head, struct str name)
{
    const struct http_field *field;
    struct str element, last = STR_NONE;
    size_t at = 0;

    while ((field = http_find(head, name, &at)) != NULL)
        for (struct str rest = field->value; http_list_next(&rest, &element);)
            last = element;
    return last;
}

/* ---- What it comes to -------------------------------------------------------------- */

static enum step
take_client(struct request *request, const struct trail *trail)
{
    if (trail->count == 0)
        return STEP_DONE;
    const struct sockaddr *client = keep(request, &trail->client.address);
    request->proxies = arena_copy(&request->arena, text_str(&trail->text));
    if (client == NULL || request->proxies.at == NULL)
        return request_fail(request, REASON_NO_MEMORY, NULL);
    request->peer = client;
    return STEP_DONE;
}

enum step
client_address_judge(struct request *request)
{
    bool standard = request->settings->client_header == CLIENT_FORWARDED;
    struct trail trail = {
        .settings = request->settings,
        .parse = standard ? forwarded_parse : forwarded_for_parse,
        .text = {request->worker->buffer, 0, WORKER_BUFFER_BYTES, false},
    };

    if (!request->sender_trusted)
        return STEP_DONE;
    if (!take_fields(&trail, &request->head, standard ? STR("forwarded") : STR("x-forwarded-for")))
        return request_fail(request, REASON_FORWARDED_BAD, trail.error);
    struct str proto =
        standard ? trail.client.proto : last_element(&request->head, STR("x-forwarded-proto"));
    if (proto.at != NULL && !forwarded_proto_parse(proto, &request->secure))
        return request_fail(request, REASON_FORWARDED_BAD, "the scheme is neither http nor https");
    return take_client(request, &trail);
}
