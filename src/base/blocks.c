/* blocks.c - see blocks.h. */
#include "base/blocks.h"

#include "base/poison.h"

#include <stdlib.h>
#include <string.h>

void
blocks_init(struct blocks *blocks, size_t size, size_t alignment)
{
    blocks->size = size;
    blocks->alignment = alignment;
    blocks->kept_count = 0;
}

void *
blocks_take(struct blocks *blocks)
{
    void *block;

    if (blocks->kept_count > 0) {
        block = blocks->kept[--blocks->kept_count];
        unpoison(block, blocks->size);
    } else {
        block = aligned_alloc(blocks->alignment, blocks->size);
    }
    return block != NULL ? memset(block, 0, blocks->size) : NULL;
}

void
blocks_give(struct blocks *blocks, void *block)
{
    if (block == NULL || blocks->kept_count == BLOCKS_KEPT_MAX) {
        free(block);
        return;
    }
    poison(block, blocks->size);
    blocks->kept[blocks->kept_count++] = block;
}

void
blocks_free(struct blocks *blocks)
{
    while (blocks->kept_count > 0) {
        void *block = blocks->kept[--blocks->kept_count];

        unpoison(block, blocks->size);
        free(block);
    }
}
