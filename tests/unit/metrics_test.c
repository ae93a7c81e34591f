/* metrics_test.c - counters of modules: found again, added up, and never dropped in silence. */
#include "gateway/metrics.h"
#include "unit.h"

#include <stdio.h>

static char words[METRICS_MODULE_COUNTERS_MAX + 2][8];

START_TEST(no_count_is_lost_in_silence)
{
    struct metrics metrics = {0}, sum = {0};

    for (size_t i = 0; i < METRICS_MODULE_COUNTERS_MAX + 2; i++) {
        snprintf(words[i], sizeof(words[i]), "w%zu", i);
        metrics_count(&metrics, "m", words[i], 3);
        metrics_count(&metrics, "m", words[i], 4);
    }
    ck_assert_uint_eq(metrics.modules[METRICS_MODULE_COUNTERS_MAX - 1].n, 7);
    ck_assert_uint_eq(metrics.counts_lost, 4);
    metrics_count(&sum, "other", "w", 1);
    metrics_add(&sum, &metrics);
    ck_assert_uint_eq(sum.modules[0].n, 1);
    ck_assert_uint_eq(sum.modules[1].n, 7);
    ck_assert_uint_eq(sum.counts_lost, 5); /* those, and one that the sum had no room for */
}
END_TEST

Suite *
metrics_suite(void)
{
    Suite *suite = suite_create("metrics");
    TCase *tc = tcase_create("metrics");

    tcase_add_test(tc, no_count_is_lost_in_silence);
    suite_add_tcase(suite, tc);
    return suite;
}
