/*
 * limit_buckets.c - see limit_buckets.h.
 *
 * In a shard the buckets lie side by side; chains are numbers of places. The last one moves where
 * one is let go, so there are no holes, and a hand that goes round finds what is full.
 */
#include "limit_buckets.h"

#include "base/str.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    SHARDS_MAX = 64,
    SHARD_KEYS_MIN = 256, /* fewer are not worth a shard of their own */
    ROOM_FIRST = 16,
    SWEEP = 2, /* buckets that each new one looks at: the table follows what is in use */
    /* A pass over a full shard costs some 2 ns a bucket. So those of all shards are 2 % of a
     * processor at most, and a place is found 1 s late in the largest table, 10 ms in a usual
     * one. */
    PASS_REST_NS = 64 * 100,
};

#define NOWHERE UINT32_MAX

struct bucket {
    struct limit_key key;
    uint64_t full_ns;
    uint32_t next;
};

struct shard {
    pthread_mutex_t lock;
    struct bucket *all;
    uint32_t *heads; /* as many as room */
    uint32_t count, room, hand;
    uint64_t none_full_ns; /* before this moment no bucket is full */
    uint64_t next_pass_ns;
};

struct limit_buckets {
    struct limit_rate rate;
    size_t shard_count; /* a power of two */
    uint32_t shard_keys_max;
    struct shard shards[];
};

struct limit_buckets *
limit_buckets_new(const struct limit_rate *rate, size_t keys_max)
{
    size_t count = 1;

    while (count < SHARDS_MAX && keys_max / count >= 2 * SHARD_KEYS_MIN)
        count *= 2;
    struct limit_buckets *buckets = calloc(1, sizeof(*buckets) + count * sizeof(struct shard));
    if (buckets == NULL)
        return NULL;
    buckets->rate = *rate;
    buckets->shard_count = count;
    buckets->shard_keys_max = (uint32_t)((keys_max + count - 1) / count);
    for (size_t i = 0; i < count; i++)
        pthread_mutex_init(&buckets->shards[i].lock, NULL);
    return buckets;
}

void
limit_buckets_free(struct limit_buckets *buckets)
{
    for (size_t i = 0; buckets != NULL && i < buckets->shard_count; i++) {
        struct shard *shard = &buckets->shards[i];
        free(shard->all);
        free(shard->heads);
        pthread_mutex_destroy(&shard->lock);
    }
    free(buckets);
}

/* ---- Places in a shard ------------------------------------------------------------- */

static uint32_t *
head_of(struct shard *shard, struct limit_key key)
{
    return &shard->heads[key.words[1] & (shard->room - 1)];
}

static struct bucket *
find(struct shard *shard, struct limit_key key)
{
    if (shard->room == 0)
        return NULL;
    for (uint32_t i = *head_of(shard, key); i != NOWHERE; i = shard->all[i].next)
        if (shard->all[i].key.words[0] == key.words[0] &&
            shard->all[i].key.words[1] == key.words[1])
            return &shard->all[i];
    return NULL;
}

/* What points to that place. */
static uint32_t *
link_to(struct shard *shard, uint32_t place)
{
    uint32_t *link = head_of(shard, shard->all[place].key);

    while (*link != place)
        link = &shard->all[*link].next;
    return link;
}

static void
let_go(struct shard *shard, uint32_t place)
{
    uint32_t last = shard->count - 1;

    *link_to(shard, place) = shard->all[place].next;
    if (place != last) {
        *link_to(shard, last) = place;
        shard->all[place] = shard->all[last];
    }
    shard->count = last;
}

/* The hand goes one on. *soonest: becomes the moment of this bucket, if that comes earlier. */
static bool
look_at_hand(struct shard *shard, uint64_t now_ns, uint64_t *soonest)
{
    if (shard->hand >= shard->count)
        shard->hand = 0;
    uint64_t full_ns = shard->all[shard->hand].full_ns;
    if (full_ns <= now_ns) {
        let_go(shard, shard->hand);
        return true;
    }
    if (full_ns < *soonest)
        *soonest = full_ns;
    shard->hand++;
    return false;
}

/* A pass over all of them: those that are full go. Not again before one can be, and after a rest:
 * who comes with ever new keys must not have us look at nothing else. */
static bool
make_place(struct shard *shard, uint64_t now_ns)
{
    uint64_t soonest = UINT64_MAX;
    uint32_t count = shard->count, gone = 0;

    if (now_ns < shard->none_full_ns || now_ns < shard->next_pass_ns)
        return false;
    for (uint32_t left = count; left > 0; left--)
        gone += look_at_hand(shard, now_ns, &soonest);
    shard->none_full_ns = soonest;
    shard->next_pass_ns = now_ns + (uint64_t)count * PASS_REST_NS;
    return gone > 0;
}

static bool
grow(struct shard *shard)
{
    uint32_t room = shard->room > 0 ? 2 * shard->room : ROOM_FIRST;
    struct bucket *all = realloc(shard->all, room * sizeof(*all));

    if (all == NULL)
        return false;
    shard->all = all;
    uint32_t *heads = realloc(shard->heads, room * sizeof(*heads));
    if (heads == NULL)
        return false;
    shard->heads = heads;
    shard->room = room;
    for (uint32_t i = 0; i < room; i++)
        heads[i] = NOWHERE;
    for (uint32_t i = 0; i < shard->count; i++) {
        uint32_t *head = head_of(shard, all[i].key);
        all[i].next = *head;
        *head = i;
    }
    return true;
}

/* NULL: no memory. */
static struct bucket *
put(struct shard *shard, struct limit_key key, uint64_t full_ns)
{
    if (shard->count == shard->room && !grow(shard))
        return NULL;
    uint32_t *head = head_of(shard, key), place = shard->count++;
    shard->all[place] = (struct bucket){key, full_ns, *head};
    *head = place;
    return &shard->all[place];
}

/* A full bucket for a new key; NULL: there is no place. */
static struct bucket *
add(struct shard *shard, uint32_t most, struct limit_key key, uint64_t now_ns)
{
    uint64_t ignored = 0;

    for (int i = 0; i < SWEEP && shard->count > 0; i++)
        (void)look_at_hand(shard, now_ns, &ignored);
    if (shard->count >= most && !make_place(shard, now_ns))
        return NULL;
    return put(shard, key, now_ns);
}

/* ---- Taking ------------------------------------------------------------------------ */

static enum limit_take
take(struct shard *shard, struct bucket *bucket, const struct limit_rate *rate, uint64_t now_ns,
     uint64_t *wait_ns)
{
    uint64_t start = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;
    uint64_t due = start + rate->period_ns;

    if (due > now_ns + rate->burst_ns) {
        *wait_ns = due - rate->burst_ns - now_ns;
        return LIMIT_TOO_FAST;
    }
    bucket->full_ns = due;
    if (due < shard->none_full_ns)
        shard->none_full_ns = due;
    return LIMIT_TAKEN;
}

static struct shard *
shard_of(struct limit_buckets *buckets, struct limit_key key)
{
    return &buckets->shards[key.words[0] & (buckets->shard_count - 1)];
}

enum limit_take
limit_buckets_take(struct limit_buckets *buckets, struct limit_key key, uint64_t now_ns,
                   uint64_t *wait_ns)
{
    struct shard *shard = shard_of(buckets, key);
    enum limit_take taken = LIMIT_NO_ROOM;

    pthread_mutex_lock(&shard->lock);
    struct bucket *bucket = find(shard, key);
    if (bucket == NULL)
        bucket = add(shard, buckets->shard_keys_max, key, now_ns);
    if (bucket != NULL)
        taken = take(shard, bucket, &buckets->rate, now_ns, wait_ns);
    pthread_mutex_unlock(&shard->lock);
    return taken;
}

/* ---- Another configuration ----------------------------------------------------------- */

/* The same number of tokens at another rate. */
static uint64_t
rescale(uint64_t missing_ns, const struct limit_rate *from, const struct limit_rate *to)
{
    double ns = (double)missing_ns / (double)from->period_ns * (double)to->period_ns;

    return ns < (double)to->burst_ns ? (uint64_t)ns : to->burst_ns;
}

void
limit_buckets_adopt(struct limit_buckets *buckets, struct limit_buckets *old, uint64_t now_ns)
{
    for (size_t i = 0; i < old->shard_count; i++) {
        struct shard *shard = &old->shards[i];
        pthread_mutex_lock(&shard->lock);
        for (uint32_t k = 0; k < shard->count; k++) {
            const struct bucket *bucket = &shard->all[k];
            if (bucket->full_ns > now_ns)
                (void)put(shard_of(buckets, bucket->key), bucket->key,
                          now_ns + rescale(bucket->full_ns - now_ns, &old->rate, &buckets->rate));
        }
        pthread_mutex_unlock(&shard->lock);
    }
}

size_t
limit_buckets_count(struct limit_buckets *buckets)
{
    size_t count = 0;

    for (size_t i = 0; i < buckets->shard_count; i++) {
        pthread_mutex_lock(&buckets->shards[i].lock);
        count += buckets->shards[i].count;
        pthread_mutex_unlock(&buckets->shards[i].lock);
    }
    return count;
}
