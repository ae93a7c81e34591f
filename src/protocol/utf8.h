/*
 * utf8.h - UTF-8 judged byte by byte (RFC 3629): no overlong forms, no surrogates, nothing above
 * U+10FFFF. Pure.
 */
#ifndef WSGATE_UTF8_H
#define WSGATE_UTF8_H

#include <stdint.h>

/* The state is what the next byte must be. Text may end where it is UTF8_WHOLE, no byte follows
 * UTF8_BAD. */
enum { UTF8_WHOLE = 0, UTF8_BAD = 8 };

uint8_t utf8_next(uint8_t state, uint8_t byte);

#endif
