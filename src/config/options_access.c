/*
 * options_access.c - what checked options say, by word. The option functions of
 * struct mw_host are these.
 *
 * It checks no value. It does check who asks: a module that asks for a word its
 * table does not have, or for the wrong type, would otherwise run with a zero.
 *
 * The hard thing is options_fault: a module's message may quote a value, so
 * what is secret is taken out of the finished text.
 */
#include "config/options.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned
bit(enum mw_option_type type)
{
    return 1U << type;
}

const struct option_value *
options_find(const struct mw_options *options, const char *word)
{
    for (const struct mw_option *row = options->table; row->word != NULL; row++)
        if (strcmp(row->word, word) == 0)
            return &options->values[row - options->table];
    return NULL;
}

/* The value of `word` if its type is one of `types`; else a fault, and NULL. */
static const struct option_value *
ask(const struct mw_options *options, const char *word, unsigned types, const char *what)
{
    const struct option_value *value = options_find(options, word);

    if (value != NULL && (types & bit(options->table[value - options->values].type)) != 0)
        return value;
    if (options->context->faults != NULL)
        faults_add(options->context->faults, options->mark,
                   "an error in the module: its table has no %s `%s`", what, word);
    return NULL;
}

static const struct option_item *
item_of(const struct option_value *value, size_t i)
{
    return value != NULL && i < value->count ? &value->items[i] : NULL;
}

const char *
options_string(const struct mw_options *options, const char *word)
{
    const struct option_item *item =
        item_of(ask(options, word, bit(MW_STRING) | bit(MW_FILE) | bit(MW_WORD), "string"), 0);

    return item ? item->text : NULL;
}

int64_t
options_integer(const struct mw_options *options, const char *word)
{
    const struct option_value *value =
        ask(options, word,
            bit(MW_BOOL) | bit(MW_INTEGER) | bit(MW_SIZE) | bit(MW_DURATION) | bit(MW_RATE) |
                bit(MW_WORD),
            "number");

    return value ? value->integer : 0;
}

bool
options_given(const struct mw_options *options, const char *word)
{
    const struct option_value *value = ask(options, word, ~0U, "option");

    return value != NULL && value->given;
}

size_t
options_count(const struct mw_options *options, const char *word)
{
    const struct option_value *value = ask(options, word, ~0U, "option");

    return value ? value->count : 0;
}

const char *
options_key(const struct mw_options *options, const char *word, size_t i)
{
    const struct option_item *item =
        item_of(ask(options, word, bit(MW_MAP) | bit(MW_NAMED), "map"), i);

    return item ? item->key : NULL;
}

const char *
options_item(const struct mw_options *options, const char *word, size_t i)
{
    const struct option_item *item =
        item_of(ask(options, word, bit(MW_LIST) | bit(MW_FILES) | bit(MW_MAP), "list"), i);

    return item ? item->text : NULL;
}

const struct mw_options *
options_member(const struct mw_options *options, const char *word, size_t i)
{
    const struct option_item *item = item_of(
        ask(options, word, bit(MW_OBJECT) | bit(MW_OBJECTS) | bit(MW_NAMED), "object"), i);

    return item ? item->members : NULL;
}

/* Every `what` in `text`, in place of which `instead` is written. The result is malloc's. */
static char *
replace(const char *text, struct str what, struct str instead)
{
    size_t room = strlen(text) * (instead.len + 1) + 1, len = 0;
    char *out = malloc(room);

    while (out != NULL && *text != '\0') {
        bool here = str_starts_with(str_of(text), what);
        struct str piece = here ? instead : (struct str){text, 1};

        memcpy(out + len, piece.at, piece.len);
        len += piece.len;
        text += here ? what.len : 1;
    }
    if (out != NULL)
        out[len] = '\0';
    return out;
}

/* Adds the message without what is secret in it. Out of memory, it is left out in whole. */
static void
add_redacted(const struct mw_options *options, struct mark mark, const char *word,
             const struct option_item *item, const char *message)
{
    struct str held = str_of(item ? item->text : NULL);
    bool secret = options_is_secret(word);
    char *clean = NULL;

    if (held.len == 0 || (!secret && str_equal(held, item->written))) {
        faults_add(options->context->faults, mark, "`%s`: %s", word, message);
        return;
    }
    clean = replace(message, held, secret ? STR("***") : item->written);
    faults_add(options->context->faults, mark, "`%s`: %s", word,
               clean ? clean : "is not acceptable");
    free(clean);
}

void
options_fault(const struct mw_options *options, const char *word, size_t i, const char *format,
              ...)
{
    const struct option_value *value = ask(options, word, ~0U, "option");
    const struct option_item *item = item_of(value, i);
    char message[FAULT_TEXT_MAX];
    va_list list;

    if (options->context->faults == NULL || (options->faulty && value != NULL && !value->given))
        return;
    va_start(list, format);
    vsnprintf(message, sizeof(message), format, list);
    va_end(list);
    add_redacted(options, item ? item->mark : value ? value->mark : options->mark, word, item,
                 message);
}
