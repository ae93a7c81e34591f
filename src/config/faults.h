/*
 * faults.h - all that is wrong with a configuration file, in the order of the file.
 *
 * Faults are added as they are found and printed sorted by line and column, one
 * line each: "FILE:LINE:COLUMN: message". Those at one place keep the order in which
 * they were added. Only the first FAULTS_MAX by place are kept; a last line counts the rest.
 *
 * Ownership: the collection owns copies of the messages; `file` is the caller's.
 */
#ifndef WSGATE_FAULTS_H
#define WSGATE_FAULTS_H

#include "base/compiler.h"
#include "base/str.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    FAULTS_MAX = 100,      /* more help nobody; a broken file of 1 MiB could have 300,000 */
    FAULT_TEXT_MAX = 512,  /* a message may quote a value, and a value may be long */
};

/* A place in the file, both from 1; columns count characters. */
struct mark {
    unsigned line, column;
};

struct fault {
    struct mark mark;
    char *message;
};

struct faults {
    const char *file;
    size_t total; /* all that were added */
    size_t kept;
    struct fault list[FAULTS_MAX];
};

void faults_init(struct faults *faults, const char *file);
/* Controls in the message become "?", so that a line stays a line; one too long is cut. */
void faults_add(struct faults *faults, struct mark mark, const char *format, ...)
    PRINTF_LIKE(3, 4);
void faults_add_list(struct faults *faults, struct mark mark, const char *format, va_list list)
    PRINTF_LIKE(3, 0);
void faults_print(const struct faults *faults, FILE *out);
void faults_free(struct faults *faults);

#endif
