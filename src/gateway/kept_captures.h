/*
 * kept_captures.h - what a path has captured, for a tunnel that outlives its request and perhaps
 * the configuration that named the captures. One block of memory, bounded as the path is.
 */
#ifndef WSGATE_KEPT_CAPTURES_H
#define WSGATE_KEPT_CAPTURES_H

#include "config/settings.h"

struct kept_captures;

/* Of a path that fits the route, in its order. *made, which the caller frees with free(), stays
 * NULL where the route has none. false: no memory. */
bool kept_captures_new(const struct route_settings *route, const struct str *captures,
                       struct kept_captures **made) MUST_CHECK;
/* at == NULL: there is none of that name. `captures` may be NULL. */
struct str kept_captures_find(const struct kept_captures *captures, struct str name);

#endif
