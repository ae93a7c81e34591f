/*
 * extension.c - one element of Sec-WebSocket-Extensions, walked by place.
 *
 * Each helper takes a place in the text and returns the one behind what it
 * read, or 0 for "not what the grammar wants": no element ends at 0.
 */
#include "protocol/extension.h"

#include "protocol/http_chars.h"

static size_t
skip_space(struct str text, size_t at)
{
    while (at < text.len && (text.at[at] == ' ' || text.at[at] == '\t'))
        at++;
    return at;
}

/* RFC 6455 9.1: what a quoted parameter says must be a token when the quotes are gone. Returns the
 * place behind the closing quote, or 0. */
static size_t
quoted_token_end(struct str text, size_t at)
{
    size_t start = ++at;

    for (; at < text.len && text.at[at] != '"'; at++) {
        if (text.at[at] == '\\' && ++at == text.len)
            return 0;
        if (!http_char_is(text.at[at], HTTP_CHAR_TOKEN))
            return 0;
    }
    return at < text.len && at > start ? at + 1 : 0;
}

/* A token with space around it; returns the place behind, or 0 when there is no token. */
static size_t
token_end(struct str text, size_t at)
{
    size_t start = skip_space(text, at);
    size_t end = http_chars_skip(text.at, start, text.len, HTTP_CHAR_TOKEN);

    return end > start ? skip_space(text, end) : 0;
}

bool
extension_is_valid(struct str text)
{
    size_t at = token_end(text, 0);

    while (at > 0 && at < text.len) {
        if (text.at[at] != ';')
            return false;
        at = token_end(text, at + 1);
        if (at == 0 || at == text.len || text.at[at] != '=')
            continue;
        at = skip_space(text, at + 1);
        if (at < text.len && text.at[at] == '"') {
            at = quoted_token_end(text, at);
            at = at > 0 ? skip_space(text, at) : 0;
        } else {
            at = token_end(text, at);
        }
    }
    return at > 0;
}
