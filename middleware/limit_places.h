/*
 * limit_places.h - who holds one of the places that a key has, over all workers.
 *
 * A place is taken at the decision and held to the connection's end, so there are never more keys
 * than connections: nothing is pushed out. Where the oldest must make room, its place changes hands
 * at once; its owner learns that it has lost it, and gives it back as any other.
 *
 * How many there are is said with each question: instances with another `max` may share them.
 */
#ifndef WSGATE_LIMIT_PLACES_H
#define WSGATE_LIMIT_PLACES_H

#include "limit_key.h"

struct limit_places;
struct limit_place; /* one connection's; it ends with limit_place_give_back */

/* Held once. NULL: no memory. */
struct limit_places *limit_places_new(void) MUST_CHECK;
/* Once more, for another instance; from one thread, as the next. Returns it. */
struct limit_places *limit_places_hold(struct limit_places *places);
/* With the last holder they go; every place was given back before. NULL is fine. */
void limit_places_leave(struct limit_places *places);

enum limit_entry {
    LIMIT_ENTERED,
    LIMIT_ALL_TAKEN,
    LIMIT_REPLACED, /* *replaced is the one that lost its place */
    LIMIT_NO_MEMORY,
};

/* From any thread, as all that follow. LIMIT_ENTERED and LIMIT_REPLACED fill *place. */
enum limit_entry limit_places_take(struct limit_places *places, struct limit_key key, uint64_t max,
                                   uint64_t session, bool replace, struct limit_place **place,
                                   uint64_t *replaced) MUST_CHECK;
/* Another of a key's oldest loses its place while there are more than max, which has become less:
 * *replaced is that one. false: there are not. */
bool limit_places_trim(struct limit_places *places, struct limit_key key, uint64_t max,
                       uint64_t *replaced) MUST_CHECK;
void limit_place_give_back(struct limit_places *places, struct limit_place *place);
/* Places that are held now, over all keys. */
size_t limit_places_held(struct limit_places *places);

#endif
