/*
 * token_cache.c - verified tokens in shards; see token_cache.h.
 *
 * An entry stands in three places of its shard: in a bucket, found by its digest; in a list, the
 * one used last in front; and in a heap, the one that expires first on top. shard_add and
 * shard_remove alone put it in and take it out of all three. The heap has the times beside the
 * entries: those lie all over the memory, and to look at each on the way would cost more than all
 * the rest.
 *
 * Which shard and which bucket is a matter of the digest's bytes, different ones for the two.
 * Nobody can aim at a bucket: only tokens that verified are put in.
 */
#include "token/token_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Putting one in lets at most so many go for no other reason than that they expired: more than one,
 * so that the dead do not pile up, and few, so that nobody waits for a shard to be swept. */
enum { EXPIRED_PER_PUT = 4 };

TAILQ_HEAD(use_list, token_entry);

struct expiry {
    int64_t ms;
    struct token_entry *entry;
};

struct shard {
    pthread_mutex_t lock;
    size_t count, bytes;
    struct use_list by_use;
    struct token_entry **buckets;
    struct expiry *heap; /* heap[0..count) */
};

struct token_cache {
    size_t shard_count, bucket_count; /* powers of two */
    size_t entries_max, bytes_max;    /* of each shard */
    struct shard shards[];
};

/* ---- The heap: who expires first ----------------------------------------------------- */

static void
heap_set(struct shard *shard, size_t place, struct expiry expiry)
{
    shard->heap[place] = expiry;
    expiry.entry->heap_place = place;
}

/* It goes to `place` or, past those that expire later, further up. */
static void
heap_raise(struct shard *shard, size_t place, struct expiry expiry)
{
    while (place > 0 && shard->heap[(place - 1) / 2].ms > expiry.ms) {
        heap_set(shard, place, shard->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    heap_set(shard, place, expiry);
}

/* It goes to `place` or, past those of the first `count` that expire earlier, further down. */
static void
heap_sink(struct shard *shard, size_t count, size_t place, struct expiry expiry)
{
    for (size_t child; (child = 2 * place + 1) < count; place = child) {
        if (child + 1 < count && shard->heap[child + 1].ms < shard->heap[child].ms)
            child++;
        if (shard->heap[child].ms >= expiry.ms)
            break;
        heap_set(shard, place, shard->heap[child]);
    }
    heap_set(shard, place, expiry);
}

/* Of `count` the last one takes the place of the one that goes. */
static void
heap_remove(struct shard *shard, size_t count, size_t place)
{
    struct expiry last = shard->heap[count - 1];

    if (place == count - 1)
        return;
    heap_sink(shard, count - 1, place, last);
    heap_raise(shard, last.entry->heap_place, last);
}

/* ---- A shard, its lock held ---------------------------------------------------------------- */

static struct shard *
shard_of(struct token_cache *cache, const unsigned char *digest)
{
    return &cache->shards[digest[0] & (cache->shard_count - 1)];
}

/* Where the pointer to the entry of that digest is, or would be. */
static struct token_entry **
shard_find(const struct token_cache *cache, struct shard *shard, const unsigned char *digest)
{
    uint64_t number;

    memcpy(&number, digest + 8, sizeof(number));
    struct token_entry **entry = &shard->buckets[number & (cache->bucket_count - 1)];
    while (*entry && memcmp((*entry)->digest, digest, TOKEN_DIGEST_LEN) != 0)
        entry = &(*entry)->next;
    return entry;
}

/* Into its free place, which shard_find found. */
static void
shard_add(struct shard *shard, struct token_entry **place, struct token_entry *entry)
{
    entry->next = *place;
    *place = entry;
    TAILQ_INSERT_HEAD(&shard->by_use, entry, by_use);
    heap_raise(shard, shard->count, (struct expiry){entry->expires_ms, entry});
    shard->count++;
    shard->bytes += entry->bytes;
}

/* Moves the entry at `place` to the front of the dead, whom let_go lets go without the lock. */
static void
shard_remove(struct shard *shard, struct token_entry **place, struct token_entry **dead)
{
    struct token_entry *entry = *place;

    *place = entry->next;
    TAILQ_REMOVE(&shard->by_use, entry, by_use);
    heap_remove(shard, shard->count, entry->heap_place);
    shard->count--;
    shard->bytes -= entry->bytes;
    entry->next = *dead;
    *dead = entry;
}

static bool
has_expired(const struct shard *shard, int64_t now_ms)
{
    return shard->count > 0 && shard->heap[0].ms <= now_ms;
}

static void
make_room(const struct token_cache *cache, struct shard *shard, size_t bytes, int64_t now_ms,
          struct token_entry **dead)
{
    for (size_t n = 0; shard->count > 0; n++) {
        bool expired = has_expired(shard, now_ms);
        bool full = shard->count == cache->entries_max || bytes > cache->bytes_max - shard->bytes;
        if (!full && (!expired || n >= EXPIRED_PER_PUT))
            return;
        struct token_entry *victim =
            expired ? shard->heap[0].entry : TAILQ_LAST(&shard->by_use, use_list);
        shard_remove(shard, shard_find(cache, shard, victim->digest), dead);
    }
}

static void
let_go(struct token_entry *dead)
{
    while (dead) {
        struct token_entry *next = dead->next;
        token_entry_unref(dead);
        dead = next;
    }
}

/* ---- The cache ----------------------------------------------------------------------------- */

struct token_entry *
token_cache_get(struct token_cache *cache, const unsigned char *digest, int64_t now_ms)
{
    struct shard *shard = shard_of(cache, digest);
    struct token_entry *dead = NULL;

    pthread_mutex_lock(&shard->lock);
    struct token_entry **place = shard_find(cache, shard, digest), *entry = *place;
    if (entry && entry->expires_ms <= now_ms) {
        shard_remove(shard, place, &dead);
        entry = NULL;
    } else if (entry) {
        TAILQ_REMOVE(&shard->by_use, entry, by_use);
        TAILQ_INSERT_HEAD(&shard->by_use, entry, by_use);
        token_entry_ref(entry);
    }
    pthread_mutex_unlock(&shard->lock);
    let_go(dead);
    return entry;
}

void
token_cache_put(struct token_cache *cache, struct token_entry *entry, int64_t now_ms)
{
    struct shard *shard = shard_of(cache, entry->digest);
    struct token_entry *dead = NULL;

    if (entry->bytes > cache->bytes_max)
        return;
    pthread_mutex_lock(&shard->lock);
    struct token_entry **twin = shard_find(cache, shard, entry->digest);
    if (*twin)
        shard_remove(shard, twin, &dead);
    make_room(cache, shard, entry->bytes, now_ms, &dead);
    shard_add(shard, shard_find(cache, shard, entry->digest), token_entry_ref(entry));
    pthread_mutex_unlock(&shard->lock);
    let_go(dead);
}

void
token_cache_drop(struct token_cache *cache, struct token_entry *entry)
{
    struct shard *shard = shard_of(cache, entry->digest);
    struct token_entry *dead = NULL;

    pthread_mutex_lock(&shard->lock);
    struct token_entry **place = shard_find(cache, shard, entry->digest);
    if (*place == entry) /* else another worker put a newer one in its place */
        shard_remove(shard, place, &dead);
    pthread_mutex_unlock(&shard->lock);
    let_go(dead);
}

struct token_cache_size
token_cache_size(struct token_cache *cache)
{
    struct token_cache_size size = {0, 0};

    for (size_t i = 0; i < cache->shard_count; i++) {
        pthread_mutex_lock(&cache->shards[i].lock);
        size.entries += cache->shards[i].count;
        size.bytes += cache->shards[i].bytes;
        pthread_mutex_unlock(&cache->shards[i].lock);
    }
    return size;
}

/* ---- Its life -------------------------------------------------------------------------------- */

static size_t
choose_shard_count(size_t entries, size_t bytes)
{
    size_t count = TOKEN_CACHE_SHARDS_MAX;

    while (count > 1 && (entries / count < TOKEN_CACHE_SHARD_ENTRIES_MIN ||
                         bytes / count < TOKEN_CACHE_SHARD_BYTES_MIN))
        count /= 2;
    return count;
}

static bool
shard_init(struct shard *shard, size_t bucket_count, size_t entries_max)
{
    TAILQ_INIT(&shard->by_use);
    pthread_mutex_init(&shard->lock, NULL);
    shard->buckets = calloc(bucket_count, sizeof(struct token_entry *));
    shard->heap = calloc(entries_max, sizeof(*shard->heap));
    return shard->buckets && shard->heap;
}

struct token_cache *
token_cache_new(size_t entries, size_t bytes)
{
    size_t count = choose_shard_count(entries, bytes);
    struct token_cache *cache = calloc(1, sizeof(*cache) + count * sizeof(struct shard));
    bool ok = true;

    if (!cache)
        return NULL;
    cache->shard_count = count;
    cache->entries_max = entries / count;
    cache->bytes_max = bytes / count;
    cache->bucket_count = 1;
    while (cache->bucket_count < cache->entries_max)
        cache->bucket_count *= 2;
    for (size_t i = 0; i < count; i++)
        ok = shard_init(&cache->shards[i], cache->bucket_count, cache->entries_max) && ok;
    if (ok)
        return cache;
    token_cache_free(cache);
    return NULL;
}

void
token_cache_free(struct token_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < cache->shard_count; i++) {
        struct shard *shard = &cache->shards[i];
        for (size_t n = 0; n < shard->count; n++)
            token_entry_unref(shard->heap[n].entry);
        pthread_mutex_destroy(&shard->lock);
        free(shard->buckets);
        free(shard->heap);
    }
    free(cache);
}
