/*
 * blocks.h - memory in blocks of one size, side by side in slabs of 64 KiB: what comes and goes by
 * the thousand costs no malloc, and a block no more than its bytes. malloc would take a head and,
 * for an alignment, most often a line of the processor's cache besides.
 *
 * A slab goes back to the kernel with its last block, unless no other has room. Not thread safe:
 * one worker.
 */
#ifndef WSGATE_BLOCKS_H
#define WSGATE_BLOCKS_H

#include "base/compiler.h"

#include <stddef.h>
#include <sys/queue.h>

enum { BLOCKS_SLAB_BYTES = 64 * 1024 };

struct slab;

struct blocks {
    size_t size, alignment;        /* of a block; size is a multiple of alignment */
    size_t slab_count;
    LIST_HEAD(, slab) with_room;
};

void blocks_init(struct blocks *blocks, size_t size, size_t alignment);
/* Zeroed. NULL: no memory. */
void *blocks_take(struct blocks *blocks) MUST_CHECK;
/* NULL is allowed. */
void blocks_give(struct blocks *blocks, void *block);
/* All were given back before. Harmless where there was no blocks_init, on zeroes. */
void blocks_free(struct blocks *blocks);

#endif
