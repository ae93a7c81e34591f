/*
 * revocations.h - tokens that are no longer good though they verify: by who has them (issuer and
 * subject), by their own id (`jti`, RFC 7519 4.1.7) or by their session's (`sid`, OpenID Connect
 * Front-Channel Logout 1.0, 3).
 *
 * Each holds until a moment of its own. Kept is a SHA-256 of what is revoked, so an entry takes 40
 * bytes whatever it is about. Bounded: where all entries hold still, a new one is refused rather
 * than an old one forgotten.
 *
 * From any thread: a lock is held for a few comparisons, and where nothing is revoked none is
 * taken and nothing hashed.
 */
#ifndef WSGATE_REVOCATIONS_H
#define WSGATE_REVOCATIONS_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

enum { REVOCATIONS_MAX = 1 << 17 };

enum revocation_kind { REVOCATION_SUBJECT, REVOCATION_TOKEN, REVOCATION_SESSION };

struct revocation {
    enum revocation_kind kind;
    struct str issuer; /* SUBJECT; at == NULL: of tokens that name none */
    struct str value;  /* subject, jti or sid */
    int64_t until_ms;  /* wall clock; INT64_MAX: for ever */
};

/* What a token says of itself; at == NULL: nothing. */
struct token_identity {
    struct str issuer, subject, token_id, session_id;
};

enum revocation_result { REVOCATION_ADDED, REVOCATION_FULL, REVOCATION_NO_MEMORY };

struct revocations;

/* NULL: out of memory. */
struct revocations *revocations_new(void) MUST_CHECK;
/* No other thread may use it any more. NULL is allowed. */
void revocations_free(struct revocations *revocations);

/* Of two of the same the later end counts. */
enum revocation_result revocations_add(struct revocations *revocations,
                                       const struct revocation *revocation,
                                       int64_t now_ms) MUST_CHECK;
/* Is any part of it revoked? True where memory is lacking. revocations == NULL: nothing is. */
bool revocations_hold(struct revocations *revocations, const struct token_identity *identity,
                      int64_t now_ms) MUST_CHECK;
/* Those that are over may be among them. */
size_t revocations_count(const struct revocations *revocations);

#endif
