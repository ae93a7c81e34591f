/*
 * jwks.h - a JSON Web Key Set (RFC 7517) read into a key set.
 *
 * RSA, EC, OKP (Ed25519) and oct keys. What is well formed but not for us (another
 * kty, crv or alg, `use` other than "sig", `key_ops` without "verify") is skipped with
 * a note; what is malformed or weak is a fault. Both name the key.
 */
#ifndef WSGATE_JWKS_H
#define WSGATE_JWKS_H

#include "base/compiler.h"
#include "base/str.h"
#include "token/keyset.h"

/* Where the reader says what it found; text is one phrase without key material, valid for
 * the call. */
struct jwks_report {
    void (*fault)(void *arg, const char *text);
    void (*note)(void *arg, const char *text);
    void *arg;
    bool public_only; /* secrets (oct) are skipped: who can fetch one can sign with it */
};

/* Adds the keys of `text` to keyset. false: there was at least one fault; keyset may then hold
 * the other keys. A set without a single key for us is a fault too. */
bool jwks_read(struct keyset *keyset, struct str text, const struct jwks_report *report)
    MUST_CHECK;

#endif
