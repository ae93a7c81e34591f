/*
 * json_text.c - members of a JSON object, written into memory of a fixed size.
 *
 * It parses nothing, allocates nothing and writes nothing out.
 *
 * Ownership: the memory is the caller's.
 *
 * The hard thing: what is too long must still be JSON. A string is only ever ended
 * behind a whole character, and json_text_cut makes room afterwards by
 * shortening the longest strings; it trusts the text to be its own.
 */
#include "base/json_text.h"

#include "base/controls.h"
#include "base/json_chars.h"

enum {
    UNIT_MAX = 6, /* "\u0000", the longest form of a character */
    CUT_MIN = 32, /* shorter strings are never cut: a time, an event */
};

/* ---- Characters ---------------------------------------------------------- */

static inline uint64_t
copy_eight(char *out, const char *in)
{
    uint64_t eight;

    memcpy(&eight, in, sizeof(eight));
    memcpy(out, &eight, sizeof(eight));
    return json_chars_not_plain(eight);
}

/* At most seven bytes; the two halves may overlap. */
static inline uint64_t
copy_few(char *out, const char *in, size_t len)
{
    uint32_t first = 0, last = 0;

    if (len >= 4) {
        memcpy(&first, in, 4);
        memcpy(&last, in + len - 4, 4);
        memcpy(out, &first, 4);
        memcpy(out + len - 4, &last, 4);
        return json_chars_not_plain(first | (uint64_t)last << 32);
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = in[i];
        last |= !json_char_plain((unsigned char)in[i]);
    }
    return last;
}

/* Copies all bytes. Not 0: some are not plain, and the copy is of no use. */
static inline uint64_t
copy_plain(char *out, const char *in, size_t len)
{
    uint64_t found = 0;

    if (len < 8)
        return copy_few(out, in, len);
    for (size_t i = 0; i < len - 8; i += 8)
        found |= copy_eight(out + i, in + i);
    return found | copy_eight(out + len - 8, in + len - 8);
}

/* text begins with `len` bytes that are one character. */
static uint32_t
utf8_decode(struct str text, size_t len)
{
    uint32_t character = (unsigned char)text.at[0] & (0x7fu >> len);

    for (size_t i = 1; i < len; i++)
        character = character << 6 | ((unsigned char)text.at[i] & 0x3fu);
    return character;
}

/* Of a character below U+10000. */
static size_t
escape_control(char *unit, uint32_t code)
{
    static const char short_forms[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                       ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    static const char digits[] = "0123456789abcdef";

    unit[0] = '\\';
    if (code < sizeof(short_forms) && short_forms[code] != 0) {
        unit[1] = short_forms[code];
        return 2;
    }
    unit[1] = 'u';
    for (int i = 0; i < 4; i++)
        unit[2 + i] = digits[code >> (12 - 4 * i) & 15];
    return 6;
}

/* The JSON form of the first character of text, which is not plain. Controls of all
 * kinds are escaped: a log is also read on terminals. */
static size_t
make_unit(char unit[UNIT_MAX], struct str text, size_t *used)
{
    unsigned char first = (unsigned char)text.at[0];

    *used = 1;
    if (first < 0x80)
        return escape_control(unit, first);
    size_t len = json_chars_utf8(text);

    if (len == 0) {
        memcpy(unit, "\xef\xbf\xbd", 3);
        return 3;
    }
    *used = len;
    if (controls_has(utf8_decode(text, len)))
        return escape_control(unit, utf8_decode(text, len));
    memcpy(unit, text.at, len);
    return len;
}

/* ---- Fields -------------------------------------------------------------- */

static bool
put_raw(struct json_text *out, const char *bytes, size_t len)
{
    if (len > out->room - out->len)
        return false;
    memcpy(out->at + out->len, bytes, len);
    out->len += len;
    return true;
}

/* Whole characters as long as there is room. false: not all of value. */
static bool
put_escaped(struct json_text *out, struct str value)
{
    while (value.len > 0) {
        size_t room = out->room - out->len, used = json_chars_plain(value);

        if (used > 0) {
            bool fits = used <= room;

            if (!put_raw(out, value.at, fits ? used : room) || !fits)
                return false;
        } else {
            char unit[UNIT_MAX];
            size_t len = make_unit(unit, value, &used);

            if (!put_raw(out, unit, len))
                return false;
        }
        value.at += used;
        value.len -= used;
    }
    return true;
}

static bool
put_key(struct json_text *out, const char *key)
{
    bool first = out->at[out->len - 1] == '{';

    return put_raw(out, first ? "\"" : ",\"", first ? 1 : 2) && put_escaped(out, str_of(key)) &&
           put_raw(out, "\":", 2);
}

size_t
json_text_plain(char *at, size_t room, const char *key, struct str value, bool quoted)
{
    enum { AROUND = 6 }; /* ,"":"" */
    size_t key_len = strlen(key);
    char *begin = at;

    if (value.len > room || key_len > room - value.len || AROUND > room - value.len - key_len)
        return 0;
    memcpy(at, ",\"", 2);
    at += 2;
    uint64_t found = copy_plain(at, key, key_len);

    at += key_len;
    memcpy(at, "\":\"", 3);
    at += 2 + quoted;
    found |= copy_plain(at, value.at, value.len);
    at += value.len;
    *at = '"';
    return found == 0 ? (size_t)(at - begin) + quoted : 0;
}

bool
json_text_bare(struct json_text *text, const char *key, struct str value)
{
    struct json_text out = *text;

    if (!put_key(&out, key) || !put_raw(&out, value.at, value.len))
        return false;
    text->len = out.len;
    return true;
}

bool
json_text_string(struct json_text *text, const char *key, struct str value)
{
    struct json_text out = *text;

    if (!put_key(&out, key) || !put_raw(&out, "\"", 1) || !put_escaped(&out, value) ||
        !put_raw(&out, "\"", 1))
        return false;
    text->len = out.len;
    return true;
}

bool
json_text_string_start(struct json_text *text, const char *key, struct str value)
{
    struct json_text out = *text;

    if (out.room - out.len < 1)
        return false;
    out.room--; /* the closing quote's */
    if (!put_key(&out, key) || !put_raw(&out, "\"", 1))
        return false;
    bool whole = put_escaped(&out, value);

    (void)whole;
    out.at[out.len] = '"';
    text->len = out.len + 1;
    return true;
}

/* ---- Lines that get too long ----------------------------------------------- */

/* Bytes of one character in text that is JSON already. */
static size_t
unit_length(const char *at)
{
    unsigned char first = (unsigned char)at[0];

    if (first == '\\')
        return at[1] == 'u' ? 6 : 2;
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

/* at: behind an opening quote. Returns the place of the closing one. */
static size_t
string_end(const struct json_text *text, size_t at)
{
    while (text->at[at] != '"')
        at += unit_length(text->at + at);
    return at;
}

/* The longest string value, without its quotes. text is an object of ours without its end. */
static struct str
longest_string(const struct json_text *text)
{
    struct str longest = {text->at, 0};

    for (size_t at = 1; at < text->len; at++) { /* at: a key's opening quote */
        at = string_end(text, at + 1) + 2;      /* behind the colon */
        if (text->at[at] == '"') {
            size_t end = string_end(text, at + 1);

            if (end - at - 1 > longest.len)
                longest = (struct str){text->at + at + 1, end - at - 1};
            at = end;
        }
        while (at < text->len && text->at[at] != ',')
            at++;
    }
    return longest;
}

/* Takes at least `excess` bytes from the end of a string, or its second half. */
static void
cut_string(struct json_text *text, struct str string, size_t excess)
{
    size_t wanted = excess < string.len / 2 ? string.len - excess : string.len / 2, kept = 0;

    while (kept + unit_length(string.at + kept) <= wanted)
        kept += unit_length(string.at + kept);
    size_t from = (size_t)(string.at - text->at) + string.len;
    size_t to = from - string.len + kept;

    memmove(text->at + to, text->at + from, text->len - from);
    text->len -= from - to;
}

bool
json_text_cut(struct json_text *text, size_t room)
{
    while (text->len > room) {
        struct str string = longest_string(text);

        if (string.len < CUT_MIN)
            return false;
        cut_string(text, string, text->len - room);
    }
    return true;
}
