/*
 * blocks.h - memory in blocks of one size, of which some that were given back are kept for the
 * next who takes one: what comes and goes by the thousand costs no malloc. Not thread safe: one
 * worker.
 */
#ifndef WSGATE_BLOCKS_H
#define WSGATE_BLOCKS_H

#include "base/compiler.h"

#include <stddef.h>

enum { BLOCKS_KEPT_MAX = 64 }; /* a burst; the rest goes back to malloc */

struct blocks {
    size_t size, alignment; /* of a block; size is a multiple of alignment */
    size_t kept_count;
    void *kept[BLOCKS_KEPT_MAX];
};

void blocks_init(struct blocks *blocks, size_t size, size_t alignment);
/* Zeroed. NULL: no memory. */
void *blocks_take(struct blocks *blocks) MUST_CHECK;
/* NULL is allowed. */
void blocks_give(struct blocks *blocks, void *block);
/* Frees those that are kept. Harmless where there was no blocks_init, on zeroes. */
void blocks_free(struct blocks *blocks);

#endif
