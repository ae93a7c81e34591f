/*
 * path.c - one pass from the target as sent to the path that is judged and
 * forwarded, so that the two cannot differ.
 *
 * Job: origin form and absolute form, escapes, and whatever two programs could
 * read in two ways: refused. It does not match routes and does not compare the
 * authority with the Host. It writes only into the caller's `out`.
 *
 * The hard thing: segments are judged on the bytes that are forwarded, after
 * unreserved escapes have been decoded, or "%2e%2e" would pass as a name.
 */
#include "protocol/path.h"

#include "protocol/http_chars.h"

static const struct {
    struct str prefix;
    bool secure;
} schemes[] = {
    {{"http://", 7}, false},
    {{"https://", 8}, true},
    {{"ws://", 5}, false},
    {{"wss://", 6}, true},
};

/* Where the path is written. */
struct writer {
    char *out;
    size_t len;
    int escaped; /* the value of the escape just written, or 0: for overlong UTF-8 */
};

/*
 * Two bytes that begin a longer UTF-8 sequence than the character needs. Old decoders read
 * C0 AF as "/" and C0 AE as "."; no valid UTF-8 and no plausible Latin-1 text holds them.
 */
static bool
is_overlong(int first, int second)
{
    if (second < 0x80 || second > 0xBF)
        return false;
    return first == 0xC0 || first == 0xC1 || (first == 0xE0 && second < 0xA0) ||
           (first == 0xF0 && second < 0x90);
}

/* What an escape of that value is refused for, or NULL. */
static const char *
escape_fault(int value, int previous)
{
    if (value < 0x20 || value == 0x7F)
        return "encoded control character";
    if (value == '\\')
        return "encoded backslash";
    if (is_overlong(previous, value))
        return "overlong UTF-8";
    return NULL;
}

/* text is at a "%". */
static bool
write_escape(struct writer *writer, struct str text, const char **error)
{
    static const char digits[] = "0123456789ABCDEF";
    int high = text.len > 1 ? http_char_hex(text.at[1]) : -1;
    int low = text.len > 2 ? http_char_hex(text.at[2]) : -1;
    int value = high * 16 + low;

    *error = "bad escape";
    if (high < 0 || low < 0)
        return false;
    if ((*error = escape_fault(value, writer->escaped)))
        return false;
    if (http_char_is((char)value, HTTP_CHAR_UNRESERVED)) {
        writer->out[writer->len++] = (char)value;
        writer->escaped = 0;
        return true;
    }
    writer->out[writer->len++] = '%';
    writer->out[writer->len++] = digits[high];
    writer->out[writer->len++] = digits[low];
    writer->escaped = value;
    return true;
}

/* What a raw byte of the path is refused for, or NULL. */
static const char *
byte_fault(const struct writer *writer, char c)
{
    if (c == '\\')
        return "backslash";
    if (c == '/' && writer->len > 0 && writer->out[writer->len - 1] == '/')
        return "two slashes in a row";
    return NULL;
}

static bool
write_path(struct writer *writer, struct str raw, const char **error)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.at[i] == '%') {
            if (!write_escape(writer, (struct str){raw.at + i, raw.len - i}, error))
                return false;
            i += 2;
            continue;
        }
        if ((*error = byte_fault(writer, raw.at[i])))
            return false;
        writer->out[writer->len++] = raw.at[i];
        writer->escaped = 0;
    }
    return true;
}

/* Is the escape at path.at[at] that one? After write_path its digits are upper case. */
static bool
escape_is(struct str path, size_t at, const char digits[2])
{
    return path.len - at >= 3 && path.at[at] == '%' && path.at[at + 1] == digits[0] &&
           path.at[at + 2] == digits[1];
}

static bool
is_slash(struct str path, size_t at)
{
    return path.at[at] == '/' || escape_is(path, at, "2F");
}

static bool
is_semicolon(struct str path, size_t at)
{
    return path.at[at] == ';' || escape_is(path, at, "3B");
}

/* The name that begins there: up to a slash of either kind, or a path parameter of either kind. */
static size_t
name_end(struct str path, size_t at)
{
    while (at < path.len && !is_slash(path, at) && !is_semicolon(path, at))
        at++;
    return at;
}

/* The end of the parameters that begin there; `at` where there are none. */
static size_t
parameters_end(struct str path, size_t at)
{
    if (at < path.len && is_semicolon(path, at))
        while (at < path.len && !is_slash(path, at))
            at++;
    return at;
}

/* Looks at every segment; %2F parts segments here, whether or not the route keeps it. */
static bool
judge_segments(struct target *target, const char **error)
{
    struct str path = target->path;

    for (size_t at = 0; at < path.len; at++) {
        if (escape_is(path, at, "2F"))
            target->encoded_slash = true;
        else if (path.at[at] != '/')
            continue;

        size_t start = path.at[at] == '/' ? at + 1 : at + 3;
        size_t len = name_end(path, start) - start;
        if (len == 0 && parameters_end(path, start) > start &&
            parameters_end(path, start) < path.len) {
            *error = "two slashes in a row but for a parameter";
            return false;
        }
        if ((len == 1 || len == 2) && memcmp(path.at + start, "..", len) == 0) {
            *error = "dot segment";
            return false;
        }
    }
    return true;
}

/* Takes "scheme://authority" off the front of *text. */
static bool
take_authority(struct target *target, struct str *text, const char **error)
{
    *error = "neither origin form nor absolute form with http, https, ws or wss";
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        struct str prefix = schemes[i].prefix;
        if (text->len < prefix.len || strncasecmp(text->at, prefix.at, prefix.len) != 0)
            continue;

        const char *start = text->at + prefix.len;
        size_t left = text->len - prefix.len, len = 0;
        while (len < left && start[len] != '/' && start[len] != '?')
            len++;
        target->secure = schemes[i].secure;
        target->authority = (struct str){start, len};
        *text = (struct str){start + len, left - len};
        *error = "absolute form without an authority";
        return len > 0;
    }
    return false;
}

/* Parts the query, which stays where it is, from the path. */
static struct str
take_query(struct target *target, struct str text)
{
    const char *mark = memchr(text.at, '?', text.len);

    if (!mark)
        return text;
    size_t len = (size_t)(mark - text.at);
    target->query = (struct str){mark + 1, text.len - len - 1};
    return (struct str){text.at, len};
}

bool
target_parse(struct target *result, struct str target, char *out, const char **error)
{
    struct writer writer = {.out = out};

    *result = (struct target){.authority = STR_NONE};
    *error = "byte outside 0x21 to 0x7E";
    if (http_chars_skip(target.at, 0, target.len, HTTP_CHAR_TARGET) != target.len)
        return false;
    *error = "number sign";
    if (target.len > 0 && memchr(target.at, '#', target.len))
        return false;
    if (target.len == 0 || target.at[0] != '/') {
        if (!take_authority(result, &target, error))
            return false;
    }

    struct str raw = take_query(result, target);
    if (raw.len == 0)
        raw = STR("/"); /* "http://host" and "http://host?query", RFC 9112 3.2.1 */
    if (!write_path(&writer, raw, error))
        return false;
    result->path = (struct str){out, writer.len};
    if (!judge_segments(result, error))
        return false;
    *error = NULL;
    return true;
}

/* ---- Parameters ------------------------------------------------------------- */

bool
path_has_parameters(struct str path)
{
    for (size_t at = 0; at < path.len; at++)
        if (is_semicolon(path, at))
            return true;
    return false;
}

struct str
path_without_parameters(struct str path, char *out)
{
    size_t len = 0;

    for (size_t at = 0; at < path.len; at++) {
        at = parameters_end(path, at);
        if (at < path.len)
            out[len++] = path.at[at];
    }
    return (struct str){out, len};
}
