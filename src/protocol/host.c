/*
 * host.c - a host name or address with its port, checked and folded.
 *
 * It resolves nothing. The name goes to `out` in the one form that is compared: names in
 * lower case, IPv6 addresses as RFC 5952 writes them, so that [0:0::1] is [::1]. IPv4 addresses
 * have one form already.
 */
#include "protocol/host.h"

#include "protocol/http_chars.h"

#include <arpa/inet.h>

enum { NAME_MAX_BYTES = 253 /* what DNS can carry, RFC 1035 3.1, as text */ };

static bool
port_parse(struct str text, uint16_t *port)
{
    unsigned value = 0;

    *port = 0;
    if (text.len == 0)
        return true;
    if (text.len > 5 || text.at[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!http_char_is(text.at[i], HTTP_CHAR_DIGIT))
            return false;
        value = value * 10 + (unsigned)(text.at[i] - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

/* address: room for one of that family. */
static bool
address_read(int family, struct str text, void *address)
{
    char buffer[INET6_ADDRSTRLEN];

    if (text.len >= sizeof(buffer))
        return false;
    memcpy(buffer, text.at, text.len);
    buffer[text.len] = '\0';
    return strlen(buffer) == text.len && inet_pton(family, buffer, address) == 1;
}

static bool
labels_are_valid(struct str name)
{
    bool empty = true;

    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] == '.' && empty)
            return false;
        empty = name.at[i] == '.';
    }
    return !empty;
}

static bool
name_is_numeric(struct str name)
{
    for (size_t i = 0; i < name.len; i++)
        if (!http_char_is(name.at[i], HTTP_CHAR_DIGIT) && name.at[i] != '.')
            return false;
    return true;
}

/* What a name, its trailing dot gone, is refused for; NULL: nothing. */
static const char *
name_fault(struct str name)
{
    struct in_addr address;

    if (name.len == 0)
        return "empty host";
    if (name.len > NAME_MAX_BYTES)
        return "host longer than 253 bytes";
    if (http_chars_skip(name.at, 0, name.len, HTTP_CHAR_HOST) != name.len)
        return "host with a forbidden byte";
    if (!labels_are_valid(name))
        return "host with an empty label";
    /* "127.1" and "2130706433" are addresses to some programs and names to others. */
    if (name_is_numeric(name) && !address_read(AF_INET, name, &address))
        return "host of digits that is no IPv4 address";
    return NULL;
}

/* Cuts "[...]" off the front of *text; the name goes to out. */
static bool
take_ipv6(struct str *text, struct str *name, char *out, const char **error)
{
    const char *end = memchr(text->at, ']', text->len);
    size_t len = end ? (size_t)(end - text->at) + 1 : 0;
    struct in6_addr address;

    *error = "IPv6 address that is malformed or not closed";
    if (!end || !address_read(AF_INET6, (struct str){text->at + 1, len - 2}, &address))
        return false;
    out[0] = '[';
    if (inet_ntop(AF_INET6, &address, out + 1, INET6_ADDRSTRLEN) == NULL)
        return false;
    *name = (struct str){out, strlen(out) + 1};
    out[name->len - 1] = ']';
    *text = (struct str){end + 1, text->len - len};
    return true;
}

/* Cuts what stands before a colon off the front of *text; the name goes to out. */
static bool
take_name(struct str *text, struct str *name, char *out, const char **error)
{
    const char *colon = memchr(text->at, ':', text->len);
    size_t len = colon ? (size_t)(colon - text->at) : text->len;

    *name = (struct str){text->at, len};
    *text = (struct str){text->at + len, text->len - len};
    if (name->len > 0 && name->at[name->len - 1] == '.')
        name->len--;
    *error = name_fault(*name);
    for (size_t i = 0; i < name->len && !*error; i++)
        out[i] = http_char_lower(name->at[i]);
    name->at = out;
    return !*error;
}

bool
host_parse_port(struct host *host, struct str text, char *out, const char **error)
{
    struct str name;
    uint16_t port = 0;

    *error = "empty host";
    if (text.len == 0)
        return false;
    if (!(text.at[0] == '[' ? take_ipv6 : take_name)(&text, &name, out, error))
        return false;
    *error = "bad port";
    if (text.len > 0 && text.at[0] != ':')
        return false;
    if (text.len > 0 && !port_parse((struct str){text.at + 1, text.len - 1}, &port))
        return false;
    *host = (struct host){name, port};
    *error = NULL;
    return true;
}

bool
host_parse(struct host *host, struct str text, bool secure, char *out, const char **error)
{
    if (!host_parse_port(host, text, out, error))
        return false;
    if (host->port == (secure ? 443 : 80))
        host->port = 0;
    return true;
}
