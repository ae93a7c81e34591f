/*
 * key_cache.h - the file in which the last good key sets by URL are kept, so that a start while
 * their provider is down still knows them.
 *
 * One JSON object with the sets' texts by URL. Who can write the file decides who is let in: it is
 * made with mode 0600, and one that others could have written is not read: it must belong to root
 * or to this user, or, for root, to the owner of a directory that nobody else can write to. A
 * symbolic link is not followed. Replaced as a whole, never half. Public keys alone stand in it,
 * but nothing here makes sure of that.
 */
#ifndef WSGATE_KEY_CACHE_H
#define WSGATE_KEY_CACHE_H

#include "base/compiler.h"
#include "base/str.h"
#include "token/key.h"

#include <stdint.h>

enum { KEY_CACHE_BYTES_MAX = 16 << 20 }; /* of a file that is read */

struct key_cache_set {
    const char *url;
    struct str text;   /* as it was fetched */
    int64_t fetched_s; /* since 1970 */
};

/* Written, synced, then renamed over path. Blocks on the disk. false: *error says why, and what was
 * there is there still. */
bool key_cache_write(const char *path, const struct key_cache_set *sets, size_t count,
                     struct key_error *error) MUST_CHECK;
/* Can this process make files in path's directory? */
bool key_cache_is_writable(const char *path, struct key_error *error) MUST_CHECK;

struct key_cache;

/* NULL: *error says why; error->text is empty when there is no such file. */
struct key_cache *key_cache_read(const char *path, struct key_error *error) MUST_CHECK;
/* The set of that URL; set->text lives as long as the cache. false: it has none. */
bool key_cache_find(const struct key_cache *cache, const char *url, struct key_cache_set *set)
    MUST_CHECK;
/* NULL is allowed. */
void key_cache_free(struct key_cache *cache);

#endif
