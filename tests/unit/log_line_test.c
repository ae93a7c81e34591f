/* log_line_test.c - one line: its beginning, its fields, its length, its time. */
#include "base/clock.h"
#include "base/log_writer.h"
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

static struct log *log_of_test;

static void
setup(void)
{
    const char *error;

    log_of_test = log_open(&(struct log_settings){"/dev/null", "/dev/null", LOG_LEVEL_INFO},
                           &error);
    ck_assert_ptr_nonnull(log_of_test);
}

static void
teardown(void)
{
    log_close(log_of_test);
}

static json_t *
finish(struct log_line *line)
{
    json_error_t error;
    struct str text = log_line_finish(line);

    ck_assert_uint_le(text.len, LOG_LINE_MAX);
    ck_assert_int_eq(text.at[text.len - 1], '\n');
    ck_assert_ptr_eq(memchr(text.at, '\n', text.len), text.at + text.len - 1);
    json_t *object = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, &error);

    ck_assert_msg(object != NULL, "%s", error.text);
    return object;
}

static const char *
string_of(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

START_TEST(begins_with_time_level_event)
{
    struct log_line line;
    int64_t before_ms = clock_wall_ms();
    char time[] = "{\"time\":\"0000-00-00T00:00:00.000Z";

    log_begin(&line, log_of_test, LOG_ERROR, LOG_LEVEL_WARNING, "some_event");
    struct str text = log_line_finish(&line);

    ck_assert_uint_eq(text.len,
                      strlen("{\"time\":\"2026-01-01T00:00:00.000Z\",\"level\":\"warning\","
                             "\"event\":\"some_event\"}\n"));
    log_line_put_time(time + 9, before_ms);
    ck_assert_mem_eq(text.at, time, 9 + 16); /* to the minute: this test is no clock */
}
END_TEST

START_TEST(fields_of_all_kinds)
{
    struct log_line line;

    log_begin(&line, log_of_test, LOG_ACCESS, LOG_LEVEL_INFO, "handshake");
    log_str(&line, "path", STR("/a\"b"));
    log_str(&line, "absent", STR_NONE);
    log_str(&line, "empty", STR(""));
    log_text(&line, "text", "t");
    log_text(&line, "no_text", NULL);
    log_int(&line, "zero", 0);
    log_int(&line, "most", INT64_MAX);
    log_int(&line, "least", INT64_MIN);
    log_format(&line, "format", "%d-%s", 7, "x");
    json_t *object = finish(&line);

    ck_assert_uint_eq(json_object_size(object), 10);
    ck_assert_str_eq(string_of(object, "level"), "info");
    ck_assert_str_eq(string_of(object, "path"), "/a\"b");
    ck_assert_str_eq(string_of(object, "empty"), "");
    ck_assert_str_eq(string_of(object, "text"), "t");
    ck_assert_str_eq(string_of(object, "format"), "7-x");
    ck_assert_int_eq(json_integer_value(json_object_get(object, "zero")), 0);
    ck_assert(json_integer_value(json_object_get(object, "most")) == INT64_MAX);
    ck_assert(json_integer_value(json_object_get(object, "least")) == INT64_MIN);
    json_decref(object);
}
END_TEST

START_TEST(below_the_level_all_is_a_no_op)
{
    struct log_line line;

    log_begin(&line, log_of_test, LOG_ERROR, LOG_LEVEL_DEBUG, "x");
    ck_assert_ptr_null(line.log);
    log_str(&line, "a", STR("b"));
    log_int(&line, "a", 1);
    log_format(&line, "a", "%d", 1);
    log_end(&line);
    log_message(log_of_test, LOG_LEVEL_DEBUG, "x", "%d", 1);
    log_message(NULL, LOG_LEVEL_ERROR, "x", "%d", 1);

    log_begin(&line, log_of_test, LOG_ACCESS, LOG_LEVEL_DEBUG, "x"); /* not the error target */
    ck_assert_ptr_nonnull(line.log);
    log_end(&line);
    ck_assert_ptr_null(line.log);
}
END_TEST

/* One long value, at every length around the limit, with other fields behind it. */
START_TEST(a_long_value_is_cut_and_the_rest_stays)
{
    static const char *const units[] = {"x", "\n", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80", "\xff"};
    char value[LOG_LINE_MAX * 2];
    size_t unit_len = strlen(units[_i]);

    for (size_t i = 0; i + unit_len <= sizeof(value); i += unit_len)
        memcpy(value + i, units[_i], unit_len);
    for (size_t len = 0; len < sizeof(value); len += len > 3900 && len < 4100 ? 1 : 37) {
        struct log_line line;

        log_begin(&line, log_of_test, LOG_ACCESS, LOG_LEVEL_INFO, "long");
        log_text(&line, "short", "short");
        log_str(&line, "value", (struct str){value, len});
        log_int(&line, "status", 403);
        log_text(&line, "reason", "a reason that should still be there");
        json_t *object = finish(&line);

        ck_assert_uint_eq(json_object_size(object), 7);
        ck_assert_int_eq(json_integer_value(json_object_get(object, "status")), 403);
        ck_assert_str_eq(string_of(object, "short"), "short");
        ck_assert_str_eq(string_of(object, "reason"), "a reason that should still be there");
        json_decref(object);
    }
}
END_TEST

START_TEST(many_fields_leave_the_last_ones_out)
{
    struct log_line line;
    char key[16];

    log_begin(&line, log_of_test, LOG_ACCESS, LOG_LEVEL_INFO, "many");
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof(key), "key%d", i);
        if (_i == 0)
            log_int(&line, key, i);
        else
            log_text(&line, key, "a value too short to be cut");
    }
    json_t *object = finish(&line);

    ck_assert_uint_gt(json_object_size(object), 80);
    ck_assert_uint_lt(json_object_size(object), 400);
    ck_assert_ptr_nonnull(json_object_get(object, "key0"));
    json_decref(object);
}
END_TEST

START_TEST(a_long_key_is_left_out)
{
    struct log_line line;
    char *key = calloc(1, 3 * LOG_LINE_MAX);

    memset(key, 'k', 3 * LOG_LINE_MAX - 1);
    log_begin(&line, log_of_test, LOG_ACCESS, LOG_LEVEL_INFO, "key");
    log_text(&line, key, "v");
    log_int(&line, key, 1);
    log_format(&line, "format", "%s", key);
    json_t *object = finish(&line);

    ck_assert_uint_eq(json_object_size(object), 4);
    json_decref(object);
    free(key);
}
END_TEST

START_TEST(time_agrees_with_gmtime)
{
    static const int64_t seconds[] = {
        0, 86399, 86400, 5097599, 5097600, 68169600, 68255999, 951782400, 951868800, 951868799,
        978307199, 978307200, 1709164800, 1709251200, 1735689599, 2147483647, 2147483648,
        4107542399, 4107542400, 4133980800, 253402300799,
    };

    srand(3);
    for (size_t i = 0; i < 20000; i++) {
        int64_t time_s = i < COUNT_OF(seconds) ? seconds[i]
                                               : ((int64_t)rand() << 20 ^ rand()) % 253402300800;
        char text[] = "0000-00-00T00:00:00.000Z", expected[80];
        struct tm tm;

        log_line_put_time(text, time_s * 1000 + (int64_t)i % 1000);
        gmtime_r(&(time_t){time_s}, &tm);
        snprintf(expected, sizeof(expected), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int)(i % 1000));
        ck_assert_str_eq(text, expected);
    }
}
END_TEST

Suite *
log_line_suite(void)
{
    Suite *suite = suite_create("log_line");
    TCase *tc = tcase_create("log_line");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, begins_with_time_level_event);
    tcase_add_test(tc, fields_of_all_kinds);
    tcase_add_test(tc, below_the_level_all_is_a_no_op);
    tcase_add_loop_test(tc, a_long_value_is_cut_and_the_rest_stays, 0, 6);
    tcase_add_loop_test(tc, many_fields_leave_the_last_ones_out, 0, 2);
    tcase_add_test(tc, a_long_key_is_left_out);
    tcase_add_test(tc, time_agrees_with_gmtime);
    suite_add_tcase(suite, tc);
    return suite;
}
