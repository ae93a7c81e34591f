/* token_option.c - see token_option.h. */
#include "wsgatectl/token_option.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static bool
is_visible(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (*at < 0x21 || *at > 0x7e)
            return false;
    return text[0] != '\0';
}

bool
token_option_take(struct token_option *option, const struct option_table *table, const char *value)
{
    if (option->token)
        return option_table_wrong(table, "one token only");
    if (!is_visible(value))
        return option_table_wrong(table, "the token is empty or has spaces or controls in it");
    option->token = value;
    return true;
}

bool
token_option_take_file(struct token_option *option, const struct option_table *table,
                       const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "re");

    if (!file)
        return option_table_wrong(table, "%s: %s", path, strerror(errno));
    size_t len = fread(option->buffer, 1, sizeof(option->buffer), file);
    bool is_too_long = len == sizeof(option->buffer);
    bool failed = ferror(file) != 0;
    if (!is_stdin)
        fclose(file);
    if (failed || is_too_long)
        return option_table_wrong(table, "%s: %s", path,
                                  failed ? "cannot be read" : "too long for a token");
    while (len > 0 && strchr("\r\n", option->buffer[len - 1]))
        len--;
    option->buffer[len] = '\0';
    return token_option_take(option, table, option->buffer);
}
