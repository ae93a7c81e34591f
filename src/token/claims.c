/* claims.c - see claims.h. */
#include "token/claims.h"

#include "protocol/base64url.h"
#include "protocol/jose.h"

#include <stdlib.h>

struct claims *
claims_of_text(struct str text)
{
    size_t room = json_node_room(text), head = offsetof(struct claims, all);
    size_t bytes = head + room * sizeof(struct json_node) + text.len;
    struct claims *claims = malloc(bytes);

    if (!claims)
        return NULL;
    claims->bytes = bytes;
    char *own = (char *)&claims->all[room];
    if (text.len > 0)
        memcpy(own, text.at, text.len);
    if (json_node_read(claims->all, room, own, text.len, JOSE_DEPTH_MAX))
        return claims;
    free(claims);
    return NULL;
}

struct claims *
claims_of_segment(struct str segment, void *scratch)
{
    size_t len;

    return base64url_decode(segment, scratch, &len) ? claims_of_text((struct str){scratch, len})
                                                    : NULL;
}

static char *
put_string(struct json_node *node, struct str string, char *at)
{
    *node = (struct json_node){
        .as.text = at, .size = (uint32_t)string.len, .kind = JSON_NODE_STRING, .span = 1};
    if (string.len > 0)
        memcpy(at, string.at, string.len);
    return at + string.len;
}

struct claims *
claims_of_strings(const struct claim_string *members, size_t count)
{
    size_t nodes = 1 + 2 * count;
    size_t bytes = offsetof(struct claims, all) + nodes * sizeof(struct json_node);

    for (size_t i = 0; i < count; i++)
        bytes += members[i].name.len + members[i].value.len;
    struct claims *claims = malloc(bytes);
    if (!claims)
        return NULL;
    claims->bytes = bytes;
    claims->all[0] = (struct json_node){
        .size = (uint32_t)count, .kind = JSON_NODE_OBJECT, .span = (uint32_t)nodes & 0xFFFFFFF};
    char *at = (char *)&claims->all[nodes];
    for (size_t i = 0; i < count; i++) {
        at = put_string(&claims->all[1 + 2 * i], members[i].name, at);
        at = put_string(&claims->all[2 + 2 * i], members[i].value, at);
    }
    return claims;
}

void
claims_free(struct claims *claims)
{
    free(claims);
}
