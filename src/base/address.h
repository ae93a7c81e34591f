/*
 * address.h - socket addresses in text and in binary, and address prefixes.
 *
 * Text is strict: "127.0.0.1:8080", "[::1]:8080", "unix:/path"; no names, no
 * zones, no leading zeros, no short forms of IPv4. An IPv4-mapped IPv6
 * address (::ffff:a.b.c.d) is always turned into the IPv4 address it holds.
 */
#ifndef WSGATE_ADDRESS_H
#define WSGATE_ADDRESS_H

#include "base/compiler.h"
#include "base/str.h"

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
    };
    socklen_t len;
};

/* Enough for the longest text of an address with a port, and its NUL. */
#define ADDRESS_TEXT_MAX 128

/* "IP:PORT", "[IP6]:PORT" or "unix:/path". false: *error says what was expected. */
bool address_parse(struct address *address, struct str text, const char **error) MUST_CHECK;
/* An IP without a port. */
bool address_parse_ip(struct address *address, struct str text) MUST_CHECK;
/* 0 to 65535 in decimal, no leading zeros; *port in network order. */
bool address_parse_port(in_port_t *port, struct str text) MUST_CHECK;
/* From what accept4 gave: IPv4-mapped becomes IPv4; an unnamed Unix peer stays AF_UNIX. */
void address_normalize(struct address *address);
/* In network order; 0: it has none. */
in_port_t address_port(const struct address *address);
/* "192.0.2.1:80", "[2001:db8::1]:80", without a port "192.0.2.1" and "2001:db8::1"; "unix:/path",
 * "unix:" for an unnamed peer; "unknown" for AF_UNSPEC. */
struct str address_format(const struct address *address, char buffer[ADDRESS_TEXT_MAX]);
/* The same without a port and brackets. */
struct str address_format_ip(const struct address *address, char buffer[ADDRESS_TEXT_MAX]);
/* A copy of what another structure holds: IPv4, IPv6, or a family alone. */
void address_of(struct address *address, const struct sockaddr *sockaddr);
/* The bytes of an IPv4 or IPv6 address, in network order; at == NULL: it is none. */
struct str address_bytes(const struct sockaddr *sockaddr);
bool address_equal(const struct address *a, const struct address *b);

/*
 * A set of prefixes ("192.0.2.0/24", "2001:db8::/32", "192.0.2.1"). Built once,
 * then constant; a look-up is a binary search, so it hardly grows with the set.
 * Host bits set behind the prefix length are an error, as is a length out of range.
 */
struct address_set;

struct address_set *address_set_new(void) MUST_CHECK;
bool address_set_add(struct address_set *set, struct str text, const char **error) MUST_CHECK;
/* Sorts and merges; call once after the last add. false: out of memory. */
bool address_set_seal(struct address_set *set) MUST_CHECK;
/* false for AF_UNIX, always. */
bool address_set_has(const struct address_set *set, const struct sockaddr *address);
size_t address_set_count(const struct address_set *set);
void address_set_free(struct address_set *set);

#endif
