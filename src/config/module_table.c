/*
 * module_table.c - see module_table.h.
 *
 * The hard thing: a struct may be shorter than ours. Nothing of it is read before its size has
 * said that it is there.
 */
#include "config/module_table.h"

#include "config/options.h"
#include "config/settings.h"

#include <string.h>

enum { NAME_MAX_BYTES = 64, OPTION_DEPTH_MAX = 8 };

/* How far a struct of this size and ABI goes. */
#define HAS(module, member) \
    ((module)->size >= offsetof(struct mw_module, member) + sizeof((module)->member))

/* What each module of this ABI has at least; what comes later in it is younger. */
#define IS_WHOLE(module) HAS(module, revalidate)

static bool
fault_abi(const struct mw_module *module, FILE *faults)
{
    const char *name = HAS(module, name) ? module->name : NULL;

    if (!HAS(module, abi))
        fprintf(faults, "a module's struct has %zu bytes: too short to say what it is\n",
                module->size);
    else if (module->abi != WSGATE_MIDDLEWARE_ABI)
        fprintf(faults, "a module was built for ABI %u of <wsgate/middleware.h>; this is ABI %d\n",
                (unsigned)module->abi, WSGATE_MIDDLEWARE_ABI);
    else if (!IS_WHOLE(module))
        fprintf(faults, "module `%s`: its struct has %zu bytes, but ABI %d has at least %zu\n",
                name != NULL ? name : "", module->size, WSGATE_MIDDLEWARE_ABI,
                offsetof(struct mw_module, revalidate) + sizeof(module->revalidate));
    else
        return false;
    return true;
}

/* What is wrong with one of the right shape; NULL: nothing. */
static const char *
fault_functions(const struct mw_module *module)
{
    if (module->setup == NULL || module->teardown == NULL)
        return "it needs both `setup` and `teardown`";
    if ((module->worker_start == NULL) != (module->worker_stop == NULL))
        return "it needs both `worker_start` and `worker_stop`, or none";
    if (module->decide == NULL)
        return "it needs `decide`";
    if (HAS(module, control_stop) &&
        (module->control_start == NULL) != (module->control_stop == NULL))
        return "it needs both `control_start` and `control_stop`, or none";
    return NULL;
}

/* It stands in the configuration, in log lines and as a metric's label. */
static bool
is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    return len > 0 && len <= NAME_MAX_BYTES && name[len] == '\0' &&
           !options_has(settings_instance_options, str_of(name));
}

/* Of a table, and of its members' tables: an option that cannot be read here, for the header that
 * the module was built with may know more types. NULL: none. */
static const struct mw_option *
find_unreadable(const struct mw_option *row, unsigned depth)
{
    const struct mw_option *found = NULL;

    for (; row != NULL && row->word != NULL && found == NULL; row++) {
        bool has_members =
            row->type == MW_OBJECT || row->type == MW_OBJECTS || row->type == MW_NAMED;
        if ((unsigned)row->type > MW_NAMED || (row->type == MW_WORD && row->choices == NULL) ||
            (has_members && depth == OPTION_DEPTH_MAX))
            return row;
        if (has_members)
            found = find_unreadable(row->members, depth + 1);
    }
    return found;
}

static bool
is_second(const struct mw_module *const *modules, const struct mw_module *const *module)
{
    for (; modules < module; modules++)
        if (IS_WHOLE(*modules) && (*modules)->name != NULL &&
            strcmp((*modules)->name, (*module)->name) == 0)
            return true;
    return false;
}

bool
module_table_check_one(const struct mw_module *const *modules,
                       const struct mw_module *const *module, FILE *faults)
{
    const char *fault;

    if (fault_abi(*module, faults))
        return false;
    if ((*module)->name == NULL || !is_name((*module)->name)) {
        fprintf(faults,
                "a module has no name of letters, digits, `_` and `-`, at most %d, that no option "
                "beside it has\n",
                NAME_MAX_BYTES);
        return false;
    }
    const struct mw_option *unreadable = find_unreadable((*module)->options, 0);
    if (unreadable != NULL) {
        fprintf(faults,
                "module `%s`: its option `%s` has a type, choices or depth that cannot be read\n",
                (*module)->name, unreadable->word);
        return false;
    }
    fault = is_second(modules, module) ? "there is another one of that name"
                                       : fault_functions(*module);
    if (fault != NULL)
        fprintf(faults, "module `%s`: %s\n", (*module)->name, fault);
    return fault == NULL;
}

bool
module_table_check(const struct mw_module *const *modules, FILE *faults)
{
    bool good = true;

    for (const struct mw_module *const *module = modules; *module != NULL; module++)
        good &= module_table_check_one(modules, module, faults);
    return good;
}
