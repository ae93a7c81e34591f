/*
 * host.c - a host name or address with its port, checked and folded.
 *
 * It resolves nothing. The name goes to `out` in lower case; nothing else is
 * rewritten, because the text is what is compared with the routes' hosts.
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

static bool
address_is_valid(int family, struct str text)
{
    char buffer[INET6_ADDRSTRLEN];
    struct in6_addr address;

    if (text.len >= sizeof(buffer))
        return false;
    memcpy(buffer, text.at, text.len);
    buffer[text.len] = '\0';
    return strlen(buffer) == text.len && inet_pton(family, buffer, &address) == 1;
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
    if (name.len == 0)
        return "empty host";
    if (name.len > NAME_MAX_BYTES)
        return "host longer than 253 bytes";
    if (http_chars_skip(name.at, 0, name.len, HTTP_CHAR_HOST) != name.len)
        return "host with a forbidden byte";
    if (!labels_are_valid(name))
        return "host with an empty label";
    /* "127.1" and "2130706433" are addresses to some programs and names to others. */
    if (name_is_numeric(name) && !address_is_valid(AF_INET, name))
        return "host of digits that is no IPv4 address";
    return NULL;
}

/* Cuts "[...]" off the front of *text. */
static bool
take_ipv6(struct str *text, struct str *name, const char **error)
{
    const char *end = memchr(text->at, ']', text->len);

    *error = "IPv6 address that is malformed or not closed";
    if (!end)
        return false;
    *name = (struct str){text->at, (size_t)(end - text->at) + 1};
    *text = (struct str){end + 1, text->len - name->len};
    return address_is_valid(AF_INET6, (struct str){name->at + 1, name->len - 2});
}

static bool
take_name(struct str *text, struct str *name, const char **error)
{
    const char *colon = memchr(text->at, ':', text->len);
    size_t len = colon ? (size_t)(colon - text->at) : text->len;

    *name = (struct str){text->at, len};
    *text = (struct str){text->at + len, text->len - len};
    if (name->len > 0 && name->at[name->len - 1] == '.')
        name->len--;
    *error = name_fault(*name);
    return !*error;
}

bool
host_parse_port(struct host *host, struct str text, char *out, const char **error)
{
    struct str name;

    *error = "empty host";
    if (text.len == 0)
        return false;
    if (!(text.at[0] == '[' ? take_ipv6 : take_name)(&text, &name, error))
        return false;
    *error = "bad port";
    if (text.len > 0 && text.at[0] != ':')
        return false;
    if (text.len > 0 && !port_parse((struct str){text.at + 1, text.len - 1}, &host->port))
        return false;
    if (text.len == 0)
        host->port = 0;

    for (size_t i = 0; i < name.len; i++)
        out[i] = http_char_lower(name.at[i]);
    host->name = (struct str){out, name.len};
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
