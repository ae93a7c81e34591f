/* jwt_remote_cache.c - see jwt_remote_cache.h. */
#include "jwt_remote_cache.h"

#include "base/clock.h"

enum { RENEWAL_MS = 3600 * 1000 };

void
jwt_remote_cache_report_error(const struct jwt_remote_cache *cache)
{
    if (*cache->error.text)
        cache->host->log(cache->host, MW_LOG_WARNING, "jwt", "cache_file %s: not read: %s",
                         cache->settings->cache_file, cache->error.text);
}

static void
report_source(const struct jwt_remote_cache *cache, const struct jwt_source *source)
{
    size_t keys = keyset_count(source->set.keyset);
    int64_t age_s = clock_wall_ms() / 1000 - source->set.fetched_s;

    cache->host->log(cache->host, MW_LOG_INFO, "jwt",
                     "cache_file %s: %zu key%s, fetched %lld s ago", cache->settings->cache_file,
                     keys, keys == 1 ? "" : "s", (long long)age_s);
}

void
jwt_remote_cache_report(const struct jwt_remote_cache *cache)
{
    const struct jwt_remote_settings *settings = cache->settings;
    struct key_error error;

    if (!settings->cache_file)
        return;
    jwt_remote_cache_report_error(cache);
    for (size_t i = 0; i < settings->count; i++)
        if (cache->sources[i].set.keyset)
            report_source(cache, &cache->sources[i]);
    if (!key_cache_is_writable(settings->cache_file, &error))
        cache->host->log(cache->host, MW_LOG_WARNING, "jwt", "cache_file %s: cannot be written: %s",
                         settings->cache_file, error.text);
}

/* How old what the file says of the last good answer may be. */
static int64_t
renewal_s(const struct jwt_remote_settings *settings)
{
    uint64_t stale_ms = settings->max_stale_ms ? settings->max_stale_ms / 8 : RENEWAL_MS;

    return (int64_t)(stale_ms < RENEWAL_MS ? stale_ms : RENEWAL_MS) / 1000;
}

/* When the last good answer of any source came; 0: there was none. */
static int64_t
newest_s(const struct jwt_remote_cache *cache)
{
    int64_t newest = 0;

    for (size_t i = 0; i < cache->settings->count; i++)
        if (cache->sources[i].set.fetched_s > newest)
            newest = cache->sources[i].set.fetched_s;
    return newest;
}

void
jwt_remote_cache_restore(struct jwt_remote_cache *cache)
{
    const struct jwt_remote_settings *settings = cache->settings;
    struct key_cache_set set;

    if (!settings->cache_file)
        return;
    struct key_cache *file = key_cache_read(settings->cache_file, &cache->error);
    for (size_t i = 0; file && i < settings->count; i++)
        if (key_cache_find(file, settings->addresses[i].url, &set))
            jwt_source_restore(&cache->sources[i], &set, &cache->error);
    key_cache_free(file);
    cache->newest_s = newest_s(cache);
}

static void
adopt(struct jwt_source *source, const struct jwt_source *old, uint64_t max_stale_ms)
{
    if (!jwt_address_equal(source->address, old->address) ||
        !jwt_set_copy(&source->set, &old->set, max_stale_ms))
        return;
    source->fault = old->fault;
    source->due_us = old->due_us;
}

void
jwt_remote_cache_adopt(struct jwt_remote_cache *cache, const struct jwt_remote_cache *old)
{
    const struct jwt_remote_settings *settings = cache->settings;

    if (!str_equal(str_of(settings->ca_file), str_of(old->settings->ca_file)))
        return;
    for (size_t i = 0; i < settings->count; i++)
        for (size_t k = 0; k < old->settings->count; k++)
            adopt(&cache->sources[i], &old->sources[k], settings->max_stale_ms);
}

void
jwt_remote_cache_save(struct jwt_remote_cache *cache, bool changed)
{
    const struct jwt_remote_settings *settings = cache->settings;
    struct key_cache_set sets[JWT_ADDRESSES_MAX];
    struct key_error error;
    size_t count = 0;
    int64_t newest = newest_s(cache);

    if (!settings->cache_file ||
        (!changed && newest <= cache->newest_s + renewal_s(settings)))
        return;
    cache->newest_s = newest;
    for (size_t i = 0; i < settings->count; i++) {
        const struct jwt_source *source = &cache->sources[i];
        if (source->set.keyset)
            sets[count++] = (struct key_cache_set){settings->addresses[i].url,
                                                   {source->set.text, source->set.text_len},
                                                   source->set.fetched_s};
    }
    bool failed = !key_cache_write(settings->cache_file, sets, count, &error);
    if (failed && !cache->has_failed)
        cache->host->log(cache->host, MW_LOG_WARNING, "jwt", "cache_file %s: not written: %s",
                         settings->cache_file, error.text);
    cache->has_failed = failed;
}
