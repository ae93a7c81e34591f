/*
 * introspection_cache.h - answers of an introspection service, kept by their tokens' hashes.
 *
 * Only what says that a token is active belongs in here. An answer that it is not would be of use
 * to nobody but its sender, who could push out all others with tokens that he makes up.
 *
 * Bounded in entries, and in bytes to INTROSPECTION_KEPT_MEAN an entry; what was not used for the
 * longest time goes first. Tokens themselves are not kept. Not thread safe: a worker has its own.
 */
#ifndef WSGATE_INTROSPECTION_CACHE_H
#define WSGATE_INTROSPECTION_CACHE_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

enum {
    INTROSPECTION_DIGEST_BYTES = 32,
    INTROSPECTION_KEPT_MAX = 8 * 1024, /* bytes of an answer; a longer one is not kept */
    INTROSPECTION_KEPT_MEAN = 1024,
};

struct introspection_digest {
    unsigned char bytes[INTROSPECTION_DIGEST_BYTES];
};

struct introspection_cache;

/* SHA-256. false: OpenSSL fails. */
bool introspection_digest(struct introspection_digest *digest, struct str token) MUST_CHECK;

/* entries: at least 1. NULL: out of memory. */
struct introspection_cache *introspection_cache_new(size_t entries) MUST_CHECK;
/* NULL is allowed. */
void introspection_cache_free(struct introspection_cache *cache);

/* The answer as it came, good until the next put; at == NULL: there is none, or it is too old. */
struct str introspection_cache_get(struct introspection_cache *cache,
                                   const struct introspection_digest *digest, uint64_t now_us);
/* Keeps a copy until then, instead of an older one. Without memory, or room, nothing is kept. */
void introspection_cache_put(struct introspection_cache *cache,
                             const struct introspection_digest *digest, struct str answer,
                             uint64_t until_us);
size_t introspection_cache_count(const struct introspection_cache *cache);

#endif
