/*
 * settings_uses.c - what routes and instances are to each other: captures that an instance asks
 * for, which the path of every route that requires it must have; claims that one reads, and another
 * must give before it; and instances that no route requires.
 */
#include "config/settings_build.h"
#include "config/suggest.h"

static bool
route_requires(const struct route_settings *route, size_t instance)
{
    for (size_t i = 0; i < route->require_count; i++)
        if (require_is_leaf(&route->require[i]) && route->require[i].instance == instance)
            return true;
    return false;
}

static struct settings_memory *
memory_of(const struct mw_options *options)
{
    return options->context->owner;
}

/* At setup alone. */
static bool
expect(struct expectation **list, const struct mw_options *options, const char *word, size_t i,
       const char *name)
{
    struct settings_memory *memory = memory_of(options);
    struct str copy = arena_copy(&memory->arena, str_of(name));
    struct expectation *expected = arena_zalloc(&memory->arena, sizeof(*expected));

    if (options->context->faults == NULL || expected == NULL || copy.at == NULL)
        return false;
    *expected = (struct expectation){*list, options, word, i, copy, memory->setting_up, false};
    *list = expected;
    return true;
}

/* ---- Captures ------------------------------------------------------------------- */

bool
settings_expect_capture(const struct mw_options *options, const char *word, size_t i,
                        const char *name)
{
    return expect(&memory_of(options)->captures, options, word, i, name);
}

/* true: it has that capture, or nothing is known about its path. */
static bool
has_capture(const struct route_settings *route, struct str name, struct suggest *suggest,
            struct arena *arena)
{
    for (size_t i = 0; i < route->piece_count; i++) {
        struct str capture = route->pieces[i].capture;

        if (capture.at != NULL && str_equal(capture, name))
            return true;
        const char *candidate = capture.at != NULL ? arena_copy(arena, capture).at : NULL;
        if (candidate != NULL)
            suggest_try(suggest, candidate);
    }
    return route->path.at == NULL;
}

/* The first route that lacks it is enough to say. */
static void
check_capture(struct settings_build *build, const struct expectation *expected)
{
    const struct settings *settings = build->settings;

    for (size_t i = 0; i < settings->route_count; i++) {
        const struct route_settings *route = &settings->routes[i];
        struct suggest suggest;

        suggest_start(&suggest, expected->name);
        if (!route_requires(route, expected->instance) ||
            has_capture(route, expected->name, &suggest, build->arena))
            continue;
        options_fault(expected->options, expected->word, expected->item,
                      "the path of routes[%zu], which requires `%s`, has no {" STR_FMT
                      "}" SUGGEST_FMT,
                      i, settings->instances[expected->instance].name, STR_ARG(expected->name),
                      SUGGEST_ARG(suggest));
        return;
    }
}

void
settings_check_captures(struct settings_build *build)
{
    const struct expectation *expected = build->settings->memory->captures;

    for (; expected != NULL; expected = expected->next)
        check_capture(build, expected);
}

/* ---- Claims -------------------------------------------------------------------------- */

bool
settings_expect_claim(const struct mw_options *options, const char *word, size_t i,
                      const char *name)
{
    return expect(&memory_of(options)->claims, options, word, i, name);
}

void
settings_offer_claims(const struct mw_options *options)
{
    struct settings_memory *memory = memory_of(options);

    if (options->context->faults != NULL)
        memory->settings.instances[memory->setting_up].offers_claims = true;
}

/* Can a module before that node have given claims? One that was not set up would perhaps. */
static bool
has_claims(const struct settings *settings, const struct route_settings *route, size_t node)
{
    for (size_t i = 1; i < node; i++) {
        const struct require_node *before = &route->require[i];
        const struct instance_settings *instance = &settings->instances[before->instance];

        if (before->kind == REQUIRE_ONE && settings_can_meet(route->require, i, node) &&
            (instance->offers_claims || instance->instance == NULL))
            return true;
    }
    return false;
}

const char *
route_claim(const struct route_settings *route, const char *name)
{
    for (size_t i = 0; i < route->claim_count; i++)
        if (strcmp(route->claims[i], name) == 0)
            return route->claims[i];
    return NULL;
}

/* The first route where nobody gives it is enough to say. */
static void
build_claim(struct settings_build *build, struct route_settings *route,
            struct expectation *expected)
{
    const struct settings *settings = build->settings;

    for (size_t i = 1; i < route->require_count; i++) {
        const struct require_node *node = &route->require[i];

        if (!require_is_leaf(node) || node->instance != expected->instance)
            continue;
        if (route_claim(route, expected->name.at) == NULL)
            route->claims[route->claim_count++] = expected->name.at;
        if (expected->told || has_claims(settings, route, i))
            continue;
        expected->told = true;
        options_fault(expected->options, expected->word, expected->item,
                      "nothing that routes[%zu] requires before `%s` gives claims, as jwt and "
                      "introspection do",
                      route->index, settings->instances[expected->instance].name);
    }
}

void
settings_build_claims(struct settings_build *build, struct route_settings *route)
{
    struct expectation *expected, *all = build->settings->memory->claims;
    size_t count = 0;

    for (expected = all; expected != NULL; expected = expected->next)
        count++;
    route->claims = settings_array(build, count, sizeof(*route->claims));
    for (expected = all; expected != NULL && route->claims != NULL; expected = expected->next)
        build_claim(build, route, expected);
}

/* ---- Instances -------------------------------------------------------------------- */

static bool
is_required(const struct settings *settings, size_t instance)
{
    for (size_t i = 0; i < settings->route_count; i++)
        if (route_requires(&settings->routes[i], instance))
            return true;
    return false;
}

void
settings_warn(const struct settings *settings, void (*say)(void *arg, const char *text), void *arg)
{
    char text[FAULT_TEXT_MAX];

    for (size_t i = 0; i < settings->instance_count; i++) {
        const struct instance_settings *instance = &settings->instances[i];

        if (is_required(settings, i))
            continue;
        (void)snprintf(text, sizeof(text), "%s:%u:%u: `%s`: no route requires it", settings->file,
                       instance->options->mark.line, instance->options->mark.column,
                       instance->name);
        say(arg, text);
    }
}
