/*
 * scalar.c - reads durations, sizes, rates, integers and booleans.
 *
 * It does not know where a value stands or what range an option has.
 *
 * The hard thing: overflow. Every multiplication goes through
 * __builtin_mul_overflow, so that 9223372036854775807d is an error and not
 * a small number.
 */
#include "config/scalar.h"

struct unit {
    const char *word;
    int64_t factor;
};

static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}, {0},
};

static const struct unit size_units[] = {
    {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {0},
};

static const char too_large[] = "expected a smaller number";

/* Takes the digits off the front of *rest. false: none, a leading zero, or (*large) too many. */
static bool
take_number(struct str *rest, int64_t *number, bool *large)
{
    size_t len = 0;
    int64_t sum = 0;

    *large = false;
    for (; len < rest->len && rest->at[len] >= '0' && rest->at[len] <= '9'; len++)
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, rest->at[len] - '0', &sum)) {
            *large = true;
            return false;
        }
    if (len == 0 || (len > 1 && rest->at[0] == '0'))
        return false;
    rest->at += len;
    rest->len -= len;
    *number = sum;
    return true;
}

/* The same where it begins a value. On failure *error is `expected`,
 * or that it is too large. */
static bool
begin_with_number(struct str *rest, int64_t *number, const char *expected, const char **error)
{
    bool large;

    *error = expected;
    if (take_number(rest, number, &large))
        return true;
    if (large)
        *error = too_large;
    return false;
}

/* The factor of the unit that `text` is, in whole; 0: none. */
static int64_t
unit_factor(struct str text, const struct unit *units)
{
    for (; units->word != NULL; units++)
        if (str_equal(text, str_of(units->word)))
            return units->factor;
    return 0;
}

/* A number and a unit, or a bare 0. On failure *error is `expected`, or that it is too large. */
static bool
read_with_unit(struct str text, const struct unit *units, int64_t *value, const char *expected,
               const char **error)
{
    int64_t number;

    if (!begin_with_number(&text, &number, expected, error))
        return false;
    if (number == 0 && text.len == 0) {
        *value = 0;
        return true;
    }
    int64_t factor = unit_factor(text, units);

    if (factor == 0)
        return false;
    if (__builtin_mul_overflow(number, factor, &number)) {
        *error = too_large;
        return false;
    }
    *value = number;
    return true;
}

bool
scalar_boolean(struct str text, int64_t *value, const char **error)
{
    bool yes = str_equal(text, STR("true"));

    *error = "expected true or false";
    if (!yes && !str_equal(text, STR("false")))
        return false;
    *value = yes;
    return true;
}

bool
scalar_integer(struct str text, int64_t *value, const char **error)
{
    int64_t number;
    bool large;

    *error = "expected a whole number without a sign";
    if (!take_number(&text, &number, &large)) {
        if (large)
            *error = too_large;
        return false;
    }
    if (text.len > 0)
        return false;
    *value = number;
    return true;
}

bool
scalar_duration(struct str text, int64_t *ms, const char **error)
{
    int64_t value;

    if (!read_with_unit(text, duration_units, &value,
                        "expected a duration such as 250ms, 5s, 2m, 1h or 7d", error))
        return false;
    if (value > SCALAR_DURATION_MAX_MS) {
        *error = "expected at most 3650d";
        return false;
    }
    *ms = value;
    return true;
}

bool
scalar_size(struct str text, int64_t *bytes, const char **error)
{
    return read_with_unit(text, size_units, bytes,
                          "expected a size such as 512B, 64KiB, 1MiB or 2GiB", error);
}

/* "s", "1m", "250ms" -> milliseconds; 0: neither. */
static int64_t
read_period(struct str text)
{
    int64_t number = 1;
    bool large;

    if (text.len > 0 && text.at[0] >= '0' && text.at[0] <= '9' &&
        !take_number(&text, &number, &large))
        return 0;
    int64_t factor = unit_factor(text, duration_units);

    if (__builtin_mul_overflow(number, factor, &number) || number > SCALAR_DURATION_MAX_MS)
        return 0;
    return number;
}

/* So many in so many milliseconds. A bare 0 is in any time. */
static bool
read_rate(struct str text, int64_t *number, int64_t *period, const char **error)
{
    *period = 1;
    if (!begin_with_number(&text, number, "expected a rate such as 10/s or 100/1m", error))
        return false;
    if (*number == 0 && text.len == 0)
        return true;
    if (text.len == 0 || text.at[0] != '/')
        return false;
    *period = read_period((struct str){text.at + 1, text.len - 1});
    return *period > 0;
}

bool
scalar_rate(struct str text, int64_t *per_1000s, const char **error)
{
    int64_t number, period, scaled;

    if (!read_rate(text, &number, &period, error))
        return false;
    if (__builtin_mul_overflow(number, 1000 * 1000, &scaled) ||
        __builtin_add_overflow(scaled, period / 2, &scaled)) {
        *error = too_large;
        return false;
    }
    if (number > 0 && scaled < period) {
        *error = "expected a rate of at least 1/2000s";
        return false;
    }
    *per_1000s = scaled / period;
    return true;
}

uint64_t
scalar_interval_ns(struct str rate)
{
    int64_t number, period;
    const char *error;

    if (!read_rate(rate, &number, &period, &error) || number == 0)
        return 0;
    return (uint64_t)period * 1000000 / (uint64_t)number;
}
