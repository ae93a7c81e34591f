/* every_option.h - a table with every type of option and every flag, for tests. */
#ifndef WSGATE_EVERY_OPTION_H
#define WSGATE_EVERY_OPTION_H

#include "config/options.h"

#include <stdio.h>

extern const struct mw_option every_option[];

/* What options say, by the accessors alone: "word=value " for each row that says something. */
void every_option_dump(FILE *out, const struct mw_options *options);

#endif
