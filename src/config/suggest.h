/*
 * suggest.h - "did you mean": the nearest of several words by edit distance.
 *
 * Start it with the word that was written, show it every word that would have
 * been right, then ask. Only a word near enough to be a slip of the finger
 * is suggested. Words longer than SUGGEST_LEN_MAX are never near.
 */
#ifndef WSGATE_SUGGEST_H
#define WSGATE_SUGGEST_H

#include "base/str.h"

enum { SUGGEST_LEN_MAX = 64 };

struct suggest {
    struct str word;
    const char *best; /* the caller's string; NULL: nothing near so far */
    unsigned distance;
};

void suggest_start(struct suggest *suggest, struct str word);
void suggest_try(struct suggest *suggest, const char *candidate);

/* Insertions, deletions, substitutions and swaps of neighbours; case counts half a step less
 * than any other difference, so that "Listen" finds "listen" first. Unit: half steps. */
unsigned suggest_distance(struct str a, struct str b);

/* For messages: format and arguments that give "; did you mean `best`?" or nothing. */
#define SUGGEST_FMT "%s%s%s"
#define SUGGEST_ARG(s) \
    (s).best ? "; did you mean `" : "", (s).best ? (s).best : "", (s).best ? "`?" : ""

#endif
