/*
 * query.c - names and values in a query and in a Cookie field.
 *
 * Both are lists of NAME=VALUE pieces, parted by one byte. What differs is how
 * a piece is read: a query's name is decoded before it is compared, for the
 * backend will do so too, and a credential must not survive as "access%5Ftoken".
 * What is taken out goes whole; the bytes of what stays are not touched.
 */
#include "protocol/query.h"

#include "protocol/http_chars.h"

/* Cuts the first piece off *rest; false: there is none. "a&" has two, the last one empty. */
static bool
piece_next(struct str *rest, char separator, struct str *piece)
{
    if (!rest->at)
        return false;
    const char *end = rest->len > 0 ? memchr(rest->at, separator, rest->len) : NULL;

    if (!end) {
        *piece = *rest;
        *rest = STR_NONE;
        return true;
    }
    *piece = (struct str){rest->at, (size_t)(end - rest->at)};
    *rest = (struct str){end + 1, rest->len - piece->len - 1};
    return true;
}

/* The byte at *at, which moves behind it: decoded, or -1 for a bad escape. */
static int
decode_next(struct str text, size_t *at)
{
    char c = text.at[(*at)++];

    if (c == '+')
        return ' ';
    if (c != '%')
        return (unsigned char)c;
    int high = *at < text.len ? http_char_hex(text.at[*at]) : -1;
    int low = *at + 1 < text.len ? http_char_hex(text.at[*at + 1]) : -1;
    if (high < 0 || low < 0)
        return -1;
    *at += 2;
    return high * 16 + low;
}

bool
query_decode(struct str text, char *out, size_t *len)
{
    *len = 0;
    for (size_t at = 0; at < text.len;) {
        int c = decode_next(text, &at);
        if (c <= 0)
            return false;
        out[(*len)++] = (char)c;
    }
    return true;
}

size_t
query_encode(struct str text, char *out)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t len = 0;

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        if (http_char_is(text.at[i], HTTP_CHAR_UNRESERVED)) {
            out[len++] = text.at[i];
        } else if (c == ' ') {
            out[len++] = '+';
        } else {
            out[len++] = '%';
            out[len++] = hex[c >> 4];
            out[len++] = hex[c & 15];
        }
    }
    return len;
}

/* A bad escape in a name stands for its own bytes, as it does to most programs behind us. */
static bool
name_matches(struct str raw, struct str name)
{
    size_t n = 0;

    for (size_t at = 0; at < raw.len; n++) {
        int c = decode_next(raw, &at);
        if (n == name.len || (char)(c < 0 ? '%' : c) != name.at[n])
            return false;
    }
    return n == name.len;
}

static bool
argument_matches(struct str piece, struct str name, struct str *value)
{
    const char *sign = piece.len > 0 ? memchr(piece.at, '=', piece.len) : NULL;
    size_t name_len = sign ? (size_t)(sign - piece.at) : piece.len;

    *value = sign ? (struct str){sign + 1, piece.len - name_len - 1} : STR("");
    return piece.len > 0 && name_matches((struct str){piece.at, name_len}, name);
}

static bool
cookie_matches(struct str piece, struct str name, struct str *value)
{
    struct str pair = str_trim(piece);
    const char *sign = pair.len > 0 ? memchr(pair.at, '=', pair.len) : NULL;

    if (!sign)
        return false;
    size_t name_len = (size_t)(sign - pair.at);
    *value = str_trim((struct str){sign + 1, pair.len - name_len - 1});
    if (value->len >= 2 && value->at[0] == '"' && value->at[value->len - 1] == '"')
        *value = (struct str){value->at + 1, value->len - 2};
    return str_equal(str_trim((struct str){pair.at, name_len}), name);
}

/* How the two lists differ. */
struct pieces {
    char separator;
    bool (*matches)(struct str piece, struct str name, struct str *value);
};

static const struct pieces arguments = {'&', argument_matches};
static const struct pieces cookies = {';', cookie_matches};

static bool
find(const struct pieces *pieces, struct str list, struct str name, size_t i, struct str *value)
{
    struct str piece, found;

    while (piece_next(&list, pieces->separator, &piece)) {
        if (!pieces->matches(piece, name, &found) || i-- > 0)
            continue;
        *value = found;
        return true;
    }
    return false;
}

static size_t
remove_all(const struct pieces *pieces, struct str list, struct str name, char *out, size_t *len)
{
    struct str piece, value;
    size_t removed = 0;
    bool first = true;

    *len = 0;
    while (piece_next(&list, pieces->separator, &piece)) {
        if (pieces->matches(piece, name, &value)) {
            removed++;
            continue;
        }
        if (!first)
            out[(*len)++] = pieces->separator;
        if (piece.len > 0)
            memmove(out + *len, piece.at, piece.len); /* out may be the list itself */
        *len += piece.len;
        first = false;
    }
    return removed;
}

bool
query_find(struct str query, struct str name, size_t i, struct str *value)
{
    return find(&arguments, query, name, i, value);
}

size_t
query_remove(struct str query, struct str name, char *out, size_t *len)
{
    return remove_all(&arguments, query, name, out, len);
}

bool
cookie_find(struct str field, struct str name, size_t i, struct str *value)
{
    return find(&cookies, field, name, i, value);
}

/* What the cookie left in front of its neighbour was the space behind a ";". */
size_t
cookie_remove(struct str field, struct str name, char *out, size_t *len)
{
    size_t removed = remove_all(&cookies, field, name, out, len);
    struct str rest = str_trim((struct str){out, *len});

    memmove(out, rest.at, rest.len);
    *len = rest.len;
    return removed;
}
