/*
 * environment.h - ${NAME} in strings becomes what the environment says.
 *
 * Values only, never keys, and after YAML has been read: what a variable holds is text,
 * whatever stands in it. `$${` is a literal `${`; any other `$` is itself. A name is
 * letters, digits and `_`, no digit first. What a variable brings in is not expanded again.
 */
#ifndef WSGATE_ENVIRONMENT_H
#define WSGATE_ENVIRONMENT_H

#include "base/arena.h"
#include "config/yaml_tree.h"

enum { ENVIRONMENT_TEXT_MAX = 1024 * 1024 }; /* bytes of one string after expansion */

/* As getenv. */
typedef char *environment_lookup(const char *name);

/*
 * *out is `text` itself when it holds nothing to expand, else a copy with a NUL behind. false:
 * `fault` holds what is wrong, never what a variable held.
 */
bool environment_expand(struct arena *arena, struct str text, environment_lookup *lookup,
                        struct str *out, char fault[FAULT_TEXT_MAX]) MUST_CHECK;
/* All scalars of a tree; faults are added, and their nodes become faulty. */
void environment_expand_tree(struct arena *arena, struct yaml_node *root,
                             environment_lookup *lookup, struct faults *faults);

#endif
