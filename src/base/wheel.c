/*
 * wheel.c - a hashed timing wheel; see wheel.h.
 *
 * A node stands in the slot of its tick modulo the number of slots. When its
 * slot comes up a turn too early, it is left where it is.
 */
#include "base/wheel.h"

static uint64_t
tick_of(uint64_t ms)
{
    return (ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS; /* up: never early */
}

void
wheel_init(struct wheel *wheel, uint64_t now_ms)
{
    for (size_t i = 0; i < WHEEL_SLOTS; i++)
        wheel->slots[i].next = wheel->slots[i].prev = &wheel->slots[i];
    wheel->done_tick = now_ms / WHEEL_TICK_MS;
}

void
wheel_clear(struct wheel_node *node)
{
    if (node->next == NULL)
        return;
    node->next->prev = node->prev;
    node->prev->next = node->next;
    node->next = node->prev = NULL;
}

void
wheel_set(struct wheel *wheel, struct wheel_node *node, uint64_t due_ms)
{
    wheel_clear(node);
    node->due_ms = due_ms;
    if (due_ms == WHEEL_NEVER)
        return;

    uint64_t tick = tick_of(due_ms);
    if (tick <= wheel->done_tick)
        tick = wheel->done_tick + 1; /* past already: with the next tick */
    struct wheel_node *head = &wheel->slots[tick % WHEEL_SLOTS];
    node->next = head;
    node->prev = head->prev;
    head->prev->next = node;
    head->prev = node;
}

struct wheel_node *
wheel_next(struct wheel *wheel, uint64_t now_ms)
{
    uint64_t now_tick = now_ms / WHEEL_TICK_MS;

    /* After a long pause one turn of the wheel sees every slot. */
    if (now_tick > wheel->done_tick + WHEEL_SLOTS)
        wheel->done_tick = now_tick - WHEEL_SLOTS;
    for (; wheel->done_tick < now_tick; wheel->done_tick++) {
        struct wheel_node *head = &wheel->slots[(wheel->done_tick + 1) % WHEEL_SLOTS];
        for (struct wheel_node *node = head->next; node != head; node = node->next) {
            if (node->due_ms <= now_ms) {
                wheel_clear(node);
                return node;
            }
        }
    }
    return NULL;
}
