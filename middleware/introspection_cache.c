/* introspection_cache.c - a hash table whose entries also hang in the order of their use. */
#include "introspection_cache.h"

#include <openssl/evp.h>

#include <stdlib.h>

struct entry {
    struct entry *chained;       /* the next one in the same bucket */
    struct entry *newer, *older; /* by last use */
    struct introspection_digest digest;
    uint64_t until_us;
    size_t len;
    char answer[];
};

struct introspection_cache {
    struct entry **buckets;
    size_t mask; /* buckets - 1, a power of two - 1 */
    struct entry *newest, *oldest;
    size_t count, count_max;
    size_t bytes, bytes_max; /* of entries with their answers */
};

bool
introspection_digest(struct introspection_digest *digest, struct str token)
{
    return EVP_Digest(token.at, token.len, digest->bytes, NULL, EVP_sha256(), NULL) == 1;
}

struct introspection_cache *
introspection_cache_new(size_t entries)
{
    struct introspection_cache *cache = calloc(1, sizeof(*cache));
    size_t least = sizeof(struct entry) + INTROSPECTION_KEPT_MAX, buckets = 1;

    if (!cache)
        return NULL;
    while (buckets < entries)
        buckets *= 2;
    cache->buckets = calloc(buckets, sizeof(struct entry *));
    cache->mask = buckets - 1;
    cache->count_max = entries;
    cache->bytes_max = entries * INTROSPECTION_KEPT_MEAN;
    if (cache->bytes_max < least)
        cache->bytes_max = least;
    if (cache->buckets)
        return cache;
    free(cache);
    return NULL;
}

/* ---- Entries ------------------------------------------------------------------------ */

static size_t
bytes_of(const struct entry *entry)
{
    return sizeof(*entry) + entry->len;
}

/* Where the pointer to that entry stands, or would stand. A digest's bytes are random enough. */
static struct entry **
place_of(struct introspection_cache *cache, const struct introspection_digest *digest)
{
    size_t hash;

    memcpy(&hash, digest->bytes, sizeof(hash));
    struct entry **place = &cache->buckets[hash & cache->mask];
    while (*place && memcmp(&(*place)->digest, digest, sizeof(*digest)) != 0)
        place = &(*place)->chained;
    return place;
}

static void
unlink_use(struct introspection_cache *cache, struct entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void
link_newest(struct introspection_cache *cache, struct entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void
drop(struct introspection_cache *cache, struct entry **place)
{
    struct entry *entry = *place;

    *place = entry->chained;
    unlink_use(cache, entry);
    cache->count--;
    cache->bytes -= bytes_of(entry);
    explicit_bzero(entry->answer, entry->len);
    free(entry);
}

void
introspection_cache_free(struct introspection_cache *cache)
{
    if (!cache)
        return;
    while (cache->oldest)
        drop(cache, place_of(cache, &cache->oldest->digest));
    free(cache->buckets);
    free(cache);
}

struct str
introspection_cache_get(struct introspection_cache *cache,
                        const struct introspection_digest *digest, uint64_t now_us)
{
    struct entry **place = place_of(cache, digest), *entry = *place;

    if (!entry)
        return STR_NONE;
    if (now_us >= entry->until_us) {
        drop(cache, place);
        return STR_NONE;
    }
    unlink_use(cache, entry);
    link_newest(cache, entry);
    return (struct str){entry->answer, entry->len};
}

void
introspection_cache_put(struct introspection_cache *cache,
                        const struct introspection_digest *digest, struct str answer,
                        uint64_t until_us)
{
    struct entry **place = place_of(cache, digest);

    if (*place)
        drop(cache, place);
    if (answer.len > INTROSPECTION_KEPT_MAX)
        return;
    struct entry *entry = malloc(sizeof(*entry) + answer.len);
    if (!entry)
        return;
    entry->digest = *digest;
    entry->until_us = until_us;
    entry->len = answer.len;
    memcpy(entry->answer, answer.at, answer.len);
    while (cache->count == cache->count_max || cache->bytes + bytes_of(entry) > cache->bytes_max)
        drop(cache, place_of(cache, &cache->oldest->digest));
    place = place_of(cache, digest); /* a neighbour may have gone */
    entry->chained = NULL;
    *place = entry;
    link_newest(cache, entry);
    cache->count++;
    cache->bytes += bytes_of(entry);
}

size_t
introspection_cache_count(const struct introspection_cache *cache)
{
    return cache->count;
}
