/* wheel_test.c - deadlines fire once, not early, at most a tick late, however far away. */
#include "base/wheel.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

static struct wheel wheel;

static unsigned
fired(uint64_t now_ms)
{
    unsigned n = 0;

    while (wheel_next(&wheel, now_ms) != NULL)
        n++;
    return n;
}

static bool
armed(const struct wheel_node *node)
{
    return node->next != NULL;
}

START_TEST(fires_at_its_time)
{
    static const uint64_t delays[] = {1, 99, 100, 101, 250, 5000, 102399, 102400, 102401, 3600000};

    for (size_t i = 0; i < sizeof(delays) / sizeof(delays[0]); i++) {
        struct wheel_node node = {0};
        uint64_t start = 123456;
        wheel_init(&wheel, start);
        wheel_set(&wheel, &node, start + delays[i]);
        uint64_t now = start;
        for (; now < start + delays[i]; now += 50)
            ck_assert_uint_eq(fired(now), 0);
        ck_assert_uint_eq(fired(start + delays[i] + WHEEL_TICK_MS), 1);
        ck_assert(!armed(&node));
        ck_assert_uint_eq(fired(start + delays[i] + 1000000), 0);
    }
}
END_TEST

START_TEST(can_be_moved_and_cleared)
{
    struct wheel_node node = {0};

    wheel_init(&wheel, 0);
    wheel_set(&wheel, &node, 500);
    wheel_set(&wheel, &node, 900);
    ck_assert_uint_eq(fired(800), 0);
    wheel_clear(&node);
    wheel_clear(&node);
    ck_assert_uint_eq(fired(5000), 0);
    wheel_set(&wheel, &node, WHEEL_NEVER);
    ck_assert(!armed(&node));
}
END_TEST

START_TEST(what_is_past_fires_with_the_next_tick)
{
    struct wheel_node node = {0};

    wheel_init(&wheel, 10000);
    wheel_set(&wheel, &node, 10);
    ck_assert_uint_eq(fired(10099), 0);
    ck_assert_uint_eq(fired(10100), 1);
}
END_TEST

START_TEST(a_long_pause_loses_nothing)
{
    struct wheel_node nodes[3000];

    memset(nodes, 0, sizeof(nodes));
    wheel_init(&wheel, 0);
    for (size_t i = 0; i < 3000; i++)
        wheel_set(&wheel, &nodes[i], 1 + i * 97);
    ck_assert_uint_eq(fired(10000000), 3000);
}
END_TEST

START_TEST(can_stop_in_the_middle)
{
    struct wheel_node nodes[100];

    memset(nodes, 0, sizeof(nodes));
    wheel_init(&wheel, 0);
    for (size_t i = 0; i < 100; i++)
        wheel_set(&wheel, &nodes[i], 100);
    for (size_t i = 0; i < 40; i++)
        ck_assert_ptr_nonnull(wheel_next(&wheel, 200));
    ck_assert_uint_eq(fired(200), 60);
}
END_TEST

START_TEST(random_deadlines_against_a_plain_list)
{
    enum { COUNT = 500 };
    struct wheel_node nodes[COUNT];
    uint64_t due[COUNT], now = 77;

    memset(nodes, 0, sizeof(nodes));
    srand(1);
    wheel_init(&wheel, now);
    for (size_t i = 0; i < COUNT; i++) {
        due[i] = now + (uint64_t)rand() % 300000;
        wheel_set(&wheel, &nodes[i], due[i]);
    }
    for (size_t left = COUNT; left > 0; now += (uint64_t)rand() % 400) {
        struct wheel_node *node;
        while ((node = wheel_next(&wheel, now)) != NULL) {
            ck_assert_uint_le(due[node - nodes], now);
            left--;
        }
        for (size_t i = 0; i < COUNT; i++)
            if (armed(&nodes[i]))
                ck_assert_uint_gt(due[i] + WHEEL_TICK_MS, now);
    }
}
END_TEST

Suite *
wheel_suite(void)
{
    Suite *suite = suite_create("wheel");
    TCase *tc = tcase_create("wheel");
    tcase_add_test(tc, fires_at_its_time);
    tcase_add_test(tc, can_be_moved_and_cleared);
    tcase_add_test(tc, what_is_past_fires_with_the_next_tick);
    tcase_add_test(tc, a_long_pause_loses_nothing);
    tcase_add_test(tc, can_stop_in_the_middle);
    tcase_add_test(tc, random_deadlines_against_a_plain_list);
    suite_add_tcase(suite, tc);
    return suite;
}
