/*
 * arena.h - the memory of one request.
 *
 * Allocations are freed together, and wiped first: a request's memory holds
 * credentials. What cannot hold any is allocated plain. Chunks come from a pool that a
 * worker owns, so that a handshake in the common case costs no malloc. Not thread safe: one
 * worker.
 */
#ifndef WSGATE_ARENA_H
#define WSGATE_ARENA_H

#include "base/compiler.h"
#include "base/str.h"

/* Free chunks kept for the next request; bounded in number. */
struct arena_pool {
    struct arena_chunk *free;
    size_t free_count;
};

struct arena {
    struct arena_pool *pool; /* may be NULL: chunks come from malloc alone */
    struct arena_chunk *chunks;
    size_t used_bytes;
    size_t limit_bytes;
};

/* limit_bytes bounds the sum of all allocations, rounding included. */
void arena_init(struct arena *arena, struct arena_pool *pool, size_t limit_bytes);
/* Aligned to 16 bytes, not zeroed. NULL when the limit or memory is reached. */
void *arena_alloc(struct arena *arena, size_t bytes) MUST_CHECK;
void *arena_zalloc(struct arena *arena, size_t bytes) MUST_CHECK;
/* The same as arena_alloc, but not wiped: for what holds no secret, or large memory of which its
 * owner wipes what was used. */
void *arena_alloc_plain(struct arena *arena, size_t bytes) MUST_CHECK;
/* A copy with a NUL behind it that len does not count; at == NULL on failure. */
struct str arena_copy(struct arena *arena, struct str text) MUST_CHECK;
/* Wipes what is not plain and gives the chunks back. Harmless when empty. */
void arena_free(struct arena *arena);
/* Frees the chunks that the pool holds. */
void arena_pool_free(struct arena_pool *pool);

#endif
