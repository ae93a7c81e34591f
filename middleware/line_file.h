/*
 * line_file.h - a file with one thing on each line, as options of type MW_FILES name them.
 *
 * It is read once, at setup. What a line means is the module's.
 */
#ifndef WSGATE_LINE_FILE_H
#define WSGATE_LINE_FILE_H

#include "base/compiler.h"
#include "base/str.h"

#include <wsgate/middleware.h>

/* Takes a line, without its end and the blanks around. false: *error says what was expected. */
typedef bool line_take(void *to, struct str line, const char **error);

/* Item i of the option `word` is the file. Every fault is told with its line and column, up to ten:
 * a file that is something else altogether shows soon enough. false: there were some. */
bool line_file_read(const struct mw_host *host, const struct mw_options *options, const char *word,
                    size_t i, line_take *take, void *to) MUST_CHECK;

#endif
