/* every_option.c - see every_option.h. */
#include "every_option.h"

static const struct mw_option members[] = {
    {"path", MW_STRING, NULL, "where", MW_REQUIRED},
    {"weight", MW_INTEGER, "1", "how much"},
    {"secret", MW_STRING, NULL, NULL},
    {0},
};

static const struct mw_option soft_members[] = {
    {"time", MW_DURATION, "5s", "how long"},
    {0},
};

const struct mw_option every_option[] = {
    {"flag", MW_BOOL, "false", "a boolean"},
    {"number", MW_INTEGER, "7", "a number"},
    {"threads", MW_INTEGER, "auto", "a number or a word", 0, "auto|none!"},
    {"size", MW_SIZE, "1KiB", "a size"},
    {"time", MW_DURATION, "250ms", "a duration"},
    {"rate", MW_RATE, "10/s", "a rate"},
    {"mode", MW_WORD, "slow", "a word", 0, "fast|slow|later!"},
    {"text", MW_STRING, "default", "a string"},
    {"file", MW_FILE, NULL, "a file"},
    {"list", MW_LIST, "one", "strings"},
    {"files", MW_FILES, NULL, "files"},
    {"map", MW_MAP, NULL, "strings by name"},
    {"object", MW_OBJECT, NULL, "an object", 0, NULL, members},
    {"soft", MW_OBJECT, "{}", "an object that is always there", 0, NULL, soft_members},
    {"objects", MW_OBJECTS, NULL, "objects", 0, NULL, members},
    {"short", MW_OBJECTS, NULL, "objects or strings", MW_SHORT, NULL, members},
    {"named", MW_NAMED, NULL, "objects by name", 0, NULL, members},
    {"free", MW_NAMED, NULL, "anything by name"},
    {"needed", MW_STRING, NULL, "what must be there", MW_REQUIRED},
    {"secret", MW_STRING, NULL, "a secret"},
    {"secret_file", MW_FILE, NULL, "a file with a secret"},
    {"later_flag", MW_BOOL, "false", "a boolean, later", MW_LATER},
    {"later_size", MW_SIZE, "0", "a size, later", MW_LATER},
    {"later_time", MW_DURATION, NULL, "a duration, later", MW_LATER},
    {"later_text", MW_STRING, "off", "a string, later", MW_LATER},
    {"later_list", MW_LIST, NULL, "strings, later", MW_LATER},
    {"later_map", MW_MAP, NULL, "a map, later", MW_LATER},
    {"later_object", MW_OBJECT, "{}", "an object, later", MW_LATER, NULL, soft_members},
    {0},
};

static void
dump_numbers(FILE *out, const struct mw_options *options, const struct mw_option *row)
{
    if (row->type <= MW_WORD && options_count(options, row->word) > 0)
        fprintf(out, "%s=%lld ", row->word, (long long)options_integer(options, row->word));
    else if ((row->type == MW_STRING || row->type == MW_FILE) &&
             options_string(options, row->word) != NULL)
        fprintf(out, "%s=%s ", row->word, options_string(options, row->word));
}

static void
dump_item(FILE *out, const struct mw_options *options, const struct mw_option *row, size_t i)
{
    bool has_key = row->type == MW_MAP || row->type == MW_NAMED;

    if (has_key)
        fprintf(out, "%s:", options_key(options, row->word, i));
    if (row->type == MW_LIST || row->type == MW_FILES || row->type == MW_MAP)
        fprintf(out, "%s ", options_item(options, row->word, i));
    else if (options_member(options, row->word, i) != NULL)
        every_option_dump(out, options_member(options, row->word, i));
}

void
every_option_dump(FILE *out, const struct mw_options *options)
{
    for (const struct mw_option *row = options->table; row->word != NULL; row++) {
        size_t count = options_count(options, row->word);

        dump_numbers(out, options, row);
        if (row->type <= MW_FILE || count == 0)
            continue;
        fprintf(out, "%s=( ", row->word);
        for (size_t i = 0; i < count; i++)
            dump_item(out, options, row, i);
        fputs(") ", out);
    }
}
