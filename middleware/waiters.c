/* waiters.c - see waiters.h. */
#include "waiters.h"

static size_t
chain_of(const struct mw_task *task)
{
    uint64_t bits = (uint64_t)(uintptr_t)task * UINT64_C(0x9E3779B97F4A7C15);

    return (size_t)(bits >> 32) % WAITERS_CHAINS;
}

void
waiters_add(struct waiters *waiters, struct waiter_list *list, struct waiter *waiter)
{
    LIST_INSERT_HEAD(list, waiter, in_list);
    LIST_INSERT_HEAD(&waiters->chains[chain_of(waiter->task)], waiter, in_chain);
    waiters->count++;
}

struct waiter *
waiters_find(const struct waiters *waiters, const struct mw_task *task)
{
    struct waiter *waiter;

    LIST_FOREACH(waiter, &waiters->chains[chain_of(task)], in_chain)
        if (waiter->task == task)
            return waiter;
    return NULL;
}

void
waiters_remove(struct waiters *waiters, struct waiter *waiter)
{
    LIST_REMOVE(waiter, in_list);
    LIST_REMOVE(waiter, in_chain);
    waiters->count--;
}

void
waiters_move(struct waiter_list *to, struct waiter_list *from)
{
    struct waiter *first = LIST_FIRST(from);

    *to = *from;
    LIST_INIT(from);
    if (first)
        first->in_list.le_prev = &to->lh_first;
}
