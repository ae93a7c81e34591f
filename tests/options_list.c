/*
 * options_list.c - without arguments: every option there is, as lines of
 *
 *     SECTION <tab> WORD <tab> DEFAULT <tab> later | required | -
 *
 * from the tables of the settings and of all modules; a choice that comes later is a line
 * "WORD: CHOICE". With a file's name: checks that file as `wsgate -t` does. For options_test.
 */
#include "config/options.h"
#include "config/settings.h"
#include "registry.h"

#include <stdlib.h>

static void
print_row(const char *section, const struct mw_option *row)
{
    bool has_default = row->fallback != NULL && strcmp(row->fallback, "{}") != 0, later;
    struct str choice;

    printf("%s\t%s\t%s\t%s\n", section, row->word, has_default ? row->fallback : "",
           (row->flags & MW_LATER) != 0      ? "later"
           : (row->flags & MW_REQUIRED) != 0 ? "required"
                                             : "-");
    for (size_t i = 0; options_choice(row->choices, i, &choice, &later); i++)
        if (later)
            printf("%s\t%s: " STR_FMT "\t\tlater\n", section, row->word, STR_ARG(choice));
}

/* The members of a chapter are a section of its name; deeper ones "chapter.word". */
static void
print_table(const char *section, const struct mw_option *table)
{
    char deeper[128];

    for (const struct mw_option *start = table; table->word != NULL; table++) {
        snprintf(deeper, sizeof(deeper), "%s.%s", section, table->word);
        print_row(section, table);
        if (table->members != NULL && table->members != start &&
            (table->flags & MW_LATER) == 0)
            print_table(deeper, table->members);
    }
}

static void
list(void)
{
    for (const struct mw_option *row = settings_options; row->word != NULL; row++) {
        if (row->type != MW_OBJECT && row->type != MW_OBJECTS && row->type != MW_NAMED)
            print_row("process", row);
        else if ((row->flags & MW_LATER) != 0)
            print_row("process", row);
        else if (row->members != NULL)
            print_table(row->word, row->members);
    }
    print_table("middleware", settings_instance_options);
    for (const struct mw_module *const *module = middleware_registry; *module != NULL; module++)
        print_table((*module)->name, (*module)->options);
}

static void
ignore_log(const struct mw_host *host, enum mw_log_level level, const char *module,
           const char *format, ...)
{
    (void)host;
    (void)level;
    (void)module;
    (void)format;
}

int
main(int argc, char **argv)
{
    struct mw_host host = {.size = sizeof(host), .log = ignore_log};

    if (argc < 2) {
        list();
        return EXIT_SUCCESS;
    }
    settings_fill_host(&host);
    struct settings *settings =
        settings_load(argv[1], middleware_registry, &host, SETTINGS_TO_READ, stderr);
    bool good = settings != NULL;

    settings_free(settings);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
