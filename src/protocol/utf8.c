/* utf8.c - the states of UTF-8; see utf8.h. */
#include "protocol/utf8.h"

enum { WHOLE = UTF8_WHOLE, ONE, TWO, THREE, AFTER_E0, AFTER_ED, AFTER_F0, AFTER_F4, BAD };

/* What may come in the middle of a character, and what is wanted then. */
static const struct {
    uint8_t low, high, next;
} middles[] = {
    [ONE] = {0x80, 0xbf, WHOLE},    [TWO] = {0x80, 0xbf, ONE},      [THREE] = {0x80, 0xbf, TWO},
    [AFTER_E0] = {0xa0, 0xbf, ONE}, [AFTER_ED] = {0x80, 0x9f, ONE}, [AFTER_F0] = {0x90, 0xbf, TWO},
    [AFTER_F4] = {0x80, 0x8f, TWO}, [BAD] = {1, 0, BAD},
};

static uint8_t
first(uint8_t byte)
{
    if (byte < 0x80)
        return WHOLE;
    if (byte < 0xc2 || byte > 0xf4)
        return BAD;
    if (byte < 0xe0)
        return ONE;
    if (byte < 0xf0)
        return byte == 0xe0 ? AFTER_E0 : byte == 0xed ? AFTER_ED : TWO;
    return byte == 0xf0 ? AFTER_F0 : byte == 0xf4 ? AFTER_F4 : THREE;
}

uint8_t
utf8_next(uint8_t state, uint8_t byte)
{
    if (state == WHOLE)
        return first(byte);
    if (byte < middles[state].low || byte > middles[state].high)
        return BAD;
    return middles[state].next;
}
