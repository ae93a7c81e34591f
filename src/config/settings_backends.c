/*
 * settings_backends.c - groups of servers.
 *
 * It looks no name up: a server is an address. It connects to nothing.
 */
#include "config/places.h"
#include "config/settings_build.h"
#include "protocol/path.h"

#define HOUR_MS (3600LL * 1000)

static void
build_server(const struct mw_options *options, struct server_settings *server)
{
    /* The sum of weights of a whole file must stay an unsigned. */
    static const struct settings_range ranges[] = {
        {"weight", 1, 1000, "1 to 1000"},
        {"max_connections", 0, 10 * 1000 * 1000, "at most 10000000"},
    };

    settings_check_ranges(options, ranges, COUNT_OF(ranges));
    settings_check_address(options, &server->address);
    server->text = options_string(options, "address");
    server->weight = (unsigned)options_integer(options, "weight");
    server->max_connections = (unsigned)options_integer(options, "max_connections");
}

/* nginx takes a server twice, for a larger share. Here each is tried once, and its connections are
 * counted: two of one would be tried twice, and have twice the limit. */
static void
check_unique(const struct option_value *servers, struct place *places, size_t count)
{
    places_sort(places, count);
    for (size_t i = 1, first = 0; i < count; i++) {
        if (!place_equal(&places[i], &places[first]))
            first = i;
        else
            options_fault(servers->items[places[i].index].members, "address", 0,
                          "the server on line %u has this address too; `weight` gives one a larger "
                          "share",
                          servers->items[places[first].index].mark.line);
    }
}

/* Which of the gateway's own listeners are servers. */
static void
find_own(struct settings_build *build, struct backend_settings *backend)
{
    backend->own = settings_array(build, backend->server_count, sizeof(*backend->own));
    for (size_t i = 0; i < backend->server_count && backend->own != NULL; i++) {
        const struct address *address = &backend->servers[i].address;
        const struct place *place =
            address->len > 0 ? places_reached(build->listener_places, build->listener_place_count,
                                              address)
                             : NULL;

        if (place != NULL)
            backend->own[backend->own_count++] = &build->settings->listeners[place->index];
    }
}

static void
check_servers(struct settings_build *build, const struct option_value *servers,
              struct backend_settings *backend)
{
    struct place *places = settings_array(build, backend->server_count, sizeof(*places));
    size_t count = 0;

    for (size_t i = 0; i < backend->server_count && places != NULL; i++)
        if (backend->servers[i].address.len > 0)
            places[count++] = place_of(&backend->servers[i].address, i);
    check_unique(servers, places, count);
    find_own(build, backend);
}

static void
build_servers(struct settings_build *build, const struct mw_options *options,
              struct backend_settings *backend)
{
    const struct option_value *value = options_find(options, "servers");

    if (value->items != NULL && value->count == 0)
        options_fault(options, "servers", 0, "expected at least one");
    backend->servers = settings_array(build, value->count, sizeof(*backend->servers));
    if (backend->servers == NULL)
        return;
    backend->server_count = value->count;
    for (size_t i = 0; i < value->count; i++)
        if (value->items[i].members != NULL)
            build_server(value->items[i].members, &backend->servers[i]);
    check_servers(build, value, backend);
}

/* It is sent as it is written, so it must be what a client could send. */
static void
build_host(struct settings_build *build, const struct mw_options *options,
           struct backend_settings *backend)
{
    const char *text = options_string(options, "host"), *error;
    struct host host;

    if (text == NULL)
        return;
    char *scratch = arena_alloc(build->arena, HOST_OUT_BYTES(strlen(text)));

    if (scratch == NULL || !host_parse(&host, str_of(text), false, scratch, &error))
        options_fault(options, "host", 0, "expected HOST or HOST:PORT, found `%s`", text);
    backend->host = str_of(text);
}

static void
build_backend(struct settings_build *build, const struct mw_options *options,
              struct backend_settings *backend)
{
    static const struct settings_range ranges[] = {
        {"connect_timeout", 1, HOUR_MS, "1ms to 1h"},
        {"handshake_timeout", 1, HOUR_MS, "1ms to 1h"},
    };

    settings_check_ranges(options, ranges, COUNT_OF(ranges));
    build_servers(build, options, backend);
    build_host(build, options, backend);
    backend->balance = (enum balance)options_integer(options, "balance");
    backend->send_proxy = (enum send_proxy)options_integer(options, "send_proxy");
    backend->connect_timeout = (uint64_t)options_integer(options, "connect_timeout");
    backend->handshake_timeout = (uint64_t)options_integer(options, "handshake_timeout");
    settings_build_backend_tls(build, options, backend);
}

void
settings_build_backends(struct settings_build *build)
{
    const struct option_value *value = options_find(build->root, "backends");
    struct settings *settings = build->settings;

    settings_check_filled(build, "backends");
    settings->backends = settings_array(build, value->count, sizeof(*settings->backends));
    if (settings->backends == NULL)
        return;
    settings->backend_count = value->count;
    for (size_t i = 0; i < value->count; i++) {
        struct backend_settings *backend = &settings->backends[i];

        backend->index = i;
        backend->name = value->items[i].key;
        settings_check_name(build, value->items[i].key_mark, backend->name);
        if (value->items[i].members != NULL)
            build_backend(build, value->items[i].members, backend);
    }
}
