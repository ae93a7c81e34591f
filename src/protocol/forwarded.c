/*
 * forwarded.c - see forwarded.h.
 *
 * The hard thing is to accept nothing that another program reads in another way: what is
 * behind an address is a port and nothing else, and quotes are where the grammar has them.
 */
#include "protocol/forwarded.h"

#include "protocol/http_chars.h"
#include "protocol/http_head.h"

enum { PARAMETERS_MAX = 16 }; /* of one element; RFC 7239 defines four */

/* ---- An address and its port -------------------------------------------------- */

/* RFC 7239 6 has 1 to 5 digits; here it must be a port, too. */
static bool
is_port(struct str text)
{
    in_port_t port;

    return address_parse_port(&port, text);
}

/* "_" and at least one letter, digit, ".", "_" or "-" (RFC 7239 6.3). */
static bool
is_obfuscated(struct str text)
{
    return text.len > 1 && text.at[0] == '_' &&
           http_chars_skip(text.at, 1, text.len, HTTP_CHAR_HOST) == text.len;
}

/* Cuts "NAME:PORT" at the colon that is no IPv6 address's. Without one `port` is absent. */
static struct str
cut_port(struct str text, struct str *port)
{
    const char *from = text.len > 0 && text.at[0] == '[' ? memchr(text.at, ']', text.len) : text.at;
    size_t skipped = from != NULL ? (size_t)(from - text.at) : text.len;
    const char *colon = skipped < text.len ? memchr(from, ':', text.len - skipped) : NULL;

    *port = STR_NONE;
    if (colon == NULL)
        return text;
    size_t len = (size_t)(colon - text.at);
    *port = (struct str){colon + 1, text.len - len - 1};
    return (struct str){text.at, len};
}

/* IPv4, or IPv6 in brackets. */
static bool
parse_name(struct address *address, struct str name)
{
    bool bracketed = name.len > 1 && name.at[0] == '[' && name.at[name.len - 1] == ']';
    struct str ip = bracketed ? (struct str){name.at + 1, name.len - 2} : name;
    bool is_v6 = ip.len > 0 && memchr(ip.at, ':', ip.len) != NULL;

    return is_v6 == bracketed && address_parse_ip(address, ip);
}

bool
forwarded_for_parse(struct forwarded *forwarded, struct str element)
{
    struct str port;

    *forwarded = (struct forwarded){.named = true};
    if (address_parse_ip(&forwarded->address, element)) /* IPv6 without brackets, too */
        return true;
    struct str name = cut_port(element, &port);

    return parse_name(&forwarded->address, name) && (port.at == NULL || is_port(port));
}

/* RFC 7239 6: nodename [ ":" node-port ] */
static bool
parse_node(struct forwarded *forwarded, struct str node)
{
    struct str port;
    struct str name = cut_port(node, &port);

    if (port.at != NULL && !is_port(port) && !is_obfuscated(port))
        return false;
    forwarded->named = parse_name(&forwarded->address, name);
    return forwarded->named || is_obfuscated(name) || str_equal_nocase(name, STR("unknown"));
}

/* ---- Parameters --------------------------------------------------------------------- */

/* The place behind the closing quote, or 0. *inner: what stands between the quotes, as written. */
static size_t
quoted_end(struct str text, size_t at, struct str *inner)
{
    size_t start = at + 1;

    for (at = start; at < text.len && text.at[at] != '"'; at++)
        if (text.at[at] == '\\' && ++at == text.len)
            return 0;
    *inner = (struct str){text.at + start, at - start};
    return at < text.len ? at + 1 : 0;
}

/* The value that begins at `at`; the place behind it, or 0. */
static size_t
value_end(struct str text, size_t at, struct str *value)
{
    if (at < text.len && text.at[at] == '"')
        return quoted_end(text, at, value);
    size_t end = http_chars_skip(text.at, at, text.len, HTTP_CHAR_TOKEN);

    *value = (struct str){text.at + at, end - at};
    return end > at ? end : 0;
}

static bool
is_repeated(const struct str *names, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++)
        if (str_equal_nocase(names[i], name))
            return true;
    return false;
}

/* An address and a scheme need no escapes: a value that has some is neither. */
static bool
take_parameter(struct forwarded *forwarded, struct str name, struct str value)
{
    if (str_equal_nocase(name, STR("proto")))
        forwarded->proto = value;
    return !str_equal_nocase(name, STR("for")) || parse_node(forwarded, value);
}

/* "name=value" at `at`; the place behind it, or 0. */
static size_t
pair_end(struct forwarded *forwarded, struct str element, size_t at, struct str *name)
{
    size_t end = http_chars_skip(element.at, at, element.len, HTTP_CHAR_TOKEN);
    struct str value;

    *name = (struct str){element.at + at, end - at};
    if (name->len == 0 || end == element.len || element.at[end] != '=')
        return 0;
    end = value_end(element, end + 1, &value);
    return end > 0 && take_parameter(forwarded, *name, value) ? end : 0;
}

/* RFC 7239 4: [ forwarded-pair ] *( ";" [ forwarded-pair ] ) */
bool
forwarded_parse(struct forwarded *forwarded, struct str element)
{
    struct str names[PARAMETERS_MAX];
    size_t count = 0;

    *forwarded = (struct forwarded){.named = false};
    for (size_t at = 0; at < element.len; at++) {
        if (element.at[at] == ';')
            continue;
        if (count == PARAMETERS_MAX)
            return false;
        at = pair_end(forwarded, element, at, &names[count]);
        if (at == 0 || is_repeated(names, count, names[count]) ||
            (at < element.len && element.at[at] != ';'))
            return false;
        count++;
    }
    return true;
}

bool
forwarded_proto_parse(struct str proto, bool *secure)
{
    *secure = str_equal_nocase(proto, STR("https")) || str_equal_nocase(proto, STR("wss"));
    return *secure || str_equal_nocase(proto, STR("http")) || str_equal_nocase(proto, STR("ws"));
}
