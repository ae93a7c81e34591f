/*
 * controls.h - characters that are not shown but do something, to a terminal or to a line.
 *
 * C0 with DEL, C1, the line and paragraph separators, and what turns the direction of writing
 * (Unicode Standard Annex 9, 2): with those a name can look like another, and a log line say the
 * reverse.
 */
#ifndef WSGATE_CONTROLS_H
#define WSGATE_CONTROLS_H

#include <stdbool.h>
#include <stdint.h>

static inline bool
controls_has(uint32_t character)
{
    return character < 0x20 || (character >= 0x7f && character < 0xa0) || character == 0x61c ||
           character == 0x200e || character == 0x200f ||
           (character >= 0x2028 && character <= 0x202e) ||
           (character >= 0x2066 && character <= 0x2069);
}

#endif
