/*
 * settings_middleware.c - instances of modules, checked against their tables and set up.
 *
 * What an option of a module means is the module's: it looks at it in setup, and says
 * what is wrong through option_fault.
 *
 * Ownership: an instance belongs to its module and goes back to it by settings_free.
 *
 * The hard thing: all faults come in one run. So setup runs whatever is wrong elsewhere, and
 * even where an option of its own was refused: that one counts as left out, which setup is ready
 * for. Only where something required is not there it cannot run.
 */
#include "base/file_place.h"
#include "config/settings_build.h"
#include "config/suggest.h"

#include <errno.h>

static const struct mw_option no_options[] = {{0}};

/* NULL: a fault that names the module meant, or all there are; or it may be one of those that were
 * refused. */
static const struct mw_module *
find_module(struct settings_build *build, const struct yaml_node *entry)
{
    char known[FAULT_TEXT_MAX] = "";
    size_t len = 0;
    struct suggest suggest;

    suggest_start(&suggest, entry->key);
    for (const struct mw_module *const *module = build->modules; *module != NULL; module++) {
        if (strcmp((*module)->name, entry->key.at) == 0)
            return *module;
        suggest_try(&suggest, (*module)->name);
        if (len < sizeof(known))
            len += (size_t)snprintf(known + len, sizeof(known) - len, "%s`%s`",
                                    len > 0 ? ", " : "", (*module)->name);
    }
    if (build->modules_refused)
        return NULL;
    if (suggest.best != NULL)
        faults_add(build->faults, entry->key_mark, "no module `%s`" SUGGEST_FMT, entry->key.at,
                   SUGGEST_ARG(suggest));
    else
        faults_add(build->faults, entry->key_mark, "no module `%s`; there are %s", entry->key.at,
                   known);
    return NULL;
}

static void
set_up(struct settings_build *build, struct instance_settings *instance)
{
    size_t before = build->faults->total;
    struct str name;

    build->settings->memory->setting_up = instance->index;
    instance->instance = instance->module->setup(instance->options, build->host);
    if (settings_set_one_header(build->settings, instance->index, instance->index, &name))
        faults_add(build->faults, instance->options->mark,
                   "`%s` sets the header `" STR_FMT "` twice", instance->name, STR_ARG(name));
    if (instance->instance == NULL && build->faults->total == before && !instance->options->faulty)
        faults_add(build->faults, instance->options->mark, "`%s`: module `%s` could not be set up",
                   instance->name, instance->module->name);
}

/* NULL: no instance before this one names that file of its own. */
static const struct instance_settings *
find_owner(const struct settings *settings, size_t before, const char *path)
{
    const struct file_place place = file_place_of(path);

    for (size_t i = 0; i < before; i++) {
        const struct instance_settings *other = &settings->instances[i];
        const struct mw_option *row = other->options ? other->module->options : NULL;

        for (; row != NULL && row->word != NULL; row++) {
            const char *own = (row->flags & MW_OWN) != 0 ? options_string(other->options, row->word)
                                                         : NULL;
            if (own == NULL || own[0] != '/')
                continue;
            const struct file_place taken = file_place_of(own);
            if (file_place_compare(&taken, &place) == 0)
                return other;
        }
    }
    return NULL;
}

/* A file that the instance writes. */
static void
check_own(struct settings_build *build, const struct instance_settings *instance, const char *word,
          const char *path)
{
    const struct instance_settings *owner = find_owner(build->settings, instance->index, path);

    if (owner != NULL)
        options_fault(instance->options, word, 0, "`%s` names the same file", owner->name);
    else if (build->use != SETTINGS_TO_READ && !file_place_can_make(path))
        options_fault(instance->options, word, 0, "`%s` cannot be made: %s", path,
                      strerror(errno));
}

/* What the module says of a path that is not absolute is its own. */
static void
check_all_own(struct settings_build *build, const struct instance_settings *instance)
{
    const struct mw_option *row = instance->module->options;

    for (; row != NULL && row->word != NULL; row++) {
        const char *path =
            (row->flags & MW_OWN) != 0 ? options_string(instance->options, row->word) : NULL;
        if (path != NULL && path[0] == '/')
            check_own(build, instance, row->word, path);
    }
}

/* The entry's node without what is no module's, which comes to *rest; both are made anew. */
static struct yaml_node *
split_entry(struct settings_build *build, const struct yaml_node *entry, struct yaml_node *rest)
{
    struct yaml_node *module = NULL;
    struct yaml_node **last = &rest->first;

    *rest = (struct yaml_node){.kind = YAML_KIND_MAP, .mark = entry->mark};
    for (const struct yaml_node *item = entry->first; item != NULL; item = item->next) {
        struct yaml_node *copy = settings_array(build, 1, sizeof(*copy));
        if (copy == NULL)
            return NULL;
        *copy = *item;
        copy->next = NULL;
        bool is_ours = options_has(settings_instance_options, item->key);
        if (!is_ours && module != NULL)
            return NULL;
        if (is_ours) {
            *last = copy;
            last = &copy->next;
        } else {
            module = copy;
        }
    }
    return module;
}

static void
build_instance(struct settings_build *build, struct instance_settings *instance,
               const struct option_item *item)
{
    struct options_context *context = &build->settings->memory->context;
    const struct yaml_node *entry = item->node;
    struct yaml_node *module, beside;

    if (entry->faulty)
        return;
    module = entry->kind == YAML_KIND_MAP ? split_entry(build, entry, &beside) : NULL;
    if (module == NULL) {
        faults_add(build->faults, entry->kind == YAML_KIND_MAP ? entry->mark : item->key_mark,
                   "`%s`: expected exactly one module with its options", item->key);
        return;
    }
    const struct mw_options *own = options_check(context, &beside, settings_instance_options);

    instance->dry_run = own != NULL && options_integer(own, "dry_run") != 0;
    instance->module = find_module(build, module);
    if (instance->module == NULL)
        return;
    const struct mw_option *table = instance->module->options;

    struct mw_options *options = options_check(context, module, table ? table : no_options);

    instance->options = options;
    if (options != NULL && module->kind == YAML_KIND_MAP && !module->faulty &&
        options_forget_refused(options)) {
        check_all_own(build, instance);
        set_up(build, instance);
    }
}

void
settings_build_middleware(struct settings_build *build)
{
    const struct option_value *value = options_find(build->root, "middleware");
    struct settings *settings = build->settings;

    settings->instances = settings_array(build, value->count, sizeof(*settings->instances));
    if (settings->instances == NULL)
        return;
    settings->instance_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        struct instance_settings *instance = &settings->instances[i];

        instance->name = value->items[i].key;
        instance->index = i;
        settings_check_name(build, value->items[i].key_mark, instance->name);
        build_instance(build, instance, &value->items[i]);
    }
}
