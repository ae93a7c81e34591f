/*
 * jwt_settings.c - the options of a jwt instance, read and judged; keys apart (jwt_keys.c).
 *
 * Every fault is reported, not just the first.
 */
#include "jwt_settings.h"

#include <stdlib.h>

enum { LEEWAY_MAX_MS = 3600 * 1000 }; /* clocks that differ by more are broken */

enum { ON_EXPIRY_CLOSE, ON_EXPIRY_KEEP };

/* An empty list looks like "any" or like "none", and is never what was meant. */
static bool
check_lists(const struct mw_options *options, const struct mw_host *host)
{
    static const char *const words[] = {"algorithms", "audience", "token_from"};
    bool ok = true;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!host->option_given(options, words[i]) || host->option_count(options, words[i]) > 0)
            continue;
        host->option_fault(options, words[i], 0, "empty; leave it out, or name one");
        ok = false;
    }
    return ok;
}

/* `algorithms` as a mask. Each wrong name is a fault. */
static bool
read_algorithms(struct jwt_settings *settings, const struct mw_options *options,
                const struct mw_host *host)
{
    size_t count = host->option_count(options, "algorithms");
    bool ok = true;

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
read_places(struct jwt_settings *settings, const struct mw_options *options,
            const struct mw_host *host)
{
    size_t count = host->option_count(options, "token_from");
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        struct credential_place place;
        const char *error = NULL;

        if (i >= JWT_PLACES_MAX)
            error = "too many places";
        else if (credential_place_parse(&place, host->option_item(options, "token_from", i),
                                        &error))
            for (size_t j = 0; j < settings->place_count; j++)
                if (credential_place_equal(&place, &settings->places[j]))
                    error = "named twice";
        if (error)
            host->option_fault(options, "token_from", i, "%s", error);
        else
            settings->places[settings->place_count++] = place;
        ok = ok && !error;
    }
    return ok;
}

/* Does an earlier claim go to that header? */
static bool
is_header_taken(const struct jwt_settings *settings, const char *header)
{
    for (size_t i = 0; i < settings->forward_count; i++)
        if (strcasecmp(settings->forwards[i].header, header) == 0)
            return true;
    return false;
}

static bool
read_forwards(struct jwt_settings *settings, const struct mw_options *options,
              const struct mw_host *host)
{
    size_t count = host->option_count(options, "forward_claims");
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        const char *claim = host->option_key(options, "forward_claims", i);
        const char *header = host->option_item(options, "forward_claims", i);
        const char *error = NULL;

        if (settings->forward_count == JWT_FORWARDS_MAX)
            error = "too many claims";
        else if (is_header_taken(settings, header))
            error = "another claim goes to this header";
        else if (claim_header_init(&settings->forwards[settings->forward_count], claim, header,
                                   &error)) {
            settings->forward_count++;
            if (!host->reserve_header(options, header)) /* on every route, this one or not */
                error = "out of memory";
        }
        if (error)
            host->option_fault(options, "forward_claims", i, "%s", error);
        ok = ok && !error;
    }
    return ok;
}

static bool
read_audiences(struct jwt_settings *settings, const struct mw_options *options,
               const struct mw_host *host)
{
    size_t count = host->option_count(options, "audience");

    if (count == 0)
        return true;
    settings->audiences = calloc(count, sizeof(*settings->audiences));
    bool ok = settings->audiences != NULL;
    if (!ok)
        host->option_fault(options, "audience", 0, "out of memory");
    for (size_t i = 0; ok && i < count; i++)
        settings->audiences[i] = str_of(host->option_item(options, "audience", i));
    settings->policy.audiences = settings->audiences;
    settings->policy.audience_count = count;
    return ok;
}

/* `word` as a string; an empty one is a fault, for it looks like "any" and is not. */
static bool
read_name(const struct mw_options *options, const struct mw_host *host, const char *word,
          struct str *name)
{
    *name = str_of(host->option_string(options, word));
    if (!name->at || name->len > 0)
        return true;
    host->option_fault(options, word, 0, "empty; leave it out, or name one");
    return false;
}

static bool
read_subject(struct jwt_settings *settings, const struct mw_options *options,
             const struct mw_host *host)
{
    const char *error;

    if (claim_path_init(&settings->subject, host->option_string(options, "subject_claim"), &error))
        return true;
    host->option_fault(options, "subject_claim", 0, "%s", error);
    return false;
}

static bool
read_scalars(struct jwt_settings *settings, const struct mw_options *options,
             const struct mw_host *host)
{
    bool ok = read_name(options, host, "issuer", &settings->policy.issuer);

    ok = read_name(options, host, "typ", &settings->policy.type) && ok;
    settings->policy.leeway_ms = host->option_integer(options, "leeway");
    if (settings->policy.leeway_ms > LEEWAY_MAX_MS) {
        host->option_fault(options, "leeway", 0, "expected at most 1h");
        ok = false;
    }
    settings->policy.max_age_ms = host->option_integer(options, "max_age");
    ok = read_subject(settings, options, host) && ok;
    settings->policy.require_expiration = host->option_integer(options, "require_expiration") != 0;
    settings->close_on_expiry = host->option_integer(options, "on_expiry") == ON_EXPIRY_CLOSE;
    settings->forward_token = host->option_integer(options, "forward_token") != 0;
    return ok;
}

/* ---- The whole ------------------------------------------------------------------ */

bool
jwt_settings_read(struct jwt_settings *settings, const struct mw_options *options,
                  const struct mw_host *host)
{
    bool ok = check_lists(options, host);

    ok = read_algorithms(settings, options, host) && ok;
    ok = read_places(settings, options, host) && ok;
    ok = jwt_rules_read(&settings->rules, options, host) && ok;
    ok = read_forwards(settings, options, host) && ok;
    ok = read_audiences(settings, options, host) && ok;
    return read_scalars(settings, options, host) && ok;
}

void
jwt_settings_free(struct jwt_settings *settings)
{
    for (size_t i = 0; i < settings->forward_count; i++)
        claim_header_free(&settings->forwards[i]);
    claim_rules_free(settings->rules);
    claim_path_free(&settings->subject);
    free(settings->audiences);
}
