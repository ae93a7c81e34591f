/* introspection_question.c - see introspection_question.h. */
#include "introspection_question.h"

#include "protocol/query.h"

#include <stdlib.h>
#include <string.h>

char *
introspection_question_body(struct str token, size_t *len)
{
    struct str head = STR("token="), tail = STR("&token_type_hint=access_token");
    char *body = malloc(head.len + 3 * token.len + tail.len);

    if (!body)
        return NULL;
    memcpy(body, head.at, head.len);
    *len = head.len + query_encode(token, body + head.len);
    memcpy(body + *len, tail.at, tail.len);
    *len += tail.len;
    return body;
}
