/*
 * settings.c - from a file's name to settings, or to all that is wrong with it.
 *
 * It only chains the steps: text, tree, variables, tables, then the chapters of the
 * file one after the other (settings_*.c), which check what tables cannot.
 *
 * Ownership: one settings_memory owns the settings and all that they point to, but for
 * the modules' instances, which settings_free hands back to their modules, and the set of
 * trusted proxies, which it frees.
 *
 * The hard thing is to go on after a fault, and never to use what is faulty: settings leave
 * this file only when not one fault was found.
 */
#include "config/settings.h"

#include "config/environment.h"
#include "config/module_table.h"
#include "config/settings_build.h"
#include "net/tls_client.h"
#include "net/tls_server.h"
#include "protocol/field_names.h"

#include <stdlib.h>

/* A file of 1 MiB can make half a million nodes of some hundred bytes, checked and kept. */
#define MEMORY_MAX ((size_t)512 << 20)

/* What stands before the last slash; len 0: there is none. */
static struct str
directory_of(const char *file)
{
    const char *slash = strrchr(file, '/');

    return slash == file ? STR("/.") : (struct str){file, slash ? (size_t)(slash - file) : 0};
}

static struct settings_memory *
memory_new(const char *file, FILE *faults)
{
    struct settings_memory *memory = calloc(1, sizeof(*memory));

    if (memory == NULL) {
        fprintf(faults, "%s:1:1: out of memory\n", file);
        return NULL;
    }
    arena_init(&memory->arena, NULL, MEMORY_MAX);
    faults_init(&memory->faults, file);
    memory->context = (struct options_context){
        .arena = &memory->arena,
        .faults = &memory->faults,
        .directory = directory_of(file),
        .owner = memory,
    };
    memory->settings.memory = memory;
    memory->references = 1;
    return memory;
}

/* The tables' verdict on the whole file; NULL: there is nothing to go on with. */
static const struct mw_options *
read_options(struct settings_memory *memory, struct str text)
{
    struct yaml_node *tree = yaml_tree_read(&memory->arena, text, &memory->faults);

    if (tree == NULL)
        return NULL;
    environment_expand_tree(&memory->arena, tree, getenv, &memory->faults);
    const struct mw_options *root = options_check(&memory->context, tree, settings_options);

    return tree->kind == YAML_KIND_MAP ? root : NULL;
}

static void
build(struct settings_memory *memory, const struct mw_options *root, enum settings_use use)
{
    struct settings_build build = {
        .settings = &memory->settings,
        .arena = &memory->arena,
        .faults = &memory->faults,
        .root = root,
        .modules = memory->modules,
        .host = memory->host,
        .use = use,
    };

    settings_build_process(&build);
    settings_build_limits(&build);
    settings_build_proxies(&build);
    settings_build_listeners(&build);
    settings_build_modules(&build);
    settings_build_middleware(&build);
    settings_build_headers(&build);
    settings_build_backends(&build);
    settings_build_routes(&build);
    settings_check_captures(&build);
}

static struct settings *
finish(struct settings_memory *memory, FILE *out)
{
    bool good = memory->faults.total == 0;

    if (!good) {
        faults_print(&memory->faults, out);
        settings_free(&memory->settings);
        return NULL;
    }
    /* `file` is the caller's; what is kept gets a copy. Nobody can report from here on. */
    memory->settings.file = arena_copy(&memory->arena, str_of(memory->faults.file)).at;
    memory->context = (struct options_context){.arena = &memory->arena, .owner = memory};
    if (memory->settings.file == NULL) {
        fputs("out of memory\n", out);
        settings_free(&memory->settings);
        return NULL;
    }
    return &memory->settings;
}

/* The module table first: a module that cannot be used has no options to check either. */
static struct settings_memory *
begin(const char *file, const struct mw_module *const *modules, const struct mw_host *host,
      FILE *faults)
{
    struct settings_memory *memory =
        module_table_check(modules, faults) ? memory_new(file, faults) : NULL;

    if (memory != NULL) {
        memory->modules = modules;
        memory->host = host;
    }
    return memory;
}

static struct settings *
load(struct settings_memory *memory, struct str text, enum settings_use use, FILE *faults)
{
    const struct mw_options *root = read_options(memory, text);

    memory->root = root;
    if (root != NULL)
        build(memory, root, use);
    return finish(memory, faults);
}

struct settings *
settings_load_text(const char *file, struct str text, const struct mw_module *const *modules,
                   const struct mw_host *host, FILE *faults)
{
    struct settings_memory *memory = begin(file, modules, host, faults);

    return memory ? load(memory, text, SETTINGS_TO_READ, faults) : NULL;
}

static struct settings *
load_file(struct settings_memory *memory, const char *file, enum settings_use use, FILE *faults)
{
    struct str text;

    if (!yaml_tree_load(&memory->arena, file, &text, &memory->faults))
        return finish(memory, faults);
    return load(memory, text, use, faults);
}

struct settings *
settings_load(const char *file, const struct mw_module *const *modules, const struct mw_host *host,
              enum settings_use use, FILE *faults)
{
    struct settings_memory *memory = begin(file, modules, host, faults);

    return memory != NULL ? load_file(memory, file, use, faults) : NULL;
}

struct settings *
settings_load_again(const struct settings *settings, enum settings_use use, FILE *faults)
{
    const struct settings_memory *before = settings->memory;
    struct settings_memory *memory = begin(settings->file, before->modules, before->host, faults);

    if (memory == NULL)
        return NULL;
    memory->again = true;
    return load_file(memory, settings->file, use, faults);
}

bool
settings_read_again(const struct settings *settings, FILE *faults)
{
    struct settings *again = settings_load_again(settings, SETTINGS_AS_RELOAD, faults);

    settings_free(again);
    return again != NULL;
}

struct settings *
settings_hold(struct settings *settings)
{
    settings->memory->references++;
    return settings;
}

void
settings_free(struct settings *settings)
{
    if (settings == NULL || --settings->memory->references > 0)
        return;
    struct settings_memory *memory = settings->memory;

    for (size_t i = settings->instance_count; i > 0; i--) {
        struct instance_settings *instance = &settings->instances[i - 1];

        if (instance->instance != NULL && !instance->handed_over)
            instance->module->teardown(instance->instance);
    }
    address_set_free(settings->trusted_proxies);
    for (size_t i = 0; i < settings->listener_count; i++)
        tls_server_free(settings->listeners[i].tls);
    for (size_t i = 0; i < settings->backend_count; i++)
        tls_client_free(settings->backends[i].tls);
    faults_free(&memory->faults);
    arena_free(&memory->arena);
    free(memory);
}

/* ---- Beside other settings ---------------------------------------------------- */

struct mark
settings_mark(const struct settings *settings, const char *word)
{
    return options_find(settings->memory->root, word)->mark;
}

bool
settings_agree(const struct settings *a, const struct settings *b, const char *word)
{
    return options_equal_at(a->memory->root, b->memory->root, word);
}

bool
settings_stay(struct settings *settings, const struct settings *running)
{
    settings->threads = running->threads;
    settings->user = NULL;
    if (running->user == NULL)
        return true;
    settings->user = arena_copy(&settings->memory->arena, str_of(running->user)).at;
    return settings->user != NULL;
}

/* ---- What several parts need ---------------------------------------------- */

void *
settings_array(struct settings_build *build, size_t count, size_t size)
{
    void *array = count > 0 ? arena_zalloc(build->arena, count * size) : NULL;

    if (array == NULL && count > 0)
        faults_add(build->faults, build->root->mark, "out of memory");
    return array;
}

void
settings_check_address(const struct mw_options *options, struct address *address)
{
    const char *text = options_string(options, "address"), *error;

    if (text == NULL || address_parse(address, str_of(text), &error))
        return;
    options_fault(options, "address", 0, "%s, found `%s`", error, text);
    address->len = 0;
}

void
settings_check_name(struct settings_build *build, struct mark mark, const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

    if (len == 0 || len > 64 || name[len] != '\0')
        faults_add(build->faults, mark,
                   "expected a name of letters, digits, `_`, `-` and `.`, at most 64, found `%s`",
                   name);
}

void
settings_check_filled(struct settings_build *build, const char *word)
{
    const struct option_value *value = options_find(build->root, word);

    if (value->items != NULL && value->count == 0)
        options_fault(build->root, word, 0, "expected at least one");
}

void
settings_check_ranges(const struct mw_options *options, const struct settings_range *ranges,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct option_value *value = options_find(options, ranges[i].word);

        if (value->count > 0 &&
            (value->integer < ranges[i].low || value->integer > ranges[i].high))
            options_fault(options, ranges[i].word, 0, "expected %s, found `" STR_FMT "`",
                          ranges[i].said, STR_ARG(value->items[0].written));
    }
}

/* ---- The module interface --------------------------------------------------- */

static bool
reserve_header(const struct mw_options *options, const char *name)
{
    struct settings_memory *memory = options->context->owner;
    struct reserved_header *reserved = NULL;

    if (options->context->faults == NULL || field_names_have(&field_names_own, str_of(name)))
        return false;
    struct str normalized = settings_header_name(&memory->arena, name, false);

    if (normalized.at != NULL)
        reserved = arena_zalloc(&memory->arena, sizeof(*reserved));
    if (reserved == NULL)
        return false;
    *reserved = (struct reserved_header){memory->reserved, normalized, memory->setting_up};
    memory->reserved = reserved;
    return true;
}

void
settings_fill_host(struct mw_host *host)
{
    host->option_string = options_string;
    host->option_integer = options_integer;
    host->option_interval_ns = options_interval_ns;
    host->option_given = options_given;
    host->option_count = options_count;
    host->option_key = options_key;
    host->option_item = options_item;
    host->option_member = options_member;
    host->option_fault = options_fault;
    host->reserve_header = reserve_header;
    host->expect_capture = settings_expect_capture;
    host->offer_claims = settings_offer_claims;
    host->expect_claim = settings_expect_claim;
}
