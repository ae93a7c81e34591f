/* router.h - from listener, host and path to a route. Pure: settings in, a row out. */
#ifndef WSGATE_ROUTER_H
#define WSGATE_ROUTER_H

#include "base/text.h"
#include "config/settings.h"

/*
 * The first route in file order that fits; NULL: none. host: lower case, no port. path: the
 * one form. captures: room for ROUTE_CAPTURES_MAX; filled in the order of the route's
 * pieces, pointing into path.
 */
const struct route_settings *router_match(const struct settings *settings,
                                          const struct listener_settings *listener,
                                          struct str host, struct str path,
                                          struct str *captures);
/* The capture of that name; at == NULL: the route has none. */
struct str router_capture(const struct route_settings *route, const struct str *captures,
                          struct str name);
/* The route as one would write it into the configuration: "*.example.com/chat/" and "*". In `text`;
 * at == NULL: it does not fit. */
struct str router_text(const struct route_settings *route, struct text *text);

#endif
