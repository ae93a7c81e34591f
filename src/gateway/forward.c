/* forward.c - writing heads anew; see forward.h. */
#include "gateway/forward.h"

#include "gateway/worker.h"
#include "protocol/accept_value.h"
#include "protocol/field_names.h"
#include "protocol/subprotocol.h"

static const struct str answer_names[] = {
    {"connection", 10}, {"keep-alive", 10}, {"proxy-connection", 16}, {"proxy-authenticate", 18},
    {"te", 2}, {"trailer", 7}, {"transfer-encoding", 17}, {"upgrade", 7}, {"content-length", 14},
    {"sec-websocket-accept", 20}, {"sec-websocket-protocol", 22}, {"sec-websocket-extensions", 24},
    {"sec-websocket-version", 21}, {"x-request-id", 12}, {"alt-svc", 7},
};

static const struct field_names answer_dropped = {answer_names, COUNT_OF(answer_names)};

static bool
matches(struct str pattern, struct str name)
{
    bool prefix = pattern.len > 0 && pattern.at[pattern.len - 1] == '*';
    size_t len = prefix ? pattern.len - 1 : pattern.len;

    if (prefix ? name.len < len : name.len != len)
        return false;
    return http_names_alike((struct str){pattern.at, len}, (struct str){name.at, len});
}

/* Does Connection name a field that is not dropped anyway? Mostly it says "Upgrade" alone, and no
 * field need be looked for in it. */
static bool
connection_names_more(const struct http_head *head, const struct field_names *dropped)
{
    const struct http_field *field;

    for (size_t i = 0; (field = http_find(head, STR("connection"), &i));) {
        struct str rest = field->value, element;
        while (http_list_next(&rest, &element))
            if (!field_names_have(dropped, element))
                return true;
    }
    return false;
}

/* named: connection_names_more. */
static bool
is_dropped(const struct http_head *head, const struct field_names *dropped, bool named,
           struct str name)
{
    return field_names_have(dropped, name) ||
           (named && http_list_has(head, STR("connection"), name));
}

bool
forward_is_own(const struct settings *settings, struct str name)
{
    if (matches(STR("x-forwarded-*"), name))
        return true;
    for (size_t i = 0; i < settings->identity_header_count; i++)
        if (matches(settings->identity_headers[i], name))
            return true;
    return false;
}

static bool
is_stripped(const struct request *request, enum mw_source source, struct str name)
{
    for (size_t i = 0; i < request->strip_count; i++)
        if (request->strips[i].source == source &&
            http_names_alike(str_of(request->strips[i].name), name))
            return true;
    return false;
}

static bool
request_field_passes(const struct request *request, bool named, struct str name)
{
    return !is_dropped(&request->head, &field_names_own, named, name) &&
           !forward_is_own(request->settings, name) && !is_stripped(request, MW_HEADER, name);
}

/* ---- The request line ----------------------------------------------------- */

/* Removes every argument or cookie that is stripped; the result stands in the arena where there are
 * such. */
static bool
without_stripped(struct request *request, enum mw_source source, struct str *list)
{
    char *kept = NULL;

    for (size_t i = 0; i < request->strip_count; i++) {
        struct str name = str_of(request->strips[i].name);
        if (request->strips[i].source != source)
            continue;
        if (kept == NULL && (kept = arena_alloc(&request->arena, list->len + 1)) == NULL) {
            (void)request_fail(request, REASON_NO_MEMORY, NULL);
            return false;
        }
        (void)(source == MW_QUERY ? query_remove : cookie_remove)(*list, name, kept, &list->len);
        list->at = kept;
    }
    return true;
}

static bool
write_request_line(struct request *request, struct text *text)
{
    struct str path = request->target.path, prefix = request->route->strip_prefix;
    struct str query = request->target.query;

    if (prefix.at != NULL && str_starts_with(path, prefix)) {
        path.at += prefix.len;
        path.len -= prefix.len;
    }
    text_add(text, STR("GET "));
    if (path.len == 0 || path.at[0] != '/')
        text_add(text, STR("/"));
    text_add(text, path);
    if (query.at != NULL) {
        size_t before = query.len;
        if (!without_stripped(request, MW_QUERY, &query))
            return false;
        if (query.len > 0 || before == 0) {
            text_add(text, STR("?"));
            text_add(text, query);
        }
    }
    text_add(text, STR(" HTTP/1.1\r\n"));
    return true;
}

/* ---- Fields ----------------------------------------------------------------- */

void
forward_write_host(struct text *text, const struct host *host)
{
    text_add(text, host->name);
    if (host->port != 0) {
        text_add(text, STR(":"));
        text_number(text, host->port);
    }
}

/* As it was compared with the routes: one form, whatever the client wrote. */
static void
write_judged_host(struct text *text, struct str name, const struct host *host)
{
    text_add(text, name);
    forward_write_host(text, host);
    text_add(text, STR("\r\n"));
}

static void
write_host(struct text *text, const struct request *request)
{
    if (request->route->backend->host.at != NULL) {
        text_field(text, STR("Host"), request->route->backend->host);
        return;
    }
    write_judged_host(text, STR("Host: "), &request->host);
}

static void
write_list(struct text *text, struct str name, const struct str *list, size_t count)
{
    if (count == 0)
        return;
    text_add(text, name);
    for (size_t i = 0; i < count; i++) {
        text_add(text, i == 0 ? STR(": ") : STR(", "));
        text_add(text, list[i]);
    }
    text_add(text, STR("\r\n"));
}

/* Frames of other extensions could not be followed. */
static size_t
choose_extensions(const struct request *request, struct str *chosen)
{
    const struct handshake *handshake = &request->handshake;
    size_t count = 0;

    for (size_t i = 0; i < handshake->extension_count; i++)
        if (!request->route->strip_extensions &&
            (!request->route->tunnel.checked || handshake_is_deflate(handshake->extensions[i])))
            chosen[count++] = handshake->extensions[i];
    return count;
}

/* What we offer the backend is what its answer is judged by. */
static bool
write_handshake(struct request *request, struct text *text)
{
    struct handshake *handshake = &request->handshake;
    struct upgrade *upgrade = &request->upgrade;
    size_t count = 0;

    if (!accept_value(request->worker->accepts, handshake->key, upgrade->accept)) {
        (void)request_fail(request, REASON_NO_MEMORY, "no SHA-1 for Sec-WebSocket-Accept");
        return false;
    }
    for (size_t i = 0; i < handshake->protocol_count; i++)
        if ((request->stripped_protocols >> i & 1) == 0)
            upgrade->protocols[count++] = handshake->protocols[i];
    upgrade->offer = (struct handshake_offer){
        .accept = upgrade->accept,
        .protocols = upgrade->protocols,
        .protocol_count = count,
        .extensions = upgrade->extensions,
        .extension_count = choose_extensions(request, upgrade->extensions),
    };
    text_add(text, STR("Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    text_field(text, STR("Sec-WebSocket-Key"), handshake->key);
    text_field(text, STR("Sec-WebSocket-Version"), STR("13"));
    write_list(text, STR("Sec-WebSocket-Protocol"), upgrade->offer.protocols, count);
    write_list(text, STR("Sec-WebSocket-Extensions"), upgrade->offer.extensions,
               upgrade->offer.extension_count);
    return true;
}

/* A Cookie field without the stripped cookies; nothing at all when nothing is left. */
static bool
write_cookie(struct request *request, struct text *text, const struct http_field *field)
{
    struct str value = field->value;

    if (!without_stripped(request, MW_COOKIE, &value))
        return false;
    if (value.len > 0)
        text_field(text, field->name, value);
    return true;
}

static bool
write_fields(struct request *request, struct text *text)
{
    bool named = connection_names_more(&request->head, &field_names_own);

    for (size_t i = 0; i < request->head.field_count; i++) {
        const struct http_field *field = &request->head.fields[i];
        if (!request_field_passes(request, named, field->name))
            continue;
        if (!str_equal_nocase(field->name, STR("cookie")))
            text_field(text, field->name, field->value);
        else if (!write_cookie(request, text, field))
            return false;
    }
    return true;
}

/* Without a port; empty for whoever has no IP address. */
static struct str
ip_of(const struct sockaddr *sockaddr, char buffer[ADDRESS_TEXT_MAX])
{
    struct address address;

    if (sockaddr->sa_family != AF_INET && sockaddr->sa_family != AF_INET6)
        return STR_NONE;
    address_of(&address, sockaddr);
    return address_format_ip(&address, buffer);
}

/* The client, the proxies behind him, and the sender, who is one of those or the client himself. */
static void
write_addresses(const struct request *request, struct text *text)
{
    char buffer[ADDRESS_TEXT_MAX];
    struct str sender = ip_of(request->sender, buffer), proxies = request->proxies;

    if (sender.len > 0 || proxies.len > 0) {
        text_add(text, STR("X-Forwarded-For: "));
        text_add(text, proxies);
        text_add(text, sender.len > 0 && proxies.len > 0 ? STR(", ") : STR(""));
        text_add(text, sender);
        text_add(text, STR("\r\n"));
    }
    struct str client = ip_of(request->peer, buffer);
    if (client.len > 0)
        text_field(text, STR("X-Real-IP"), client);
}

static void
write_origin_of_client(const struct request *request, struct text *text)
{
    char id[16];
    struct text id_text = {id, 0, sizeof(id), false};

    write_addresses(request, text);
    text_field(text, STR("X-Forwarded-Proto"), request->secure ? STR("https") : STR("http"));
    write_judged_host(text, STR("X-Forwarded-Host: "), &request->host);
    text_id(&id_text, request->id);
    text_field(text, STR("X-Request-Id"), text_str(&id_text));
}

bool
forward_request(struct request *request, struct text *text)
{
    if (!write_request_line(request, text))
        return false;
    write_host(text, request);
    if (!write_handshake(request, text) || !write_fields(request, text))
        return false;
    write_origin_of_client(request, text);
    for (size_t i = 0; i < request->forward_count; i++)
        text_field(text, request->forwards[i].name, request->forwards[i].value);
    text_add(text, STR("\r\n"));
    if (text->full)
        (void)request_fail(request, REASON_HEAD_TOO_LARGE,
                           "the request for the backend is too large");
    return !text->full;
}

/* ---- The answer --------------------------------------------------------------- */

bool
forward_answer_fields(const struct http_head *head, struct text *text)
{
    bool named = connection_names_more(head, &answer_dropped);

    for (size_t i = 0; i < head->field_count; i++) {
        const struct http_field *field = &head->fields[i];
        if (!is_dropped(head, &answer_dropped, named, field->name))
            text_field(text, field->name, field->value);
    }
    return !text->full;
}

/* The subprotocol for the client: the backend's choice; else, where a token came as the pair
 * "bearer, TOKEN", "bearer", for a browser gives up on a 101 that names none. */
static struct str
chosen_protocol(const struct request *request)
{
    const struct handshake *handshake = &request->handshake;

    if (request->upgrade.choice.protocol.at != NULL)
        return request->upgrade.choice.protocol;
    for (size_t i = 0; i < handshake->protocol_count; i++)
        if ((request->stripped_protocols >> i & 1) != 0 &&
            subprotocol_is_bearer(handshake->protocols[i]))
            return handshake->protocols[i];
    return STR_NONE;
}

void
forward_accept(const char accept[HANDSHAKE_ACCEPT_LEN], struct str protocol, struct text *text)
{
    text_add(text, STR("HTTP/1.1 101 Switching Protocols\r\n"
                       "Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    text_field(text, STR("Sec-WebSocket-Accept"), (struct str){accept, HANDSHAKE_ACCEPT_LEN});
    if (protocol.at != NULL)
        text_field(text, STR("Sec-WebSocket-Protocol"), protocol);
}

bool
forward_switching(const struct request *request, struct text *text)
{
    const struct upgrade *upgrade = &request->upgrade;

    forward_accept(upgrade->accept, chosen_protocol(request), text);
    if (upgrade->choice.extensions.at != NULL)
        text_field(text, STR("Sec-WebSocket-Extensions"), upgrade->choice.extensions);
    if (!forward_answer_fields(&upgrade->head, text))
        return false;
    text_add(text, STR("\r\n"));
    return !text->full;
}
