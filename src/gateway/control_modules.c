/* control_modules.c - see control_modules.h. */
#include "gateway/control_modules.h"

#include <stdlib.h>

/* A module that was built before there were these functions is shorter. */
static bool
has_control_part(const struct mw_module *module)
{
    return module->size >=
               offsetof(struct mw_module, control_stop) + sizeof(module->control_stop) &&
           module->control_start != NULL;
}

bool
control_modules_start(struct control_modules *modules, const struct settings *settings,
                      struct mw_worker *view, struct log *log)
{
    modules->settings = settings;
    modules->states = calloc(settings->instance_count + 1, sizeof(*modules->states));
    if (modules->states == NULL)
        return false;
    for (size_t i = 0; i < settings->instance_count; i++) {
        const struct instance_settings *instance = &settings->instances[i];
        if (!has_control_part(instance->module))
            continue;
        modules->states[i] = instance->module->control_start(instance->instance, view);
        if (modules->states[i] == NULL) {
            log_message(log, LOG_LEVEL_ERROR, "control", "middleware %s did not start",
                        instance->name);
            return false;
        }
    }
    return true;
}

void
control_modules_stop(struct control_modules *modules)
{
    if (modules->states == NULL)
        return;
    for (size_t i = modules->settings->instance_count; i-- > 0;)
        if (modules->states[i] != NULL)
            modules->settings->instances[i].module->control_stop(modules->states[i]);
    free(modules->states);
    modules->states = NULL;
}
