/*
 * path.h - the request target in the one form that is judged and forwarded
 * (RFC 9112 3.2, RFC 3986). Pure. The Host is host.h, arguments and cookies query.h.
 *
 * What could mean two things to two programs is refused: dot segments (raw,
 * encoded, or with a path parameter, "..;x"), "//" (and "/;x/"), %5C, %00, encoded controls, bad
 * escapes, overlong UTF-8, "\", "#", bytes outside 0x21 to 0x7E. Unreserved escapes are
 * decoded once; hex digits of the others become upper case; "%25" stays. The
 * query is kept as it came, controls excepted.
 */
#ifndef WSGATE_PATH_H
#define WSGATE_PATH_H

#include "base/compiler.h"
#include "base/str.h"
#include "protocol/host.h"
#include "protocol/query.h"

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

/* Does a segment of that one form have parameters (RFC 3986 3.3): a ";", raw or as an escape? */
bool path_has_parameters(struct str path) MUST_CHECK;
/* The path as a program reads it that drops parameters. out: at least path.len bytes. */
struct str path_without_parameters(struct str path, char *out) MUST_CHECK;

#endif
