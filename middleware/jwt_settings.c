/*
 * jwt_settings.c - the options of a jwt instance, read and judged; keys apart (jwt_keys.c).
 *
 * Every fault is reported, not just the first.
 */
#include "jwt_settings.h"

#include "base/clock.h"
#include "token/revocation_file.h"

#include <stdlib.h>

enum {
    LEEWAY_MAX_MS = 3600 * 1000, /* clocks that differ by more are broken */
};

const struct mw_option jwt_cache_options[] = {
    BEARER_CACHE_OPTIONS,
    {NULL},
};

/* `algorithms` as a mask. Each wrong name is a fault. */
static bool
read_algorithms(struct jwt_settings *settings, const struct mw_options *options,
                const struct mw_host *host)
{
    size_t count = host->option_count(options, "algorithms");
    bool ok = bearer_list_check(options, host, "algorithms");

    settings->policy.algorithms = count ? 0 : JOSE_ALL_ALGORITHMS;
    for (size_t i = 0; i < count; i++) {
        const char *name = host->option_item(options, "algorithms", i);
        enum jose_algorithm algorithm = jose_algorithm_named(str_of(name));

        if (algorithm == JOSE_NO_ALGORITHM) {
            host->option_fault(options, "algorithms", i,
                               "\"%s\" is no algorithm; expected one of" JOSE_NAMES, name);
            ok = false;
        } else {
            settings->policy.algorithms |= JOSE_BIT(algorithm);
        }
    }
    if (!ok) /* so that the keys are not blamed for it */
        settings->policy.algorithms = JOSE_ALL_ALGORITHMS;
    return ok;
}

static bool
read_audiences(struct jwt_settings *settings, const struct mw_options *options,
               const struct mw_host *host)
{
    bool ok = bearer_audiences_read(options, host, &settings->audiences,
                                    &settings->policy.audience_count);

    settings->policy.audiences = settings->audiences;
    return ok;
}

static bool
read_scalars(struct jwt_settings *settings, const struct mw_options *options,
             const struct mw_host *host)
{
    bool ok = bearer_name_read(options, host, "issuer", &settings->policy.issuer);

    ok = bearer_name_read(options, host, "typ", &settings->policy.type) && ok;
    settings->policy.leeway_ms = host->option_integer(options, "leeway");
    if (settings->policy.leeway_ms > LEEWAY_MAX_MS) {
        host->option_fault(options, "leeway", 0, "expected at most 1h");
        ok = false;
    }
    settings->policy.max_age_ms = host->option_integer(options, "max_age");
    settings->policy.require_expiration = host->option_integer(options, "require_expiration") != 0;
    settings->forward_token = host->option_integer(options, "forward_token") != 0;
    return ok;
}

/* An entry that is over already is none. */
static bool
read_revoked(struct jwt_settings *settings, const struct mw_options *options,
             const struct mw_host *host)
{
    const char *path = host->option_string(options, "revoked_file");
    struct key_error error = {"out of memory"};

    if (!path)
        return true;
    settings->claims.revoked = revocations_new();
    if (settings->claims.revoked &&
        revocation_file_read(settings->claims.revoked, path, clock_wall_ms(), &error))
        return true;
    host->option_fault(options, "revoked_file", 0, "%s: %s", path, error.text);
    return false;
}

/* ---- The whole ------------------------------------------------------------------ */

bool
jwt_settings_read(struct jwt_settings *settings, const struct mw_options *options,
                  const struct mw_host *host)
{
    bool ok = read_algorithms(settings, options, host);

    ok = bearer_places_read(options, host, settings->places, &settings->place_count) && ok;
    ok = bearer_claims_read(&settings->claims, options, host) && ok;
    ok = read_audiences(settings, options, host) && ok;
    ok = read_revoked(settings, options, host) && ok;
    ok = bearer_cache_read(options, host, &settings->policy.cache) && ok;
    return read_scalars(settings, options, host) && ok;
}

void
jwt_settings_free(struct jwt_settings *settings)
{
    bearer_claims_free(&settings->claims);
    free(settings->audiences);
    token_cache_free(settings->policy.cache);
}
