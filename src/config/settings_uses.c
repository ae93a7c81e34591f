/*
 * settings_uses.c - what routes and instances are to each other: captures that an instance asks
 * for, which the path of every route that requires it must have, and instances that no route
 * requires.
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

/* ---- Captures ------------------------------------------------------------------- */

bool
settings_expect_capture(const struct mw_options *options, const char *word, size_t i,
                        const char *name)
{
    struct settings_memory *memory = options->context->owner;
    struct expected_capture *expected = arena_zalloc(&memory->arena, sizeof(*expected));

    if (options->context->faults == NULL || expected == NULL)
        return false;
    *expected = (struct expected_capture){
        memory->expected, options, word, i, arena_copy(&memory->arena, str_of(name)),
        memory->setting_up};
    memory->expected = expected;
    return expected->name.at != NULL;
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
check_capture(struct settings_build *build, const struct expected_capture *expected)
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
    const struct expected_capture *expected = build->settings->memory->expected;

    for (; expected != NULL; expected = expected->next)
        check_capture(build, expected);
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
