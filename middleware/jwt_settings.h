/*
 * jwt_settings.h - what a jwt instance's options say, its keys apart.
 *
 * Constant after jwt_settings_read, but for what is in policy.cache; strings belong to the
 * configuration.
 */
#ifndef WSGATE_JWT_SETTINGS_H
#define WSGATE_JWT_SETTINGS_H

#include "bearer_claims.h"
#include "token/verify.h"

/* The members of `cache`. */
extern const struct mw_option jwt_cache_options[];

struct jwt_settings {
    struct verify_policy policy;
    struct str *audiences;
    struct credential_place places[BEARER_PLACES_MAX];
    size_t place_count;
    struct bearer_claims claims;
    bool forward_token;
};

/* Fills the zeroed *settings. false: every fault was reported. jwt_settings_free is due either
 * way. */
bool jwt_settings_read(struct jwt_settings *settings, const struct mw_options *options,
                       const struct mw_host *host) MUST_CHECK;
void jwt_settings_free(struct jwt_settings *settings);

#endif
