/*
 * discovery.h - the document in which an OpenID provider says where its keys are (OpenID Connect
 * Discovery 1.0, 3 and 4). Pure. Addresses are those that protocol/service_url.h takes.
 */
#ifndef WSGATE_DISCOVERY_H
#define WSGATE_DISCOVERY_H

#include "base/compiler.h"
#include "base/str.h"

#define DISCOVERY_PATH "/.well-known/openid-configuration"

enum { DISCOVERY_URL_MAX = 2048 }; /* bytes of an address; what every server takes */

/* Where the document of that issuer is (4.1): a "/" at the issuer's end does not count. out:
 * DISCOVERY_URL_MAX + 1 bytes. false: *error is a static phrase. */
bool discovery_url(const char *issuer, char *out, const char **error) MUST_CHECK;

/*
 * Its `jwks_uri`. The document's `issuer` must be exactly the one given (4.3), and `jwks_uri`
 * https, or http on loopback where the document itself came so (plain). jwks_uri: DISCOVERY_URL_MAX
 * + 1 bytes. false: *error is a static phrase.
 */
bool discovery_read(struct str document, const char *issuer, bool plain, char *jwks_uri,
                    const char **error) MUST_CHECK;

#endif
