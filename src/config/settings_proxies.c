/*
 * settings_proxies.c - who is believed about a client's address.
 *
 * A peer on a Unix socket has no address: the word `unix` stands for all of them. Who can open the
 * socket is the file system's matter.
 */
#include "config/settings_build.h"

static void
add_proxy(struct settings_build *build, const char *text, size_t i)
{
    struct settings *settings = build->settings;
    const char *error;

    if (strcmp(text, "unix") == 0) {
        settings->trusts_unix = true;
    } else if (!address_set_add(settings->trusted_proxies, str_of(text), &error)) {
        options_fault(build->root, "trusted_proxies", i, "%s; or unix, found `%s`", error, text);
        build->proxies_refused = true;
    }
}

void
settings_build_proxies(struct settings_build *build)
{
    struct settings *settings = build->settings;
    const struct option_value *value = options_find(build->root, "trusted_proxies");

    build->proxies_refused = value->given && value->items == NULL;
    settings->client_header =
        (enum client_header)options_integer(build->root, "client_address_header");
    settings->trusted_proxies = address_set_new();
    if (settings->trusted_proxies == NULL) {
        faults_add(build->faults, build->root->mark, "out of memory");
        build->proxies_refused = true;
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        if (value->items[i].text != NULL)
            add_proxy(build, value->items[i].text, i);
        else
            build->proxies_refused = true;
    }
    if (!address_set_seal(settings->trusted_proxies))
        faults_add(build->faults, build->root->mark, "out of memory");
}

bool
settings_trusts(const struct settings *settings, const struct sockaddr *peer)
{
    return peer->sa_family == AF_UNIX ? settings->trusts_unix
                                      : address_set_has(settings->trusted_proxies, peer);
}
