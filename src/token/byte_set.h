/* byte_set.h - a set of bytes, and the bracket expressions of POSIX that name one. */
#ifndef WSGATE_BYTE_SET_H
#define WSGATE_BYTE_SET_H

#include "base/compiler.h"

#include <stdbool.h>
#include <stdint.h>

struct byte_set {
    uint64_t bits[4];
};

static inline void
byte_set_add(struct byte_set *set, unsigned char byte)
{
    set->bits[byte >> 6] |= UINT64_C(1) << (byte & 63);
}

static inline bool
byte_set_has(const struct byte_set *set, unsigned char byte)
{
    return (set->bits[byte >> 6] >> (byte & 63) & 1) != 0;
}

/*
 * Reads "[...]" at *text: characters, ranges, classes such as [:alpha:], a "^" in front to turn it
 * round. A backslash is a character like others, and so is "]" in the first place. ASCII alone, for
 * other characters are several bytes. Leaves *text behind it. false: *error is a static phrase.
 */
bool byte_set_read(struct byte_set *set, const char **text, const char **error) MUST_CHECK;

#endif
