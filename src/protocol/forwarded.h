/*
 * forwarded.h - one element of X-Forwarded-For, or of Forwarded (RFC 7239 4): whom a proxy
 * had in front of it. Pure; whether the proxy is believed is for others to say.
 *
 * Strict: an address is IPv4 or IPv6 without a zone and without leading zeros. An
 * IPv4-mapped one is the IPv4 address it holds. A port is checked and dropped.
 */
#ifndef WSGATE_FORWARDED_H
#define WSGATE_FORWARDED_H

#include "base/address.h"

struct forwarded {
    struct address address; /* without a port */
    bool named;  /* false: unknown, an obfuscated identifier, or no `for` at all */
    struct str proto; /* without quotes; at == NULL: not said */
};

/* IP, IPv4:PORT, [IPv6] or [IPv6]:PORT; nobody has written a grammar, and this is what proxies
 * send. */
bool forwarded_for_parse(struct forwarded *forwarded, struct str element) MUST_CHECK;
/* RFC 7239's grammar: for=192.0.2.1;proto=https, for="[2001:db8::1]:4711". No parameter twice. */
bool forwarded_parse(struct forwarded *forwarded, struct str element) MUST_CHECK;

/* http, https, ws or wss in any case; false: something else. */
bool forwarded_proto_parse(struct str proto, bool *secure) MUST_CHECK;

#endif
