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

#include <stdbool.h>

struct json_node;

struct claim_path {
    const char *text; /* as configured; the caller's */
    char *steps;      /* the same, each dot a NUL, and a second NUL at the end */
};

/* Keeps text. false: *error is a static phrase; nothing to free. */
bool claim_path_init(struct claim_path *path, const char *text, const char **error) MUST_CHECK;
void claim_path_free(struct claim_path *path);

/* NULL: there is none. */
const struct json_node *claim_path_find(const struct claim_path *path,
                                        const struct json_node *claims);
/* Where there is none: does the path run into a list or a scalar, so that nobody can say what
 * stands there? */
bool claim_path_is_blocked(const struct claim_path *path,
                           const struct json_node *claims) MUST_CHECK;

#endif
