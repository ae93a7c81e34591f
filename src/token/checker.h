/*
 * checker.h - one worker's contexts for verifying signatures with a key set.
 *
 * Setting up OpenSSL for a key costs as much as a fast verification, so it is done
 * once for each key and algorithm, at the first use. Not thread safe: a worker
 * has its own.
 */
#ifndef WSGATE_CHECKER_H
#define WSGATE_CHECKER_H

#include "base/compiler.h"
#include "base/str.h"
#include "protocol/jose.h"
#include "token/keyset.h"

/* Public-key operations that one token may cost: a token that names no key is tried with every
 * key of its algorithm, but with more than these it is refused at once. */
enum { CHECKER_TRIES_MAX = 8 };

struct checker;

/* Holds a reference on keyset. NULL: out of memory. */
struct checker *checker_new(const struct keyset *keyset) MUST_CHECK;
void checker_free(struct checker *checker);
const struct keyset *checker_keyset(const struct checker *checker);

/*
 * Is `signature` one over `text`, by a key for `algorithm` that has this kid or no kid (any, when
 * kid.at == NULL)? JOSE_OK and *used, or KEY_UNKNOWN, KEY_AMBIGUOUS, SIGNATURE, INTERNAL.
 */
enum jose_reason checker_verify(struct checker *checker, enum jose_algorithm algorithm,
                                struct str kid, struct str text, struct str signature,
                                const struct key **used) MUST_CHECK;

/* The hash of text, with a context that is ready. out: JOSE_HASH_MAX bytes. false: no memory. */
bool checker_digest(struct checker *checker, enum jose_hash hash, struct str text,
                    unsigned char *out) MUST_CHECK;

#endif
