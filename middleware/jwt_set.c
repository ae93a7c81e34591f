/* jwt_set.c - see jwt_set.h. */
#include "jwt_set.h"

#include "base/clock.h"

#include <stdlib.h>

bool
jwt_set_is(const struct jwt_set *set, struct str text)
{
    return set->keyset && str_equal((struct str){set->text, set->text_len}, text);
}

bool
jwt_set_take(struct jwt_set *set, const struct keyset *keyset, struct str text)
{
    char *copy = malloc(text.len + 1);

    if (!copy) {
        keyset_unref(keyset);
        return false;
    }
    memcpy(copy, text.at, text.len);
    jwt_set_drop(set);
    set->keyset = keyset;
    set->text = copy;
    set->text_len = text.len;
    return true;
}

bool
jwt_set_copy(struct jwt_set *set, const struct jwt_set *other, uint64_t max_stale_ms)
{
    struct str text = {other->text, other->text_len};

    return other->keyset && jwt_set_take(set, keyset_ref(other->keyset), text) &&
           jwt_set_vouched_at(set, other->fetched_s, max_stale_ms);
}

bool
jwt_set_vouched_at(struct jwt_set *set, int64_t fetched_s, uint64_t max_stale_ms)
{
    int64_t now_s = clock_wall_ms() / 1000;
    uint64_t age_ms = fetched_s < now_s ? (uint64_t)(now_s - fetched_s) * 1000 : 0;

    if (max_stale_ms && age_ms >= max_stale_ms) {
        jwt_set_drop(set);
        return false;
    }
    set->fetched_s = fetched_s < now_s ? fetched_s : now_s;
    set->stale_us =
        max_stale_ms ? clock_monotonic_us() + (max_stale_ms - age_ms) * 1000 : UINT64_MAX;
    return true;
}

void
jwt_set_drop(struct jwt_set *set)
{
    keyset_unref(set->keyset);
    free(set->text);
    *set = (struct jwt_set){.keyset = NULL};
}
