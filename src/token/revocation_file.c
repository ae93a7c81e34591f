/* revocation_file.c - see revocation_file.h. */
#include "token/revocation_file.h"

#include "protocol/http_chars.h"
#include "token/key_file.h"

#include <stdlib.h>

/* ---- Words ---------------------------------------------------------------------------- */

/* The next one out of *rest; at == NULL: there is none. */
static struct str
next_word(struct str *rest)
{
    size_t from = 0, to;

    while (from < rest->len && (rest->at[from] == ' ' || rest->at[from] == '\t'))
        from++;
    for (to = from; to < rest->len && rest->at[to] != ' ' && rest->at[to] != '\t';)
        to++;
    struct str word = to > from ? (struct str){rest->at + from, to - from} : STR_NONE;
    *rest = (struct str){rest->at + to, rest->len - to};
    return word;
}

/* The word with its escapes decoded, at *text, which is moved behind it. false: a bad escape. */
static bool
decode(struct str word, char **text, struct str *decoded)
{
    char *to = *text;

    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] != '%') {
            *to++ = word.at[i];
            continue;
        }
        int high = i + 2 < word.len ? http_char_hex(word.at[i + 1]) : -1;
        int low = high >= 0 ? http_char_hex(word.at[i + 2]) : -1;
        if (low < 0)
            return false;
        *to++ = (char)(high << 4 | low);
        i += 2;
    }
    *decoded = (struct str){*text, (size_t)(to - *text)};
    *text = to;
    return true;
}

/* Seconds; the last moment that a token may name is in the year 9999. */
static bool
read_until(struct str word, int64_t *until_ms)
{
    int64_t seconds = 0;

    if (word.len > 12)
        return false;
    for (size_t i = 0; i < word.len; i++) {
        if (word.at[i] < '0' || word.at[i] > '9')
            return false;
        seconds = seconds * 10 + (word.at[i] - '0');
    }
    *until_ms = seconds * 1000;
    return true;
}

/* ---- A line ------------------------------------------------------------------------------ */

static const struct {
    const char *word;
    enum revocation_kind kind;
} kinds[] = {
    {"sub", REVOCATION_SUBJECT},
    {"jti", REVOCATION_TOKEN},
    {"sid", REVOCATION_SESSION},
};

static bool
read_kind(struct str word, enum revocation_kind *kind)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (str_equal(word, str_of(kinds[i].word))) {
            *kind = kinds[i].kind;
            return true;
        }
    return false;
}

static const char *
read_words(struct revocation *revocation, struct str rest, char *text)
{
    struct str issuer = STR_NONE, value, until;

    if (revocation->kind == REVOCATION_SUBJECT)
        issuer = next_word(&rest);
    value = next_word(&rest);
    until = next_word(&rest);
    if (!value.at)
        return revocation->kind == REVOCATION_SUBJECT ? "expected an issuer and a subject"
                                                      : "expected an id";
    if (next_word(&rest).at)
        return "too many words; a space in one is written %20";
    if (issuer.at && !str_equal(issuer, STR("-")) && !decode(issuer, &text, &revocation->issuer))
        return "expected two hexadecimal digits behind %";
    if (!decode(value, &text, &revocation->value))
        return "expected two hexadecimal digits behind %";
    if (until.at && !read_until(until, &revocation->until_ms))
        return "expected the end in seconds since 1970";
    return NULL;
}

bool
revocation_line_read(struct revocation *revocation, struct str line, char *text,
                     const char **error)
{
    struct str word;

    *revocation = (struct revocation){.until_ms = INT64_MAX};
    *error = NULL;
    if (line.len > 0 && line.at[line.len - 1] == '\r')
        line.len--;
    word = next_word(&line);
    if (!word.at || word.at[0] == '#')
        return true;
    *error = read_kind(word, &revocation->kind) ? read_words(revocation, line, text)
                                                : "expected jti, sid or sub";
    return *error == NULL;
}

/* ---- The file ---------------------------------------------------------------------------- */

static const char *
add(struct revocations *revocations, const struct revocation *revocation, int64_t now_ms)
{
    switch (revocations_add(revocations, revocation, now_ms)) {
    case REVOCATION_FULL:
        return "too many entries";
    case REVOCATION_NO_MEMORY:
        return "out of memory";
    case REVOCATION_ADDED:
        break;
    }
    return NULL;
}

static bool
read_lines(struct revocations *revocations, struct str rest, char *text, int64_t now_ms,
           struct key_error *error)
{
    struct revocation revocation;
    const char *why;

    for (size_t n = 1; rest.len > 0; n++) {
        const char *end = memchr(rest.at, '\n', rest.len);
        struct str line = {rest.at, end ? (size_t)(end - rest.at) : rest.len};
        if (revocation_line_read(&revocation, line, text, &why) && revocation.value.at)
            why = add(revocations, &revocation, now_ms);
        if (why) {
            key_error_set(error, "line %zu: %s", n, why);
            return false;
        }
        line.len += end != NULL;
        rest = (struct str){rest.at + line.len, rest.len - line.len};
    }
    return true;
}

bool
revocation_file_read(struct revocations *revocations, const char *path, int64_t now_ms,
                     struct key_error *error)
{
    struct key_file file;

    if (!key_file_read(&file, path, error))
        return false;
    char *text = malloc(file.text.len + 1);
    bool ok = text && read_lines(revocations, file.text, text, now_ms, error);

    if (!text)
        key_error_set(error, "out of memory");
    free(text);
    key_file_free(&file);
    return ok;
}
