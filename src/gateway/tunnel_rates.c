/* tunnel_rates.c - token buckets; see tunnel_rates.h. */
#include "gateway/tunnel_rates.h"

#include <stdlib.h>

enum { ONE = 1000 }; /* a rate per second is so many thousandths per millisecond */

static int64_t
room(const struct rate *rate)
{
    return (int64_t)(rate->burst != 0 ? rate->burst : rate->per_second) * ONE;
}

static void
fill(struct bucket *bucket, const struct rate *rate, uint64_t now_ms)
{
    int64_t missing = room(rate) - bucket->level;
    uint64_t full_after_ms = rate->per_second == 0 ? 0 : (uint64_t)missing / rate->per_second + 1;
    uint64_t passed_ms = now_ms - bucket->filled_ms;

    bucket->filled_ms = now_ms;
    bucket->level = passed_ms >= full_after_ms
                        ? room(rate)
                        : bucket->level + (int64_t)(passed_ms * rate->per_second);
    if (bucket->level > room(rate))
        bucket->level = room(rate);
}

static bool
spend(struct bucket *bucket, const struct rate *rate, uint64_t count, uint64_t now_ms)
{
    if (rate->per_second == 0)
        return true;
    fill(bucket, rate, now_ms);
    bucket->level -= (int64_t)count * ONE;
    return bucket->level >= 0;
}

static uint64_t
debt_due(const struct bucket *bucket, const struct rate *rate)
{
    if (rate->per_second == 0 || bucket->level >= 0)
        return bucket->filled_ms;
    uint64_t debt = (uint64_t)-bucket->level;
    return bucket->filled_ms + (debt + rate->per_second - 1) / rate->per_second;
}

bool
rates_wanted(const struct rates_terms *terms)
{
    return terms->messages.per_second != 0 || terms->bytes.per_second != 0;
}

struct rates *
rates_new(const struct rates_terms *terms, uint64_t now_ms)
{
    struct rates *rates = malloc(sizeof(*rates));

    if (rates == NULL)
        return NULL;
    for (int from = 0; from < 2; from++) {
        rates->messages[from] = (struct bucket){room(&terms->messages), now_ms};
        rates->bytes[from] = (struct bucket){room(&terms->bytes), now_ms};
    }
    return rates;
}

uint64_t
rates_budget(struct rates *rates, const struct rates_terms *terms, int from, uint64_t now_ms)
{
    struct bucket *bucket = &rates->messages[from];

    if (!terms->of[from] || terms->delay || terms->messages.per_second == 0)
        return UINT64_MAX / 2;
    fill(bucket, &terms->messages, now_ms);
    return bucket->level > 0 ? (uint64_t)bucket->level / ONE : 0;
}

bool
rates_spend(struct rates *rates, const struct rates_terms *terms, int from, uint64_t messages,
            uint64_t bytes, uint64_t now_ms)
{
    if (!terms->of[from])
        return true;
    bool few = spend(&rates->messages[from], &terms->messages, messages, now_ms);
    return spend(&rates->bytes[from], &terms->bytes, bytes, now_ms) && few;
}

uint64_t
rates_due(const struct rates *rates, const struct rates_terms *terms, int from)
{
    uint64_t messages = debt_due(&rates->messages[from], &terms->messages);
    uint64_t bytes = debt_due(&rates->bytes[from], &terms->bytes);

    return messages > bytes ? messages : bytes;
}
