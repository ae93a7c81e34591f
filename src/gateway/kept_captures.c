/* kept_captures.c - see kept_captures.h. */
#include "gateway/kept_captures.h"

#include <stdlib.h>

struct pair {
    struct str name, value;
};

struct kept_captures {
    size_t count;
    struct pair pairs[]; /* their text follows */
};

static size_t
count_of(const struct route_settings *route, const struct str *captures, size_t *bytes)
{
    size_t count = 0;

    *bytes = 0;
    for (size_t i = 0; i < route->piece_count; i++)
        if (route->pieces[i].capture.at != NULL)
            *bytes += route->pieces[i].capture.len + captures[count++].len;
    return count;
}

bool
kept_captures_new(const struct route_settings *route, const struct str *captures,
                  struct kept_captures **made)
{
    size_t bytes, count = count_of(route, captures, &bytes);

    *made = NULL;
    if (count == 0)
        return true;
    *made = malloc(sizeof(**made) + count * sizeof(struct pair) + bytes);
    if (*made == NULL)
        return false;
    char *memory = (char *)&(*made)->pairs[count];

    (*made)->count = 0;
    for (size_t i = 0; i < route->piece_count; i++) {
        if (route->pieces[i].capture.at == NULL)
            continue;
        struct pair *pair = &(*made)->pairs[(*made)->count];
        *pair = (struct pair){route->pieces[i].capture, captures[(*made)->count++]};
        str_keep(&pair->name, &memory);
        str_keep(&pair->value, &memory);
    }
    return true;
}

struct str
kept_captures_find(const struct kept_captures *captures, struct str name)
{
    for (size_t i = 0; captures != NULL && i < captures->count; i++)
        if (str_equal(captures->pairs[i].name, name))
            return captures->pairs[i].value;
    return STR_NONE;
}
