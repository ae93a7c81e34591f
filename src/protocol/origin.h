/*
 * origin.h - web origins (RFC 6454), and the patterns of an allowlist. Pure.
 *
 * Strict: what a browser sends has one form, and whatever has not is no origin.
 * Zeroed memory is an origin and a pattern that match nothing.
 */
#ifndef WSGATE_ORIGIN_H
#define WSGATE_ORIGIN_H

#include "base/compiler.h"
#include "base/str.h"
#include "protocol/host.h"

#include <stdint.h>

enum origin_kind {
    ORIGIN_NONE,
    ORIGIN_NULL, /* the word "null": an opaque origin, equal to nothing but the pattern "null" */
    ORIGIN_TUPLE,
};

struct origin {
    enum origin_kind kind;
    struct str scheme; /* lower case */
    struct str host;   /* in the form of struct host. A trailing dot is an error */
    uint16_t port;     /* http, ws: 80, https, wss: 443, others: 0 when none is given */
};

/* A host that begins with "*." is any name with one or more labels in front of the rest. */
struct origin_pattern {
    struct origin origin; /* host without the "*."; never an address then */
    bool subdomains;
};

/*
 * `scheme://host[:port]`, ASCII only, and nothing behind the port. out:
 * HOST_OUT_BYTES(text.len) bytes, in which the result's strings lie. false: *error is a static
 * phrase.
 */
bool origin_parse(struct origin *origin, struct str text, char *out, const char **error) MUST_CHECK;
/* The same, and a host may begin with "*.". */
bool origin_pattern_parse(struct origin_pattern *pattern, struct str text, char *out,
                          const char **error) MUST_CHECK;
/* Is that the host, with its port, that a request was sent to? port 0 is the scheme's own. */
bool origin_is_of(const struct origin *origin, const struct host *host);
bool origin_matches(const struct origin_pattern *pattern, const struct origin *origin);

#endif
