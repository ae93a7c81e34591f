/*
 * json_judge.h - jansson's word about what json_node.h reads: the same texts, and the same values.
 */
#ifndef WSGATE_JSON_JUDGE_H
#define WSGATE_JSON_JUDGE_H

#include "base/json_node.h"

#include <jansson.h>

static inline bool
json_judge_text(struct str text, const char *bytes, size_t len)
{
    return text.at && str_equal(text, (struct str){bytes, len});
}

/* All of it, by recursion: nodes in the text's order, which jansson keeps too. */
static inline bool
json_judge_same(const struct json_node *node, json_t *json)
{
    const struct json_node *at = json_node_first(node);
    const char *name;
    json_t *value;
    size_t i;

    switch (json_typeof(json)) {
    case JSON_NULL:
        return json_node_is(node, JSON_NODE_NULL);
    case JSON_TRUE:
        return json_node_is(node, JSON_NODE_TRUE);
    case JSON_FALSE:
        return json_node_is(node, JSON_NODE_FALSE);
    case JSON_INTEGER:
        return json_node_is(node, JSON_NODE_INTEGER) &&
               node->as.integer == json_integer_value(json);
    case JSON_REAL:
        return json_node_is(node, JSON_NODE_REAL) && node->as.real == json_real_value(json);
    case JSON_STRING:
        return json_judge_text(json_node_text(node), json_string_value(json),
                               json_string_length(json));
    case JSON_ARRAY:
        if (!json_node_is(node, JSON_NODE_ARRAY) || node->size != json_array_size(json))
            return false;
        json_array_foreach(json, i, value) {
            if (!at || !json_judge_same(at, value))
                return false;
            at = json_node_next(node, at);
        }
        return !at;
    case JSON_OBJECT:
        break;
    }
    if (!json_node_is(node, JSON_NODE_OBJECT) || node->size != json_object_size(json))
        return false;
    json_object_foreach(json, name, value) {
        if (!at || !json_judge_text(json_node_text(at), name, strlen(name)) ||
            json_node_member(node, str_of(name)) != at + 1 || !json_judge_same(at + 1, value))
            return false;
        at = json_node_next(node, at + 1);
    }
    return !at;
}

#endif
