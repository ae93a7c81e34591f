/*
 * faults.h - all that is wrong with a configuration file, in the order of the file.
 *
 * Faults are added as they are found and printed sorted by line and column, one
 * line each: "FILE:LINE:COLUMN: message". Those at one place keep the order in which
 * they were added. Only the first FAULTS_MAX by place are kept; a last line counts the rest.
 *
 * What the environment brought in may be secret: it is known here, and stands in no message,
 * whoever wrote that and whatever it quotes.
 *
 * Ownership: the collection owns copies of the messages; `file` and what is concealed are the
 * caller's.
 */
#ifndef WSGATE_FAULTS_H
#define WSGATE_FAULTS_H

#include "base/arena.h"
#include "base/compiler.h"
#include "config/conceal.h"

#include <stdarg.h>
#include <stdio.h>

enum {
    FAULTS_MAX = 100,      /* more help nobody; a broken file of 1 MiB could have 300,000 */
    FAULT_TEXT_MAX = 512,  /* a message may quote a value, and a value may be long */
    FAULT_CONCEAL_MIN = 4, /* bytes; what is shorter is no secret, and stands in any sentence */
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
    struct concealed *concealed; /* a list, see faults_conceal */
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
/* The same, and this message does not show `own` either, however short; NULL: nothing. */
void faults_add_without(struct faults *faults, struct mark mark, const struct concealed *own,
                        const char *format, ...) PRINTF_LIKE(4, 5);
/* From now on messages show `shown` where they would show `value`. Shorter values than
 * FAULT_CONCEAL_MIN are passed over. false: no memory in the arena. */
bool faults_conceal(struct faults *faults, struct arena *arena, struct str value, struct str shown)
    MUST_CHECK;
void faults_print(const struct faults *faults, FILE *out);
void faults_free(struct faults *faults);

#endif
