/*
 * places.h - which addresses lead to the same socket.
 *
 * Two spellings of a Unix socket's path are one place (file_place.h). Nothing is connected to.
 */
#ifndef WSGATE_PLACES_H
#define WSGATE_PLACES_H

#include "base/address.h"
#include "base/compiler.h"
#include "base/file_place.h"

struct place {
    const struct address *address;
    size_t index; /* the owner's, from place_of */
    struct file_place file; /* of a Unix socket */
};

struct place place_of(const struct address *address, size_t index);
bool place_equal(const struct place *a, const struct place *b) MUST_CHECK;
/* Equal ones come to stand together, the lowest index first. */
void places_sort(struct place *places, size_t count);
/* Where a connection to that address arrives among sorted listeners: at a loopback address also
 * at a listener for all addresses. NULL: at none that is known. */
const struct place *places_reached(const struct place *listeners, size_t count,
                                   const struct address *address);

#endif
