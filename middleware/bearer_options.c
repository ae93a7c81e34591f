/* bearer_options.c - see bearer_options.h. */
#include "bearer_options.h"

#include <stdlib.h>

enum {
    CACHE_ENTRIES_MAX = 10 * 1000 * 1000,
    CACHE_BYTES_MIN = 64 * 1024, /* some twenty tokens; less is a mistake */
};

bool
bearer_list_check(const struct mw_options *options, const struct mw_host *host, const char *word)
{
    if (!host->option_given(options, word) || host->option_count(options, word) > 0)
        return true;
    host->option_fault(options, word, 0, "empty; leave it out, or name one");
    return false;
}

bool
bearer_name_read(const struct mw_options *options, const struct mw_host *host, const char *word,
                 struct str *name)
{
    *name = str_of(host->option_string(options, word));
    if (!name->at || name->len > 0)
        return true;
    host->option_fault(options, word, 0, "empty; leave it out, or name one");
    return false;
}

bool
bearer_places_read(const struct mw_options *options, const struct mw_host *host,
                   struct credential_place *places, size_t *count)
{
    size_t items = host->option_count(options, "token_from");
    bool ok = bearer_list_check(options, host, "token_from");

    *count = 0;
    for (size_t i = 0; i < items; i++) {
        struct credential_place place;
        const char *error = NULL;

        if (i >= BEARER_PLACES_MAX)
            error = "too many places";
        else if (credential_place_parse(&place, host->option_item(options, "token_from", i),
                                        &error))
            for (size_t j = 0; j < *count; j++)
                if (credential_place_equal(&place, &places[j]))
                    error = "named twice";
        if (error)
            host->option_fault(options, "token_from", i, "%s", error);
        else
            places[(*count)++] = place;
        ok = ok && !error;
    }
    return ok;
}

/* Does an earlier claim go to that header? */
static bool
is_header_taken(const struct claim_header *forwards, size_t count, const char *header)
{
    for (size_t i = 0; i < count; i++)
        if (strcasecmp(forwards[i].header, header) == 0)
            return true;
    return false;
}

bool
bearer_forwards_read(const struct mw_options *options, const struct mw_host *host,
                     struct claim_header *forwards, size_t *count)
{
    size_t items = host->option_count(options, "forward_claims");
    bool ok = true;

    *count = 0;
    for (size_t i = 0; i < items; i++) {
        const char *claim = host->option_key(options, "forward_claims", i);
        const char *header = host->option_item(options, "forward_claims", i);
        const char *error = NULL;

        if (*count == BEARER_FORWARDS_MAX)
            error = "too many claims";
        else if (is_header_taken(forwards, *count, header))
            error = "another claim goes to this header";
        else if (claim_header_init(&forwards[*count], claim, header, &error)) {
            ++*count;
            if (!host->reserve_header(options, header)) /* on every route, this one or not */
                error = "out of memory";
        }
        if (error)
            host->option_fault(options, "forward_claims", i, "%s", error);
        ok = ok && !error;
    }
    return ok;
}

bool
bearer_audiences_read(const struct mw_options *options, const struct mw_host *host,
                      struct str **audiences, size_t *count)
{
    size_t items = host->option_count(options, "audience");

    *count = 0;
    *audiences = NULL;
    if (items == 0)
        return bearer_list_check(options, host, "audience");
    *audiences = calloc(items, sizeof(**audiences));
    if (!*audiences) {
        host->option_fault(options, "audience", 0, "out of memory");
        return false;
    }
    for (; *count < items; ++*count)
        (*audiences)[*count] = str_of(host->option_item(options, "audience", *count));
    return true;
}

bool
bearer_cache_check(const struct mw_options *options, const struct mw_host *host)
{
    const struct mw_options *members = host->option_member(options, "cache", 0);
    int64_t entries = host->option_integer(members, "entries");
    bool many = entries > CACHE_ENTRIES_MAX;
    bool small = entries > 0 && host->option_integer(members, "bytes") < CACHE_BYTES_MIN;

    if (many)
        host->option_fault(members, "entries", 0, "expected at most %d", CACHE_ENTRIES_MAX);
    if (small)
        host->option_fault(members, "bytes", 0, "expected at least 64KiB; entries: 0 for no cache");
    return !many && !small;
}

bool
bearer_cache_read(const struct mw_options *options, const struct mw_host *host,
                  struct token_cache **cache)
{
    const struct mw_options *members = host->option_member(options, "cache", 0);
    int64_t entries = host->option_integer(members, "entries");
    int64_t bytes = host->option_integer(members, "bytes");

    *cache = NULL;
    if (!bearer_cache_check(options, host))
        return false;
    if (entries == 0)
        return true;
    *cache = token_cache_new((size_t)entries, (size_t)bytes);
    if (!*cache)
        host->option_fault(options, "cache", 0, "out of memory");
    return *cache != NULL;
}
