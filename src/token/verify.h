/*
 * verify.h - judges a token: header, claims, key, signature, in the order that
 * makes the commonest refusals the cheapest ones.
 *
 * HMAC: first the MAC, then the claims. Everything else: first `iss`, `aud`, `exp`
 * and `nbf`, which need no key, then the key, then the signature. Nothing of a
 * token is handed out before it verified. KEY_UNKNOWN is the answer only for a token with
 * nothing else against it, whatever its algorithm. Nor has one anything else against it that is
 * refused for its signature, but for HMAC. It may be worth looking for the key of either, for a key
 * without `kid` is tried for every token, and a `kid` may be used again: `key_wanted`.
 *
 * Times: a token is good while nbf - leeway <= now < exp + leeway and, where there is a
 * greatest age, iat - leeway <= now < iat + max_age + leeway. `expires_ms` of a verified one is the
 * earlier of these ends: what is live under it ends at the moment from which it would no
 * longer be admitted.
 *
 * With a cache, a token that verified before costs one hash, not a signature; its claims are
 * judged like those of a new one, and its key must be in the key set still.
 */
#ifndef WSGATE_VERIFY_H
#define WSGATE_VERIFY_H

#include "base/compiler.h"
#include "base/str.h"
#include "protocol/jose.h"
#include "token/keyset.h"
#include "token/token_cache.h"

#include <stdint.h>

/* What an instance asks of a token. Constant. */
struct verify_policy {
    unsigned algorithms;         /* accepted ones, a mask */
    struct str type;             /* the `typ` that it must have; at == NULL: any or none */
    struct str issuer;           /* at == NULL: any or none */
    const struct str *audiences; /* one of these; none: any or none */
    size_t audience_count;
    int64_t leeway_ms;
    int64_t max_age_ms; /* since `iat`, which it must then have; 0: any age */
    bool require_expiration;
    /* Tokens that verified; NULL: none are remembered. It belongs to this policy, by whose
     * algorithms and type their headers were judged. */
    struct token_cache *cache;
};

enum { VERIFY_CACHED_HEADER_MAX = 512 }; /* encoded; a header with a kid has some 100 */

/* A worker's: contexts, scratch memory, and the header it saw last. */
struct verifier;

struct verifier *verifier_new(const struct keyset *keyset) MUST_CHECK;
/* From now on with these keys. false: out of memory, and it keeps those it has. */
bool verifier_set_keyset(struct verifier *verifier, const struct keyset *keyset) MUST_CHECK;
void verifier_free(struct verifier *verifier);

enum verify_lookup { VERIFY_NO_LOOKUP, VERIFY_HIT, VERIFY_MISS };

/* A token that verified. */
struct verified {
    const struct json_node *claims; /* in one of these two; others may share them */
    struct claims *own;          /* NULL: the entry's */
    struct token_entry *entry;   /* the cache's; NULL: there is none */
    const struct key *key;
    struct str issuer;         /* in claims; at == NULL: it has none */
    int64_t expires_ms;        /* INT64_MAX: never */
    /* These two are told for a refused token too. */
    enum verify_lookup lookup;  /* what the cache knew */
    bool key_wanted;            /* another public key could verify it, and nothing else is wrong */
};

/* JOSE_OK: *verified is filled, and the caller calls verified_free. Else it is empty, but for
 * lookup and key_wanted. */
enum jose_reason verify_token(struct verifier *verifier, const struct verify_policy *policy,
                              struct str token, int64_t now_ms, struct verified *verified)
    MUST_CHECK;
void verified_free(struct verified *verified);

/*
 * The same of a token that verified before, under the key of that thumbprint: header and payload
 * ("signed_text" of protocol/jose.h) by this policy, and the key must be trusted still.
 */
enum jose_reason verify_again(struct verifier *verifier, const struct verify_policy *policy,
                              struct str signed_text, const unsigned char *thumbprint,
                              int64_t now_ms, struct verified *verified) MUST_CHECK;

/* Header and signature alone: for a payload that may be any bytes. */
enum jose_reason verify_signature(struct verifier *verifier, unsigned algorithms, struct str token,
                                  const struct key **key) MUST_CHECK;

/*
 * The claims alone: their types and ranges, then what the policy asks. Fills issuer and
 * expires_ms, leaves the rest. For a token whose signature was verified before.
 */
enum jose_reason verify_claims(const struct verify_policy *policy, const struct json_node *claims,
                               int64_t now_ms, struct verified *verified) MUST_CHECK;

#endif
