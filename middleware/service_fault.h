/*
 * service_fault.h - why a question to a service has no answer that counts, for all modules that ask
 * one: what the client is told, and a word, which each module puts behind its own name.
 */
#ifndef WSGATE_SERVICE_FAULT_H
#define WSGATE_SERVICE_FAULT_H

#include "net/http_client.h"

/* Word, status. The first is zero. */
#define SERVICE_FAULTS(X)                                                               \
    X(NONE, "ok", 200)                                                                  \
    X(TIMEOUT, "timeout", 504)         /* no whole answer in time */                    \
    X(UNREACHABLE, "unreachable", 503) /* none: address, connection, TLS */             \
    X(UNWANTED, "refused", 503)        /* it does not want us; introspection alone */   \
    X(STATUS, "status", 503)           /* one that says nothing to the question */      \
    X(GARBLED, "garbled", 503)         /* too large, or not what it has to be */        \
    X(NAMELESS, "nameless", 503)       /* yes, but not who it is; forward_auth alone */ \
    X(FULL, "full", 503)               /* as many wait as may */                        \
    X(INTERNAL, "internal", 503)       /* out of memory */

enum service_fault {
#define X(name, word, status) SERVICE_##name,
    SERVICE_FAULTS(X)
#undef X
        SERVICE_FAULT_COUNT
};

int service_fault_status(enum service_fault fault);
/* Is it the service's, or the way's there, and not ours? */
bool service_fault_is_the_services(enum service_fault fault);
/* NONE: a whole answer, of whatever status. */
enum service_fault service_fault_of(const struct http_answer *http);

#endif
