/*
 * settings_require.c - what a route requires: names, and groups of them, made into the flat tree
 * that the chain runs through (struct require_node).
 *
 * Here names are looked up, and what could never work is found: an empty group, groups too
 * deep, an instance that one request would pass twice, two that set the same header.
 *
 * The hard thing is who can meet in one request: not two members of an any_of, where what the
 * first one did is undone before the next one is asked.
 */
#include "config/settings_build.h"

struct require_build {
    struct settings_build *build;
    struct route_settings *route;
};

/* Where an entry stands in the file: item i of `word`. */
struct entry {
    const struct mw_options *options;
    const char *word;
    size_t i;
};

static const struct {
    const char *word;
    enum require_kind kind;
} kinds[] = {
    {"name", REQUIRE_ONE},
    {"not", REQUIRE_NOT},
    {"all_of", REQUIRE_ALL_OF},
    {"any_of", REQUIRE_ANY_OF},
};

static const char *
instance_name(const struct settings *settings, size_t i)
{
    return i < settings->instance_count ? settings->instances[i].name : NULL;
}

static const struct settings_chapter instances = {"middleware", "middleware", instance_name};

/* All of that list, and of the lists in it. */
static size_t
count_nodes(const struct mw_options *options, const char *word)
{
    size_t count = options_count(options, word), sum = count;

    for (size_t i = 0; i < count; i++) {
        const struct mw_options *entry = options_member(options, word, i);
        if (entry != NULL)
            sum += count_nodes(entry, "any_of") + count_nodes(entry, "all_of");
    }
    return sum;
}

/* ---- Who meets whom ---------------------------------------------------------------- */

bool
settings_can_meet(const struct require_node *nodes, size_t earlier, size_t later)
{
    size_t group = nodes[later].parent;

    while (group > earlier) /* what stands between a group and its member is in it too */
        group = nodes[group].parent;
    return nodes[group].kind != REQUIRE_ANY_OF;
}

/* Does what it sets reach the backend? A `not` and a dry run take it back. */
static bool
sets_headers(const struct settings *settings, const struct require_node *node)
{
    return node->kind == REQUIRE_ONE && !settings->instances[node->instance].dry_run;
}

/* A module sees one slot for each node, so twice would work; but it would say nothing new. Two
 * that set one header: every request would be refused, or the backend would have to choose. */
static bool
check_meetings(const struct require_build *require, const struct entry *entry, size_t at)
{
    const struct settings *settings = require->build->settings;
    const struct require_node *nodes = require->route->require, *node = &nodes[at];
    struct str name;

    for (size_t i = 1; i < at; i++) {
        if (!require_is_leaf(&nodes[i]) || !settings_can_meet(nodes, i, at))
            continue;
        if (nodes[i].instance == node->instance) {
            options_fault(entry->options, entry->word, entry->i, "`%s` twice",
                          settings->instances[node->instance].name);
            return false;
        }
        if (sets_headers(settings, node) && sets_headers(settings, &nodes[i]) &&
            settings_set_one_header(settings, node->instance, nodes[i].instance, &name)) {
            options_fault(entry->options, entry->word, entry->i,
                          "`%s` sets the header `" STR_FMT "`, as `%s` does",
                          settings->instances[node->instance].name, STR_ARG(name),
                          settings->instances[nodes[i].instance].name);
            return false;
        }
    }
    return true;
}

/* How many headers that node can set for one request at the most. */
static size_t
headers_of(const struct require_build *require, size_t at)
{
    const struct require_node *nodes = require->route->require, *node = &nodes[at];
    const struct reserved_header *reserved = require->build->settings->memory->reserved;
    size_t most = 0;

    if (!sets_headers(require->build->settings, node))
        reserved = NULL;
    for (; reserved != NULL; reserved = reserved->next)
        most += reserved->instance == node->instance;
    for (size_t i = at + 1; i < node->end; i = nodes[i].end) {
        size_t member = headers_of(require, i);
        if (node->kind == REQUIRE_ALL_OF)
            most += member;
        else if (member > most)
            most = member;
    }
    return most;
}

/* More than fit: some requests would be refused. Told once, at the entry that is too much. */
static void
check_header_count(const struct require_build *require, const struct mw_options *options)
{
    const struct require_node *nodes = require->route->require;
    size_t sum = 0, entry = 0;

    for (size_t i = 1; i < nodes[0].end; i = nodes[i].end, entry++) {
        sum += headers_of(require, i);
        if (sum <= ROUTE_FORWARDS_MAX)
            continue;
        options_fault(options, "require", entry, "up to here it sets %zu headers, %d are possible",
                      sum, ROUTE_FORWARDS_MAX);
        return;
    }
}

/* ---- Entries ----------------------------------------------------------------------- */

static size_t
add_node(const struct require_build *require, enum require_kind kind, size_t parent)
{
    struct route_settings *route = require->route;
    size_t at = route->require_count++;

    route->require[at] = (struct require_node){
        .kind = kind,
        .depth = at == 0 ? 0 : route->require[parent].depth + 1,
        .parent = parent,
        .end = at + 1,
    };
    return at;
}

/* The one kind of entry that it is; NULL: a fault. */
static const char *
kind_of(const struct entry *entry, const struct mw_options *own, enum require_kind *kind)
{
    const char *word = NULL;
    size_t given = 0;

    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (!options_given(own, kinds[i].word))
            continue;
        given++;
        word = kinds[i].word;
        *kind = kinds[i].kind;
    }
    if (given != 1 && !own->faulty)
        options_fault(entry->options, entry->word, entry->i,
                      "expected a name, or one of `any_of`, `all_of` and `not`");
    return given == 1 ? word : NULL;
}

static bool
add_leaf(const struct require_build *require, const struct entry *entry,
         const struct mw_options *own, const char *word, enum require_kind kind, size_t parent)
{
    bool is_short = kind == REQUIRE_ONE;
    size_t found;

    if (!settings_look_up(require->build, is_short ? entry->options : own,
                          is_short ? entry->word : word, is_short ? entry->i : 0,
                          options_string(own, word), &instances, &found))
        return false;
    size_t at = add_node(require, kind, parent);
    require->route->require[at].instance = found;
    return check_meetings(require, entry, at);
}

static bool add_members(const struct require_build *require, const struct mw_options *options,
                        const char *word, size_t group);

static bool
add_entry(const struct require_build *require, const struct entry *entry, size_t parent)
{
    const struct mw_options *own = options_member(entry->options, entry->word, entry->i);
    enum require_kind kind = REQUIRE_ONE;
    const char *word = own != NULL ? kind_of(entry, own, &kind) : NULL;

    if (word == NULL)
        return false;
    if (kind == REQUIRE_ONE || kind == REQUIRE_NOT)
        return add_leaf(require, entry, own, word, kind, parent);
    size_t group = add_node(require, kind, parent);
    if (require->route->require[group].depth > REQUIRE_DEPTH_MAX) {
        options_fault(own, word, 0, "groups can stand %d deep in each other", REQUIRE_DEPTH_MAX);
        return false;
    }
    if (options_find(own, word)->items != NULL && options_count(own, word) == 0) {
        options_fault(own, word, 0, "expected at least one");
        return false;
    }
    return add_members(require, own, word, group);
}

static bool
add_members(const struct require_build *require, const struct mw_options *options, const char *word,
            size_t group)
{
    bool good = true;

    for (size_t i = 0; i < options_count(options, word); i++)
        good &= add_entry(require, &(struct entry){options, word, i}, group);
    require->route->require[group].end = require->route->require_count;
    return good;
}

bool
settings_build_require(struct settings_build *build, const struct mw_options *options,
                       struct route_settings *route)
{
    const struct require_build require = {build, route};

    route->require =
        settings_array(build, 1 + count_nodes(options, "require"), sizeof(*route->require));
    if (route->require == NULL)
        return false;
    bool good = add_members(&require, options, "require", add_node(&require, REQUIRE_ALL_OF, 0));

    check_header_count(&require, options);
    return good && options_find(options, "require")->items != NULL;
}

/* Who asks for it counts on it: a chain in which nobody can do it is a fault. */
void
settings_check_revalidation(struct settings_build *build, const struct mw_options *options,
                            const struct route_settings *route)
{
    if (!route_is_revalidated(route))
        return;
    for (size_t i = 0; i < route->require_count; i++) {
        const struct require_node *node = &route->require[i];
        const struct instance_settings *instance = &build->settings->instances[node->instance];
        if (node->kind == REQUIRE_ONE &&
            (instance->module == NULL || instance->module->revalidate != NULL))
            return;
    }
    options_fault(options, route->revalidate > 0 ? "revalidate" : "on_reload", 0,
                  "no middleware that the route requires can judge a live tunnel again");
}
