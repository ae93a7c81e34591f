/*
 * jwt_remote.h - the keys of a jwt instance, with those by URL: one key set out of all sources,
 * handed to every worker whenever it changes.
 *
 * It is made at setup and then belongs to the control thread, from jwt_remote_start to
 * jwt_remote_stop. Workers reach it by messages alone: they join once, may ask for a fetch, and are
 * told by news. `wsgatectl explain` never starts it; what the cache file has is known there all the
 * same.
 */
#ifndef WSGATE_JWT_REMOTE_H
#define WSGATE_JWT_REMOTE_H

#include "jwt_remote_settings.h"
#include "token/keyset.h"

struct jwt_remote;
struct jwt_member; /* one worker, as the control thread knows it */

/* What a worker is told. */
struct jwt_news {
    const struct keyset *keyset; /* valid for the call */
    bool certain;                /* every source has a set, and its last fetch was a good one */
    /* Of the monotonic clock: */
    uint64_t known_us;    /* every source was asked at that moment or later, and has answered or
                           * failed */
    uint64_t ask_from_us; /* when the next fetch that is asked for can begin */
};

/* Control thread, at setup. files: keys from elsewhere, which come first; one reference is taken.
 * Reads the cache file. settings must outlive it. NULL: out of memory. */
struct jwt_remote *jwt_remote_new(const struct jwt_remote_settings *settings,
                                  const struct mw_host *host, const struct keyset *files)
    MUST_CHECK;
/* After jwt_remote_stop, where it was started. NULL is allowed. */
void jwt_remote_free(struct jwt_remote *remote);

/* Control thread, before jwt_remote_start: what `old` knows of the same addresses is known, and
 * fetched again when it is due there. Without memory for that it is not. */
void jwt_remote_adopt(struct jwt_remote *remote, const struct jwt_remote *old);
/* Control thread. Begins to fetch; does not wait for it. false: out of memory. */
bool jwt_remote_start(struct jwt_remote *remote, struct mw_worker *control) MUST_CHECK;
/* Control thread, after the workers have ended. */
void jwt_remote_stop(struct jwt_remote *remote);

/* ---- On a worker -------------------------------------------------------------------- */

/* What a worker begins with: constant since setup. */
const struct keyset *jwt_remote_first(const struct jwt_remote *remote, bool *certain);
/* Is there a control thread that fetches? */
bool jwt_remote_is_online(const struct jwt_remote *remote);
/* For the log, where there is none. */
void jwt_remote_say_offline(const struct jwt_remote *remote);

/* From now on on_news is called on this worker, until the gateway takes no more posts for it. The
 * member belongs to the remote. NULL: out of memory. */
struct jwt_member *jwt_remote_join(struct jwt_remote *remote, struct mw_worker *worker,
                                   void (*on_news)(void *arg, const struct jwt_news *news),
                                   void *arg) MUST_CHECK;
/* Asks for a fetch of every source that was not asked since that moment. News follow, though not
 * always such as know of it all: who still waits then asks again. false: out of memory, or the
 * gateway is stopping. */
bool jwt_remote_ask(struct jwt_member *member, uint64_t since_us) MUST_CHECK;
/* For how long it makes sense to wait for a fetch to begin. */
uint64_t jwt_remote_patience_us(const struct jwt_member *member);

#endif
