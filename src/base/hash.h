/* hash.h - a quick hash of text (FNV-1a, 64 bits), for tables whose keys no stranger chooses. */
#ifndef WSGATE_HASH_H
#define WSGATE_HASH_H

#include "base/str.h"

#include <stdint.h>

#define HASH_START UINT64_C(0xcbf29ce484222325)

/* `value`: HASH_START, or what came before the text. */
static inline uint64_t
hash_text(uint64_t value, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        value = (value ^ (unsigned char)text.at[i]) * UINT64_C(0x100000001b3);
    return value;
}

#endif
