/* jwt_remote_settings.c - see jwt_remote_settings.h. Every fault is reported, not just the
 * first. */
#include "jwt_remote_settings.h"

#include "protocol/service_url.h"
#include "service_options.h"

bool
jwt_address_equal(const struct jwt_address *a, const struct jwt_address *b)
{
    return str_equal(str_of(a->url), str_of(b->url)) &&
           str_equal(str_of(a->issuer), str_of(b->issuer));
}

static bool
is_named_before(const struct jwt_remote_settings *settings, const char *url)
{
    for (size_t i = 0; i < settings->count; i++)
        if (strcmp(settings->addresses[i].url, url) == 0)
            return true;
    return false;
}

static bool
read_urls(struct jwt_remote_settings *settings, const struct mw_options *options,
          const struct mw_host *host)
{
    size_t count = host->option_count(options, "jwks_url");
    bool ok = true;

    if (host->option_given(options, "jwks_url") && count == 0) {
        host->option_fault(options, "jwks_url", 0, "empty; leave it out, or name one");
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct jwt_address address = {.url = host->option_item(options, "jwks_url", i)};
        const char *error = NULL;

        if (settings->count == JWT_ADDRESSES_MAX - 1) /* one place is for discovery */
            error = "too many addresses";
        else if (service_url_check(address.url, &error) &&
                 is_named_before(settings, address.url))
            error = "named twice";
        if (error)
            host->option_fault(options, "jwks_url", i, "%s", error);
        else
            settings->addresses[settings->count++] = address;
        ok = ok && !error;
    }
    return ok;
}

/* `word`: the option that gave the base of the document's address. */
static bool
add_discovery(struct jwt_remote_settings *settings, const struct mw_options *options,
              const struct mw_host *host, const char *word)
{
    const char *base = host->option_string(options, word), *error;
    const char *issuer = host->option_string(options, "issuer");
    struct jwt_address address = {settings->discovery, issuer ? issuer : base};

    if (strstr(base, DISCOVERY_PATH))
        error = "expected the provider's address without " DISCOVERY_PATH;
    else if (discovery_url(base, settings->discovery, &error)) {
        settings->addresses[settings->count++] = address;
        return true;
    }
    host->option_fault(options, word, 0, "%s", error);
    return false;
}

static bool
read_discovery(struct jwt_remote_settings *settings, const struct mw_options *options,
               const struct mw_host *host)
{
    static const char *const sources[] = {"keys", "jwks_file", "jwks_url", "discovery"};
    const char *issuer = host->option_string(options, "issuer");
    bool named = false;

    if (host->option_given(options, "discovery"))
        return add_discovery(settings, options, host, "discovery");
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        named = named || host->option_given(options, sources[i]);
    if (named || !issuer || !str_starts_with(str_of(issuer), STR("https://")))
        return true;
    return add_discovery(settings, options, host, "issuer");
}

/* An option of no use without an address is a mistake. */
static bool
check_useless(const struct mw_options *options, const struct mw_host *host)
{
    static const char *const words[] = {"cache_file", "refresh", "refetch_interval",
                                        "fetch_timeout", "max_stale", "ca_file"};
    bool ok = true;

    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (host->option_given(options, words[i])) {
            host->option_fault(options, words[i], 0, "it needs jwks_url or discovery");
            ok = false;
        }
    return ok;
}

static bool
read_times(struct jwt_remote_settings *settings, const struct mw_options *options,
           const struct mw_host *host)
{
    const struct {
        const char *word;
        uint64_t *ms;
        int64_t least, most;
        const char *expected;
    } times[] = {
        {"refresh", &settings->refresh_ms, 1000, 7 * 24 * 3600 * 1000, "expected 1s to 7d"},
        {"refetch_interval", &settings->refetch_ms, 1000, 3600 * 1000, "expected 1s to 1h"},
        {"fetch_timeout", &settings->timeout_ms, 100, 60 * 1000, "expected 100ms to 1m"},
        {"max_stale", &settings->max_stale_ms, 1000, INT64_C(30) * 24 * 3600 * 1000,
         "expected 1s to 30d, or 0 for ever"},
    };
    bool ok = true;

    for (size_t i = 0; i < COUNT_OF(times); i++) {
        int64_t ms = host->option_integer(options, times[i].word);

        *times[i].ms = (uint64_t)ms;
        if ((ms >= times[i].least && ms <= times[i].most) ||
            (ms == 0 && times[i].ms == &settings->max_stale_ms))
            continue;
        host->option_fault(options, times[i].word, 0, "%s", times[i].expected);
        ok = false;
    }
    return ok;
}

bool
jwt_remote_settings_read(struct jwt_remote_settings *settings, const struct mw_options *options,
                         const struct mw_host *host)
{
    bool ok = read_urls(settings, options, host);

    ok = read_discovery(settings, options, host) && ok;
    if (ok && settings->count == 0)
        return check_useless(options, host);
    ok = read_times(settings, options, host) && ok;
    ok = service_ca_file_read(&settings->ca_file, options, host) && ok;
    settings->cache_file = host->option_string(options, "cache_file");
    if (settings->cache_file && *settings->cache_file != '/') {
        host->option_fault(options, "cache_file", 0, "expected an absolute path");
        ok = false;
    }
    return ok;
}

const char *
jwt_remote_settings_issuer(const struct jwt_remote_settings *settings)
{
    for (size_t i = 0; i < settings->count; i++)
        if (settings->addresses[i].issuer)
            return settings->addresses[i].issuer;
    return NULL;
}
