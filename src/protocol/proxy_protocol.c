/*
 * proxy_protocol.c - reading the PROXY header; see proxy_protocol.h.
 *
 * The hard thing: it has no frame that is known beforehand, and what follows is not ours. So the
 * reader takes of version 1 up to the line feed, of version 2 up to the length that it names.
 */
#include "protocol/proxy_protocol.h"

#include <arpa/inet.h>

enum {
    V2_HEAD = 16, /* signature, version and command, family, length */
    V2_IP4 = 12,  /* two addresses, two ports */
    V2_IP6 = 36,
    V2_UNIX = 216,
};

static const char v1_start[] = "PROXY ";
static const char v2_signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static enum proxy_verdict
bad(struct proxy_header *header, const char *error)
{
    header->error = error;
    return PROXY_BAD;
}

/* Has it begun as a header of that version must? */
static bool
begins(const struct proxy_header *header, const char *start, size_t len)
{
    return memcmp(header->bytes, start, header->len < len ? header->len : len) == 0;
}

/* ---- Version 1 ------------------------------------------------------------ */

/* A word and the single space behind it. */
static bool
next_word(struct str *line, struct str *word)
{
    const char *space = memchr(line->at, ' ', line->len);

    if (space == NULL)
        return false;
    *word = (struct str){line->at, (size_t)(space - line->at)};
    *line = (struct str){space + 1, line->len - word->len - 1};
    return true;
}

static void
set_port(struct address *address, in_port_t port)
{
    if (address->any.sa_family == AF_INET)
        address->v4.sin_port = port;
    else
        address->v6.sin6_port = port;
}

static bool
read_endpoint(struct address *address, struct str ip, struct str port_text, bool is_v6)
{
    bool written_v6 = memchr(ip.at, ':', ip.len) != NULL;
    in_port_t port;

    if (written_v6 != is_v6 || !address_parse_ip(address, ip) ||
        !address_parse_port(&port, port_text))
        return false;
    set_port(address, port);
    return true;
}

/* "SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT" */
static bool
read_endpoints(struct proxy_header *header, struct str line, bool is_v6)
{
    struct str source, destination, source_port;

    return next_word(&line, &source) && next_word(&line, &destination) &&
           next_word(&line, &source_port) &&
           read_endpoint(&header->source, source, source_port, is_v6) &&
           read_endpoint(&header->destination, destination, line, is_v6);
}

static enum proxy_verdict
judge_v1(struct proxy_header *header)
{
    struct str line = {header->bytes + sizeof(v1_start) - 1,
                       header->len - (sizeof(v1_start) - 1) - 2};
    struct str unknown = STR("UNKNOWN"), ip4 = STR("TCP4 "), ip6 = STR("TCP6 ");

    if (str_equal(line, unknown) || str_starts_with(line, STR("UNKNOWN "))) {
        header->client = PROXY_UNNAMED; /* what else stands there says nothing */
        return PROXY_DONE;
    }
    bool is_v6 = str_starts_with(line, ip6);
    if (!is_v6 && !str_starts_with(line, ip4))
        return bad(header, "expected TCP4, TCP6 or UNKNOWN");
    line = (struct str){line.at + ip4.len, line.len - ip4.len};
    if (!read_endpoints(header, line, is_v6))
        return bad(header, "expected two addresses of that family and two ports");
    header->client = PROXY_NAMED;
    return PROXY_DONE;
}

static enum proxy_verdict
read_v1(struct proxy_header *header, const char *bytes, size_t count, size_t *used)
{
    while (*used < count && header->len < PROXY_V1_MAX) {
        char c = bytes[(*used)++];
        bool after_cr = header->len > 0 && header->bytes[header->len - 1] == '\r';

        header->bytes[header->len++] = c;
        if (!begins(header, v1_start, sizeof(v1_start) - 1))
            return bad(header, "no PROXY header");
        if (after_cr != (c == '\n'))
            return bad(header, "a line ends in CRLF");
        if (after_cr)
            return judge_v1(header);
    }
    return header->len < PROXY_V1_MAX ? PROXY_MORE : bad(header, "longer than 107 bytes");
}

/* ---- Version 2 ------------------------------------------------------------ */

static size_t
v2_length(const struct proxy_header *header)
{
    return (size_t)(unsigned char)header->bytes[14] << 8 | (unsigned char)header->bytes[15];
}

static unsigned
v2_command(const struct proxy_header *header)
{
    return (unsigned char)header->bytes[12] & 15;
}

static unsigned
v2_family(const struct proxy_header *header)
{
    return (unsigned char)header->bytes[13] >> 4;
}

/* LOCAL has a family too, which says nothing. */
static enum proxy_verdict
judge_v2_head(struct proxy_header *header)
{
    static const size_t needed[] = {0, V2_IP4, V2_IP6, V2_UNIX};
    unsigned family = v2_family(header), transport = (unsigned char)header->bytes[13] & 15;

    if ((unsigned char)header->bytes[12] >> 4 != 2)
        return bad(header, "expected version 2 behind its signature");
    if (v2_command(header) > 1)
        return bad(header, "expected LOCAL or PROXY");
    if (V2_HEAD + v2_length(header) > PROXY_V2_MAX)
        return bad(header, "longer than 4096 bytes");
    if (v2_command(header) == 0)
        return PROXY_MORE;
    if (family >= COUNT_OF(needed) || transport > 2)
        return bad(header, "a family or a transport that is reserved");
    if (v2_length(header) < needed[family])
        return bad(header, "too short for addresses of its family");
    return PROXY_MORE;
}

static void
take_v2_endpoint(struct address *address, const char *ip, const char *port, bool is_v6)
{
    *address = (struct address){.len = is_v6 ? sizeof(address->v6) : sizeof(address->v4)};
    address->any.sa_family = is_v6 ? AF_INET6 : AF_INET;
    if (is_v6)
        memcpy(&address->v6.sin6_addr, ip, 16);
    else
        memcpy(&address->v4.sin_addr, ip, 4);
    in_port_t number;
    memcpy(&number, port, sizeof(number));
    set_port(address, number);
    address_normalize(address);
}

/* Over another transport than a stream no WebSocket comes: that is not the client's address. */
static enum proxy_verdict
judge_v2(struct proxy_header *header)
{
    const char *at = header->bytes + V2_HEAD;
    bool is_v6 = header->bytes[13] == 0x21;
    size_t ip = is_v6 ? 16 : 4;

    if (v2_command(header) == 0) {
        header->client = PROXY_ITSELF;
    } else if (!is_v6 && header->bytes[13] != 0x11) {
        header->client = PROXY_UNNAMED;
    } else {
        header->client = PROXY_NAMED;
        take_v2_endpoint(&header->source, at, at + 2 * ip, is_v6);
        take_v2_endpoint(&header->destination, at + ip, at + 2 * ip + 2, is_v6);
    }
    return PROXY_DONE;
}

/* Goes on to `goal` bytes, keeping the first. true: it is there. */
static bool
take(struct proxy_header *header, size_t goal, const char *bytes, size_t count, size_t *used)
{
    size_t left = goal - header->len, taken = left < count - *used ? left : count - *used;
    size_t room = header->len < sizeof(header->bytes) ? sizeof(header->bytes) - header->len : 0;

    if (room > 0)
        memcpy(header->bytes + header->len, bytes + *used, taken < room ? taken : room);
    header->len += taken;
    *used += taken;
    return header->len == goal;
}

static enum proxy_verdict
read_v2(struct proxy_header *header, const char *bytes, size_t count, size_t *used)
{
    bool whole = header->len >= V2_HEAD || take(header, V2_HEAD, bytes, count, used);

    if (!begins(header, v2_signature, sizeof(v2_signature)))
        return bad(header, "no PROXY header");
    if (!whole)
        return PROXY_MORE;
    if (judge_v2_head(header) == PROXY_BAD)
        return PROXY_BAD;
    if (!take(header, V2_HEAD + v2_length(header), bytes, count, used))
        return PROXY_MORE;
    return judge_v2(header);
}

enum proxy_verdict
proxy_header_read(struct proxy_header *header, const char *bytes, size_t count, size_t *used)
{
    *used = 0;
    if (count == 0)
        return PROXY_MORE;
    char first = header->len > 0 ? header->bytes[0] : bytes[0];

    if (first == v1_start[0])
        return read_v1(header, bytes, count, used);
    return read_v2(header, bytes, count, used);
}
