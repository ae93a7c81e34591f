/*
 * forward_auth_settings.h - what a forward_auth instance's options say.
 *
 * Constant after forward_auth_settings_read, but for what is in the cache; strings belong to the
 * configuration.
 */
#ifndef WSGATE_FORWARD_AUTH_SETTINGS_H
#define WSGATE_FORWARD_AUTH_SETTINGS_H

#include "request_part.h"
#include "service_options.h"
#include "token/token_cache.h"

#include <wsgate/middleware.h>

enum { FORWARD_AUTH_NAMES_MAX = 32 };

extern const struct mw_option forward_auth_options[];

struct forward_auth_settings {
    struct service service;
    const char *method;
    const char *copies[FORWARD_AUTH_NAMES_MAX]; /* headers of the client's that the service sees */
    size_t copy_count;
    const char *forwards[FORWARD_AUTH_NAMES_MAX]; /* headers of its answer that the backend sees */
    size_t forward_count;
    const char *identity_header; /* NULL: it names nobody */
    const char *deadline_header; /* NULL: it sets none */
    bool passes_on_error;
    struct token_cache *cache; /* shared by all workers; NULL: no answer is kept */
    int64_t cache_time_ms;
    struct request_part parts[FORWARD_AUTH_NAMES_MAX]; /* by which an answer is kept */
    size_t part_count;
    /* Of the parts, for the service sees all of them: where a cookie is named, those that are not
     * do not count, and so with arguments of the query. */
    const char *cookies[FORWARD_AUTH_NAMES_MAX], *arguments[FORWARD_AUTH_NAMES_MAX];
    size_t cookie_count, argument_count;
};

/* Fills the zeroed *settings. false: every fault was reported. forward_auth_settings_free is due
 * either way. */
bool forward_auth_settings_read(struct forward_auth_settings *settings,
                                const struct mw_options *options,
                                const struct mw_host *host) MUST_CHECK;
void forward_auth_settings_free(struct forward_auth_settings *settings);

#endif
