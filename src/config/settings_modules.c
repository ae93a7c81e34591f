/*
 * settings_modules.c - the modules that `modules:` names, put behind those of the program.
 *
 * All of them are looked at as those of the program are; what is wrong with one is a fault where
 * it is named. They are loaded once: where settings take the place of others, those that these have
 * are all there are.
 */
#include "config/module_load.h"
#include "config/module_table.h"
#include "config/settings_build.h"

#include <stdlib.h>

static size_t
count_modules(const struct mw_module *const *modules)
{
    size_t count = 0;

    while (modules[count] != NULL)
        count++;
    return count;
}

/* The text without the end of its line is the fault. */
static void
fault_module(struct settings_build *build, size_t i, char *text)
{
    text[strcspn(text, "\n")] = '\0';
    options_fault(build->root, "modules", i, "`%s`: %s", options_item(build->root, "modules", i),
                  text);
}

/* Into *end, which has room for it and for the NULL behind. */
static bool
load(struct settings_build *build, size_t i, const struct mw_module **table,
     const struct mw_module **end)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    if (out == NULL)
        return false;
    *end = module_load(options_item(build->root, "modules", i), out);
    bool good = *end != NULL && module_table_check_one(table, end, out);

    fclose(out);
    if (!good)
        fault_module(build, i, text);
    free(text);
    return good;
}

void
settings_build_modules(struct settings_build *build)
{
    struct settings_memory *memory = build->settings->memory;
    size_t known = count_modules(build->modules);
    const struct option_value *named = options_find(build->root, "modules");
    size_t count = memory->again ? 0 : named->count;
    const struct mw_module **table, **end;

    table = settings_array(build, known + count + 1, sizeof(const struct mw_module *));
    if (table == NULL)
        return;
    memcpy(table, build->modules, known * sizeof(const struct mw_module *));
    end = table + known;
    build->modules_refused = !memory->again && named->given && named->items == NULL;
    for (size_t i = 0; i < count; i++) {
        bool good = options_item(build->root, "modules", i) != NULL && load(build, i, table, end);
        if (good)
            end++;
        else
            *end = NULL;
        build->modules_refused |= !good;
    }
    build->modules = memory->modules = table;
}
