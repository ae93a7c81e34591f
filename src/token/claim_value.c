/* claim_value.c - see claim_value.h. */
#include "token/claim_value.h"

#include "base/json_node.h"

#include <inttypes.h>
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
claim_text(const struct json_node *claim, char space[CLAIM_NUMBER_MAX])
{
    int len;

    switch (claim ? (enum json_kind)claim->kind : JSON_NODE_NULL) {
    case JSON_NODE_STRING:
        return json_node_text(claim);
    case JSON_NODE_TRUE:
        return STR("true");
    case JSON_NODE_FALSE:
        return STR("false");
    case JSON_NODE_INTEGER:
        len = snprintf(space, CLAIM_NUMBER_MAX, "%" PRId64, claim->as.integer);
        return (struct str){space, (size_t)len};
    case JSON_NODE_REAL:
        len = write_real(space, claim->as.real);
        return (struct str){space, (size_t)len};
    case JSON_NODE_NULL:
    case JSON_NODE_ARRAY:
    case JSON_NODE_OBJECT:
        break;
    }
    return STR_NONE;
}

void
claim_list_start(struct claim_list *list, const struct json_node *claim)
{
    bool is_list = json_node_is(claim, JSON_NODE_ARRAY);

    list->claim = claim;
    list->next = is_list ? json_node_first(claim) : claim;
    list->rest = json_node_text(claim);
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
    while (!text.at && list->next) {
        bool is_list = json_node_is(list->claim, JSON_NODE_ARRAY);
        text = claim_text(list->next, list->space);
        list->next = is_list ? json_node_next(list->claim, list->next) : NULL;
    }
    return text;
}
