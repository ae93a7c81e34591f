/* cache_control.c - a list of directives, read for its strictest word; see cache_control.h. */
#include "protocol/cache_control.h"

#include "protocol/http_chars.h"

/* Cuts the first directive off *rest, which has bytes left. A comma inside quotes parts nothing. */
static struct str
directive_next(struct str *rest)
{
    size_t end = 0;
    bool quoted = false;

    for (; end < rest->len && (quoted || rest->at[end] != ','); end++) {
        if (rest->at[end] == '"')
            quoted = !quoted;
        else if (quoted && rest->at[end] == '\\' && end + 1 < rest->len)
            end++;
    }
    struct str directive = str_trim((struct str){rest->at, end});
    size_t gone = end < rest->len ? end + 1 : end;

    *rest = (struct str){rest->at + gone, rest->len - gone};
    return directive;
}

/* delta-seconds, in quotes too (RFC 9111 5.2); 0 when it is none. */
static int64_t
seconds(struct str text)
{
    int64_t value = 0;

    if (text.len >= 2 && text.at[0] == '"' && text.at[text.len - 1] == '"')
        text = (struct str){text.at + 1, text.len - 2};
    if (http_chars_skip(text.at, 0, text.len, HTTP_CHAR_DIGIT) != text.len)
        return 0;
    for (size_t i = 0; i < text.len && value < CACHE_CONTROL_MAX; i++)
        value = value * 10 + (text.at[i] - '0');
    return value < CACHE_CONTROL_MAX ? value : CACHE_CONTROL_MAX;
}

static int64_t
directive_max_age(struct str directive)
{
    const char *sign = directive.len > 0 ? memchr(directive.at, '=', directive.len) : NULL;
    size_t len = sign ? (size_t)(sign - directive.at) : directive.len;
    struct str name = str_trim((struct str){directive.at, len});
    struct str argument = sign ? (struct str){sign + 1, directive.len - len - 1} : STR("");

    if (str_equal_nocase(name, STR("no-store")) || str_equal_nocase(name, STR("no-cache")))
        return 0;
    if (str_equal_nocase(name, STR("max-age")))
        return seconds(str_trim(argument));
    return CACHE_CONTROL_SILENT;
}

int64_t
cache_control_max_age(int64_t before, struct str value)
{
    while (value.len > 0) {
        int64_t age = directive_max_age(directive_next(&value));
        if (age != CACHE_CONTROL_SILENT && (before == CACHE_CONTROL_SILENT || age < before))
            before = age;
    }
    return before;
}
