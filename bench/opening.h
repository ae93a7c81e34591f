/*
 * opening.h - the opening handshake as the load generator and the backend need
 * it: the end of a head, one header of it, the accept value of a key. The
 * peers on both ends of the bench are ours, so this is lenient.
 */
#ifndef BENCH_OPENING_H
#define BENCH_OPENING_H

#include <stdbool.h>
#include <stddef.h>

#define OPENING_KEY_CHARS 24
#define OPENING_ACCEPT_CHARS 28

/* Bytes of the head with its empty line; 0 while it is not whole. */
size_t opening_head_length(const char *bytes, size_t len);

/* The value of a header, without surrounding blanks; NULL when absent. */
const char *opening_header(const char *head, size_t len, const char *name, size_t *value_len);

void opening_accept(const char *key, char accept[OPENING_ACCEPT_CHARS + 1]);

/* A complete and correct 101 for the request whose accept value this is? */
bool opening_is_answered(const char *head, size_t len, const char *accept);

int opening_status(const char *head, size_t len); /* 0 when it is no HTTP/1.1 status line */

#endif
