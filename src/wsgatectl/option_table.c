/* option_table.c - see option_table.h. */
#include "wsgatectl/option_table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ROWS_MAX = 40, HELP_COLUMN = 28 };

static const struct option_row help_row = {'h', "help", no_argument, NULL, NULL, "print this"};

static void
hint(const struct option_table *table)
{
    fprintf(stderr, "Try: %s --help\n", table->title);
}

bool
option_table_wrong(const struct option_table *table, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "%s: ", table->title);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    hint(table);
    return false;
}

static const struct option_row *
row_at(const struct option_table *table, size_t i)
{
    return i < table->count ? &table->rows[i] : &help_row;
}

/* ---- Help ------------------------------------------------------------------- */

static void
print_row(const struct option_row *row)
{
    bool is_optional = row->argument == optional_argument;
    char text[80];
    int len = snprintf(text, sizeof(text), "%s--%s%s%s%s",
                       row->letter != 0 ? (char[]){'-', row->letter, ',', ' ', '\0'} : "    ",
                       row->word,
                       is_optional ? "[="
                       : row->value_name ? " "
                                         : "",
                       row->value_name ? row->value_name : "", is_optional ? "]" : "");

    printf("  %-*s%s%s\n", HELP_COLUMN, text, len >= HELP_COLUMN ? "  " : "", row->help);
}

static void
print_help(const struct option_table *table)
{
    fputs(table->opening, stdout);
    for (size_t i = 0; i <= table->count; i++)
        print_row(row_at(table, i));
    fputs(table->ending, stdout);
}

/* ---- Parsing ---------------------------------------------------------------- */

/* val is the row's index + 1, for long and short options alike. */
struct getopt_lists {
    struct option words[ROWS_MAX + 2];
    char letters[3 * ROWS_MAX + 2];
};

static void
make_lists(const struct option_table *table, struct getopt_lists *lists)
{
    char *letters = lists->letters;

    assert(table->count <= ROWS_MAX);
    for (size_t i = 0; i <= table->count; i++) {
        const struct option_row *row = row_at(table, i);
        lists->words[i] =
            (struct option){.name = row->word, .has_arg = row->argument, .val = (int)i + 1};
        if (row->letter == 0)
            continue;
        *letters++ = row->letter;
        if (row->argument == required_argument)
            *letters++ = ':';
    }
    lists->words[table->count + 1] = (struct option){0};
    *letters = '\0';
}

/* What getopt_long gave: a long option's index, or a letter. */
static const struct option_row *
row_of(const struct option_table *table, int found)
{
    if (found <= (int)table->count + 1)
        return row_at(table, (size_t)found - 1);
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].letter == found)
            return &table->rows[i];
    return &help_row;
}

/* The last one would count, and what was meant nobody knows. */
static bool
is_given_twice(const struct option_table *table, const struct option_row *row, bool *given)
{
    bool before = given[row - table->rows];

    given[row - table->rows] = row->argument != no_argument && !row->repeats;
    return before && !option_table_wrong(table, "--%s: given twice", row->word);
}

enum option_outcome
option_table_parse(const struct option_table *table, void *to, int argc, char **argv, int *rest)
{
    struct getopt_lists lists;
    bool given[ROWS_MAX] = {false};
    int found;

    make_lists(table, &lists);
    argv[0] = table->title; /* for getopt's own messages */
    optind = 0;             /* the subcommand's own words, from the start */
    while ((found = getopt_long(argc, argv, lists.letters, lists.words, NULL)) != -1) {
        if (found == '?') {
            hint(table);
            return OPTIONS_WRONG;
        }
        const struct option_row *row = row_of(table, found);
        if (row == &help_row) {
            print_help(table);
            return OPTIONS_HELPED;
        }
        if (is_given_twice(table, row, given) || !row->take(to, optarg))
            return OPTIONS_WRONG;
    }
    *rest = optind;
    return OPTIONS_TAKEN;
}
