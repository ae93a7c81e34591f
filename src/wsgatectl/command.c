/* command.c - finds and runs a subcommand. */
#include "command.h"

#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void PRINTF_LIKE(2, 0)
complain(const char *title, const char *format, va_list arguments)
{
    fprintf(stderr, "%s: ", title);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void
command_complain(const char *title, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(title, format, arguments);
    va_end(arguments);
}

int
command_misuse(const char *title, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    complain(title, format, arguments);
    va_end(arguments);
    fprintf(stderr, "Try: %s --help\n", title);
    return COMMAND_USAGE;
}

static int
print_help(const struct command *table, const char *title)
{
    printf("usage: %s COMMAND [OPTION...]\n\n", title);
    for (; table->name; table++)
        printf("  %-10s %s\n", table->name, table->summary);
    printf("\n%s COMMAND --help tells more. See also wsgatectl(1).\n", title);
    return COMMAND_OK;
}

int
command_dispatch(const struct command *table, const char *title, int argc, char **argv)
{
    if (argc < 2)
        return command_misuse(title, "a command is missing");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help(table, title);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        puts("wsgatectl " PACKAGE_VERSION);
        return COMMAND_OK;
    }
    for (const struct command *command = table; command->name; command++)
        if (strcmp(argv[1], command->name) == 0)
            return command->run(argc - 1, argv + 1);
    return command_misuse(title, "there is no command \"%s\"", argv[1]);
}
