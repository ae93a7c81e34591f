/*
 * jwt_remote_settings.h - what a jwt instance's options say about keys by URL.
 *
 * Constant after it was read; strings belong to the configuration or to the struct itself.
 */
#ifndef WSGATE_JWT_REMOTE_SETTINGS_H
#define WSGATE_JWT_REMOTE_SETTINGS_H

#include "base/compiler.h"
#include "token/discovery.h"

#include <wsgate/middleware.h>

enum { JWT_ADDRESSES_MAX = 16 };

/* Where one key set comes from. */
struct jwt_address {
    const char *url;    /* of the set; with an issuer, of the OpenID provider's document */
    const char *issuer; /* what that document must name; NULL: url is the set's own */
};

/* The same set, by the same way? */
bool jwt_address_equal(const struct jwt_address *a, const struct jwt_address *b) MUST_CHECK;

struct jwt_remote_settings {
    struct jwt_address addresses[JWT_ADDRESSES_MAX];
    size_t count; /* 0: no keys by URL, and the rest does not matter */
    const char *ca_file, *cache_file; /* NULL: none */
    uint64_t refresh_ms, refetch_ms, timeout_ms;
    uint64_t max_stale_ms; /* 0: for ever */
    char discovery[DISCOVERY_URL_MAX + 1]; /* the document's address */
};

/*
 * Fills the zeroed *settings. Where no option names a source of keys at all, an `issuer` that is an
 * https address is asked where its keys are. false: every fault was reported.
 */
bool jwt_remote_settings_read(struct jwt_remote_settings *settings,
                              const struct mw_options *options, const struct mw_host *host)
    MUST_CHECK;
/* The issuer that discovery relies on; NULL: none. */
const char *jwt_remote_settings_issuer(const struct jwt_remote_settings *settings);

#endif
