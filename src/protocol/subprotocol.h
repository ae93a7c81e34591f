/*
 * subprotocol.h - credentials among the subprotocols that a client offers. Pure.
 *
 * A browser cannot set a header, so a token stands in Sec-WebSocket-Protocol: behind the word
 * `bearer`, in any case, as an entry of its own; or, as Kubernetes has it, as base64url behind a
 * prefix. An API key stands behind a prefix, too.
 */
#ifndef WSGATE_SUBPROTOCOL_H
#define WSGATE_SUBPROTOCOL_H

#include "protocol/handshake.h"

#define SUBPROTOCOL_KUBERNETES "base64url.bearer.authorization.k8s.io."
#define SUBPROTOCOL_API_KEY "api-key."

/* The word in front of a token. */
bool subprotocol_is_bearer(struct str protocol);
/* A token of Kubernetes' kind. */
bool subprotocol_is_kubernetes(struct str protocol);
bool subprotocol_is_api_key(struct str protocol);
/* How many entries from this one on are a credential: 0, 1, or 2 for `bearer` and the token. */
size_t subprotocol_credential(struct str protocol);
/* What a 101 that no backend gave may name, for a browser gives up on one that names nothing of
 * what it offered: the first that is no credential, else the `bearer`. false: it offered
 * nothing but credentials. *chosen: at == NULL where it offered nothing at all. */
bool subprotocol_choose(const struct handshake *handshake, struct str *chosen) MUST_CHECK;

#endif
