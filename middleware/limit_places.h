/*
 * limit_places.h - who holds one of the `max` places that a key has, over all workers.
 *
 * A place is taken at the decision and held to the connection's end, so there are never more keys
 * than connections: nothing is pushed out. Where the oldest must make room, its place changes hands
 * at once; its owner learns that it has lost it, and gives it back as any other.
 */
#ifndef WSGATE_LIMIT_PLACES_H
#define WSGATE_LIMIT_PLACES_H

#include "limit_key.h"

struct limit_places;
struct limit_place; /* one connection's; it ends with limit_place_give_back */

/* NULL: no memory. */
struct limit_places *limit_places_new(uint64_t max) MUST_CHECK;
/* Every place was given back before. */
void limit_places_free(struct limit_places *places);

enum limit_entry {
    LIMIT_ENTERED,
    LIMIT_ALL_TAKEN,
    LIMIT_REPLACED, /* *replaced is the one that lost its place */
    LIMIT_NO_MEMORY,
};

/* From any thread, as all of these. LIMIT_ENTERED and LIMIT_REPLACED fill *place. */
enum limit_entry limit_places_take(struct limit_places *places, struct limit_key key,
                                   uint64_t session, bool replace, struct limit_place **place,
                                   uint64_t *replaced) MUST_CHECK;
void limit_place_give_back(struct limit_places *places, struct limit_place *place);
/* Places that are held now, over all keys. */
size_t limit_places_held(struct limit_places *places);

#endif
