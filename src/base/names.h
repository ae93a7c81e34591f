/*
 * names.h - texts of which there are few and that many share: each stands once, and is counted.
 *
 * Not thread safe: one worker's. What is held lives until it has been dropped as often.
 */
#ifndef WSGATE_NAMES_H
#define WSGATE_NAMES_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

enum { NAMES_BUCKETS = 256 }; /* a worker's routes, backends and issuers: mostly dozens */

struct name {
    struct name *next;
    uint32_t holders, len;
    char text[];
};

/* Zeroed: empty. */
struct names {
    struct name *buckets[NAMES_BUCKETS];
};

/* NULL: no memory, or a text of 4 GiB. */
struct name *names_hold(struct names *names, struct str text) MUST_CHECK;
/* NULL is fine. */
void names_drop(struct names *names, struct name *name);
/* at == NULL for NULL. */
struct str name_str(const struct name *name);

#endif
