/*
 * option_table.h - a subcommand's options as a table, which feeds both getopt_long and --help.
 *
 * The order of the rows is the order in --help.
 */
#ifndef WSGATE_OPTION_TABLE_H
#define WSGATE_OPTION_TABLE_H

#include "base/compiler.h"

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

struct option_row {
    char letter; /* 0: none */
    const char *word;
    int argument;           /* as in struct option */
    const char *value_name; /* NULL where argument is no_argument */
    /* Gets the caller's struct; value is NULL if none. false: it has said what is wrong. */
    bool (*take)(void *to, const char *value);
    const char *help;
    bool repeats; /* may be given more than once; what has no argument may anyway */
};

struct option_table {
    char *title;         /* "wsgatectl probe" */
    const char *opening; /* of --help, from "usage:" to the empty line before the options */
    const struct option_row *rows;
    size_t count;
    const char *ending;
};

enum option_outcome { OPTIONS_TAKEN, OPTIONS_HELPED, OPTIONS_WRONG };

/* Hands every option to its row's take, in the order given; one that is given twice is wrong,
 * unless it repeats. `-h` and --help are rows of nobody:
 * they are always there, last. OPTIONS_TAKEN: *rest is the index of the first argument that is no
 * option. OPTIONS_WRONG: told on standard error. argv[0] is replaced by the title. */
enum option_outcome option_table_parse(const struct option_table *table, void *to, int argc,
                                       char **argv, int *rest) MUST_CHECK;

/* "TITLE: message", then how to get help; always false, so that a take can return it. */
bool option_table_wrong(const struct option_table *table, const char *format, ...)
    PRINTF_LIKE(2, 3);

#endif
