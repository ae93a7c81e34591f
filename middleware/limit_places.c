/* limit_places.c - see limit_places.h. Shards, each behind a short lock. */
#include "limit_places.h"

#include "base/str.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>

enum { SHARDS = 64, BUCKETS = 256 };

struct limit_place {
    TAILQ_ENTRY(limit_place) by_age;
    struct tally *tally; /* NULL: it is lost */
    uint64_t session;
    uint32_t shard;
};

/* One key's places, the oldest first. */
struct tally {
    struct tally *next;
    struct limit_key key;
    uint64_t count;
    TAILQ_HEAD(, limit_place) places;
};

struct shard {
    pthread_mutex_t lock;
    struct tally *buckets[BUCKETS];
    size_t held;
    size_t owned; /* with those that are lost */
};

struct limit_places {
    size_t holders;
    struct shard shards[SHARDS];
};

struct limit_places *
limit_places_new(void)
{
    struct limit_places *places = calloc(1, sizeof(*places));

    if (places == NULL)
        return NULL;
    places->holders = 1;
    for (size_t i = 0; i < SHARDS; i++)
        pthread_mutex_init(&places->shards[i].lock, NULL);
    return places;
}

struct limit_places *
limit_places_hold(struct limit_places *places)
{
    places->holders++;
    return places;
}

void
limit_places_leave(struct limit_places *places)
{
    if (places == NULL || --places->holders > 0)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        assert(places->shards[i].owned == 0);
        pthread_mutex_destroy(&places->shards[i].lock);
    }
    free(places);
}

/* What points to the key's tally, or to NULL where it would stand. */
static struct tally **
tally_link(struct shard *shard, struct limit_key key)
{
    struct tally **link = &shard->buckets[key.words[1] % BUCKETS];

    while (*link != NULL &&
           ((*link)->key.words[0] != key.words[0] || (*link)->key.words[1] != key.words[1]))
        link = &(*link)->next;
    return link;
}

static struct tally *
tally_of(struct shard *shard, struct limit_key key)
{
    struct tally **link = tally_link(shard, key);

    if (*link == NULL && (*link = calloc(1, sizeof(**link))) != NULL) {
        (*link)->key = key;
        TAILQ_INIT(&(*link)->places);
    }
    return *link;
}

static void
enter(struct shard *shard, struct tally *tally, struct limit_place *place)
{
    place->tally = tally;
    TAILQ_INSERT_TAIL(&tally->places, place, by_age);
    tally->count++;
    shard->held++;
    shard->owned++;
}

static void
leave(struct shard *shard, struct limit_place *place)
{
    struct tally *tally = place->tally;

    TAILQ_REMOVE(&tally->places, place, by_age);
    place->tally = NULL;
    tally->count--;
    shard->held--;
}

/* Whose place that was. */
static uint64_t
push_out(struct shard *shard, const struct tally *tally)
{
    struct limit_place *oldest = TAILQ_FIRST(&tally->places);

    leave(shard, oldest);
    return oldest->session;
}

static enum limit_entry
take(struct shard *shard, struct tally *tally, uint64_t max, bool replace,
     struct limit_place *place, uint64_t *replaced)
{
    bool is_full = tally->count >= max;

    if (is_full && !replace)
        return LIMIT_ALL_TAKEN;
    if (is_full)
        *replaced = push_out(shard, tally);
    enter(shard, tally, place);
    return is_full ? LIMIT_REPLACED : LIMIT_ENTERED;
}

enum limit_entry
limit_places_take(struct limit_places *places, struct limit_key key, uint64_t max, uint64_t session,
                  bool replace, struct limit_place **place, uint64_t *replaced)
{
    uint32_t at = key.words[0] % SHARDS;
    struct shard *shard = &places->shards[at];
    struct limit_place *mine = malloc(sizeof(*mine));
    enum limit_entry entry = LIMIT_NO_MEMORY;

    if (mine == NULL)
        return LIMIT_NO_MEMORY;
    *mine = (struct limit_place){.session = session, .shard = at};
    pthread_mutex_lock(&shard->lock);
    struct tally *tally = tally_of(shard, key);
    if (tally != NULL)
        entry = take(shard, tally, max, replace, mine, replaced);
    pthread_mutex_unlock(&shard->lock);
    if (entry == LIMIT_ENTERED || entry == LIMIT_REPLACED)
        *place = mine;
    else
        free(mine);
    return entry;
}

bool
limit_places_trim(struct limit_places *places, struct limit_key key, uint64_t max,
                  uint64_t *replaced)
{
    struct shard *shard = &places->shards[key.words[0] % SHARDS];

    pthread_mutex_lock(&shard->lock);
    const struct tally *tally = *tally_link(shard, key);
    bool is_over = tally != NULL && tally->count > max;
    if (is_over)
        *replaced = push_out(shard, tally);
    pthread_mutex_unlock(&shard->lock);
    return is_over;
}

static void
drop_if_empty(struct shard *shard, struct tally *tally)
{
    if (tally->count > 0)
        return;
    *tally_link(shard, tally->key) = tally->next;
    free(tally);
}

void
limit_place_give_back(struct limit_places *places, struct limit_place *place)
{
    struct shard *shard = &places->shards[place->shard];

    pthread_mutex_lock(&shard->lock);
    struct tally *tally = place->tally;
    if (tally != NULL) {
        leave(shard, place);
        drop_if_empty(shard, tally);
    }
    shard->owned--;
    pthread_mutex_unlock(&shard->lock);
    free(place);
}

size_t
limit_places_held(struct limit_places *places)
{
    size_t held = 0;

    for (size_t i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&places->shards[i].lock);
        held += places->shards[i].held;
        pthread_mutex_unlock(&places->shards[i].lock);
    }
    return held;
}
