/*
 * json_string.c - escapes undone where they stand.
 *
 * What an escape stands for is never longer than the escape, so what is decoded never catches up
 * with what is not read yet.
 */
#include "base/json_string.h"

#include "base/json_chars.h"

#include <stdint.h>

/* What is not read yet. */
struct cursor {
    char *at;
    const char *end;
};

/* Four hex digits; negative: there are none. */
static int32_t
read_hex(struct cursor *cursor)
{
    int32_t value = 0;

    if (cursor->end - cursor->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)*cursor->at++, letter = c | 0x20;

        if (c >= '0' && c <= '9')
            value = value << 4 | (c - '0');
        else if (letter >= 'a' && letter <= 'f')
            value = value << 4 | (letter - 'a' + 10);
        else
            return -1;
    }
    return value;
}

static bool
is_surrogate(int32_t unit, int32_t first)
{
    return unit >= first && unit < first + 0x400;
}

/* Behind "\u". A character beyond U+FFFF is a pair; NUL and half a pair are none. 0: none. */
static int32_t
read_character(struct cursor *cursor)
{
    int32_t unit = read_hex(cursor);

    if (unit < 0 || is_surrogate(unit, 0xdc00))
        return 0;
    if (!is_surrogate(unit, 0xd800))
        return unit;
    if (cursor->end - cursor->at < 2 || cursor->at[0] != '\\' || cursor->at[1] != 'u')
        return 0;
    cursor->at += 2;
    int32_t second = read_hex(cursor);
    return is_surrogate(second, 0xdc00) ? 0x10000 + (unit - 0xd800) * 0x400 + (second - 0xdc00) : 0;
}

static char *
put_character(char *out, int32_t character)
{
    int more = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};

    *out++ = (char)(leads[more] | character >> (6 * more));
    while (more-- > 0)
        *out++ = (char)(0x80 | (character >> (6 * more) & 0x3f));
    return out;
}

/* Behind the backslash; NULL: no such escape. What it stands for is never longer. */
static char *
read_escape(struct cursor *cursor, char *out)
{
    static const char simple[128] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    unsigned char c = cursor->at < cursor->end ? (unsigned char)*cursor->at++ : 0;

    if (c == 'u') {
        int32_t character = read_character(cursor);
        return character > 0 ? put_character(out, character) : NULL;
    }
    if (c >= sizeof(simple) || simple[c] == 0)
        return NULL;
    *out = simple[c];
    return out + 1;
}

/* So many bytes as they are. */
static char *
keep(struct cursor *cursor, char *out, size_t len)
{
    if (out != cursor->at)
        memmove(out, cursor->at, len);
    cursor->at += len;
    return out + len;
}

/* What is neither plain nor the end: an escape, DEL, or a character of several bytes. */
static char *
read_special(struct cursor *cursor, char *out)
{
    struct str rest = {cursor->at, (size_t)(cursor->end - cursor->at)};

    if (*rest.at == '\\') {
        cursor->at++;
        return read_escape(cursor, out);
    }
    size_t len = *rest.at == 0x7f ? 1 : json_chars_utf8(rest);
    return len > 0 ? keep(cursor, out, len) : NULL;
}

char *
json_string_read(char *at, const char *end, struct str *text)
{
    struct cursor cursor = {at, end};
    char *out = at;

    for (;;) {
        out = keep(&cursor, out,
                   json_chars_plain((struct str){cursor.at, (size_t)(end - cursor.at)}));
        if (cursor.at == end)
            return NULL;
        if (*cursor.at == '"')
            break;
        if (!(out = read_special(&cursor, out)))
            return NULL;
    }
    *text = (struct str){at, (size_t)(out - at)};
    return cursor.at + 1;
}
