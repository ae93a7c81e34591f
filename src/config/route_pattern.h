/*
 * route_pattern.h - the path and host patterns of routes. Pure.
 *
 * A path is exact (`/chat`), everything below (`/chat/` and a star), or has
 * captures (`/rooms/{room}/x`), each a whole segment. It stands in the one form in which
 * requests are judged, so that what cannot match is a fault and not a surprise.
 */
#ifndef WSGATE_ROUTE_PATTERN_H
#define WSGATE_ROUTE_PATTERN_H

#include "base/arena.h"
#include "config/settings.h"

/* Sets match, path, pieces. false: *error is a static phrase. */
bool route_path_parse(struct route_settings *route, struct arena *arena, struct str text,
                      const char **error) MUST_CHECK;
/* Sets host and host_wildcard. */
bool route_host_parse(struct route_settings *route, struct arena *arena, struct str text,
                      const char **error) MUST_CHECK;
/* Sets strip_prefix; path must have been set. */
bool route_prefix_parse(struct route_settings *route, struct str text, const char **error)
    MUST_CHECK;
/* Takes one segment, without its slash, off the front of *rest, which begins with "/". */
struct str route_take_segment(struct str *rest);
/* "{name}", a name being letters, digits and "_", no digit first. */
bool route_is_capture(struct str segment);

#endif
