/*
 * revocations.c - an open table of digests; see revocations.h.
 *
 * A digest is as good as a random number, so its first bytes are its place; what is taken is
 * passed over. Nothing is taken out of the table: when it gets full it is made anew, without those
 * that are over.
 */
#include "token/revocations.h"

#include <openssl/evp.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { DIGEST_LEN = 32, ROOM_MIN = 64, KINDS = REVOCATION_SESSION + 1 };

struct entry {
    unsigned char digest[DIGEST_LEN];
    int64_t until_ms; /* 0: free */
};

struct revocations {
    pthread_mutex_t lock;
    atomic_size_t count;
    size_t room; /* a power of two, at least twice the count */
    struct entry *entries;
};

struct revocations *
revocations_new(void)
{
    struct revocations *revocations = calloc(1, sizeof(*revocations));

    if (!revocations)
        return NULL;
    (void)pthread_mutex_init(&revocations->lock, NULL);
    return revocations;
}

void
revocations_free(struct revocations *revocations)
{
    if (!revocations)
        return;
    (void)pthread_mutex_destroy(&revocations->lock);
    free(revocations->entries);
    free(revocations);
}

size_t
revocations_count(const struct revocations *revocations)
{
    return atomic_load_explicit(&revocations->count, memory_order_acquire);
}

/* Of the kind, the issuer with its length, so that it ends where it ends, and the value. */
static bool
digest(EVP_MD_CTX *context, enum revocation_kind kind, struct str issuer, struct str value,
       unsigned char out[DIGEST_LEN])
{
    const uint64_t head[] = {(uint64_t)kind, issuer.at ? issuer.len : UINT64_MAX};

    return EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
           EVP_DigestUpdate(context, head, sizeof(head)) == 1 &&
           EVP_DigestUpdate(context, issuer.at, issuer.at ? issuer.len : 0) == 1 &&
           EVP_DigestUpdate(context, value.at, value.len) == 1 &&
           EVP_DigestFinal_ex(context, out, NULL) == 1;
}

/* The entry of that digest, or the free one where it would be. */
static struct entry *
find(struct entry *entries, size_t room, const unsigned char *digest)
{
    size_t at;

    memcpy(&at, digest, sizeof(at));
    for (at &= room - 1; entries[at].until_ms != 0; at = (at + 1) & (room - 1))
        if (memcmp(entries[at].digest, digest, DIGEST_LEN) == 0)
            break;
    return &entries[at];
}

static size_t
count_living(const struct revocations *revocations, int64_t now_ms)
{
    size_t count = 0;

    for (size_t i = 0; i < revocations->room; i++)
        count += revocations->entries[i].until_ms > now_ms;
    return count;
}

/* Makes room for one more. */
static enum revocation_result
make_room(struct revocations *revocations, int64_t now_ms)
{
    if (2 * (revocations_count(revocations) + 1) <= revocations->room)
        return REVOCATION_ADDED;
    size_t living = count_living(revocations, now_ms), room = ROOM_MIN;

    if (living >= REVOCATIONS_MAX)
        return REVOCATION_FULL;
    while (room < 3 * (living + 1)) /* lest it be made anew again soon */
        room *= 2;
    struct entry *entries = calloc(room, sizeof(*entries));
    if (!entries)
        return REVOCATION_NO_MEMORY;
    for (size_t i = 0; i < revocations->room; i++)
        if (revocations->entries[i].until_ms > now_ms)
            *find(entries, room, revocations->entries[i].digest) = revocations->entries[i];
    free(revocations->entries);
    revocations->entries = entries;
    revocations->room = room;
    atomic_store_explicit(&revocations->count, living, memory_order_release);
    return REVOCATION_ADDED;
}

/* Under the lock. */
static enum revocation_result
put(struct revocations *revocations, const unsigned char *key, int64_t until_ms, int64_t now_ms)
{
    enum revocation_result result = make_room(revocations, now_ms);

    if (result != REVOCATION_ADDED)
        return result;
    struct entry *entry = find(revocations->entries, revocations->room, key);
    if (entry->until_ms == 0) {
        if (revocations_count(revocations) >= REVOCATIONS_MAX)
            return REVOCATION_FULL;
        memcpy(entry->digest, key, DIGEST_LEN);
        atomic_fetch_add_explicit(&revocations->count, 1, memory_order_release);
    }
    if (entry->until_ms < until_ms)
        entry->until_ms = until_ms;
    return REVOCATION_ADDED;
}

enum revocation_result
revocations_add(struct revocations *revocations, const struct revocation *revocation,
                int64_t now_ms)
{
    unsigned char key[DIGEST_LEN];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    struct str issuer = revocation->kind == REVOCATION_SUBJECT ? revocation->issuer : STR_NONE;
    bool ok = context && digest(context, revocation->kind, issuer, revocation->value, key);

    EVP_MD_CTX_free(context);
    if (!ok)
        return REVOCATION_NO_MEMORY;
    if (revocation->until_ms <= now_ms)
        return REVOCATION_ADDED; /* it is over */
    (void)pthread_mutex_lock(&revocations->lock);
    enum revocation_result result = put(revocations, key, revocation->until_ms, now_ms);
    (void)pthread_mutex_unlock(&revocations->lock);
    return result;
}

bool
revocations_hold(struct revocations *revocations, const struct token_identity *identity,
                 int64_t now_ms)
{
    const struct str values[KINDS] = {identity->subject, identity->token_id,
                                      identity->session_id};
    unsigned char keys[KINDS][DIGEST_LEN];
    size_t count = 0;
    bool held = false;

    if (!revocations || revocations_count(revocations) == 0)
        return false;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    for (size_t kind = 0; context && !held && kind < KINDS; kind++)
        if (values[kind].at)
            held = !digest(context, (enum revocation_kind)kind,
                           kind == REVOCATION_SUBJECT ? identity->issuer : STR_NONE, values[kind],
                           keys[count++]);
    EVP_MD_CTX_free(context);
    if (!context || held)
        return true;
    (void)pthread_mutex_lock(&revocations->lock);
    for (size_t i = 0; !held && i < count; i++)
        held = find(revocations->entries, revocations->room, keys[i])->until_ms > now_ms;
    (void)pthread_mutex_unlock(&revocations->lock);
    return held;
}
