/*
 * jwt_set.h - the last good key set of one source: its keys, its text, and for how long both may
 * stay without anybody's word.
 */
#ifndef WSGATE_JWT_SET_H
#define WSGATE_JWT_SET_H

#include "base/str.h"
#include "token/keyset.h"

/* Zeroed: there is none. */
struct jwt_set {
    const struct keyset *keyset; /* NULL: none yet, or no more */
    char *text;            /* as it was fetched */
    size_t text_len;
    int64_t fetched_s; /* when the last good answer came, since 1970 */
    uint64_t stale_us; /* of the monotonic clock: the set's end; UINT64_MAX: none */
};

/* It has exactly this text. */
bool jwt_set_is(const struct jwt_set *set, struct str text);
/* Takes keyset, whose text this is, also on failure. false: out of memory, and the old one
 * stays. */
bool jwt_set_take(struct jwt_set *set, const struct keyset *keyset, struct str text) MUST_CHECK;
/* What another source has, for as long as it may stay here. false: it has none, that is over, or
 * out of memory. */
bool jwt_set_copy(struct jwt_set *set, const struct jwt_set *other, uint64_t max_stale_ms)
    MUST_CHECK;
/*
 * A good answer with this set came then, by the wall clock; from then on it may stay for
 * max_stale_ms, 0 for ever. One from the future is taken for one of this moment: a clock that was
 * set back makes no key bad. false: it is over already, and the set is dropped.
 */
bool jwt_set_vouched_at(struct jwt_set *set, int64_t fetched_s, uint64_t max_stale_ms);
void jwt_set_drop(struct jwt_set *set);

#endif
