/*
 * credential.h - where a request carries its token, and how it is taken out again.
 *
 * Only the configured places count: what stands elsewhere is no credential, is
 * not looked at and goes on as it came. Over all configured places there may be
 * one credential; a second one, equal or not, makes the request ambiguous.
 *
 *   header        Authorization: Bearer TOKEN. Another scheme is no credential and stays; but a
 *                 Bearer beside any other Authorization field is ambiguous.
 *   cookie:NAME   One copy. An empty one is no credential (a browser's logout leaves it).
 *   query:NAME    Likewise; the gateway has decoded %XX.
 *   subprotocol   "base64url.bearer.authorization.k8s.io.<unpadded base64url>", which needs
 *                 another subprotocol beside it, or "bearer" with the token as the very next
 *                 entry, at any place in the list. "bearer" in any case of letters, the
 *                 long prefix exactly so.
 */
#ifndef WSGATE_CREDENTIAL_H
#define WSGATE_CREDENTIAL_H

#include "base/compiler.h"
#include "base/str.h"
#include "protocol/jose.h"

#include <wsgate/middleware.h>

struct credential_place {
    enum mw_source source;
    const char *name; /* of the cookie or the argument */
};

/* An item of `token_from`. name points into text. false: *error says what was expected. */
bool credential_place_parse(struct credential_place *place, const char *text, const char **error)
    MUST_CHECK;
bool credential_place_equal(const struct credential_place *a, const struct credential_place *b);

/* JOSE_OK and *token (from the request, or host->alloc), MISSING, SEVERAL, ALONE, MALFORMED or
 * INTERNAL. */
enum jose_reason credential_find(const struct mw_host *host, struct mw_request *request,
                                 const struct credential_place *places, size_t count,
                                 struct str *token) MUST_CHECK;
/*
 * Takes every credential in these places out of what the backend sees, whatever find said of it.
 * Subprotocol entries go always, the rest unless `keep`. false: out of memory.
 */
bool credential_strip(const struct mw_host *host, struct mw_request *request,
                      const struct credential_place *places, size_t count, bool keep) MUST_CHECK;

/* Both: finds the one credential, and takes all of them out. What it found is not stripped of what
 * the caller sees: *token stays whole. */
enum jose_reason credential_take(const struct mw_host *host, struct mw_request *request,
                                 const struct credential_place *places, size_t count, bool keep,
                                 struct str *token) MUST_CHECK;

#endif
