/*
 * settings_listeners.c - the addresses to listen on.
 *
 * It binds nothing. Two listeners of one name, or on one address, are a fault, which
 * names the line of the first.
 */
#include "config/settings_build.h"

static unsigned
line_of(struct settings_build *build, size_t i)
{
    return options_find(build->root, "listeners")->items[i].mark.line;
}

static void
check_unique(struct settings_build *build, const struct mw_options *options, size_t index)
{
    const struct listener_settings *all = build->settings->listeners, *it = &all[index];

    for (size_t i = 0; i < index; i++) {
        if (it->name[0] != '\0' && strcmp(it->name, all[i].name) == 0)
            options_fault(options, "name", 0, "`%s` is the name of the listener on line %u too",
                          it->name, line_of(build, i));
        if (it->address.len > 0 && all[i].address.len > 0 &&
            address_equal(&it->address, &all[i].address))
            options_fault(options, "address", 0, "the listener on line %u has this address too",
                          line_of(build, i));
    }
}

static void
build_listener(struct settings_build *build, const struct mw_options *options, size_t index)
{
    struct listener_settings *listener = &build->settings->listeners[index];
    const struct option_value *name = options_find(options, "name");

    listener->name = "";
    if (name->count > 0) {
        listener->name = name->items[0].text;
        settings_check_name(build, name->mark, listener->name);
    }
    listener->text = options_string(options, "address");
    settings_check_address(options, &listener->address);
    check_unique(build, options, index);
}

void
settings_build_listeners(struct settings_build *build)
{
    size_t count = options_count(build->root, "listeners");
    struct settings *settings = build->settings;

    settings_check_filled(build, "listeners");
    settings->listeners = settings_array(build, count, sizeof(*settings->listeners));
    if (settings->listeners == NULL)
        return;
    settings->listener_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct mw_options *options = options_member(build->root, "listeners", i);

        settings->listeners[i].name = "";
        if (options != NULL)
            build_listener(build, options, i);
    }
}
