/* proxy_protocol_write.c - the PROXY header for backends; see proxy_protocol.h. */
#include "protocol/proxy_protocol.h"

#include <arpa/inet.h>

/* Both ends, in one family. */
struct ends {
    struct address source, destination;
};

static bool
is_ip(const struct address *address)
{
    return address->any.sa_family == AF_INET || address->any.sa_family == AF_INET6;
}

static void
map(struct address *address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = address->v4.sin_port};

    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(&v6.sin6_addr.s6_addr[12], &address->v4.sin_addr, 4);
    *address = (struct address){.len = sizeof(v6)};
    address->v6 = v6;
}

/* The source is an IP address. */
static struct ends
ends_of(const struct address *source, const struct address *destination)
{
    struct ends ends = {*source, *destination};

    if (!is_ip(destination)) {
        ends.destination = (struct address){.len = source->len};
        ends.destination.any.sa_family = source->any.sa_family;
    }
    if (ends.source.any.sa_family != ends.destination.any.sa_family)
        map(ends.source.any.sa_family == AF_INET ? &ends.source : &ends.destination);
    return ends;
}

static struct str
ip_bytes(const struct address *address)
{
    return address->any.sa_family == AF_INET
               ? (struct str){(const char *)&address->v4.sin_addr, 4}
               : (struct str){(const char *)&address->v6.sin6_addr, 16};
}

void
proxy_header_write_v1(struct text *text, const struct address *source,
                      const struct address *destination)
{
    char buffer[ADDRESS_TEXT_MAX];

    if (!is_ip(source)) {
        text_add(text, STR("PROXY UNKNOWN\r\n"));
        return;
    }
    struct ends ends = ends_of(source, destination);

    text_add(text, ends.source.any.sa_family == AF_INET ? STR("PROXY TCP4 ") : STR("PROXY TCP6 "));
    text_add(text, address_format_ip(&ends.source, buffer));
    text_add(text, STR(" "));
    text_add(text, address_format_ip(&ends.destination, buffer));
    text_add(text, STR(" "));
    text_number(text, ntohs(address_port(&ends.source)));
    text_add(text, STR(" "));
    text_number(text, ntohs(address_port(&ends.destination)));
    text_add(text, STR("\r\n"));
}

void
proxy_header_write_v2(struct text *text, const struct address *source,
                      const struct address *destination)
{
    text_add(text, STR("\r\n\r\n\0\r\nQUIT\n"));
    if (!is_ip(source)) {
        text_add(text, STR("\x21\0\0\0"));
        return;
    }
    struct ends ends = ends_of(source, destination);
    in_port_t ports[] = {address_port(&ends.source), address_port(&ends.destination)};

    text_add(text,
             ends.source.any.sa_family == AF_INET ? STR("\x21\x11\0\x0c") : STR("\x21\x21\0\x24"));
    text_add(text, ip_bytes(&ends.source));
    text_add(text, ip_bytes(&ends.destination));
    text_add(text, (struct str){(const char *)ports, sizeof(ports)});
}
