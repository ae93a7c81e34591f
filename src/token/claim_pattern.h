/*
 * claim_pattern.h - a POSIX extended regular expression that a whole text must match.
 *
 * Its own matcher, for a claim is a stranger's text: the C library's keeps every state
 * that it came upon, so that short patterns may cost it seconds and memory without bound.
 * Here time is at most text times pattern, both of which are bounded, and nothing
 * is written when matching: several workers may match with one pattern at once.
 *
 * It sees bytes: "." is one byte of UTF-8. What POSIX leaves open is refused where it could be
 * taken for something else: back-references, letters and digits behind a backslash (\d), a
 * repetition of nothing. An empty alternative matches the empty text.
 */
#ifndef WSGATE_CLAIM_PATTERN_H
#define WSGATE_CLAIM_PATTERN_H

#include "base/compiler.h"
#include "base/str.h"

enum {
    CLAIM_PATTERN_TEXT_MAX = 1024, /* bytes; a longer text does not match */
    CLAIM_PATTERN_OPS_MAX = 1024,  /* what is repeated counts each time; usual: a few dozen */
    CLAIM_PATTERN_DEPTH_MAX = 16,  /* parentheses; the reader recurses */
    CLAIM_ERROR_MAX = 128,
};

struct claim_error {
    char text[CLAIM_ERROR_MAX];
};

struct claim_pattern;

/* NULL: *error says why. */
struct claim_pattern *claim_pattern_new(const char *text, struct claim_error *error) MUST_CHECK;
void claim_pattern_free(struct claim_pattern *pattern);

bool claim_pattern_matches(const struct claim_pattern *pattern, struct str text) MUST_CHECK;

#endif
