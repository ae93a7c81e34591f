/* key_schedule.c - see key_schedule.h. */
#include "token/key_schedule.h"

enum { DOUBLINGS_MAX = 20 }; /* of a second: 12 days, more than refresh may be */

/* 90 % to 110 % of it. */
static uint64_t
spread(uint64_t ms, uint32_t dice)
{
    return ms - ms / 10 + ms / 5 * dice / UINT32_MAX;
}

static uint64_t
less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t
key_schedule_fetched(uint64_t refresh_ms, int64_t max_age_s, uint32_t dice)
{
    uint64_t age_ms = UINT64_MAX;

    if (max_age_s > 0 && max_age_s < INT64_MAX / 1000)
        age_ms = (uint64_t)max_age_s * 1000;
    if (age_ms < KEY_SCHEDULE_AGE_MIN_MS)
        age_ms = KEY_SCHEDULE_AGE_MIN_MS;
    return spread(less(refresh_ms, age_ms), dice);
}

uint64_t
key_schedule_failed(uint64_t refresh_ms, unsigned failures, uint32_t dice)
{
    unsigned doublings = failures > DOUBLINGS_MAX ? DOUBLINGS_MAX : failures - 1;

    return spread(less(refresh_ms, (uint64_t)KEY_SCHEDULE_RETRY_MS << doublings), dice);
}

uint64_t
key_allowance_from_us(const struct key_allowance *allowance, uint64_t interval_us)
{
    uint64_t spare_us = (KEY_ALLOWANCE_BURST - 1) * interval_us;

    return allowance->whole_us > spare_us ? allowance->whole_us - spare_us : 0;
}

bool
key_allowance_take(struct key_allowance *allowance, uint64_t interval_us, uint64_t now_us)
{
    if (now_us < key_allowance_from_us(allowance, interval_us))
        return false;
    if (allowance->whole_us < now_us)
        allowance->whole_us = now_us;
    allowance->whole_us += interval_us;
    return true;
}
