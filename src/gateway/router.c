/*
 * router.c - the first route that fits. A plain walk in file order: what the operator
 * reads from top to bottom is what happens.
 */
#include "gateway/router.h"

/* A wildcard is ".example.com": at least one label must stand before it. */
static bool
host_fits(const struct route_settings *route, struct str host)
{
    if (route->host.at == NULL)
        return true;
    if (!route->host_wildcard)
        return str_equal(route->host, host);
    return host.len > route->host.len &&
           memcmp(host.at + host.len - route->host.len, route->host.at, route->host.len) == 0;
}

static bool
captures_fit(const struct route_settings *route, struct str path, struct str *captures)
{
    size_t found = 0;

    for (size_t i = 0; i < route->piece_count; i++) {
        const struct path_piece *piece = &route->pieces[i];
        if (!str_starts_with(path, piece->literal))
            return false;
        path.at += piece->literal.len;
        path.len -= piece->literal.len;
        if (piece->capture.at == NULL)
            continue;
        const char *slash = path.len > 0 ? memchr(path.at, '/', path.len) : NULL;
        size_t len = slash != NULL ? (size_t)(slash - path.at) : path.len;
        if (len == 0)
            return false;
        captures[found++] = (struct str){path.at, len};
        path.at += len;
        path.len -= len;
    }
    return path.len == 0;
}

static bool
path_fits(const struct route_settings *route, struct str path, struct str *captures)
{
    switch (route->match) {
    case PATH_EXACT:
        return str_equal(route->path, path);
    case PATH_BELOW:
        return str_starts_with(path, route->path);
    case PATH_CAPTURES:
        return captures_fit(route, path, captures);
    }
    return false;
}

const struct route_settings *
router_match(const struct settings *settings, const struct listener_settings *listener,
             struct str host, struct str path, struct str *captures)
{
    for (size_t i = 0; i < settings->route_count; i++) {
        const struct route_settings *route = &settings->routes[i];
        if (route_holds_for(route, listener) && host_fits(route, host) &&
            path_fits(route, path, captures))
            return route;
    }
    return NULL;
}

struct str
router_text(const struct route_settings *route, struct text *text)
{
    if (route->host_wildcard)
        text_add(text, STR("*"));
    text_add(text, route->host);
    text_add(text, route->path);
    if (route->match == PATH_BELOW)
        text_add(text, STR("*"));
    return text->full ? STR_NONE : text_str(text);
}

struct str
router_capture(const struct route_settings *route, const struct str *captures, struct str name)
{
    size_t found = 0;

    for (size_t i = 0; route != NULL && i < route->piece_count; i++) {
        if (route->pieces[i].capture.at == NULL)
            continue;
        if (str_equal(route->pieces[i].capture, name))
            return captures[found];
        found++;
    }
    return STR_NONE;
}
