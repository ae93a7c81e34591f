/*
 * http_chars.h - what each byte may be part of, as one table of 256 bytes.
 *
 * The parsers of this floor ask it instead of comparing: a byte's row is one
 * load, and every grammar's idea of a character stands in one place.
 */
#ifndef WSGATE_HTTP_CHARS_H
#define WSGATE_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_CHAR_TOKEN = 1 << 0,      /* tchar, RFC 9110 5.6.2 */
    HTTP_CHAR_TEXT = 1 << 1,       /* field content: HTAB, 0x20 to 0x7E, 0x80 to 0xFF */
    HTTP_CHAR_TARGET = 1 << 2,     /* 0x21 to 0x7E */
    HTTP_CHAR_UNRESERVED = 1 << 3, /* RFC 3986 2.3 */
    HTTP_CHAR_HOST = 1 << 4,       /* letters, digits, "-", ".", "_" */
    HTTP_CHAR_HEX = 1 << 5,
    HTTP_CHAR_DIGIT = 1 << 6,
    HTTP_CHAR_BASE64 = 1 << 7, /* RFC 4648 4, without "=" */
};

extern const uint8_t http_chars[256];

static inline bool
http_char_is(char c, unsigned classes)
{
    return (http_chars[(unsigned char)c] & classes) != 0;
}

/* The first place in [at, end) whose byte is in none of the classes, or end. */
static inline size_t
http_chars_skip(const char *text, size_t at, size_t end, unsigned classes)
{
    while (at < end && http_char_is(text[at], classes))
        at++;
    return at;
}

/* 0 to 15, or -1. */
static inline int
http_char_hex(char c)
{
    if (!http_char_is(c, HTTP_CHAR_HEX))
        return -1;
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static inline char
http_char_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* A header name's character as backends may compare it: those that hand headers on as CGI variables
 * make one of all that is no letter and no digit. */
static inline char
http_char_folded(char c)
{
    return http_char_is(c, HTTP_CHAR_DIGIT) || (c >= 'a' && c <= 'z')
               ? c
               : (c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : '-');
}

#endif
