/*
 * api_key_settings.h - what an api_key instance's options say.
 *
 * Constant after api_key_settings_read; strings belong to the configuration.
 */
#ifndef WSGATE_API_KEY_SETTINGS_H
#define WSGATE_API_KEY_SETTINGS_H

#include "api_key_table.h"
#include "base/compiler.h"

#include <wsgate/middleware.h>

enum { API_KEY_PLACES_MAX = 8 };

extern const struct mw_option api_key_options[];

/* Where a key may stand. */
struct api_key_place {
    enum mw_source source; /* header, query or subprotocol */
    const char *name;      /* NULL: subprotocol */
};

struct api_keys {
    const struct mw_host *host;
    struct api_key_table *table;
    struct api_key_place places[API_KEY_PLACES_MAX];
    size_t place_count;
    const char *issuer, *forward; /* forward: a header; NULL: none */
    bool keep;                    /* the backend sees the key */
    char challenge[256];
};

/* Fills the zeroed *keys. false: every fault was reported. api_key_settings_free is due either
 * way. */
bool api_key_settings_read(struct api_keys *keys, const struct mw_options *options,
                           const struct mw_host *host) MUST_CHECK;
void api_key_settings_free(struct api_keys *keys);

#endif
