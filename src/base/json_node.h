/*
 * json_node.h - one JSON object (RFC 8259) as an array of nodes. Pure.
 *
 * Nodes stand in the text's order: a container, then all that it holds; of an object each name,
 * then its value. A string's characters stay in the text, decoded in place: nodes are good as long
 * as that is, and nothing of them is freed.
 *
 * Strict: no name twice in an object, no NUL in any string, UTF-8 without overlong forms and
 * surrogates, no integer beyond int64_t and no number beyond double, nothing behind the object. It
 * takes and refuses what jansson does with JSON_REJECT_DUPLICATES, which tests hold against it, but
 * for a NUL behind a number, which jansson passes over.
 */
#ifndef WSGATE_JSON_NODE_H
#define WSGATE_JSON_NODE_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdint.h>

enum json_kind {
    JSON_NODE_NULL,
    JSON_NODE_FALSE,
    JSON_NODE_TRUE,
    JSON_NODE_INTEGER,
    JSON_NODE_REAL, /* a number with a fraction or an exponent */
    JSON_NODE_STRING,
    JSON_NODE_ARRAY,
    JSON_NODE_OBJECT,
};

enum { JSON_NODE_TEXT_MAX = 1 << 24 }; /* bytes; a longer text is refused */

struct json_node {
    union {
        const char *text; /* STRING; no NUL is behind it */
        int64_t integer;
        double real;
    } as;
    uint32_t size;      /* STRING: bytes; ARRAY: elements; OBJECT: members */
    uint32_t kind : 4;  /* enum json_kind */
    uint32_t span : 28; /* nodes, itself and all that it holds */
};

/* No JSON object of this text has more nodes. */
size_t json_node_room(struct str text) MUST_CHECK;
/*
 * Reads the object that `text` is into nodes[0..room), and overwrites the text. Brackets may nest
 * `depth` deep. false: it is none, there is no room, or, for an object of many members, no memory.
 */
bool json_node_read(struct json_node *nodes, size_t room, char *text, size_t len,
                    unsigned depth) MUST_CHECK;

/* node may be NULL in all of these, which is of no kind and holds nothing. */

static inline bool
json_node_is(const struct json_node *node, enum json_kind kind)
{
    return node && node->kind == kind;
}

/* at == NULL: it is no string. */
static inline struct str
json_node_text(const struct json_node *node)
{
    return json_node_is(node, JSON_NODE_STRING) ? (struct str){node->as.text, node->size}
                                                : STR_NONE;
}

/* The value of that name; NULL: there is none, or node is no object. */
const struct json_node *json_node_member(const struct json_node *node, struct str name) MUST_CHECK;
/* The first element of an array, or of an object the first name; NULL: it holds none. */
const struct json_node *json_node_first(const struct json_node *node) MUST_CHECK;
/* What stands in `holder` behind `node`; NULL: nothing. */
const struct json_node *json_node_next(const struct json_node *holder,
                                       const struct json_node *node) MUST_CHECK;

#endif
