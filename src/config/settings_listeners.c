/*
 * settings_listeners.c - the addresses to listen on.
 *
 * It binds nothing. Two listeners of one name, or on one address however it is written, are a
 * fault, which names the line of the first.
 */
#include "config/places.h"
#include "config/settings_build.h"

static unsigned
line_of(struct settings_build *build, size_t i)
{
    return options_find(build->root, "listeners")->items[i].mark.line;
}

static void
check_name(struct settings_build *build, const struct mw_options *options, size_t index)
{
    const struct listener_settings *all = build->settings->listeners, *it = &all[index];

    for (size_t i = 0; i < index && it->name[0] != '\0'; i++)
        if (strcmp(it->name, all[i].name) == 0)
            options_fault(options, "name", 0, "`%s` is the name of the listener on line %u too",
                          it->name, line_of(build, i));
}

/* Nobody else's header is believed, so without such a proxy nobody could come in. */
static void
check_proxy_protocol(struct settings_build *build, const struct mw_options *options,
                     const struct listener_settings *listener)
{
    const struct settings *settings = build->settings;
    bool is_unix = listener->address.any.sa_family == AF_UNIX;

    if (!listener->proxy_protocol || listener->address.len == 0 ||
        build->proxies_refused)
        return;
    if (is_unix ? !settings->trusts_unix : address_set_count(settings->trusted_proxies) == 0)
        options_fault(options, "proxy_protocol", 0,
                      "only trusted_proxies may send it, and none of them can come here; expected "
                      "%s among them",
                      is_unix ? "unix" : "an address");
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
    listener->mark = options_find(options, "address")->mark;
    settings_check_address(options, &listener->address);
    listener->proxy_protocol = options_integer(options, "proxy_protocol") != 0;
    check_proxy_protocol(build, options, listener);
    check_name(build, options, index);
    settings_build_listener_tls(build, options, &listener->tls);
}

/* Keeps their places, for servers that are listeners. */
static void
check_addresses(struct settings_build *build)
{
    struct settings *settings = build->settings;
    struct place *places = settings_array(build, settings->listener_count, sizeof(*places));
    size_t count = 0;

    if (places == NULL)
        return;
    for (size_t i = 0; i < settings->listener_count; i++)
        if (settings->listeners[i].address.len > 0)
            places[count++] = place_of(&settings->listeners[i].address, i);
    places_sort(places, count);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (!place_equal(&places[i], &places[first]))
            first = i;
        else
            options_fault(options_member(build->root, "listeners", places[i].index), "address", 0,
                          "the listener on line %u has this address too",
                          line_of(build, places[first].index));
    }
    build->listener_places = places;
    build->listener_place_count = count;
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
    check_addresses(build);
}
