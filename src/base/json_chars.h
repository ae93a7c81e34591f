/*
 * json_chars.h - the characters of JSON strings (RFC 8259 7), looked at eight bytes at a time.
 *
 * Plain is a byte that stands for itself and alone: 0x20 to 0x7E without '"' and '\'.
 */
#ifndef WSGATE_JSON_CHARS_H
#define WSGATE_JSON_CHARS_H

#include "base/str.h"

#include <endian.h>
#include <stdint.h>

/* A bit for each plain byte. */
static inline bool
json_char_plain(unsigned char c)
{
    static const uint32_t plain[8] = {0, 0xfffffffb, 0xefffffff, 0x7fffffff};

    return plain[c >> 5] >> (c & 31) & 1;
}

/* The same for eight bytes at once: 0 when all are plain. A subtraction borrows from the next
 * byte only where this one is not plain, so the answer for all eight together is exact, and so is
 * the lowest bit that is set. */
static inline uint64_t
json_chars_not_plain(uint64_t eight)
{
    const uint64_t ones = UINT64_MAX / 255;
    uint64_t control = eight - ones * 0x20;
    uint64_t quote = (eight ^ ones * '"') - ones;
    uint64_t backslash = (eight ^ ones * '\\') - ones;
    uint64_t del = (eight ^ ones * 0x7f) - ones;

    return (eight | control | quote | backslash | del) & ones * 0x80;
}

/* How many plain bytes text begins with. */
static inline size_t
json_chars_plain(struct str text)
{
    size_t len = 0;

    while (text.len - len >= 8) {
        uint64_t eight;

        memcpy(&eight, text.at + len, sizeof(eight));
        uint64_t found = json_chars_not_plain(le64toh(eight));
        if (found != 0)
            return len + (size_t)__builtin_ctzll(found) / 8;
        len += 8;
    }
    while (len < text.len && json_char_plain((unsigned char)text.at[len]))
        len++;
    return len;
}

static inline bool
json_chars_continue(struct str text, size_t i)
{
    return i < text.len && ((unsigned char)text.at[i] & 0xc0) == 0x80;
}

/* Bytes of the UTF-8 character that text, which is not empty, begins with (RFC 3629: no overlong
 * forms, no surrogates, at most U+10FFFF), if it has more than one; 0: it has not. */
static inline size_t
json_chars_utf8(struct str text)
{
    unsigned char first = (unsigned char)text.at[0];
    unsigned char second = text.len > 1 ? (unsigned char)text.at[1] : 0;

    if (first >= 0xc2 && first <= 0xdf && json_chars_continue(text, 1))
        return 2;
    if (first >= 0xe0 && first <= 0xef && json_chars_continue(text, 1) &&
        json_chars_continue(text, 2))
        return (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ? 0 : 3;
    if (first >= 0xf0 && first <= 0xf4 && json_chars_continue(text, 1) &&
        json_chars_continue(text, 2) && json_chars_continue(text, 3))
        return (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f) ? 0 : 4;
    return 0;
}

#endif
