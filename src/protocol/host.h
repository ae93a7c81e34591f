/*
 * host.h - the authority of a request: Host, and what an absolute target names
 * (RFC 9110 7.2, RFC 3986 3.2.2), in the one form that is compared. Pure.
 */
#ifndef WSGATE_HOST_H
#define WSGATE_HOST_H

#include "base/compiler.h"
#include "base/str.h"

#include <netinet/in.h>
#include <stdint.h>

/* What `out` must hold for a text of `len` bytes: an IPv6 address may be longer in its one form. */
#define HOST_OUT_BYTES(len) ((len) + INET6_ADDRSTRLEN)

struct host {
    struct str name; /* lower case, no trailing dot; IPv6 in brackets, as RFC 5952 writes it */
    uint16_t port;   /* 0: none given, or the default of the scheme (80, 443 when secure) */
};

/* RFC 9110 7.2, RFC 3986 3.2.2: reg-name of letters, digits, "-", ".", "_", IPv4, or
 * bracketed IPv6 (checked by inet_pton); no userinfo, no escapes; port 1 to 65535, without
 * leading zeros, or empty. A name of digits and dots alone must be an IPv4 address; empty labels
 * and names over 253 bytes are refused. out: HOST_OUT_BYTES(text.len) bytes, in which
 * the name lies. */
bool host_parse(struct host *host, struct str text, bool secure, char *out, const char **error)
    MUST_CHECK;

/* The same with the port as it stands, the default one too. */
bool host_parse_port(struct host *host, struct str text, char *out, const char **error) MUST_CHECK;

#endif
