/*
 * bearer_options.h - options of all modules that admit by bearer token, read and judged.
 *
 * Every fault is reported, not just the first. Strings belong to the configuration.
 */
#ifndef WSGATE_BEARER_OPTIONS_H
#define WSGATE_BEARER_OPTIONS_H

#include "claim_header.h"
#include "credential.h"
#include "token/token_cache.h"

enum {
    BEARER_PLACES_MAX = 16,
    BEARER_FORWARDS_MAX = 32, /* the gateway takes 64 headers a request, from all modules */
};

/* Members of `cache`. */
#define BEARER_CACHE_OPTIONS                                                                       \
    {"entries", MW_INTEGER, "10000", "How many tokens are remembered, at most; 0: none."},         \
    {"bytes", MW_SIZE, "16MiB", "How much memory they take, at most."}

/* `word`, a list, when it is given with nothing in it: that looks like "any" or like "none", and is
 * never what was meant. */
bool bearer_list_check(const struct mw_options *options, const struct mw_host *host,
                       const char *word) MUST_CHECK;
/* `word` as a string; an empty one is a fault, for the same reason. */
bool bearer_name_read(const struct mw_options *options, const struct mw_host *host,
                      const char *word, struct str *name) MUST_CHECK;
/* `token_from`, not empty. places: BEARER_PLACES_MAX of them. */
bool bearer_places_read(const struct mw_options *options, const struct mw_host *host,
                        struct credential_place *places, size_t *count) MUST_CHECK;
/* `forward_claims`. forwards: BEARER_FORWARDS_MAX of them. */
bool bearer_forwards_read(const struct mw_options *options, const struct mw_host *host,
                          struct claim_header *forwards, size_t *count) MUST_CHECK;
/* `audience`, not empty if given. The caller frees *audiences, NULL for none. */
bool bearer_audiences_read(const struct mw_options *options, const struct mw_host *host,
                           struct str **audiences, size_t *count) MUST_CHECK;
/* What `cache` says of its size. */
bool bearer_cache_check(const struct mw_options *options, const struct mw_host *host) MUST_CHECK;
/* `cache`. The caller calls token_cache_free; *cache is NULL where none is wanted. */
bool bearer_cache_read(const struct mw_options *options, const struct mw_host *host,
                       struct token_cache **cache) MUST_CHECK;

#endif
