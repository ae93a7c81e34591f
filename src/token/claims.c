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

void
claims_free(struct claims *claims)
{
    free(claims);
}
