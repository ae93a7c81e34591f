/*
 * blocks.c - see blocks.h.
 *
 * A slab stands at a multiple of its size, so that a block finds it by its own address. Its blocks
 * are handed out in their order at first, so that memory is touched when it is used, and later
 * those that came back last.
 */
#include "base/blocks.h"

#include "base/poison.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

struct slab {
    LIST_ENTRY(slab) next; /* among those with room */
    void *back;            /* the one that came back last; it begins with the one before */
    uint32_t used, fresh;  /* blocks that are out; that were out at some time */
};

void
blocks_init(struct blocks *blocks, size_t size, size_t alignment)
{
    *blocks = (struct blocks){.size = size, .alignment = alignment};
    LIST_INIT(&blocks->with_room);
}

static size_t
first_block(const struct blocks *blocks)
{
    return (sizeof(struct slab) + blocks->alignment - 1) / blocks->alignment * blocks->alignment;
}

static size_t
blocks_in_slab(const struct blocks *blocks)
{
    return (BLOCKS_SLAB_BYTES - first_block(blocks)) / blocks->size;
}

/* From twice as much, what is before and behind goes back. */
static struct slab *
map_slab(void)
{
    char *all = mmap(NULL, 2 * BLOCKS_SLAB_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (all == MAP_FAILED)
        return NULL;
    size_t before = -(uintptr_t)all % BLOCKS_SLAB_BYTES;
    if (before > 0)
        (void)munmap(all, before);
    (void)munmap(all + before + BLOCKS_SLAB_BYTES, BLOCKS_SLAB_BYTES - before);
    return (struct slab *)(void *)(all + before);
}

static struct slab *
slab_with_room(struct blocks *blocks)
{
    struct slab *slab = LIST_FIRST(&blocks->with_room);

    if (slab != NULL || (slab = map_slab()) == NULL)
        return slab;
    LIST_INSERT_HEAD(&blocks->with_room, slab, next);
    blocks->slab_count++;
    return slab;
}

static void *
take(const struct blocks *blocks, struct slab *slab)
{
    char *block = slab->back;

    slab->used++;
    if (block == NULL)
        return (char *)slab + first_block(blocks) + blocks->size * slab->fresh++;
    unpoison(block, blocks->size);
    memcpy(&slab->back, block, sizeof(slab->back));
    return memset(block, 0, blocks->size);
}

void *
blocks_take(struct blocks *blocks)
{
    struct slab *slab = slab_with_room(blocks);

    if (slab == NULL)
        return NULL;
    void *block = take(blocks, slab);
    if (slab->used == blocks_in_slab(blocks))
        LIST_REMOVE(slab, next);
    return block;
}

static void
unmap(struct blocks *blocks, struct slab *slab)
{
    LIST_REMOVE(slab, next);
    unpoison(slab, BLOCKS_SLAB_BYTES);
    (void)munmap(slab, BLOCKS_SLAB_BYTES);
    blocks->slab_count--;
}

void
blocks_give(struct blocks *blocks, void *block)
{
    if (block == NULL)
        return;
    struct slab *slab = (struct slab *)((uintptr_t)block & ~(uintptr_t)(BLOCKS_SLAB_BYTES - 1));

    if (slab->used-- == blocks_in_slab(blocks))
        LIST_INSERT_HEAD(&blocks->with_room, slab, next);
    memcpy(block, &slab->back, sizeof(slab->back));
    slab->back = block;
    poison(block, blocks->size);
    bool alone = LIST_FIRST(&blocks->with_room) == slab && LIST_NEXT(slab, next) == NULL;
    if (slab->used == 0 && !alone)
        unmap(blocks, slab);
}

void
blocks_free(struct blocks *blocks)
{
    while (!LIST_EMPTY(&blocks->with_room))
        unmap(blocks, LIST_FIRST(&blocks->with_room));
}
