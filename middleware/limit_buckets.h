/*
 * limit_buckets.h - token buckets by key, shared by all workers.
 *
 * A bucket is one number, the moment at which it is full again (GCRA). One that is full says no
 * more than one that is not there: only such a bucket is let go. So whoever comes with ever new
 * keys cannot push out those that count. Where the table has as many keys as it may and none is
 * full, a new key is refused. One that is full is looked for in passes with a rest after each.
 *
 * Shards, each behind a short lock. Every shard holds its part of `keys_max`, so a table may be
 * full a little earlier than at the sum.
 */
#ifndef WSGATE_LIMIT_BUCKETS_H
#define WSGATE_LIMIT_BUCKETS_H

#include "limit_key.h"

struct limit_buckets;

struct limit_rate {
    uint64_t period_ns; /* one more is due after so long */
    uint64_t burst_ns;  /* an untouched bucket holds so much time: burst times period_ns */
};

enum limit_take {
    LIMIT_TAKEN,
    LIMIT_TOO_FAST, /* the bucket is empty */
    LIMIT_NO_ROOM,  /* too many keys, or no memory */
};

/* Memory grows with the keys in use, 36 to 72 bytes each, and stays at what the most of them took.
 * NULL: no memory. */
struct limit_buckets *limit_buckets_new(const struct limit_rate *rate, size_t keys_max) MUST_CHECK;
void limit_buckets_free(struct limit_buckets *buckets);

/* At a reload: what has been taken out of the old ones, which go on meanwhile, is missing in these
 * too: as many tokens, whatever rate they come back at, up to all that a bucket holds. A key stays
 * even where there may be fewer. Out of memory: buckets that are left out count as full. */
void limit_buckets_adopt(struct limit_buckets *buckets, struct limit_buckets *old, uint64_t now_ns);

/* From any thread. now_ns is monotonic. LIMIT_TOO_FAST: *wait_ns says how long until one is due. */
enum limit_take limit_buckets_take(struct limit_buckets *buckets, struct limit_key key,
                                   uint64_t now_ns, uint64_t *wait_ns) MUST_CHECK;
/* Keys in the table now. */
size_t limit_buckets_count(struct limit_buckets *buckets);

#endif
