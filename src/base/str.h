/*
 * str.h - bytes with a length that somebody else owns.
 *
 * A str is never terminated by NUL and may hold any byte. at == NULL means
 * "absent", which is not the same as empty.
 */
#ifndef WSGATE_STR_H
#define WSGATE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct str {
    const char *at;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE ((struct str){NULL, 0})
#define STR_FMT "%.*s"
#define STR_ARG(s) (int)(s).len, (s).at ? (s).at : ""

static inline struct str
str_of(const char *text)
{
    return (struct str){text, text ? strlen(text) : 0};
}

static inline bool
str_equal(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* ASCII case only; the locale is never set. Most that are as long differ in the first character. */
static inline bool
str_equal_nocase(struct str a, struct str b)
{
    return a.len == b.len &&
           (a.len == 0 ||
            ((a.at[0] | 0x20) == (b.at[0] | 0x20) && strncasecmp(a.at, b.at, a.len) == 0));
}

static inline bool
str_starts_with(struct str s, struct str prefix)
{
    return s.len >= prefix.len && memcmp(s.at, prefix.at, prefix.len) == 0;
}

/* Without leading and trailing SP and HTAB (RFC 9110 5.6.3, OWS). */
static inline struct str
str_trim(struct str s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s.at++, s.len--;
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* Copies the bytes to *at, where they then are, and *at is behind them. */
static inline void
str_keep(struct str *s, char **at)
{
    if (s->at == NULL)
        return;
    memcpy(*at, s->at, s->len);
    s->at = *at;
    *at += s->len;
}

#endif
