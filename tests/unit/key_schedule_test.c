/* key_schedule_test.c - when a key set is fetched again. */
#include "base/compiler.h"
#include "token/key_schedule.h"
#include "unit.h"

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE };

/* Without the spread: the dice in the middle. */
static const struct {
    uint64_t refresh_ms;
    int64_t max_age_s;
    uint64_t ms;
} fetched[] = {
    {10 * MINUTE, -1, 10 * MINUTE},     {10 * MINUTE, 0, 10 * MINUTE},
    {10 * MINUTE, 15, MINUTE},          {10 * MINUTE, 60, MINUTE},
    {10 * MINUTE, 120, 2 * MINUTE},     {10 * MINUTE, 600, 10 * MINUTE},
    {10 * MINUTE, 21600, 10 * MINUTE},  {10 * MINUTE, INT64_MAX, 10 * MINUTE},
    {10 * MINUTE, INT64_MIN, 10 * MINUTE}, {HOUR, 1800, 30 * MINUTE},
    {1000, -1, 1000},                   {1000, 15, 1000},
    {30 * 1000, 15, 30 * 1000},
};

static const struct {
    uint64_t refresh_ms;
    unsigned failures;
    uint64_t ms;
} failed[] = {
    {10 * MINUTE, 1, 1000},          {10 * MINUTE, 2, 2000},
    {10 * MINUTE, 3, 4000},          {10 * MINUTE, 10, 512 * 1000},
    {10 * MINUTE, 11, 10 * MINUTE},  {10 * MINUTE, 65535, 10 * MINUTE},
    {1000, 1, 1000},                 {1000, 9, 1000},
};

static void
check_spread(uint64_t middle, uint64_t least, uint64_t most, uint64_t ms)
{
    ck_assert_uint_le(middle, ms);
    ck_assert_uint_ge(middle + 1, ms);
    ck_assert_uint_eq(least, ms - ms / 10);
    ck_assert_uint_eq(most, ms + ms / 10);
}

START_TEST(after_a_good_answer)
{
    uint64_t refresh_ms = fetched[_i].refresh_ms;
    int64_t age_s = fetched[_i].max_age_s;

    check_spread(key_schedule_fetched(refresh_ms, age_s, UINT32_MAX / 2),
                 key_schedule_fetched(refresh_ms, age_s, 0),
                 key_schedule_fetched(refresh_ms, age_s, UINT32_MAX), fetched[_i].ms);
}
END_TEST

START_TEST(after_a_failure)
{
    uint64_t refresh_ms = failed[_i].refresh_ms;
    unsigned failures = failed[_i].failures;

    check_spread(key_schedule_failed(refresh_ms, failures, UINT32_MAX / 2),
                 key_schedule_failed(refresh_ms, failures, 0),
                 key_schedule_failed(refresh_ms, failures, UINT32_MAX), failed[_i].ms);
}
END_TEST

/* A burst, then one in each interval; after a rest the burst again. */
START_TEST(what_tokens_may_ask_for)
{
    const uint64_t interval = 2000, long_ago = 1 << 30;
    struct key_allowance allowance = {0};
    uint64_t now = long_ago;

    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < KEY_ALLOWANCE_BURST; i++)
            ck_assert(key_allowance_take(&allowance, interval, now));
        for (int i = 0; i < 5; i++) {
            ck_assert(!key_allowance_take(&allowance, interval, now));
            ck_assert(!key_allowance_take(&allowance, interval, now + interval - 1));
            ck_assert_uint_eq(key_allowance_from_us(&allowance, interval), now + interval);
            now += interval;
            ck_assert(key_allowance_take(&allowance, interval, now));
        }
        now += KEY_ALLOWANCE_BURST * interval;
    }
    ck_assert(key_allowance_take(&allowance, interval, now));
    ck_assert_uint_le(key_allowance_from_us(&allowance, interval), now);
}
END_TEST

Suite *
key_schedule_suite(void)
{
    Suite *suite = suite_create("key_schedule");
    TCase *tc = tcase_create("key_schedule");

    tcase_add_loop_test(tc, after_a_good_answer, 0, (int)COUNT_OF(fetched));
    tcase_add_loop_test(tc, after_a_failure, 0, (int)COUNT_OF(failed));
    tcase_add_test(tc, what_tokens_may_ask_for);
    suite_add_tcase(suite, tc);
    return suite;
}
