/* crowd.c - totals over all workers and counts by address; see crowd.h. */
#include "gateway/crowd.h"

#include "base/address.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64, BUCKETS = 256 }; /* 16,384 chains for some 10,000 unfinished handshakes */

/* An IPv4 address, or the first 64 bits of an IPv6 address; family keeps them apart. */
struct place {
    uint64_t bits;
    int family;
};

struct tally {
    struct tally *next;
    struct place place;
    uint64_t count;
};

struct shard {
    pthread_mutex_t lock;
    struct tally *buckets[BUCKETS];
};

struct crowd {
    atomic_uint_fast64_t connections;
    atomic_uint_fast64_t handshakes;
    struct shard shards[SHARDS];
};

struct crowd *
crowd_new(void)
{
    struct crowd *crowd = calloc(1, sizeof(*crowd));

    if (crowd == NULL)
        return NULL;
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&crowd->shards[i].lock, NULL);
    return crowd;
}

void
crowd_free(struct crowd *crowd)
{
    for (size_t i = 0; crowd != NULL && i < SHARDS; i++)
        pthread_mutex_destroy(&crowd->shards[i].lock);
    free(crowd); /* the tallies went with their last handshake */
}

static struct place
place_of(const struct sockaddr *peer)
{
    struct place place = {0, peer->sa_family};
    struct str bytes = address_bytes(peer);

    if (bytes.at != NULL)
        memcpy(&place.bits, bytes.at,
               bytes.len < sizeof(place.bits) ? bytes.len : sizeof(place.bits));
    return place;
}

static struct tally **
tally_find(struct shard *shard, size_t hash, struct place place)
{
    struct tally **tally = &shard->buckets[hash / SHARDS % BUCKETS];

    while (*tally != NULL &&
           ((*tally)->place.bits != place.bits || (*tally)->place.family != place.family))
        tally = &(*tally)->next;
    return tally;
}

static size_t
place_hash(struct place place)
{
    uint64_t hash = (place.bits ^ (uint64_t)place.family) * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)(hash >> 32);
}

/* false: the address stands at its limit, or no memory is left to count it. */
static bool
address_enter(struct crowd *crowd, uint64_t limit, const struct sockaddr *peer)
{
    struct place place = place_of(peer);
    size_t hash = place_hash(place);
    struct shard *shard = &crowd->shards[hash % SHARDS];
    bool entered = false;

    pthread_mutex_lock(&shard->lock);
    struct tally **tally = tally_find(shard, hash, place);
    if (*tally == NULL) {
        *tally = calloc(1, sizeof(**tally));
        if (*tally != NULL)
            (*tally)->place = place;
    }
    if (*tally != NULL && (*tally)->count < limit) {
        (*tally)->count++;
        entered = true;
    }
    pthread_mutex_unlock(&shard->lock);
    return entered;
}

static void
address_leave(struct crowd *crowd, const struct sockaddr *peer)
{
    struct place place = place_of(peer);
    size_t hash = place_hash(place);
    struct shard *shard = &crowd->shards[hash % SHARDS];

    pthread_mutex_lock(&shard->lock);
    struct tally **tally = tally_find(shard, hash, place);
    if (*tally != NULL && --(*tally)->count == 0) {
        struct tally *gone = *tally;
        *tally = gone->next;
        free(gone);
    }
    pthread_mutex_unlock(&shard->lock);
}

/* One more, unless that would pass the limit. */
static bool
take(atomic_uint_fast64_t *count, uint64_t limit)
{
    if (atomic_fetch_add(count, 1) < limit || limit == 0)
        return true;
    atomic_fetch_sub(count, 1);
    return false;
}

/* Whoever has no IP address is no single client either. */
static bool
counts_address(const struct crowd_limits *limits, const struct sockaddr *client)
{
    return limits->handshakes_per_address != 0 && client != NULL &&
           (client->sa_family == AF_INET || client->sa_family == AF_INET6);
}

enum reason
crowd_count(struct crowd *crowd, const struct crowd_limits *limits, const struct sockaddr *client)
{
    if (!counts_address(limits, client) ||
        address_enter(crowd, limits->handshakes_per_address, client))
        return REASON_NONE;
    return REASON_ADDRESS_HANDSHAKES;
}

enum reason
crowd_enter(struct crowd *crowd, const struct crowd_limits *limits, const struct sockaddr *client)
{
    if (!take(&crowd->connections, limits->connections))
        return REASON_OVERLOAD;
    if (!take(&crowd->handshakes, limits->handshakes)) {
        atomic_fetch_sub(&crowd->connections, 1);
        return REASON_HANDSHAKES;
    }
    enum reason reason = crowd_count(crowd, limits, client);
    if (reason != REASON_NONE) {
        atomic_fetch_sub(&crowd->handshakes, 1);
        atomic_fetch_sub(&crowd->connections, 1);
    }
    return reason;
}

void
crowd_handshake_over(struct crowd *crowd, const struct crowd_limits *limits,
                     const struct sockaddr *client)
{
    if (counts_address(limits, client))
        address_leave(crowd, client);
    atomic_fetch_sub(&crowd->handshakes, 1);
}

void
crowd_leave(struct crowd *crowd)
{
    atomic_fetch_sub(&crowd->connections, 1);
}
