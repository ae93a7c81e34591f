/*
 * introspection_answer.h - what an introspection service says of a token (RFC 7662 2.2), read from
 * its HTTP answer. Pure.
 *
 * A token is active only by a 200 with one JSON object (protocol/jose.h) whose `active` is true.
 * That `active` is false is an answer; everything else is a fault of the service, of the way there
 * or of ours, and says nothing about the token.
 */
#ifndef WSGATE_INTROSPECTION_ANSWER_H
#define WSGATE_INTROSPECTION_ANSWER_H

#include "net/http_client.h"

struct json_node;
struct token_entry;

enum { INTROSPECTION_ANSWER_MAX = 64 * 1024 }; /* bytes of a body; real ones have some hundred */

/* Word for log and metric, status. The first is zero. */
#define INTROSPECTION_FAULTS(X)                                                                    \
    X(NONE, "introspection-ok", 200)                                                               \
    X(TIMEOUT, "introspection-timeout", 504)         /* no whole answer in time */                 \
    X(UNREACHABLE, "introspection-unreachable", 503) /* none at all: address, connection, TLS */   \
    X(REFUSED, "introspection-refused", 503)         /* 400, 401, 403: it does not want us */      \
    X(STATUS, "introspection-status", 503)           /* another one than 200 */                    \
    X(GARBLED, "introspection-garbled", 503)         /* too large, no JSON object, no `active` */  \
    X(FULL, "introspection-full", 503)               /* as many wait as may */                     \
    X(INTERNAL, "introspection-internal", 503)       /* out of memory */

enum introspection_fault {
#define X(name, word, status) INTROSPECTION_##name,
    INTROSPECTION_FAULTS(X)
#undef X
        INTROSPECTION_FAULT_COUNT
};

struct introspection_fault_row {
    const char *word;
    int status;
};

const struct introspection_fault_row *introspection_fault(enum introspection_fault fault);

struct introspection_answer {
    enum introspection_fault fault;
    bool active;               /* false with a fault */
    const struct json_node *claims; /* the whole object, in one of these two; NULL with a fault */
    struct claims *own;          /* NULL: the entry's */
    struct token_entry *entry;   /* the cache's; NULL: there is none */
};

/* The caller calls introspection_answer_free. */
void introspection_answer_read(struct introspection_answer *answer, const struct http_answer *http);
void introspection_answer_free(struct introspection_answer *answer);

#endif
