/*
 * forward_header.h - a header of a request as a forward_auth service is told it.
 *
 * Not what Connection names (RFC 9110 7.6.1): it is for one hop alone, and the backend does not get
 * it. And of what is the gateway's own no client's copy, but what a module before this one has said
 * there: the service would believe it, as the backend does.
 */
#ifndef WSGATE_FORWARD_HEADER_H
#define WSGATE_FORWARD_HEADER_H

#include "base/compiler.h"

#include <wsgate/middleware.h>

struct forward_header {
    const struct mw_host *host;
    const struct mw_request *request;
    const char *name;
    bool is_the_clients;
    struct mw_str said; /* where it is not */
};

/* host, request and name must outlive *header. */
void forward_header_find(struct forward_header *header, const struct mw_host *host,
                         const struct mw_request *request, const char *name);
/* The i-th; at == NULL: there are no more. */
struct mw_str forward_header_value(const struct forward_header *header, size_t i) MUST_CHECK;

#endif
