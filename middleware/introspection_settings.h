/*
 * introspection_settings.h - what an introspection instance's options say.
 *
 * Constant after introspection_settings_read, but for what is in the cache; strings belong to the
 * configuration.
 */
#ifndef WSGATE_INTROSPECTION_SETTINGS_H
#define WSGATE_INTROSPECTION_SETTINGS_H

#include "bearer_claims.h"
#include "service_options.h"
#include "token/verify.h"

extern const struct mw_option introspection_options[];

struct introspection_settings {
    struct service service;
    char *authorization; /* a whole field with our credentials; NULL: none */
    struct token_cache *cache; /* shared by all workers; NULL: no answer is kept */
    int64_t cache_time_ms;
    struct verify_policy policy;
    struct str *audiences;
    struct credential_place places[BEARER_PLACES_MAX];
    size_t place_count;
    struct bearer_claims claims;
    bool forward_token;
};

/* Fills the zeroed *settings. false: every fault was reported. introspection_settings_free is due
 * either way. */
bool introspection_settings_read(struct introspection_settings *settings,
                                 const struct mw_options *options, const struct mw_host *host)
    MUST_CHECK;
void introspection_settings_free(struct introspection_settings *settings);

#endif
