/*
 * key_schedule.h - when a key set is fetched again. Pure: the caller brings the dice.
 *
 * After a good answer in `refresh`, or sooner when the answer's max-age is shorter, but not within
 * a minute because of that: so a key that its provider took away is gone after `refresh`, whatever
 * else the provider says. After a failure in one second, then two, four and so on, up to that.
 * Every time is spread by a tenth in both directions, lest many gateways ask at once.
 *
 * Besides, a set is fetched when a token wants it: one every `interval`, and a few more at once
 * where there was none for long, so that strangers' tokens cost a provider no more than that.
 */
#ifndef WSGATE_KEY_SCHEDULE_H
#define WSGATE_KEY_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    KEY_SCHEDULE_AGE_MIN_MS = 60 * 1000, /* some providers say 15 s for keys that live for months */
    KEY_SCHEDULE_RETRY_MS = 1000,
    KEY_ALLOWANCE_BURST = 4,
};

/* Milliseconds from now. max_age_s: the answer's, 0 or less for none. `dice`: any number. */
uint64_t key_schedule_fetched(uint64_t refresh_ms, int64_t max_age_s, uint32_t dice);
/* failures: in a row, 1 and up. */
uint64_t key_schedule_failed(uint64_t refresh_ms, unsigned failures, uint32_t dice);

/* The fetches that tokens may start; zeroed: all of the burst. Times are a monotonic clock's. */
struct key_allowance {
    uint64_t whole_us; /* when all of the burst is there again */
};

/* When the next one is allowed; it may have been. */
uint64_t key_allowance_from_us(const struct key_allowance *allowance, uint64_t interval_us);
/* Takes one, if it is. */
bool key_allowance_take(struct key_allowance *allowance, uint64_t interval_us, uint64_t now_us);

#endif
