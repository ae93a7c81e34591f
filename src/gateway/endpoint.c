/*
 * endpoint.c - see endpoint.h.
 *
 * SO_REUSEPORT would let a second gateway of the same user share the port in silence. So an
 * address is bound once without it, which fails where anybody listens there; not where we
 * do ourselves, under the same port of another address.
 */
#include "gateway/endpoint.h"

#include "config/places.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

size_t
endpoints_count(const struct generation *generation)
{
    return generation->endpoints != NULL ? generation->settings->listener_count : 0;
}

bool
endpoint_is_in(const struct endpoint *endpoint, const struct generation *generation)
{
    for (size_t i = 0; generation != NULL && i < endpoints_count(generation); i++)
        if (generation->endpoints[i] == endpoint)
            return true;
    return false;
}

void
endpoints_each(struct generation *generation, unsigned worker,
               void (*fn)(struct listener *listener))
{
    for (size_t i = 0; i < endpoints_count(generation); i++)
        fn(&generation->endpoints[i]->listeners[worker]);
}

static bool
is_shared(const struct endpoint *endpoint)
{
    return endpoint->address.any.sa_family == AF_UNIX;
}

size_t
endpoints_descriptors(const struct generation *generation)
{
    size_t sum = 0;

    for (size_t i = 0; i < endpoints_count(generation); i++)
        sum += generation->worker_count + is_shared(generation->endpoints[i]);
    return sum;
}

/* ---- Opening --------------------------------------------------------------------- */

static in_port_t
port_of(const struct address *address)
{
    return address->any.sa_family == AF_INET6 ? address->v6.sin6_port : address->v4.sin_port;
}

static bool
shares_port(const struct address *address, const struct generation *before)
{
    for (size_t i = 0; before != NULL && i < endpoints_count(before); i++) {
        const struct address *other = &before->endpoints[i]->address;
        if (other->any.sa_family == address->any.sa_family && port_of(other) == port_of(address))
            return true;
    }
    return false;
}

static bool
is_ours_alone(const struct listener_settings *settings, const struct generation *before)
{
    if (shares_port(&settings->address, before))
        return true;
    int fd = listener_bind(settings, true);
    if (fd != -1)
        (void)close(fd);
    return fd != -1;
}

static bool
open_sockets(struct endpoint *endpoint, unsigned worker_count,
             const struct listener_settings *settings, const struct generation *before)
{
    if (is_shared(endpoint))
        endpoint->shared = listener_bind(settings, true);
    if (is_shared(endpoint) ? endpoint->shared == -1 : !is_ours_alone(settings, before))
        return false;
    for (unsigned i = 0; i < worker_count; i++) {
        int fd = is_shared(endpoint) ? fcntl(endpoint->shared, F_DUPFD_CLOEXEC, 0)
                                     : listener_bind(settings, false);
        if (fd == -1)
            return false;
        endpoint->listeners[i].fd = fd;
    }
    return true;
}

static void
hide(struct endpoint *endpoint)
{
    if (endpoint->shared == -1)
        return;
    (void)unlink(endpoint->address.local.sun_path);
    (void)close(endpoint->shared);
    endpoint->shared = -1;
}

static void
endpoint_free(struct endpoint *endpoint, unsigned worker_count)
{
    hide(endpoint);
    for (unsigned i = 0; i < worker_count; i++)
        listener_stop(&endpoint->listeners[i]);
    free(endpoint);
}

/* NULL: errno. */
static struct endpoint *
endpoint_new(const struct listener_settings *settings, unsigned worker_count,
             const struct generation *before)
{
    struct endpoint *endpoint =
        calloc(1, sizeof(*endpoint) + worker_count * sizeof(endpoint->listeners[0]));

    if (endpoint == NULL)
        return NULL;
    endpoint->address = settings->address;
    endpoint->shared = -1;
    for (unsigned i = 0; i < worker_count; i++)
        endpoint->listeners[i].fd = -1;
    if (open_sockets(endpoint, worker_count, settings, before))
        return endpoint;
    int error = errno;
    endpoint_free(endpoint, worker_count);
    errno = error;
    return NULL;
}

static struct endpoint *
find(const struct generation *before, const struct address *address)
{
    struct place place = place_of(address, 0);

    for (size_t i = 0; before != NULL && i < endpoints_count(before); i++) {
        struct place other = place_of(&before->endpoints[i]->address, 0);
        if (place_equal(&place, &other))
            return before->endpoints[i];
    }
    return NULL;
}

bool
endpoints_open(struct generation *generation, const struct generation *before, size_t *failed)
{
    const struct settings *settings = generation->settings;

    *failed = 0;
    generation->endpoints = calloc(settings->listener_count + 1, sizeof(*generation->endpoints));
    if (generation->endpoints == NULL)
        return false;
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct listener_settings *listener = &settings->listeners[i];
        struct endpoint *endpoint = find(before, &listener->address);
        if (endpoint == NULL)
            endpoint = endpoint_new(listener, generation->worker_count, before);
        generation->endpoints[i] = endpoint;
        if (endpoint == NULL) {
            int error = errno;
            endpoints_free(generation, before);
            *failed = i;
            errno = error;
            return false;
        }
    }
    return true;
}

/* ---- The end ------------------------------------------------------------------------ */

void
endpoints_hide(const struct generation *generation, const struct generation *other)
{
    for (size_t i = 0; i < endpoints_count(generation); i++)
        if (!endpoint_is_in(generation->endpoints[i], other))
            hide(generation->endpoints[i]);
}

void
endpoints_free(struct generation *generation, const struct generation *other)
{
    for (size_t i = 0; i < endpoints_count(generation); i++)
        if (generation->endpoints[i] != NULL && !endpoint_is_in(generation->endpoints[i], other))
            endpoint_free(generation->endpoints[i], generation->worker_count);
    free(generation->endpoints);
    generation->endpoints = NULL;
}
