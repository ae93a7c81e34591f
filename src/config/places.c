/* places.c - see places.h. */
#include "config/places.h"

#include <arpa/inet.h>
#include <stdlib.h>

struct place
place_of(const struct address *address, size_t index)
{
    struct place place = {.address = address, .index = index};

    if (address->any.sa_family == AF_UNIX)
        place.file = file_place_of(address->local.sun_path);
    return place;
}

#define COMPARE(a, b) ((a) < (b) ? -1 : (a) > (b))

/* Families, then ports, then addresses; all without an order of their own. */
static int
compare(const struct place *a, const struct place *b)
{
    int family = a->address->any.sa_family;

    if (family != b->address->any.sa_family)
        return COMPARE(family, b->address->any.sa_family);
    if (family == AF_UNIX)
        return file_place_compare(&a->file, &b->file);
    if (family == AF_INET)
        return a->address->v4.sin_port != b->address->v4.sin_port
                   ? COMPARE(a->address->v4.sin_port, b->address->v4.sin_port)
                   : COMPARE(a->address->v4.sin_addr.s_addr, b->address->v4.sin_addr.s_addr);
    return a->address->v6.sin6_port != b->address->v6.sin6_port
               ? COMPARE(a->address->v6.sin6_port, b->address->v6.sin6_port)
               : memcmp(&a->address->v6.sin6_addr, &b->address->v6.sin6_addr,
                        sizeof(struct in6_addr));
}

bool
place_equal(const struct place *a, const struct place *b)
{
    return compare(a, b) == 0;
}

static int
compare_for_sort(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int order = compare(one, other);

    return order != 0 ? order : COMPARE(one->index, other->index);
}

void
places_sort(struct place *places, size_t count)
{
    if (count > 0)
        qsort(places, count, sizeof(*places), compare_for_sort);
}

/* ---- Who is reached ----------------------------------------------------------- */

static const struct place *
find(const struct place *places, size_t count, const struct address *address)
{
    struct place wanted = place_of(address, 0);
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&places[middle], &wanted) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && place_equal(&places[low], &wanted) ? &places[low] : NULL;
}

static bool
is_any(const struct address *address)
{
    return address->any.sa_family == AF_INET
               ? address->v4.sin_addr.s_addr == htonl(INADDR_ANY)
               : IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

static bool
is_loopback(const struct address *address)
{
    return address->any.sa_family == AF_INET ? ntohl(address->v4.sin_addr.s_addr) >> 24 == 127
                                             : IN6_IS_ADDR_LOOPBACK(&address->v6.sin6_addr);
}

/* The same port at the address for all, or at the loopback address that stands for it. */
static struct address
elsewhere(const struct address *address)
{
    struct address other = *address;
    bool any = is_any(address);

    if (other.any.sa_family == AF_INET)
        other.v4.sin_addr.s_addr = htonl(any ? INADDR_LOOPBACK : INADDR_ANY);
    else
        other.v6.sin6_addr = any ? in6addr_loopback : in6addr_any;
    return other;
}

const struct place *
places_reached(const struct place *listeners, size_t count, const struct address *address)
{
    const struct place *place = find(listeners, count, address);

    if (place != NULL || address->any.sa_family == AF_UNIX ||
        (!is_any(address) && !is_loopback(address)))
        return place;
    struct address other = elsewhere(address);

    return find(listeners, count, &other);
}
