/*
 * token_option.h - --token and --token-file, for every subcommand that presents a token.
 */
#ifndef WSGATE_TOKEN_OPTION_H
#define WSGATE_TOKEN_OPTION_H

#include "wsgatectl/option_table.h"

enum { TOKEN_OPTION_MAX = 64 * 1024 };

struct token_option {
    const char *token; /* NULL: none */
    char buffer[TOKEN_OPTION_MAX]; /* what --token-file held */
};

#define TOKEN_OPTION_HELP "send it as 'Authorization: Bearer'; ps shows it: prefer --token-file"
#define TOKEN_FILE_OPTION_HELP "the same, read from FILE, or from - (standard input)"

/* For the take of a row; both refuse a second token. false: told on standard error. */
bool token_option_take(struct token_option *option, const struct option_table *table,
                       const char *value) MUST_CHECK;
bool token_option_take_file(struct token_option *option, const struct option_table *table,
                            const char *path) MUST_CHECK;

#endif
