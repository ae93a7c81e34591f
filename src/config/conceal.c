/* conceal.c - see conceal.h. */
#include "config/conceal.h"

#include <stdlib.h>

void
conceal_add(struct concealed **list, struct concealed *concealed)
{
    while (*list != NULL && (*list)->value.len > concealed->value.len)
        list = &(*list)->next;
    concealed->next = *list;
    *list = concealed;
}

static size_t
count(const char *text, struct str what)
{
    size_t n = 0;

    while (*text != '\0') {
        bool here = strncmp(text, what.at, what.len) == 0;

        n += here;
        text += here ? what.len : 1;
    }
    return n;
}

/* Takes text over. */
static char *
replace(char *text, const struct concealed *concealed)
{
    struct str what = concealed->value, shown = concealed->shown;
    size_t times = text != NULL ? count(text, what) : 0, len = 0;

    if (times == 0)
        return text;
    char *out = malloc(strlen(text) - times * what.len + times * shown.len + 1);

    for (const char *at = text; out != NULL && *at != '\0';) {
        bool here = strncmp(at, what.at, what.len) == 0;
        struct str piece = here ? shown : (struct str){at, 1};

        memcpy(out + len, piece.at, piece.len);
        len += piece.len;
        at += here ? what.len : 1;
    }
    if (out != NULL)
        out[len] = '\0';
    free(text);
    return out;
}

char *
conceal(char *text, const struct concealed *list, const struct concealed *own)
{
    for (; list != NULL; list = list->next) {
        if (own != NULL && own->value.len >= list->value.len) {
            text = replace(text, own);
            own = NULL;
        }
        text = replace(text, list);
    }
    return own != NULL ? replace(text, own) : text;
}
