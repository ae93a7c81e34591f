/*
 * claims.c - jansson's memory, while it reads claims, out of blocks.
 *
 * jansson has one pair of functions for all its memory. Ours hand out pieces of the block that
 * this thread is filling just now, and go on to malloc and free where it fills none. What jansson
 * gives back while it reads stays where it is, until all of it goes.
 */
#include "token/claims.h"

#include "protocol/jose.h"

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_ALIGNMENT = 16, /* malloc's */
    /* Measured with tokens of 5 to 12 claims; the rest is for what jansson needs on its way. */
    FIRST_BYTES = 1024,
    FIRST_FACTOR = 6,
};

struct claims_block {
    struct claims_block *before; /* NULL: the first, in which the claims' head lies, too */
    size_t size, used;           /* this head included */
    _Alignas(PIECE_ALIGNMENT) char pieces[];
};

static _Thread_local struct claims *filling;

static size_t
rounded(size_t bytes)
{
    return (bytes + PIECE_ALIGNMENT - 1) / PIECE_ALIGNMENT * PIECE_ALIGNMENT;
}

static struct claims_block *
block_new(struct claims_block *before, size_t size)
{
    struct claims_block *block = malloc(size);

    if (block)
        *block = (struct claims_block){before, size, sizeof(*block)};
    return block;
}

/* NULL: it does not fit. */
static void *
block_take(struct claims_block *block, size_t bytes)
{
    void *piece = (char *)block + block->used;

    if (bytes > block->size - block->used)
        return NULL;
    block->used += rounded(bytes);
    if (block->used > block->size) /* the last piece, which nothing follows */
        block->used = block->size;
    return piece;
}

/* A further block is at least as large as all before it, so that there are few. */
static void *
take(size_t bytes)
{
    struct claims *claims = filling;

    if (!claims)
        return malloc(bytes);
    void *piece = block_take(claims->last, bytes);
    if (piece)
        return piece;
    size_t least = sizeof(struct claims_block) + rounded(bytes);
    struct claims_block *block =
        block_new(claims->last, least > claims->bytes ? least : claims->bytes);
    if (!block)
        return NULL;
    claims->last = block;
    claims->bytes += block->size;
    return block_take(block, bytes);
}

static void
give_back(void *piece)
{
    if (!filling)
        free(piece);
}

static void
install(void)
{
    json_set_alloc_funcs(take, give_back);
}

void
claims_start(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, install);
}

/* Empty, and being filled by this thread; len: of what is to be read. */
static struct claims *
begin(size_t len)
{
    size_t size = FIRST_BYTES + FIRST_FACTOR * len;
    struct claims_block *block = block_new(NULL, size);

    claims_start();
    if (!block)
        return NULL;
    struct claims *claims = (void *)block->pieces;
    block->used += rounded(sizeof(*claims));
    *claims = (struct claims){.bytes = size, .last = block};
    filling = claims;
    return claims;
}

static struct claims *
end(struct claims *claims, json_t *json)
{
    filling = NULL;
    claims->json = json;
    if (json)
        return claims;
    claims_free(claims);
    return NULL;
}

struct claims *
claims_of_text(struct str text)
{
    struct claims *claims = begin(text.len);

    return claims ? end(claims, jose_json(text)) : NULL;
}

struct claims *
claims_of_segment(struct str segment, void *scratch)
{
    struct claims *claims = begin(segment.len);

    return claims ? end(claims, jose_payload_read(segment, scratch)) : NULL;
}

void
claims_free(struct claims *claims)
{
    struct claims_block *before;

    for (struct claims_block *block = claims ? claims->last : NULL; block; block = before) {
        before = block->before;
        free(block);
    }
}
