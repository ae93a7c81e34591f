/*
 * jwt_settings.h - what a jwt instance's options say, its keys apart.
 *
 * Constant after jwt_settings_read; strings belong to the configuration.
 */
#ifndef WSGATE_JWT_SETTINGS_H
#define WSGATE_JWT_SETTINGS_H

#include "claim_header.h"
#include "credential.h"
#include "jwt_rules.h"
#include "token/verify.h"

enum {
    JWT_PLACES_MAX = 16,
    JWT_FORWARDS_MAX = 32, /* the gateway takes 64 headers a request, from all modules */
};

struct jwt_settings {
    struct verify_policy policy;
    struct str *audiences;
    struct credential_place places[JWT_PLACES_MAX];
    size_t place_count;
    struct claim_header forwards[JWT_FORWARDS_MAX];
    size_t forward_count;
    struct claim_path subject;
    struct claim_rules *rules; /* NULL: none */
    bool close_on_expiry, forward_token;
};

/* Fills the zeroed *settings. false: every fault was reported. jwt_settings_free is due either way. */
bool jwt_settings_read(struct jwt_settings *settings, const struct mw_options *options,
                       const struct mw_host *host) MUST_CHECK;
void jwt_settings_free(struct jwt_settings *settings);

#endif
