/*
 * settings_routes.c - which requests go through which chain to which backend.
 *
 * It matches nothing; the router does. Here names are looked up, patterns read, and routes
 * that no request can reach are found.
 *
 * The hard thing: one mistake, one fault. A name is not called unknown when the chapter
 * that would hold it is missing, and a route with a fault is not compared with others.
 */
#include "config/route_index.h"
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
backend_name(const struct settings *settings, size_t i)
{
    return i < settings->backend_count ? settings->backends[i].name : NULL;
}

static const struct settings_chapter listeners = {"listeners", "listener", listener_name};
static const struct settings_chapter backends = {"backends", "backend", backend_name};

bool
settings_look_up(struct settings_build *build, const struct mw_options *options, const char *word,
                 size_t i, const char *wanted, const struct settings_chapter *chapter,
                 size_t *found)
{
    const char *name;
    struct suggest suggest;

    if (wanted == NULL)
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
        options_fault(options, word, i, "no %s is named `%s`" SUGGEST_FMT, chapter->what, wanted,
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
        if (settings_look_up(build, options, "listeners", i, value->items[i].text, &listeners,
                             &found))
            route->listeners[route->listener_count++] = &build->settings->listeners[found];
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

    if (settings_look_up(build, options, "backend", 0, options_string(options, "backend"),
                         &backends, &found))
        route->backend = &build->settings->backends[found];
}

static void
build_route(struct settings_build *build, const struct mw_options *options,
            struct route_settings *route)
{
    const struct mw_options *tunnel = options_member(options, "tunnel", 0);

    route->keep_encoded_slashes = options_integer(options, "encoded_slashes") == 1;
    route->strip_extensions = options_integer(options, "extensions") == 1;
    route->reject_with_close = options_integer(options, "reject_with") == 1;
    route->revalidate = (uint64_t)options_integer(options, "revalidate");
    route->revalidate_on_reload = options_integer(options, "on_reload") == 1;
    build_listeners(build, options, route);
    build_host(build, options, route);
    build_path(build, options, route);
    bool chain_is_whole = settings_build_require(build, options, route);
    build_backend(build, options, route);
    if (tunnel != NULL)
        settings_build_tunnel(options, route);
    if (chain_is_whole)
        settings_check_revalidation(build, options, route);
    if (chain_is_whole)
        settings_build_claims(build, route);
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

struct listeners_question {
    const struct settings *settings;
    const struct route_settings *narrow;
};

static bool
holds_for_its_listeners(void *arg, const struct route_settings *wide)
{
    const struct listeners_question *question = arg;

    return listeners_cover(question->settings, wide, question->narrow);
}

/* Each route is looked up among those before it. */
static void
check_all_reached(struct settings_build *build)
{
    const struct settings *settings = build->settings;
    struct route_index *index =
        route_index_new(build->arena, settings->routes, settings->route_count);
    bool good = index != NULL;

    for (size_t i = 0; i < settings->route_count && good; i++) {
        const struct mw_options *options = options_member(build->root, "routes", i);
        const struct route_settings *route = &settings->routes[i], *earlier;
        struct listeners_question question = {settings, route};

        if (options == NULL || !is_comparable(options, route))
            continue;
        earlier = route_index_covering(index, route, holds_for_its_listeners, &question);
        if (earlier != NULL)
            fault_unreached(build, earlier->index, i);
        good = route_index_add(index, route);
    }
    if (!good)
        faults_add(build->faults, build->root->mark, "out of memory");
}

/* ---- Routes that come back to themselves ------------------------------------------- */

/* Does what it sends on have the host and the path that it matched? */
static bool
changes_nothing(const struct route_settings *route)
{
    return route->strip_prefix.at == NULL &&
           (route->backend->host.at == NULL || route->host.at == NULL);
}

/* A request that goes to the very listener on which this route would match it again. */
static void
check_loop(struct settings_build *build, size_t i)
{
    const struct settings *settings = build->settings;
    const struct route_settings *route = &settings->routes[i];
    const struct backend_settings *backend = route->backend;
    size_t own = 0, own_count = backend != NULL && changes_nothing(route) ? backend->own_count : 0;

    while (own < own_count && !route_holds_for(route, backend->own[own]))
        own++;
    if (own == own_count)
        return;
    const struct option_value *listeners_value = options_find(build->root, "listeners");
    const struct option_item *listener =
        &listeners_value->items[backend->own[own] - settings->listeners];

    options_fault(options_member(build->root, "routes", i), "backend", 0,
                  "a server of `%s` is the listener on line %u, where this route matches again: "
                  "requests would go round",
                  backend->name, listener->mark.line);
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
    for (size_t i = 0; i < count; i++)
        check_loop(build, i);
}
