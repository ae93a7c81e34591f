/* log_test.c - JSON lines through the queue: whole, escaped, in order, or counted as lost. */
#include "base/log.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

START_TEST(placeholder)
{
    const char *error;
    struct log *log = log_open(&(struct log_settings){"stdout", "stdout", LOG_LEVEL_INFO}, &error);
    ck_assert_ptr_nonnull(log);
    log_message(log, LOG_LEVEL_INFO, "test", "%d", 1);
    log_close(log);
}
END_TEST

Suite *
log_suite(void)
{
    Suite *suite = suite_create("log");
    TCase *tc = tcase_create("log");

    tcase_add_test(tc, placeholder);
    suite_add_tcase(suite, tc);
    return suite;
}
