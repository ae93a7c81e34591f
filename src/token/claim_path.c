/* claim_path.c - see claim_path.h. */
#include "token/claim_path.h"

#include "base/json_node.h"

#include <stdlib.h>
#include <string.h>

bool
claim_path_init(struct claim_path *path, const char *text, const char **error)
{
    size_t len = strlen(text);

    *error = "expected a claim's name, or names joined by dots";
    if (len == 0 || *text == '.' || text[len - 1] == '.' || strstr(text, ".."))
        return false;
    *error = "out of memory";
    *path = (struct claim_path){text, calloc(1, len + 2)};
    if (!path->steps)
        return false;
    for (size_t i = 0; i < len; i++)
        path->steps[i] = text[i] == '.' ? '\0' : text[i];
    *error = NULL;
    return true;
}

void
claim_path_free(struct claim_path *path)
{
    free(path->steps);
    path->steps = NULL;
}

const struct json_node *
claim_path_find(const struct claim_path *path, const struct json_node *claims)
{
    const struct json_node *at = json_node_member(claims, str_of(path->text));

    if (at && !json_node_is(at, JSON_NODE_NULL))
        return at;
    at = claims;
    for (const char *step = path->steps; at && *step; step += strlen(step) + 1)
        at = json_node_member(at, str_of(step));
    return at;
}

bool
claim_path_is_blocked(const struct claim_path *path, const struct json_node *claims)
{
    const struct json_node *at = claims;

    for (const char *step = path->steps; at && *step; step += strlen(step) + 1) {
        if (!json_node_is(at, JSON_NODE_OBJECT))
            return !json_node_is(at, JSON_NODE_NULL);
        at = json_node_member(at, str_of(step));
    }
    return false;
}
