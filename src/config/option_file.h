/*
 * option_file.h - files that options name. Used by option_value.c alone.
 */
#ifndef WSGATE_OPTION_FILE_H
#define WSGATE_OPTION_FILE_H

#include "config/options.h"

/* The path, from the directory of the configuration file unless it is absolute. `text` has a NUL
 * behind it. NULL: out of memory. */
const char *option_file_resolve(const struct options_context *context, struct str text) MUST_CHECK;
/* Reads it to its end, for the digest alone. NULL: it is a regular file and could be read; else why
 * not. */
const char *option_file_digest(const char *path, unsigned char digest[OPTION_DIGEST_LEN])
    MUST_CHECK;

#endif
