/*
 * yaml_tree.h - a YAML file as nodes that know where they stand.
 *
 * One document of maps, lists and scalars; JSON is such a document too. What makes a
 * configuration mean something else than it seems to is refused: aliases,
 * anchors, merge keys, tags, a second document, duplicate keys, keys that are no strings, NUL,
 * anything but UTF-8. Scalars stay text: what `1.20` or `no` mean is for the options.
 *
 * Ownership: nodes and their strings live in the caller's arena.
 */
#ifndef WSGATE_YAML_TREE_H
#define WSGATE_YAML_TREE_H

#include "base/arena.h"
#include "config/faults.h"

enum {
    YAML_TREE_DEPTH_MAX = 32,        /* the deepest option stands at 8 */
    YAML_TREE_FILE_MAX = 1024 * 1024, /* bytes; some thousands of routes */
};

enum yaml_kind { YAML_KIND_SCALAR, YAML_KIND_LIST, YAML_KIND_MAP };

struct yaml_node {
    enum yaml_kind kind;
    struct mark mark;
    bool faulty;   /* reported already: say nothing more about it */
    bool quoted;   /* scalars: in quotes, or a block (| or >), so surely a string */
    bool expanded; /* scalars: holds what came from the environment */
    struct str text;    /* scalars: NUL behind */
    struct str written; /* scalars: as it stands in the file, before expansion */

    struct str key; /* in a map: NUL behind */
    struct mark key_mark;
    bool duplicate; /* the map has that key before; reported already */

    struct yaml_node *first; /* lists, maps */
    size_t count;
    struct yaml_node *next;
};

/* At most YAML_TREE_FILE_MAX bytes of a file. false: a fault says why. */
bool yaml_tree_load(struct arena *arena, const char *file, struct str *text,
                    struct faults *faults) MUST_CHECK;
/*
 * NULL: not YAML, or what stops the reading, which is then the last fault. Otherwise the
 * root; there may be faults all the same (their nodes are `faulty`), and reading went on.
 */
struct yaml_node *yaml_tree_read(struct arena *arena, struct str text,
                                 struct faults *faults) MUST_CHECK;
/* Nothing written, ~ or null. */
bool yaml_node_is_null(const struct yaml_node *node);

#endif
