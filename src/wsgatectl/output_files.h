/*
 * output_files.h - a few files that come to be together, or not at all.
 *
 * Each is written in full to a temporary file beside its place; only when all of them are there do
 * they get their names. A file that is there already stays, unless `force` says so, and is never
 * seen half written. It takes a file system with hard links.
 */
#ifndef WSGATE_OUTPUT_FILES_H
#define WSGATE_OUTPUT_FILES_H

#include "base/compiler.h"
#include "base/str.h"

#include <sys/types.h>

enum { OUTPUT_FILES_MAX = 3 };

struct output_file {
    const char *path; /* the caller's, and what complaints name */
    char *place;      /* the same; with `force`, behind symbolic links */
    char *temporary;  /* holds the text until it is placed */
    char *before;     /* another name of what was at the place; NULL: nothing was */
    bool is_placed;
};

/* The caller sets title and force, the rest is zero; output_files_end is due in any case. */
struct output_files {
    const char *title; /* in front of complaints */
    bool force;
    struct output_file list[OUTPUT_FILES_MAX];
    size_t count;
};

/* Writes the temporary file. false: it has said what is wrong. */
bool output_files_add(struct output_files *files, const char *path, struct str text,
                      mode_t mode) MUST_CHECK;
/* Once, at the end. false: it has said what is wrong, and no place has changed. */
bool output_files_place(struct output_files *files) MUST_CHECK;
/* Frees, and removes what has only been written. */
void output_files_end(struct output_files *files);

#endif
