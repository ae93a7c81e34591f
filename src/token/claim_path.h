/*
 * claim_path.h - where in a token's claims something stands: a name, or names joined by dots.
 *
 * First a member named exactly like the whole path counts (names may hold dots, as in
 * "https://example.com/roles") unless it is null, else the path is followed step by step. A
 * step leads into objects alone.
 */
#ifndef WSGATE_CLAIM_PATH_H
#define WSGATE_CLAIM_PATH_H

#include "base/compiler.h"
#include "base/str.h"

struct json_node;

/* Is it one? false: *error is a static phrase. */
bool claim_path_check(const char *path, const char **error) MUST_CHECK;

/* NULL: there is none. */
const struct json_node *claim_path_find(const char *path, const struct json_node *claims);
/* Where there is none: does the path run into a list or a scalar, so that nobody can say what
 * stands there? */
bool claim_path_is_blocked(const char *path, const struct json_node *claims) MUST_CHECK;

#endif
