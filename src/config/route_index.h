/*
 * route_index.h - which route takes in which, found without comparing each with each.
 *
 * A tree of hosts and path segments. What is looked up walks down where wider patterns can stand:
 * one host of its suffixes, and at each segment the segment itself, a capture, or a star.
 * Listeners are not looked at, but by whoever asks.
 *
 * Ownership: everything lives in the arena; routes are the caller's and stay where they are.
 */
#ifndef WSGATE_ROUTE_INDEX_H
#define WSGATE_ROUTE_INDEX_H

#include "base/arena.h"
#include "config/settings.h"

struct route_index;

/* NULL: no memory, or no room for that many routes. */
struct route_index *route_index_new(struct arena *arena, const struct route_settings *routes,
                                    size_t count) MUST_CHECK;
/* In the order of their indexes. false: no memory. */
bool route_index_add(struct route_index *index, const struct route_settings *route) MUST_CHECK;
/*
 * Of the routes that were added and that match every host and path that `narrow` matches, the one
 * with the lowest index that `fits`, which is asked about each; NULL: none.
 */
const struct route_settings *
route_index_covering(const struct route_index *index, const struct route_settings *narrow,
                     bool (*fits)(void *arg, const struct route_settings *wide), void *arg);

#endif
