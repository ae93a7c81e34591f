/*
 * command.h - tables of subcommands, and what every subcommand agrees on.
 *
 * Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 nobody can say here. Answers go to
 * standard output, everything else to standard error, each line with the command's name.
 */
#ifndef WSGATE_COMMAND_H
#define WSGATE_COMMAND_H

#include "base/compiler.h"

#include <stddef.h>

enum { COMMAND_OK = 0, COMMAND_REFUSED = 1, COMMAND_USAGE = 2, COMMAND_UNKNOWN = 3 };

struct command {
    const char *name;    /* NULL ends a table */
    const char *summary; /* half a line for --help */
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name */
};

/* Runs the subcommand that argv[1] names, and --help and --version. title: "wsgatectl token". */
int command_dispatch(const struct command *table, const char *title, int argc, char **argv);

/* One line to standard error. */
void command_complain(const char *title, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same, then how to get help. Returns COMMAND_USAGE. */
int command_misuse(const char *title, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
