/*
 * jwt_remote_cache.h - the cache file of a jwt instance, seen from its sources: what they begin
 * with, and where their sets go. Setup and control thread.
 */
#ifndef WSGATE_JWT_REMOTE_CACHE_H
#define WSGATE_JWT_REMOTE_CACHE_H

#include "jwt_source.h"

/* Without a cache_file every function but one does nothing. */
struct jwt_remote_cache {
    const struct mw_host *host;
    const struct jwt_remote_settings *settings;
    struct jwt_source *sources; /* one for each address */
    struct key_error error;     /* why it could not be read; "" */
    bool has_failed;            /* to be written, the last time */
    int64_t newest_s;           /* the last good answer that the file knows of, since 1970 */
};

/* At setup, when there is no log yet. */
void jwt_remote_cache_restore(struct jwt_remote_cache *cache);
/* What another instance knows of the same addresses, where who may vouch for the servers is the
 * same too: what was to be believed there may not be here. Needs no cache_file. */
void jwt_remote_cache_adopt(struct jwt_remote_cache *cache, const struct jwt_remote_cache *old);
/* What could not be said then. */
void jwt_remote_cache_report_error(const struct jwt_remote_cache *cache);
/* That, what was restored, and whether it can be written. */
void jwt_remote_cache_report(const struct jwt_remote_cache *cache);
/* Writes the last good set of every source: where one has changed, or now and then, for the file
 * also says when the last good answer came. Blocks on the disk. */
void jwt_remote_cache_save(struct jwt_remote_cache *cache, bool changed);

#endif
