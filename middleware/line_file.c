/* line_file.c - see line_file.h. */
#include "line_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAULTS_MAX = 10 };

/* Where the lines are told about. */
struct place {
    const struct mw_host *host;
    const struct mw_options *options;
    const char *word, *path;
    size_t i;
};

/* Whichever end it has. */
static struct str
strip_end(struct str line)
{
    while (line.len > 0 && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
        line.len--;
    return str_trim(line);
}

/* How many faults there were. */
static size_t
read_lines(const struct place *place, FILE *file, line_take *take, void *to)
{
    const char *error;
    char *text = NULL;
    size_t room = 0, number = 0, faults = 0;
    ssize_t len;

    while (faults < FAULTS_MAX && (len = getline(&text, &room, file)) >= 0) {
        struct str line = strip_end((struct str){text, (size_t)len});

        number++;
        if (line.len == 0 || take(to, line, &error))
            continue;
        place->host->option_fault(place->options, place->word, place->i, "%s:%zu:%zu: %s",
                                  place->path, number, (size_t)(line.at - text) + 1, error);
        faults++;
    }
    free(text);
    return faults;
}

bool
line_file_read(const struct mw_host *host, const struct mw_options *options, const char *word,
               size_t i, line_take *take, void *to)
{
    const struct place place = {host, options, word, host->option_item(options, word, i), i};
    FILE *file = fopen(place.path, "re");
    size_t faults = file != NULL ? read_lines(&place, file, take, to) : 0;
    bool is_whole = file != NULL && feof(file); /* out of memory is no error of the file's */

    if (!is_whole && faults == 0) {
        host->option_fault(options, word, i, "`%s` cannot be read: %s", place.path,
                           strerror(errno));
        faults++;
    }
    if (file != NULL)
        fclose(file);
    return faults == 0;
}
