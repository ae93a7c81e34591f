/*
 * arena.c - the memory of one request, freed and wiped in one go.
 *
 * It does not free single allocations and does not grow one in place.
 *
 * Ownership: an arena owns its chunks until arena_free, which gives those of
 * the common size to the pool; the pool keeps at most POOL_CHUNKS_MAX of them.
 *
 * The hard thing: what was used must be wiped, yet a wipe of whole chunks would
 * cost more than the request itself. So each chunk is filled from both ends, from the
 * end with what need not be wiped, and knows how far it was used.
 * Under AddressSanitizer what is not handed out is poisoned, so that an
 * overrun inside a chunk is seen like one of malloc's.
 */
#include "base/arena.h"

#include "base/poison.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    ALIGNMENT = 16,
    CHUNK_BYTES = 8192,   /* with its header: holds a usual head, its fields and claims */
    POOL_CHUNKS_MAX = 64, /* 512 KiB a worker: a burst of some dozens of handshakes */
};

struct arena_chunk {
    struct arena_chunk *next;
    size_t capacity; /* bytes of room */
    size_t used;     /* of them at the start, to be wiped */
    size_t plain;    /* at the end */
    _Alignas(ALIGNMENT) unsigned char room[];
};

#define CHUNK_ROOM (CHUNK_BYTES - sizeof(struct arena_chunk))

void
arena_init(struct arena *arena, struct arena_pool *pool, size_t limit_bytes)
{
    *arena = (struct arena){.pool = pool, .limit_bytes = limit_bytes};
}

static struct arena_chunk *
chunk_make(size_t capacity)
{
    if (capacity > SIZE_MAX - sizeof(struct arena_chunk))
        return NULL;
    struct arena_chunk *chunk = malloc(sizeof(*chunk) + capacity);

    if (chunk == NULL)
        return NULL;
    *chunk = (struct arena_chunk){.capacity = capacity};
    poison(chunk->room, capacity);
    return chunk;
}

/* A chunk of the common size, from the pool if it has one. */
static struct arena_chunk *
chunk_take(struct arena_pool *pool)
{
    if (pool == NULL || pool->free == NULL)
        return chunk_make(CHUNK_ROOM);
    struct arena_chunk *chunk = pool->free;

    pool->free = chunk->next;
    pool->free_count--;
    chunk->next = NULL;
    return chunk;
}

static void
chunk_free(struct arena_chunk *chunk)
{
    unpoison(chunk->room, chunk->capacity);
    free(chunk);
}

static void
chunk_give(struct arena_pool *pool, struct arena_chunk *chunk)
{
    unpoison(chunk->room, chunk->used);
    explicit_bzero(chunk->room, chunk->used);
    if (pool == NULL || chunk->capacity != CHUNK_ROOM || pool->free_count >= POOL_CHUNKS_MAX) {
        chunk_free(chunk);
        return;
    }
    poison(chunk->room, chunk->capacity);
    chunk->used = chunk->plain = 0;
    chunk->next = pool->free;
    pool->free = chunk;
    pool->free_count++;
}

/* A large allocation goes behind the first chunk, whose room stays in use. */
static struct arena_chunk *
add_large(struct arena *arena, size_t bytes)
{
    struct arena_chunk *chunk = chunk_make(bytes);

    if (chunk == NULL)
        return NULL;
    struct arena_chunk **place = arena->chunks ? &arena->chunks->next : &arena->chunks;

    chunk->next = *place;
    *place = chunk;
    return chunk;
}

static struct arena_chunk *
add_common(struct arena *arena)
{
    struct arena_chunk *chunk = chunk_take(arena->pool);

    if (chunk == NULL)
        return NULL;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

static struct arena_chunk *
chunk_with_room(struct arena *arena, size_t bytes)
{
    struct arena_chunk *first = arena->chunks;

    if (first != NULL && first->capacity - first->used - first->plain >= bytes)
        return first;
    return bytes > CHUNK_ROOM ? add_large(arena, bytes) : add_common(arena);
}

static void *
allocate(struct arena *arena, size_t bytes, bool plain)
{
    size_t left = arena->limit_bytes - arena->used_bytes;

    if (bytes > left)
        return NULL;
    /* Never zero: two allocations never have the same address. */
    size_t rounded = bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);

    if (rounded < bytes || rounded > left)
        return NULL;
    struct arena_chunk *chunk = chunk_with_room(arena, rounded);

    if (chunk == NULL)
        return NULL;
    assert(chunk->used + chunk->plain + rounded <= chunk->capacity);
    *(plain ? &chunk->plain : &chunk->used) += rounded;
    void *memory = chunk->room + (plain ? chunk->capacity - chunk->plain : chunk->used - rounded);

    arena->used_bytes += rounded;
    unpoison(memory, bytes);
    return memory;
}

void *
arena_alloc(struct arena *arena, size_t bytes)
{
    return allocate(arena, bytes, false);
}

void *
arena_alloc_plain(struct arena *arena, size_t bytes)
{
    return allocate(arena, bytes, true);
}

void *
arena_zalloc(struct arena *arena, size_t bytes)
{
    void *memory = arena_alloc(arena, bytes);

    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

struct str
arena_copy(struct arena *arena, struct str text)
{
    if (text.at == NULL || text.len == SIZE_MAX)
        return STR_NONE;
    char *copy = arena_alloc(arena, text.len + 1);

    if (copy == NULL)
        return STR_NONE;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return (struct str){copy, text.len};
}

void
arena_free(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        chunk_give(arena->pool, chunk);
    }
    arena->used_bytes = 0;
}

void
arena_pool_free(struct arena_pool *pool)
{
    while (pool->free != NULL) {
        struct arena_chunk *chunk = pool->free;

        pool->free = chunk->next;
        chunk_free(chunk);
    }
    pool->free_count = 0;
}
