/* instance.c - the control thread's side of an instance; see instance.h. */
#include "gateway/instance.h"

#include <stdlib.h>

/* A module that was built before there was this function is shorter. */
#define HAS(module, function)                                                                      \
    ((module)->size >= offsetof(struct mw_module, function) + sizeof((module)->function) &&        \
     (module)->function != NULL)

struct instance *
instance_new(struct settings *settings, size_t index, unsigned worker_count)
{
    struct instance_settings *from = &settings->instances[index];
    struct instance *instance =
        calloc(1, sizeof(*instance) + worker_count * sizeof(instance->residents[0]));

    if (instance == NULL)
        return NULL;
    instance->module = from->module;
    instance->instance = from->instance;
    instance->name = from->name;
    instance->origin = settings_hold(settings);
    instance->generations = 1;
    instance->alive = worker_count;
    for (unsigned i = 0; i < worker_count; i++)
        instance->residents[i].instance = instance;
    from->handed_over = true;
    return instance;
}

void
instance_carry(struct instance *instance, struct instance_settings *settings)
{
    settings->module->teardown(settings->instance);
    settings->instance = instance->instance;
    settings->handed_over = true;
    instance->generations++;
}

void
instance_adopt(struct instance *instance, const struct instance *old)
{
    if (HAS(instance->module, adopt) && old->module == instance->module)
        instance->module->adopt(instance->instance, old->instance);
}

bool
instance_start(struct instance *instance, struct mw_worker *view)
{
    if (instance->control_started || !HAS(instance->module, control_stop))
        return true;
    instance->control = instance->module->control_start(instance->instance, view);
    instance->control_started = instance->control != NULL;
    return instance->control_started;
}

static void
end_if_unused(struct instance *instance)
{
    if (instance->generations > 0 || instance->alive > 0)
        return;
    if (instance->control_started)
        instance->module->control_stop(instance->control);
    instance->module->teardown(instance->instance);
    settings_free(instance->origin);
    free(instance);
}

void
instance_leave(struct instance *instance)
{
    instance->generations--;
    end_if_unused(instance);
}

void
instance_resident_ended(struct instance *instance)
{
    instance->alive--;
    end_if_unused(instance);
}
