/*
 * scalar.h - the small languages of single values: durations, sizes, rates, integers, booleans.
 *
 * Pure. Strict: the whole text is one value, decimal digits without sign, leading zeros
 * or separators, one unit and no space. What does not fit is an error, never rounded
 * to something near (rates excepted, see there). Nothing here knows options or files.
 *
 * All have one shape. *error always becomes a static phrase that begins with "expected" and
 * says what is taken; it names no 0, which many an option refuses. false: *value is untouched.
 */
#ifndef WSGATE_SCALAR_H
#define WSGATE_SCALAR_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

/* Ten years: far behind every use, and added to a clock in microseconds it overflows nothing. */
#define SCALAR_DURATION_MAX_MS (3650LL * 24 * 3600 * 1000)

typedef bool scalar_reader(struct str text, int64_t *value, const char **error);

/* true, false -> 1, 0. Not yes, on, True. */
bool scalar_boolean(struct str text, int64_t *value, const char **error) MUST_CHECK;
/* 0 to INT64_MAX. */
bool scalar_integer(struct str text, int64_t *value, const char **error) MUST_CHECK;
/* 250ms 5s 2m 1h 7d, or 0 -> milliseconds. */
bool scalar_duration(struct str text, int64_t *ms, const char **error) MUST_CHECK;
/* 512B 64KiB 1MiB 2GiB, or 0 -> bytes. */
bool scalar_size(struct str text, int64_t *bytes, const char **error) MUST_CHECK;
/* 10/s 100/1m 5/2h, or 0 -> events per 1000 s, rounded to the nearest; what would be 0 so is an
 * error. */
bool scalar_rate(struct str text, int64_t *per_1000s, const char **error) MUST_CHECK;
/* Of a rate that scalar_rate takes: from one event to the next, rounded down. A rate of 0 has 0. */
uint64_t scalar_interval_ns(struct str rate);

#endif
