/*
 * text.h - writing into a buffer of known size. What does not fit sets `full`, and everything
 * after it is dropped: check once, at the end.
 */
#ifndef WSGATE_TEXT_H
#define WSGATE_TEXT_H

#include "base/str.h"

#include <stdint.h>

struct text {
    char *at;
    size_t len, cap;
    bool full;
};

static inline void
text_add(struct text *text, struct str s)
{
    if (text->full || s.len > text->cap - text->len) {
        text->full = true;
        return;
    }
    if (s.len > 0)
        memcpy(text->at + text->len, s.at, s.len);
    text->len += s.len;
}

/* "Name: value\r\n" */
static inline void
text_field(struct text *text, struct str name, struct str value)
{
    text_add(text, name);
    text_add(text, STR(": "));
    text_add(text, value);
    text_add(text, STR("\r\n"));
}

static inline void
text_number(struct text *text, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    text_add(text, (struct str){digits + at, sizeof(digits) - at});
}

/* 16 lower-case hex digits: how an id is written everywhere. */
static inline void
text_id(struct text *text, uint64_t id)
{
    char digits[16];

    for (int i = 15; i >= 0; i--, id >>= 4)
        digits[i] = "0123456789abcdef"[id & 15];
    text_add(text, (struct str){digits, sizeof(digits)});
}

static inline struct str
text_str(const struct text *text)
{
    return (struct str){text->at, text->len};
}

#endif
