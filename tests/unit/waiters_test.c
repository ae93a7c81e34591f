/* waiters_test.c - who waits is found by his task, whatever list he is in. */
#include "unit.h"
#include "waiters.h"

#include <string.h>

enum { MANY = 3 * WAITERS_CHAINS };

static struct waiters waiters;
static struct waiter_list lists[2];
static struct waiter all[MANY];
static char tasks[MANY][48]; /* about as far apart as tasks in an arena */

static struct mw_task *
task_of(int i)
{
    return (struct mw_task *)(void *)tasks[i];
}

static void
add_all(void)
{
    memset(&waiters, 0, sizeof(waiters)); /* where tests run in one process */
    LIST_INIT(&lists[0]);
    LIST_INIT(&lists[1]);
    for (int i = 0; i < MANY; i++) {
        all[i].task = task_of(i);
        waiters_add(&waiters, &lists[i % 2], &all[i]);
    }
    ck_assert_uint_eq(waiters.count, MANY);
}

static int
count(const struct waiter_list *list)
{
    const struct waiter *waiter;
    int n = 0;

    LIST_FOREACH(waiter, list, in_list)
        n++;
    return n;
}

START_TEST(each_is_found_and_goes)
{
    add_all();
    for (int i = 0; i < MANY; i += 3) {
        ck_assert_ptr_eq(waiters_find(&waiters, task_of(i)), &all[i]);
        waiters_remove(&waiters, &all[i]);
        ck_assert_ptr_null(waiters_find(&waiters, task_of(i)));
    }
    for (int i = 0; i < MANY; i++)
        ck_assert_ptr_eq(waiters_find(&waiters, task_of(i)), i % 3 ? &all[i] : NULL);
    ck_assert_uint_eq(waiters.count, MANY - MANY / 3);
    ck_assert_int_eq(count(&lists[0]) + count(&lists[1]), MANY - MANY / 3);
}
END_TEST

START_TEST(a_list_moves_as_a_whole)
{
    struct waiter_list to;

    add_all();
    waiters_move(&to, &lists[0]);
    ck_assert(LIST_EMPTY(&lists[0]));
    ck_assert_int_eq(count(&to), MANY / 2);
    waiters_remove(&waiters, LIST_FIRST(&to)); /* the head is found from the first */
    ck_assert_int_eq(count(&to), MANY / 2 - 1);
    while (!LIST_EMPTY(&to))
        waiters_remove(&waiters, LIST_FIRST(&to));
    ck_assert_uint_eq(waiters.count, MANY / 2);
    waiters_move(&to, &lists[0]);
    ck_assert(LIST_EMPTY(&to));
}
END_TEST

/* Were all in a few chains, the end of many would take its time. */
START_TEST(chains_are_short)
{
    add_all();
    for (int i = 0; i < WAITERS_CHAINS; i++) {
        const struct waiter *waiter;
        int n = 0;

        LIST_FOREACH(waiter, &waiters.chains[i], in_chain)
            n++;
        ck_assert_int_lt(n, 30);
    }
}
END_TEST

Suite *
waiters_suite(void)
{
    Suite *suite = suite_create("waiters");
    TCase *tc = tcase_create("waiters");

    tcase_add_test(tc, each_is_found_and_goes);
    tcase_add_test(tc, a_list_moves_as_a_whole);
    tcase_add_test(tc, chains_are_short);
    suite_add_tcase(suite, tc);
    return suite;
}
