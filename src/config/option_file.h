/*
 * option_file.h - files that options name. Used by option_value.c alone.
 */
#ifndef WSGATE_OPTION_FILE_H
#define WSGATE_OPTION_FILE_H

#include "config/options.h"

/* The path, from the directory of the configuration file unless it is absolute. `text` has a NUL
 * behind it. NULL: out of memory. */
const char *option_file_resolve(const struct options_context *context, struct str text) MUST_CHECK;
/* NULL: it is a regular file and can be read; else why not. */
const char *option_file_fault(const char *path) MUST_CHECK;

#endif
