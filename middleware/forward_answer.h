/*
 * forward_answer.h - what a forward_auth service has said: yes, with what is handed on; no, with
 * its own words; or nothing that counts. Pure.
 *
 * A yes is kept and shared as an object of claims (token/claims.h), whose members are ":identity",
 * ":deadline" and, by their names, the headers for the backend.
 */
#ifndef WSGATE_FORWARD_ANSWER_H
#define WSGATE_FORWARD_ANSWER_H

#include "forward_auth_settings.h"
#include "net/http_client.h"

/* Word for log and metric, status. The first is zero. */
#define FORWARD_FAULTS(X)                                                                        \
    X(NONE, "forward-auth-ok", 200)                                                              \
    X(TIMEOUT, "forward-auth-timeout", 504)         /* no whole answer in time */                \
    X(UNREACHABLE, "forward-auth-unreachable", 503) /* none: address, connection, TLS */         \
    X(STATUS, "forward-auth-status", 503)           /* neither 2xx nor 401 nor 403 */            \
    X(GARBLED, "forward-auth-garbled", 503)         /* too large, or a header that is no text */ \
    X(FULL, "forward-auth-full", 503)               /* as many wait as may */                    \
    X(INTERNAL, "forward-auth-internal", 503)       /* out of memory */

enum forward_fault {
#define X(name, word, status) FORWARD_##name,
    FORWARD_FAULTS(X)
#undef X
        FORWARD_FAULT_COUNT
};

struct forward_fault_row {
    const char *word;
    int status;
};

const struct forward_fault_row *forward_fault(enum forward_fault fault);
/* Is it the service's, and not ours? */
bool forward_fault_is_the_services(enum forward_fault fault);

struct forward_answer {
    enum forward_fault fault;
    unsigned refused;      /* 401 or 403; 0: no */
    struct claims *claims; /* of a yes; the caller's, by claims_free. Else NULL */
};

void forward_answer_read(struct forward_answer *answer,
                         const struct forward_auth_settings *settings,
                         const struct http_answer *http);

#endif
