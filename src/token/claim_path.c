/* claim_path.c - see claim_path.h. */
#include "token/claim_path.h"

#include "base/json_node.h"

bool
claim_path_check(const char *path, const char **error)
{
    size_t len = strlen(path);
    bool good = len > 0 && path[0] != '.' && path[len - 1] != '.' && !strstr(path, "..");

    *error = good ? NULL : "expected a claim's name, or names joined by dots";
    return good;
}

/* The name before the next dot; at == NULL: there was none. */
static struct str
next_step(const char **rest)
{
    size_t len = strcspn(*rest, ".");
    struct str step = {len > 0 ? *rest : NULL, len};

    *rest += len + ((*rest)[len] != '\0');
    return step;
}

const struct json_node *
claim_path_find(const char *path, const struct json_node *claims)
{
    const struct json_node *at = json_node_member(claims, str_of(path));
    struct str step;

    if (at && !json_node_is(at, JSON_NODE_NULL))
        return at;
    at = claims;
    while (at && (step = next_step(&path)).at)
        at = json_node_member(at, step);
    return at;
}

bool
claim_path_is_blocked(const char *path, const struct json_node *claims)
{
    const struct json_node *at = claims;
    struct str step;

    while (at && (step = next_step(&path)).at) {
        if (!json_node_is(at, JSON_NODE_OBJECT))
            return !json_node_is(at, JSON_NODE_NULL);
        at = json_node_member(at, step);
    }
    return false;
}
