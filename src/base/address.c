/*
 * address.c - socket addresses in text and in binary.
 *
 * It resolves no names and opens no sockets. inet_pton and inet_ntop do the
 * digits; what surrounds them is judged here, and strictly: what two programs
 * might read in two ways is no address.
 *
 * Ownership: everything is the caller's.
 *
 * The hard thing: an IPv4 peer that comes through an IPv6 socket must be the same
 * address as one that comes through an IPv4 socket, or every list of prefixes
 * would have a hole. Both ways in (text and accept4) end in address_normalize.
 */
#include "base/address.h"

#include "base/text.h"

#include <arpa/inet.h>
#include <stdio.h>

void
address_normalize(struct address *address)
{
    if (address->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&address->v6.sin6_addr))
        return;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = address->v6.sin6_port};

    memcpy(&v4.sin_addr, &address->v6.sin6_addr.s6_addr[12], sizeof(v4.sin_addr));
    *address = (struct address){.len = sizeof(v4)};
    address->v4 = v4;
}

/* NUL-terminated for inet_pton; glibc's accepts neither zones nor short or octal forms. */
static bool
copy_text(char *out, size_t room, struct str text)
{
    if (text.len == 0 || text.len >= room || memchr(text.at, '\0', text.len) != NULL)
        return false;
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    return true;
}

static bool
parse_v4(struct address *address, struct str text)
{
    char digits[INET_ADDRSTRLEN];

    *address = (struct address){.len = sizeof(address->v4)};
    address->v4.sin_family = AF_INET;
    return copy_text(digits, sizeof(digits), text) &&
           inet_pton(AF_INET, digits, &address->v4.sin_addr) == 1;
}

static bool
parse_v6(struct address *address, struct str text)
{
    char digits[INET6_ADDRSTRLEN];

    *address = (struct address){.len = sizeof(address->v6)};
    address->v6.sin6_family = AF_INET6;
    return copy_text(digits, sizeof(digits), text) &&
           inet_pton(AF_INET6, digits, &address->v6.sin6_addr) == 1;
}

bool
address_parse_port(in_port_t *port, struct str text)
{
    unsigned value = 0;

    if (text.len == 0 || text.len > 5 || (text.at[0] == '0' && text.len > 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] < '0' || text.at[i] > '9')
            return false;
        value = value * 10 + (unsigned)(text.at[i] - '0');
    }
    *port = htons((uint16_t)value);
    return value <= 65535;
}

/* One that can be listened on or connected to. */
static bool
parse_port(in_port_t *port, struct str text)
{
    return address_parse_port(port, text) && *port != 0;
}

static bool
parse_local(struct address *address, struct str path, const char **error)
{
    *address = (struct address){.len = sizeof(address->local)};
    address->local.sun_family = AF_UNIX;
    if (path.len == 0 || path.at[0] != '/') {
        *error = "expected an absolute path after \"unix:\"";
        return false;
    }
    if (path.len >= sizeof(address->local.sun_path)) {
        *error = "the path of a Unix socket has at most 107 bytes";
        return false;
    }
    *error = "a path holds no NUL";
    return copy_text(address->local.sun_path, sizeof(address->local.sun_path), path);
}

/* text begins with "[". */
static bool
parse_bracketed(struct address *address, struct str text, const char **error)
{
    const char *end = memchr(text.at, ']', text.len);

    *error = "expected an IPv6 address in brackets and a port, like \"[::1]:8080\"";
    if (end == NULL)
        return false;
    size_t inner = (size_t)(end - text.at) - 1;
    struct str rest = {end + 1, text.len - inner - 2};

    if (!parse_v6(address, (struct str){text.at + 1, inner}) || rest.len == 0 || rest.at[0] != ':')
        return false;
    *error = "expected a port from 1 to 65535, without leading zeros";
    if (!parse_port(&address->v6.sin6_port, (struct str){rest.at + 1, rest.len - 1}))
        return false;
    address_normalize(address);
    return true;
}

static bool
parse_dotted(struct address *address, struct str text, const char **error)
{
    const char *colon = text.len > 0 ? memchr(text.at, ':', text.len) : NULL;

    *error = "expected \"IP:PORT\", \"[IP6]:PORT\" or \"unix:/path\"; names are not looked up";
    if (colon == NULL)
        return false;
    if (colon == text.at)
        *error = "expected an address before the port; all addresses are \"0.0.0.0:PORT\" or "
                 "\"[::]:PORT\"";
    size_t before = (size_t)(colon - text.at);

    if (!parse_v4(address, (struct str){text.at, before}))
        return false;
    *error = "expected a port from 1 to 65535, without leading zeros";
    return parse_port(&address->v4.sin_port, (struct str){colon + 1, text.len - before - 1});
}

bool
address_parse(struct address *address, struct str text, const char **error)
{
    if (str_starts_with(text, STR("unix:")))
        return parse_local(address, (struct str){text.at + 5, text.len - 5}, error);
    if (text.len > 0 && text.at[0] == '[')
        return parse_bracketed(address, text, error);
    return parse_dotted(address, text, error);
}

bool
address_parse_ip(struct address *address, struct str text)
{
    if (text.len > 0 && memchr(text.at, ':', text.len) == NULL)
        return parse_v4(address, text);
    if (!parse_v6(address, text))
        return false;
    address_normalize(address);
    return true;
}

/* A peer's abstract name may hold any byte and tells nobody anything: it counts as unnamed. */
static struct str
local_path(const struct address *address)
{
    size_t head = offsetof(struct sockaddr_un, sun_path);
    size_t room = sizeof(address->local.sun_path);
    size_t len = address->len > head ? address->len - head : 0;

    return (struct str){address->local.sun_path,
                        strnlen(address->local.sun_path, len < room ? len : room)};
}

static struct str
format_local(const struct address *address, char *buffer)
{
    struct str path = local_path(address);
    int len = snprintf(buffer, ADDRESS_TEXT_MAX, "unix:" STR_FMT, STR_ARG(path));

    return (struct str){buffer, (size_t)len};
}

/* By hand: every handshake has two, and inet_ntop goes through printf. */
static struct str
format_v4(const void *ip, char buffer[ADDRESS_TEXT_MAX])
{
    struct text text = {buffer, 0, ADDRESS_TEXT_MAX, false};
    const unsigned char *bytes = ip;

    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            text_add(&text, STR("."));
        text_number(&text, bytes[i]);
    }
    buffer[text.len] = '\0';
    return text_str(&text);
}

/* Zones are not written: text has none. */
struct str
address_format_ip(const struct address *address, char buffer[ADDRESS_TEXT_MAX])
{
    switch (address->any.sa_family) {
    case AF_UNIX:
        return format_local(address, buffer);
    case AF_INET:
        return format_v4(&address->v4.sin_addr, buffer);
    case AF_INET6:
        if (inet_ntop(AF_INET6, &address->v6.sin6_addr, buffer, ADDRESS_TEXT_MAX) != NULL)
            return str_of(buffer);
        break;
    default:
        break;
    }
    memcpy(buffer, "unknown", sizeof("unknown"));
    return str_of(buffer);
}

in_port_t
address_port(const struct address *address)
{
    if (address->any.sa_family == AF_INET)
        return address->v4.sin_port;
    return address->any.sa_family == AF_INET6 ? address->v6.sin6_port : 0;
}

struct str
address_format(const struct address *address, char buffer[ADDRESS_TEXT_MAX])
{
    char digits[ADDRESS_TEXT_MAX];
    bool is_v6 = address->any.sa_family == AF_INET6;
    in_port_t port = address_port(address);
    struct text text = {buffer, 0, ADDRESS_TEXT_MAX, false};

    if (port == 0)
        return address_format_ip(address, buffer);
    text_add(&text, is_v6 ? STR("[") : STR(""));
    text_add(&text, address_format_ip(address, digits));
    text_add(&text, is_v6 ? STR("]:") : STR(":"));
    text_number(&text, ntohs(port));
    buffer[text.len] = '\0';
    return text_str(&text);
}

struct str
address_bytes(const struct sockaddr *sockaddr)
{
    const void *any = sockaddr;

    if (sockaddr != NULL && sockaddr->sa_family == AF_INET)
        return (struct str){(const char *)&((const struct sockaddr_in *)any)->sin_addr, 4};
    if (sockaddr != NULL && sockaddr->sa_family == AF_INET6)
        return (struct str){(const char *)&((const struct sockaddr_in6 *)any)->sin6_addr, 16};
    return STR_NONE;
}

bool
address_equal(const struct address *a, const struct address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    switch (a->any.sa_family) {
    case AF_INET:
        return a->v4.sin_port == b->v4.sin_port &&
               a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    case AF_INET6:
        return a->v6.sin6_port == b->v6.sin6_port &&
               a->v6.sin6_scope_id == b->v6.sin6_scope_id &&
               memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
    case AF_UNIX:
        return str_equal(local_path(a), local_path(b));
    default:
        return false;
    }
}

void
address_of(struct address *address, const struct sockaddr *sockaddr)
{
    address->len = sizeof(sa_family_t);
    if (sockaddr->sa_family == AF_INET)
        address->len = sizeof(struct sockaddr_in);
    else if (sockaddr->sa_family == AF_INET6)
        address->len = sizeof(struct sockaddr_in6);
    memcpy(address, sockaddr, address->len); /* the union, not its shortest member */
}
