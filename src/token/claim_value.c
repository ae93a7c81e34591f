/* claim_value.c - see claim_value.h. */
#include "token/claim_value.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

/* The fewest digits that give the number again; 17 always do. The locale is never set. */
static int
write_real(char *space, double number)
{
    int len = 0;

    for (int digits = 15; digits <= 17; digits++) {
        len = snprintf(space, CLAIM_NUMBER_MAX, "%.*g", digits, number);
        if (strtod(space, NULL) == number)
            break;
    }
    return len;
}

struct str
claim_text(const struct json_t *claim, char space[CLAIM_NUMBER_MAX])
{
    int len;

    switch (claim ? json_typeof(claim) : JSON_NULL) {
    case JSON_STRING:
        return (struct str){json_string_value(claim), json_string_length(claim)};
    case JSON_TRUE:
        return STR("true");
    case JSON_FALSE:
        return STR("false");
    case JSON_INTEGER:
        len = snprintf(space, CLAIM_NUMBER_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(claim));
        return (struct str){space, (size_t)len};
    case JSON_REAL:
        len = write_real(space, json_real_value(claim));
        return (struct str){space, (size_t)len};
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    return STR_NONE;
}

void
claim_list_start(struct claim_list *list, const struct json_t *claim)
{
    list->claim = claim;
    list->next = 0;
    list->rest = STR_NONE;
    if (json_is_string(claim))
        list->rest = (struct str){json_string_value(claim), json_string_length(claim)};
}

static struct str
next_word(struct str *rest)
{
    while (rest->len > 0 && rest->at[0] == ' ')
        rest->at++, rest->len--;
    const char *end = rest->len > 0 ? memchr(rest->at, ' ', rest->len) : NULL;
    struct str word = {rest->at, end ? (size_t)(end - rest->at) : rest->len};

    rest->at += word.len;
    rest->len -= word.len;
    return word.len > 0 ? word : STR_NONE;
}

struct str
claim_list_next(struct claim_list *list)
{
    struct str text = STR_NONE;

    if (list->rest.at)
        return next_word(&list->rest);
    if (!json_is_array(list->claim))
        return list->next++ == 0 ? claim_text(list->claim, list->space) : STR_NONE;
    while (!text.at && list->next < json_array_size(list->claim))
        text = claim_text(json_array_get(list->claim, list->next++), list->space);
    return text;
}
