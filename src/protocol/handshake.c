/*
 * handshake.c - both ends of the opening handshake, judged field by field.
 *
 * Job: what a client must have sent (RFC 6455 4.2.1) and what a backend must
 * have answered (4.1). It knows no routes, decides no status beyond its
 * verdicts, and copies nothing: all strings point into the head.
 *
 * The request's rules are the rows of one table, and one pass over the fields
 * applies them; the order in which verdicts outrank each other (the head, the
 * method, the upgrade, the version) is handshake_check_request alone.
 */
#include "protocol/handshake.h"

#include "protocol/extension.h"
#include "protocol/http_chars.h"

/* ---- Values ---- */

/* Canonical base64 of 16 bytes: 22 characters, the last with four bits at zero, and "==". */
static bool
key_is_valid(struct str key)
{
    return key.len == HANDSHAKE_KEY_LEN && http_chars_skip(key.at, 0, 22, HTTP_CHAR_BASE64) == 22 &&
           memchr("AQgw", key.at[21], 4) && key.at[22] == '=' && key.at[23] == '=';
}

struct str
handshake_extension_name(struct str extension)
{
    extension = str_trim(extension);
    extension.len = http_chars_skip(extension.at, 0, extension.len, HTTP_CHAR_TOKEN);
    return extension;
}

bool
handshake_is_deflate(struct str extension)
{
    return str_equal_nocase(handshake_extension_name(extension), STR("permessage-deflate"));
}

bool
handshake_has_deflate(struct str extensions)
{
    struct str extension;

    while (http_list_next(&extensions, &extension))
        if (handshake_is_deflate(extension))
            return true;
    return false;
}

static bool
list_contains(struct str list, struct str token)
{
    struct str element;

    while (http_list_next(&list, &element))
        if (str_equal_nocase(element, token))
            return true;
    return false;
}

/* Case-sensitive, as subprotocols are. */
static bool
protocols_have(const struct str *protocols, size_t count, struct str protocol)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal(protocols[i], protocol))
            return true;
    return false;
}

/* ---- The request ---- */

/* What one pass over the fields has found. */
struct findings {
    struct handshake *handshake;
    struct str version;
    bool upgrade_websocket, connection_upgrade;
    unsigned seen; /* a bit per row of the rules */
};

static bool
take_host(struct findings *findings, struct str value, const char **error)
{
    findings->handshake->host = value;
    *error = "empty Host";
    return value.len > 0;
}

/* Only whether it comes twice is asked here; what it says is a module's to judge. */
static bool
take_any(struct findings *findings, struct str value, const char **error)
{
    (void)findings, (void)value, (void)error;
    return true;
}

static bool
take_key(struct findings *findings, struct str value, const char **error)
{
    findings->handshake->key = value;
    *error = "Sec-WebSocket-Key is not base64 of 16 bytes";
    return key_is_valid(value);
}

static bool
take_version(struct findings *findings, struct str value, const char **error)
{
    findings->version = value;
    *error = "Sec-WebSocket-Version is a list";
    return value.len == 0 || !memchr(value.at, ',', value.len);
}

static bool
take_upgrade(struct findings *findings, struct str value, const char **error)
{
    (void)error;
    findings->upgrade_websocket |= list_contains(value, STR("websocket"));
    return true;
}

static bool
take_connection(struct findings *findings, struct str value, const char **error)
{
    (void)error;
    findings->connection_upgrade |= list_contains(value, STR("upgrade"));
    return true;
}

static bool
take_protocols(struct findings *findings, struct str value, const char **error)
{
    struct handshake *handshake = findings->handshake;
    struct str protocol;

    while (http_list_next(&value, &protocol)) {
        if (!http_is_token(protocol)) {
            *error = "subprotocol is not a token";
            return false;
        }
        if (protocols_have(handshake->protocols, handshake->protocol_count, protocol)) {
            *error = "subprotocol offered twice";
            return false;
        }
        if (handshake->protocol_count == HANDSHAKE_PROTOCOLS_MAX) {
            *error = "too many subprotocols";
            return false;
        }
        handshake->protocols[handshake->protocol_count++] = protocol;
    }
    return true;
}

static bool
take_extensions(struct findings *findings, struct str value, const char **error)
{
    struct handshake *handshake = findings->handshake;
    struct str extension;

    while (http_list_next(&value, &extension)) {
        if (!extension_is_valid(extension)) {
            *error = "malformed extension";
            return false;
        }
        if (handshake->extension_count == HANDSHAKE_EXTENSIONS_MAX) {
            *error = "too many extensions";
            return false;
        }
        handshake->extensions[handshake->extension_count++] = extension;
    }
    return true;
}

static bool
refuse_body(struct findings *findings, struct str value, const char **error)
{
    (void)findings, (void)value;
    *error = "an opening handshake has no body: neither Content-Length nor Transfer-Encoding";
    return false;
}

/* A field that matters. repeated: the error when it comes twice; NULL: it may. */
struct rule {
    struct str name;
    bool (*take)(struct findings *, struct str value, const char **error);
    const char *repeated;
};

/* clang-format off */
#define NAME(literal) {literal, sizeof(literal) - 1}
/* clang-format on */

/* Sorted by the length of the name, which ends the search early. */
static const struct rule rules[] = {
    {NAME("Host"), take_host, "more than one Host"},
    {NAME("Origin"), take_any, "more than one Origin"},
    {NAME("Upgrade"), take_upgrade, NULL},
    {NAME("Connection"), take_connection, NULL},
    {NAME("Content-Length"), refuse_body, NULL},
    {NAME("Transfer-Encoding"), refuse_body, NULL},
    {NAME("Sec-WebSocket-Key"), take_key, "more than one Sec-WebSocket-Key"},
    {NAME("Sec-WebSocket-Version"), take_version, "more than one Sec-WebSocket-Version"},
    {NAME("Sec-WebSocket-Protocol"), take_protocols, NULL},
    {NAME("Sec-WebSocket-Extensions"), take_extensions, NULL},
};

static const struct rule *
rule_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(rules) && rules[i].name.len <= name.len; i++)
        if (str_equal_nocase(rules[i].name, name))
            return &rules[i];
    return NULL;
}

static bool
rule_apply(const struct rule *rule, struct findings *findings, struct str value, const char **error)
{
    unsigned bit = 1U << (rule - rules);

    if (rule->repeated && (findings->seen & bit)) {
        *error = rule->repeated;
        return false;
    }
    findings->seen |= bit;
    return rule->take(findings, value, error);
}

static bool
fields_take(struct findings *findings, const struct http_head *head, const char **error)
{
    for (size_t i = 0; i < head->field_count; i++) {
        const struct rule *rule = rule_find(head->fields[i].name);
        if (rule && !rule_apply(rule, findings, head->fields[i].value, error))
            return false;
    }
    *error = "no Host";
    return findings->handshake->host.at != NULL;
}

enum handshake_verdict
handshake_check_request(struct handshake *handshake, const struct http_head *head,
                        const char **error)
{
    struct findings findings = {.handshake = handshake, .version = STR_NONE};

    handshake->key = handshake->host = STR_NONE;
    handshake->protocol_count = handshake->extension_count = 0;
    if (!fields_take(&findings, head, error))
        return HANDSHAKE_BAD;

    *error = "method is not GET";
    if (!str_equal(head->method, STR("GET")))
        return HANDSHAKE_METHOD;
    *error = "Upgrade and Connection do not ask for websocket";
    if (!findings.upgrade_websocket || !findings.connection_upgrade)
        return HANDSHAKE_NO_UPGRADE;
    *error = "Sec-WebSocket-Version is not 13";
    if (!str_equal(findings.version, STR("13")))
        return HANDSHAKE_BAD_VERSION;
    *error = "no Sec-WebSocket-Key";
    if (!handshake->key.at)
        return HANDSHAKE_BAD;
    *error = NULL;
    return HANDSHAKE_OK;
}

/* ---- The answer ---- */

/* The value of the one field of that name; at == NULL when there is none. false: several. */
static bool
at_most_one(const struct http_head *head, struct str name, struct str *value)
{
    *value = http_only(head, name);
    return value->at || http_count(head, name) == 0;
}

/* Upgrade names websocket, and nothing beside it. */
static bool
upgrade_is_websocket(const struct http_head *head)
{
    struct str value = http_only(head, STR("Upgrade"));
    struct str element, second;

    return value.at && http_list_next(&value, &element) && !http_list_next(&value, &second) &&
           str_equal_nocase(element, STR("websocket"));
}

static bool
protocol_choose(const struct http_head *head, const struct handshake_offer *offer,
                struct handshake_choice *choice, const char **error)
{
    *error = "more than one Sec-WebSocket-Protocol";
    if (!at_most_one(head, STR("Sec-WebSocket-Protocol"), &choice->protocol))
        return false;
    *error = "a subprotocol that was not offered";
    return !choice->protocol.at ||
           protocols_have(offer->protocols, offer->protocol_count, choice->protocol);
}

static bool
extension_was_offered(const struct handshake_offer *offer, struct str name)
{
    for (size_t i = 0; i < offer->extension_count; i++)
        if (str_equal_nocase(handshake_extension_name(offer->extensions[i]), name))
            return true;
    return false;
}

/* Does the list name that extension before the element at `until`? */
static bool
extension_came_before(struct str list, struct str name, const char *until)
{
    struct str extension;

    while (http_list_next(&list, &extension) && extension.at < until)
        if (str_equal_nocase(handshake_extension_name(extension), name))
            return true;
    return false;
}

static bool
extensions_choose(const struct http_head *head, const struct handshake_offer *offer,
                  struct handshake_choice *choice, const char **error)
{
    *error = "more than one Sec-WebSocket-Extensions";
    if (!at_most_one(head, STR("Sec-WebSocket-Extensions"), &choice->extensions))
        return false;

    struct str rest = choice->extensions, extension;
    bool empty = rest.at != NULL;
    for (; http_list_next(&rest, &extension); empty = false) {
        struct str name = handshake_extension_name(extension);
        *error = "malformed extension";
        if (!extension_is_valid(extension))
            return false;
        *error = "an extension that was not offered";
        if (!extension_was_offered(offer, name))
            return false;
        *error = "an extension named twice";
        if (extension_came_before(choice->extensions, name, extension.at))
            return false;
    }
    *error = "an empty Sec-WebSocket-Extensions"; /* RFC 6455 9.1: at least one */
    return !empty;
}

bool
handshake_check_response(const struct http_head *head, const struct handshake_offer *offer,
                         struct handshake_choice *choice, const char **error)
{
    struct str accept = {offer->accept, HANDSHAKE_ACCEPT_LEN};

    *choice = (struct handshake_choice){STR_NONE, STR_NONE};
    *error = "status is not 101";
    if (head->status != 101)
        return false;
    *error = "Content-Length or Transfer-Encoding on a 101";
    if (http_count(head, STR("Content-Length")) || http_count(head, STR("Transfer-Encoding")))
        return false;
    *error = "Upgrade is not websocket alone";
    if (!upgrade_is_websocket(head))
        return false;
    *error = "Connection does not list upgrade";
    if (!http_list_has(head, STR("Connection"), STR("upgrade")))
        return false;
    *error = "not exactly one Sec-WebSocket-Accept with the right value";
    if (!str_equal(http_only(head, STR("Sec-WebSocket-Accept")), accept))
        return false;
    if (!protocol_choose(head, offer, choice, error) ||
        !extensions_choose(head, offer, choice, error))
        return false;
    *error = NULL;
    return true;
}
