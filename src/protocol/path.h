/*
 * path.h - the request target and the Host, each in the one form that is judged
 * and forwarded (RFC 9112 3.2, RFC 3986). Pure.
 *
 * What could mean two things to two programs is refused: dot segments (raw,
 * encoded, or with a path parameter, "..;x"), "//", %5C, %00, encoded controls, bad
 * escapes, "\", "#", bytes outside 0x21 to 0x7E. Unreserved escapes are
 * decoded once; hex digits of the others become upper case; "%25" stays. The
 * query is kept as it came, controls excepted.
 */
#ifndef WSGATE_PATH_H
#define WSGATE_PATH_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

struct target {
    struct str authority; /* absolute form only, as sent; at == NULL else */
    bool secure;          /* absolute form with https or wss */
    struct str path;      /* begins with "/"; in `out` */
    struct str query;     /* without "?"; points into the input; at == NULL: none */
    bool encoded_slash;   /* the path holds %2F: 400 unless the route keeps them. Dot
                             segments are judged as if %2F were "/" */
};

/* out: at least target.len + 1 bytes. Takes origin form and absolute form with http, https, ws,
 * wss (any case). false: *error is a static phrase for the log. */
bool target_parse(struct target *result, struct str target, char *out, const char **error)
    MUST_CHECK;

struct host {
    struct str name; /* lower case, no trailing dot; IPv6 in brackets, canonical as sent but lower */
    uint16_t port;   /* 0: none given, or the default of the scheme (80, 443 when secure) */
};

/* RFC 9110 7.2, RFC 3986 3.2.2: reg-name of letters, digits, "-", ".", "_", IPv4, or
 * bracketed IPv6 (checked by inet_pton); no userinfo, no escapes; port 1 to 65535 or
 * empty. out: at least text.len bytes. */
bool host_parse(struct host *host, struct str text, bool secure, char *out, const char **error)
    MUST_CHECK;

/* Query arguments, "&"-separated, names compared after decoding %XX and "+". Finds the i-th of that
 * name; its raw value in *value (empty when there is no "="). */
bool query_find(struct str query, struct str name, size_t i, struct str *value);
/* Decodes %XX and "+" into out (>= text.len bytes). false: bad escape or %00. */
bool query_decode(struct str text, char *out, size_t *len) MUST_CHECK;
/* The query without any argument of that name, into out (>= query.len bytes); *len its length;
 * the order and bytes of the others stay. Returns how many went. */
size_t query_remove(struct str query, struct str name, char *out, size_t *len);

/* Cookies (RFC 6265 4.2.1 and 5.4): the i-th of that name in one Cookie field's value; names are
 * case-sensitive; a value in double quotes loses them. */
bool cookie_find(struct str field, struct str name, size_t i, struct str *value);
/* The field without any cookie of that name, into out (>= field.len bytes). Returns how many went. */
size_t cookie_remove(struct str field, struct str name, char *out, size_t *len);

#endif
