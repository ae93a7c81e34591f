/* jwt_keys.h - the keys that a jwt instance's options name, read into a key set. */
#ifndef WSGATE_JWT_KEYS_H
#define WSGATE_JWT_KEYS_H

#include "base/compiler.h"
#include "token/keyset.h"

#include <wsgate/middleware.h>

/* The members of an item of `keys`. */
extern const struct mw_option jwt_key_options[];

/* Reads `keys` and `jwks_file`; reports every fault. remote: others come by URL, so there may be
 * none. NULL: there was a fault. The caller unrefs. */
struct keyset *jwt_keys_load(const struct mw_options *options, const struct mw_host *host,
                             unsigned algorithms, bool remote) MUST_CHECK;

#endif
