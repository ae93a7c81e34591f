/* byte_set.c - see byte_set.h. */
#include "token/byte_set.h"

#include "base/str.h"

#include <ctype.h>

/* The locale is never set: these are ASCII's. */
static const struct {
    struct str name;
    int (*has)(int c);
} classes[] = {
    {{"alnum", 5}, isalnum}, {{"alpha", 5}, isalpha}, {{"blank", 5}, isblank},
    {{"cntrl", 5}, iscntrl}, {{"digit", 5}, isdigit}, {{"graph", 5}, isgraph},
    {{"lower", 5}, islower}, {{"print", 5}, isprint}, {{"punct", 5}, ispunct},
    {{"space", 5}, isspace}, {{"upper", 5}, isupper}, {{"xdigit", 6}, isxdigit},
};

/* "[:name:]" at *text. */
static bool
read_class(struct byte_set *set, const char **text, const char **error)
{
    const char *name = *text + 2;
    struct str word = {name, strcspn(name, ":")};

    *error = "expected a class such as [:alpha:]";
    if (strncmp(name + word.len, ":]", 2) != 0)
        return false;
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        if (!str_equal(classes[i].name, word))
            continue;
        for (int c = 0; c < 128; c++)
            if (classes[i].has(c))
                byte_set_add(set, (unsigned char)c);
        *text = name + word.len + 2;
        return true;
    }
    return false;
}

/* A character, or a range of them, at *text. */
static bool
read_range(struct byte_set *set, const char **text, const char **error)
{
    const char *at = *text;
    bool is_range = at[1] == '-' && at[2] != ']' && at[2] != '\0';
    signed char first = (signed char)at[0], last = (signed char)at[is_range ? 2 : 0];

    *error = "expected ASCII between \"[\" and \"]\"";
    if (first < 0 || last < 0)
        return false;
    *error = "a range between \"[\" and \"]\" runs backwards";
    if (first > last)
        return false;
    for (int c = first; c <= last; c++)
        byte_set_add(set, (unsigned char)c);
    *text += is_range ? 3 : 1;
    return true;
}

static bool
read_item(struct byte_set *set, const char **text, const char **error)
{
    const char *at = *text;

    *error = "a \"[\" without its \"]\"";
    if (*at == '\0')
        return false;
    if (at[0] == '[' && at[1] == ':')
        return read_class(set, text, error);
    *error = "[. and [= are not supported";
    if (at[0] == '[' && (at[1] == '.' || at[1] == '='))
        return false;
    *error = "a range cannot end in a class";
    if (at[1] == '-' && at[2] == '[')
        return false;
    return read_range(set, text, error);
}

bool
byte_set_read(struct byte_set *set, const char **text, const char **error)
{
    const char *at = *text + 1;
    bool inverted = *at == '^', first = true;

    *set = (struct byte_set){{0}};
    at += inverted;
    for (; first || *at != ']'; first = false)
        if (!read_item(set, &at, error))
            return false;
    for (size_t i = 0; inverted && i < COUNT_OF(set->bits); i++)
        set->bits[i] = ~set->bits[i];
    *text = at + 1;
    return true;
}
