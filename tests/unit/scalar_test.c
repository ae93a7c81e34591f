/* scalar_test.c - durations, sizes, rates, integers, booleans: text in, value or phrase out. */
#include "config/scalar.h"
#include "unit.h"

#include <stdlib.h>

#define BAD (-1)

struct row {
    scalar_reader *read;
    const char *text;
    int64_t value; /* BAD: an error */
    const char *error;
};

#define DURATION "expected a duration such as 250ms, 5s, 2m, 1h or 7d"
#define SIZE "expected a size such as 512B, 64KiB, 1MiB or 2GiB"
#define RATE "expected a rate such as 10/s or 100/1m"
#define INTEGER "expected a whole number without a sign"
#define BOOLEAN "expected true or false"
#define SMALLER "expected a smaller number"

static const struct row rows[] = {
    {scalar_boolean, "true", 1, BOOLEAN},
    {scalar_boolean, "false", 0, BOOLEAN},
    {scalar_boolean, "True", BAD, BOOLEAN},
    {scalar_boolean, "yes", BAD, BOOLEAN},
    {scalar_boolean, "on", BAD, BOOLEAN},
    {scalar_boolean, "1", BAD, BOOLEAN},
    {scalar_boolean, "", BAD, BOOLEAN},

    {scalar_integer, "0", 0, INTEGER},
    {scalar_integer, "7", 7, INTEGER},
    {scalar_integer, "9223372036854775807", INT64_MAX, INTEGER},
    {scalar_integer, "9223372036854775808", BAD, SMALLER},
    {scalar_integer, "99999999999999999999999999", BAD, SMALLER},
    {scalar_integer, "", BAD, INTEGER},
    {scalar_integer, "-1", BAD, INTEGER},
    {scalar_integer, "+1", BAD, INTEGER},
    {scalar_integer, "01", BAD, INTEGER},
    {scalar_integer, "00", BAD, INTEGER},
    {scalar_integer, "0x10", BAD, INTEGER},
    {scalar_integer, "1_000", BAD, INTEGER},
    {scalar_integer, "1.5", BAD, INTEGER},
    {scalar_integer, "1e3", BAD, INTEGER},
    {scalar_integer, " 1", BAD, INTEGER},
    {scalar_integer, "1 ", BAD, INTEGER},

    {scalar_duration, "0", 0, DURATION},
    {scalar_duration, "0s", 0, DURATION},
    {scalar_duration, "250ms", 250, DURATION},
    {scalar_duration, "5s", 5000, DURATION},
    {scalar_duration, "2m", 120000, DURATION},
    {scalar_duration, "1h", 3600000, DURATION},
    {scalar_duration, "7d", 604800000, DURATION},
    {scalar_duration, "3650d", SCALAR_DURATION_MAX_MS, DURATION},
    {scalar_duration, "3651d", BAD, "expected at most 3650d"},
    {scalar_duration, "315360000001ms", BAD, "expected at most 3650d"},
    {scalar_duration, "9223372036854775807d", BAD, SMALLER},
    {scalar_duration, "92233720368547758070d", BAD, SMALLER},
    {scalar_duration, "", BAD, DURATION},
    {scalar_duration, "5", BAD, DURATION},
    {scalar_duration, "s", BAD, DURATION},
    {scalar_duration, "5 s", BAD, DURATION},
    {scalar_duration, "5S", BAD, DURATION},
    {scalar_duration, "5sec", BAD, DURATION},
    {scalar_duration, "1h30m", BAD, DURATION},
    {scalar_duration, "1.5h", BAD, DURATION},
    {scalar_duration, "-1s", BAD, DURATION},
    {scalar_duration, "05s", BAD, DURATION},

    {scalar_size, "0", 0, SIZE},
    {scalar_size, "512B", 512, SIZE},
    {scalar_size, "64KiB", 65536, SIZE},
    {scalar_size, "1MiB", 1048576, SIZE},
    {scalar_size, "2GiB", 2147483648, SIZE},
    {scalar_size, "8589934591GiB", 9223372035781033984, SIZE},
    {scalar_size, "8589934592GiB", BAD, SMALLER},
    {scalar_size, "512", BAD, SIZE},
    {scalar_size, "64KB", BAD, SIZE},
    {scalar_size, "64k", BAD, SIZE},
    {scalar_size, "KiB", BAD, SIZE},
    {scalar_size, "1 MiB", BAD, SIZE},

    {scalar_rate, "0", 0, RATE},
    {scalar_rate, "0/s", 0, RATE},
    {scalar_rate, "10/s", 10000, RATE},
    {scalar_rate, "10/1s", 10000, RATE},
    {scalar_rate, "100/1m", 1667, RATE},
    {scalar_rate, "100/m", 1667, RATE},
    {scalar_rate, "5/2h", 1, RATE},
    {scalar_rate, "1/250ms", 4000, RATE},
    {scalar_rate, "1/1d", BAD, "expected a rate of at least 1/2000s"},
    {scalar_rate, "10", BAD, RATE},
    {scalar_rate, "10/", BAD, RATE},
    {scalar_rate, "/s", BAD, RATE},
    {scalar_rate, "10/0s", BAD, RATE},
    {scalar_rate, "10/01s", BAD, RATE},
    {scalar_rate, "10/1", BAD, RATE},
    {scalar_rate, "10 /s", BAD, RATE},
    {scalar_rate, "10s", BAD, RATE},
    {scalar_rate, "10/99999999999999999999s", BAD, RATE},
    {scalar_rate, "10/4000d", BAD, RATE},
    {scalar_rate, "9223372036854775807/s", BAD, SMALLER},
    {scalar_rate, "92233720368547758070/s", BAD, SMALLER},
};

START_TEST(reads)
{
    const struct row *row = &rows[_i];
    const char *error = NULL;
    int64_t value = BAD;
    bool valid = row->read(str_of(row->text), &value, &error);

    ck_assert_msg(valid == (row->value != BAD), "%s: %d", row->text, valid);
    ck_assert_msg(value == row->value, "%s: %lld", row->text, (long long)value);
    ck_assert_str_eq(error, row->error);
}
END_TEST

/* A value that is cut short anywhere is another value or an error, never a read past its end. */
START_TEST(looks_at_its_own_bytes_only)
{
    const struct row *row = &rows[_i];

    for (size_t len = 0; len < strlen(row->text); len++) {
        char *copy = malloc(len > 0 ? len : 1);
        const char *error;
        int64_t value;

        memcpy(copy, row->text, len);
        if (!row->read((struct str){copy, len}, &value, &error))
            ck_assert_ptr_nonnull(error);
        free(copy);
    }
}
END_TEST

static const struct {
    const char *rate;
    uint64_t ns;
} intervals[] = {
    {"10/s", 100000000},         {"100/1m", 600000000},       {"3/s", 333333333},
    {"5/2h", 1440000000000},     {"1/2000s", 2000000000000},  {"1/250ms", 250000000},
    {"1000000000/s", 1},         {"1000000001/s", 0},         {"0", 0},
    {"0/s", 0},                  {"x", 0},                    {"10/3650d", 31536000000000000},
};

START_TEST(intervals_are_exact)
{
    ck_assert_uint_eq(scalar_interval_ns(str_of(intervals[_i].rate)), intervals[_i].ns);
}
END_TEST

Suite *
scalar_suite(void)
{
    Suite *suite = suite_create("scalar");
    TCase *tc = tcase_create("scalar");

    tcase_add_loop_test(tc, reads, 0, COUNT_OF(rows));
    tcase_add_loop_test(tc, looks_at_its_own_bytes_only, 0, COUNT_OF(rows));
    tcase_add_loop_test(tc, intervals_are_exact, 0, COUNT_OF(intervals));
    suite_add_tcase(suite, tc);
    return suite;
}
