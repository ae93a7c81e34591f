/*
 * claim_pattern.h - a POSIX extended regular expression (regex(7)) that a whole text must match.
 *
 * Compiled once; several workers may match with it at once (the C library takes a
 * short lock). It matches bytes: "." is one byte of UTF-8. Back-references are refused,
 * for matching them may take time without bound. Without them time grows with
 * the text, whose length is bounded here too.
 */
#ifndef WSGATE_CLAIM_PATTERN_H
#define WSGATE_CLAIM_PATTERN_H

#include "base/compiler.h"
#include "base/str.h"

enum {
    CLAIM_PATTERN_TEXT_MAX = 1024, /* bytes; a longer text does not match. Names and scopes are shorter */
    CLAIM_ERROR_MAX = 128,
};

struct claim_error {
    char text[CLAIM_ERROR_MAX];
};

struct claim_pattern;

/* NULL: *error says why. */
struct claim_pattern *claim_pattern_new(const char *text, struct claim_error *error) MUST_CHECK;
void claim_pattern_free(struct claim_pattern *pattern);

/* text ends with a NUL and holds no other. */
bool claim_pattern_matches(const struct claim_pattern *pattern, struct str text) MUST_CHECK;

#endif
