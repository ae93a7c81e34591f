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

#include "service_fault.h"

struct json_node;
struct token_entry;

enum { INTROSPECTION_ANSWER_MAX = 64 * 1024 }; /* bytes of a body; real ones have some hundred */

/* For log and metric. */
const char *introspection_fault_word(enum service_fault fault);

struct introspection_answer {
    enum service_fault fault;
    bool active;               /* false with a fault */
    const struct json_node *claims; /* the whole object, in one of these two; NULL with a fault */
    struct claims *own;          /* NULL: the entry's */
    struct token_entry *entry;   /* the cache's; NULL: there is none */
};

/* The caller calls introspection_answer_free. */
void introspection_answer_read(struct introspection_answer *answer, const struct http_answer *http);
void introspection_answer_free(struct introspection_answer *answer);

#endif
