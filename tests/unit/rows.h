/*
 * rows.h - the rows of tests/data, and what the pure parsers answer to a whole request.
 *
 * tests/data/README.md says how the files are written. Each row is judged here
 * in the order that the gateway has to keep: head, target, host, handshake, route.
 */
#ifndef WSGATE_ROWS_H
#define WSGATE_ROWS_H

#include "protocol/http_head.h"

#include <jansson.h>

/* All that the requests of tests/data may hold; `limits: {}` of the gateway. */
extern const struct http_limits rows_limits;
enum { ROWS_FIELDS = 100 };

struct rows_bytes {
    char *at; /* malloc'd, exactly len long, so that a sanitizer sees a read too many */
    size_t len;
};

/* The list in tests/data/FILE. */
json_t *rows_load(const char *file);
/* The row's string as bytes, repeats expanded. The caller frees. */
struct rows_bytes rows_get(const json_t *row, const char *key);
struct rows_bytes rows_copy(const char *at, size_t len);

enum rows_route { ROWS_ROUTE_CHAT /* /chat and /chat/ with all below */, ROWS_ROUTE_ALL };

struct rows_answer {
    unsigned status;
    /* With 101: what the backend would be sent, with a NUL behind. */
    char target[16384], host[512];
};

/* Feeds the head in pieces of `step` bytes (0: at once). */
void rows_judge(struct rows_answer *answer, enum rows_route route, struct rows_bytes request,
                size_t step);

#endif
