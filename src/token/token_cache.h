/*
 * token_cache.h - the tokens of one jwt instance that verified, shared by its workers.
 *
 * Found by the SHA-256 of the token. That a token is found here says only that its
 * signature was good under the entry's key: whether that key is trusted still, and
 * what the claims and the clock say, is judged at every use (verify.h). A token
 * that was refused is never put in.
 *
 * Bounded in entries and in bytes of entries and claims, over all of it. What expired
 * leaves first, then what was used longest ago. Beside the entries an empty table
 * takes 24 to 32 bytes for each that is allowed.
 *
 * Shards, each behind a lock that is held for a few pointer writes; nothing is parsed, hashed,
 * allocated or freed under it. An entry that somebody holds stays whole after it left the
 * cache; a worker holds one at a time.
 */
#ifndef WSGATE_TOKEN_CACHE_H
#define WSGATE_TOKEN_CACHE_H

#include "base/compiler.h"
#include "token/token_entry.h"

enum {
    TOKEN_CACHE_SHARDS_MAX = 16,
    /* No shard is smaller than this: a small cache has fewer shards, down to one. Claims of a token
     * of JOSE_TOKEN_MAX bytes take at most some 200 KiB, usual ones some 500 bytes. */
    TOKEN_CACHE_SHARD_ENTRIES_MIN = 64,
    TOKEN_CACHE_SHARD_BYTES_MIN = 1 << 20,
};

struct token_cache;

/* At most so many entries and bytes, both at least 1. NULL: out of memory. */
struct token_cache *token_cache_new(size_t entries, size_t bytes) MUST_CHECK;
/* Lets all entries go. No other thread may use it any more. NULL is allowed. */
void token_cache_free(struct token_cache *cache);

/* All of these: from any thread; now_ms is the wall clock's. */

/* The entry of that digest, for the caller to unref; it is now the one used last. NULL: there is
 * none, or it has expired and is let go. */
struct token_entry *token_cache_get(struct token_cache *cache, const unsigned char *digest,
                                    int64_t now_ms) MUST_CHECK;
/* The cache becomes one more holder. An entry of the same digest makes way; one that is too large
 * for the cache is not kept. */
void token_cache_put(struct token_cache *cache, struct token_entry *entry, int64_t now_ms);
/* Lets this entry go, if it is there still. */
void token_cache_drop(struct token_cache *cache, struct token_entry *entry);

/* What is in there now, for those who watch. */
struct token_cache_size {
    size_t entries, bytes;
};
struct token_cache_size token_cache_size(struct token_cache *cache);

#endif
