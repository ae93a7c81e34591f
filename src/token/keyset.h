/*
 * keyset.h - the keys that one instance trusts.
 *
 * Filled on one thread, then constant: workers hold references and read without
 * a lock. Two keys of one `kid` that could both serve an algorithm are an error,
 * for nobody could say which of them is meant.
 */
#ifndef WSGATE_KEYSET_H
#define WSGATE_KEYSET_H

#include "base/compiler.h"
#include "base/str.h"
#include "token/key.h"

enum { KEYSET_KEYS_MAX = 256 }; /* the largest public sets have some twenty */

struct keyset;

struct keyset *keyset_new(void) MUST_CHECK;
/* One more holder; returns keyset. From any thread. */
const struct keyset *keyset_ref(const struct keyset *keyset);
/* The last holder frees. NULL is allowed. */
void keyset_unref(const struct keyset *keyset);

/* Before it is shared. Takes the key, also on failure. */
bool keyset_add(struct keyset *keyset, struct key *key, struct key_error *error) MUST_CHECK;
/*
 * Adds copies of the keys of `from`, in order. What keyset_add would refuse is left out, and told
 * to `left_out` (text valid for the call) unless it is the same key once more. false: out of
 * memory.
 */
bool keyset_add_all(struct keyset *keyset, const struct keyset *from,
                    void (*left_out)(void *arg, const struct key *key, const char *why), void *arg)
    MUST_CHECK;
size_t keyset_count(const struct keyset *keyset);
const struct key *keyset_at(const struct keyset *keyset, size_t i);
/* The place of the key with this thumbprint; keyset_count() when there is none. `hint` is looked at
 * first: any number will do, the place that it had before is found at once. */
size_t keyset_find(const struct keyset *keyset, const unsigned char *thumbprint, size_t hint);
/* All algorithms that some key serves. */
unsigned keyset_algorithms(const struct keyset *keyset);

#endif
