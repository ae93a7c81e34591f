/*
 * token_entry.h - what is remembered of one token: that it verified under a key, or that whoever
 * issued it said so, and its claims.
 *
 * Filled by the worker that had it verified, then constant, but for its count of holders and its
 * links in the cache. Workers share it: the claims are read only, and live exactly as long as the
 * entry.
 */
#ifndef WSGATE_TOKEN_ENTRY_H
#define WSGATE_TOKEN_ENTRY_H

#include "base/compiler.h"
#include "token/claims.h"
#include "token/key.h"

#include <stdatomic.h>
#include <stdint.h>
#include <sys/queue.h>

enum { TOKEN_DIGEST_LEN = 32 }; /* SHA-256 */

/* What is looked at on the way to another entry stands first, together. */
struct token_entry {
    struct token_entry *next; /* the cache's: in a bucket; later among those to be let go */
    unsigned char digest[TOKEN_DIGEST_LEN]; /* of the token, all of it */
    unsigned char thumbprint[KEY_THUMBPRINT_LEN]; /* zeroes where no key was used */
    size_t key_place; /* in the key set of that time: where to look first */
    struct claims *claims;
    int64_t expires_ms; /* with leeway; INT64_MAX: never */
    size_t bytes;       /* memory that it takes, claims included */

    atomic_uint holders;

    /* The cache's, as `next`, under the lock of the entry's shard. */
    TAILQ_ENTRY(token_entry) by_use;
    size_t heap_place;
};

/* Takes the claims; copies the rest. key: NULL for none. The caller is the one holder. NULL: out of
 * memory, and the claims are the caller's still. */
struct token_entry *token_entry_new(const unsigned char *digest, const struct key *key,
                                    size_t key_place, struct claims *claims, int64_t expires_ms)
    MUST_CHECK;
/* One more holder; returns entry. From any thread. */
struct token_entry *token_entry_ref(struct token_entry *entry);
/* The last holder frees. From any thread; NULL is allowed. */
void token_entry_unref(struct token_entry *entry);

#endif
