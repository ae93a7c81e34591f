/*
 * settings_routes.c - which requests go through which chain to which backend.
 *
 * It matches nothing; the router does. Here names are looked up, patterns read, and routes
 * that no request can reach are found.
 *
 * The hard thing: one mistake, one fault. A name is not called unknown when the chapter
 * that would hold it is missing, and a route with a fault is not compared with others.
 */
#include "config/route_pattern.h"
#include "config/settings_build.h"
#include "config/suggest.h"

#include <stdint.h>

/* ---- Names ---------------------------------------------------------------------- */

static const char *
listener_name(const struct settings *settings, size_t i)
{
    return i < settings->listener_count ? settings->listeners[i].name : NULL;
}

static const char *
instance_name(const struct settings *settings, size_t i)
{
    return i < settings->instance_count ? settings->instances[i].name : NULL;
}

static const char *
backend_name(const struct settings *settings, size_t i)
{
    return i < settings->backend_count ? settings->backends[i].name : NULL;
}

/* What routes name. */
struct chapter {
    const char *word;
    const char *what;
    const char *(*name)(const struct settings *settings, size_t i); /* NULL: no more */
};

static const struct chapter listeners = {"listeners", "listener", listener_name};
static const struct chapter instances = {"middleware", "middleware", instance_name};
static const struct chapter backends = {"backends", "backend", backend_name};

/* Looks up the name at item i of `word`. false: it was said that there is none. */
static bool
look_up(struct settings_build *build, const struct mw_options *route, const char *word, size_t i,
        const struct chapter *chapter, size_t *found)
{
    const char *wanted = options_find(route, word)->items[i].text, *name;
    struct suggest suggest;

    if (wanted == NULL) /* refused already */
        return false;
    suggest_start(&suggest, str_of(wanted));
    for (*found = 0; (name = chapter->name(build->settings, *found)) != NULL; ++*found) {
        if (name[0] == '\0') /* a listener needs no name */
            continue;
        if (strcmp(name, wanted) == 0)
            return true;
        suggest_try(&suggest, name);
    }
    if (*found > 0 || options_find(build->root, chapter->word)->items != NULL)
        options_fault(route, word, i, "no %s is named `%s`" SUGGEST_FMT, chapter->what, wanted,
                      SUGGEST_ARG(suggest));
    return false;
}

static void
build_listeners(struct settings_build *build, const struct mw_options *options,
                struct route_settings *route)
{
    const struct option_value *value = options_find(options, "listeners");
    size_t found;

    if (!value->given)
        return;
    if (value->items != NULL && value->count == 0)
        options_fault(options, "listeners", 0, "expected at least one; left out, it means all");
    route->listeners = settings_array(build, value->count, sizeof(struct listener_settings *));
    if (route->listeners == NULL)
        return;
    for (size_t i = 0; i < value->count; i++)
        if (look_up(build, options, "listeners", i, &listeners, &found))
            route->listeners[route->listener_count++] = &build->settings->listeners[found];
}

static bool
stands_already(const struct route_settings *route, size_t instance)
{
    for (size_t i = 0; i < route->require_count; i++)
        if (route->require[i] == instance)
            return true;
    return false;
}

/* Two that set one header: every request would be refused, or the backend would have to choose. */
static void
check_headers(struct settings_build *build, const struct mw_options *options, size_t item,
              const struct route_settings *route, size_t instance)
{
    const struct settings *settings = build->settings;
    const struct reserved_header *own, *other;

    for (own = settings->memory->reserved; own != NULL; own = own->next)
        for (other = settings->memory->reserved; other != NULL; other = other->next) {
            if (own->instance != instance || other->instance == instance ||
                !stands_already(route, other->instance) || !str_equal(own->name, other->name))
                continue;
            options_fault(options, "require", item, "`%s` sets the header `" STR_FMT "`, as `%s` does",
                          settings->instances[instance].name, STR_ARG(own->name),
                          settings->instances[other->instance].name);
            return;
        }
}

static void
build_chain(struct settings_build *build, const struct mw_options *options,
            struct route_settings *route)
{
    size_t count = options_count(options, "require"), found;

    route->require = settings_array(build, count, sizeof(*route->require));
    if (route->require == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        if (!look_up(build, options, "require", i, &instances, &found))
            continue;
        /* A connection has one slot for each instance. */
        if (stands_already(route, found)) {
            options_fault(options, "require", i, "`%s` twice",
                          build->settings->instances[found].name);
            continue;
        }
        check_headers(build, options, i, route, found);
        route->require[route->require_count++] = found;
    }
}

/* ---- One route ------------------------------------------------------------------- */

static void
build_path(struct settings_build *build, const struct mw_options *options,
           struct route_settings *route)
{
    const char *path = options_string(options, "path");
    const char *prefix = options_string(options, "strip_prefix");
    const char *error;

    if (path == NULL)
        return;
    if (!route_path_parse(route, build->arena, str_of(path), &error)) {
        options_fault(options, "path", 0, "%s, found `%s`", error, path);
        return;
    }
    if (!route->keep_encoded_slashes && strstr(path, "%2F") != NULL)
        options_fault(options, "path", 0,
                      "holds %%2F, which is refused everywhere but on routes with "
                      "`encoded_slashes: keep`");
    if (prefix != NULL && !route_prefix_parse(route, str_of(prefix), &error))
        options_fault(options, "strip_prefix", 0, "%s, found `%s`", error, prefix);
}

static void
build_host(struct settings_build *build, const struct mw_options *options,
           struct route_settings *route)
{
    const char *host = options_string(options, "host"), *error;

    if (host != NULL && !route_host_parse(route, build->arena, str_of(host), &error))
        options_fault(options, "host", 0, "%s, found `%s`", error, host);
}

static void
build_backend(struct settings_build *build, const struct mw_options *options,
              struct route_settings *route)
{
    size_t found;

    if (options_string(options, "backend") != NULL &&
        look_up(build, options, "backend", 0, &backends, &found))
        route->backend = &build->settings->backends[found];
}

static void
build_tunnel(const struct mw_options *options, struct tunnel_settings *tunnel)
{
    tunnel->idle_timeout = (uint64_t)options_integer(options, "idle_timeout");
    tunnel->write_timeout = (uint64_t)options_integer(options, "write_timeout");
    tunnel->max_lifetime = (uint64_t)options_integer(options, "max_lifetime");
}

static void
build_route(struct settings_build *build, const struct mw_options *options,
            struct route_settings *route)
{
    const struct mw_options *tunnel = options_member(options, "tunnel", 0);

    route->keep_encoded_slashes = options_integer(options, "encoded_slashes") == 1;
    route->strip_extensions = options_integer(options, "extensions") == 1;
    build_listeners(build, options, route);
    build_host(build, options, route);
    build_path(build, options, route);
    build_chain(build, options, route);
    build_backend(build, options, route);
    if (tunnel != NULL)
        build_tunnel(tunnel, &route->tunnel);
}

/* ---- Routes that nothing reaches -------------------------------------------------- */

bool
route_holds_for(const struct route_settings *route, const struct listener_settings *listener)
{
    if (route->listeners == NULL)
        return true;
    for (size_t i = 0; i < route->listener_count; i++)
        if (route->listeners[i] == listener)
            return true;
    return false;
}

static bool
listeners_cover(const struct settings *settings, const struct route_settings *wide,
                const struct route_settings *narrow)
{
    for (size_t i = 0; i < settings->listener_count; i++)
        if (route_holds_for(narrow, &settings->listeners[i]) &&
            !route_holds_for(wide, &settings->listeners[i]))
            return false;
    return true;
}

/* Is nothing known to be wrong with what it matches? */
static bool
is_comparable(const struct mw_options *options, const struct route_settings *route)
{
    return route->path.at != NULL && !options->faulty &&
           (route->host.at != NULL || !options_given(options, "host")) &&
           route->listener_count == options_count(options, "listeners");
}

static void
fault_unreached(struct settings_build *build, size_t earlier, size_t index)
{
    const struct mw_options *wide = options_member(build->root, "routes", earlier);
    const struct mw_options *narrow = options_member(build->root, "routes", index);

    options_fault(narrow, "path", 0,
                  "no request reaches the route `%s`: `%s` on line %u matches all that it does",
                  options_string(narrow, "path"), options_string(wide, "path"), wide->mark.line);
}

static void
check_reached(struct settings_build *build, const bool *comparable, size_t index)
{
    const struct route_settings *routes = build->settings->routes;

    for (size_t i = 0; i < index && comparable[index]; i++)
        if (comparable[i] && route_covers(&routes[i], &routes[index]) &&
            listeners_cover(build->settings, &routes[i], &routes[index])) {
            fault_unreached(build, i, index);
            return;
        }
}

/* Each route is held against all before it, so what can be known beforehand is. */
static void
check_all_reached(struct settings_build *build)
{
    size_t count = build->settings->route_count;
    bool *comparable = settings_array(build, count, sizeof(*comparable));

    if (comparable == NULL)
        return;
    for (size_t i = 0; i < count; i++) {
        const struct mw_options *options = options_member(build->root, "routes", i);

        comparable[i] = options != NULL && is_comparable(options, &build->settings->routes[i]);
    }
    for (size_t i = 0; i < count; i++)
        check_reached(build, comparable, i);
}

void
settings_build_routes(struct settings_build *build)
{
    size_t count = options_count(build->root, "routes");
    struct settings *settings = build->settings;

    settings_check_filled(build, "routes");
    settings->routes = settings_array(build, count, sizeof(*settings->routes));
    if (settings->routes == NULL)
        return;
    settings->route_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct mw_options *options = options_member(build->root, "routes", i);

        settings->routes[i].index = i;
        if (options != NULL)
            build_route(build, options, &settings->routes[i]);
    }
    check_all_reached(build);
}
