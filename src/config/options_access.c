/*
 * options_access.c - what checked options say, by word. The option functions of
 * struct mw_host are these.
 *
 * It checks no value. It does check who asks: a module that asks for a word its
 * table does not have, or for the wrong type, would otherwise run with a zero.
 *
 * The hard thing is options_fault: a module's message may quote a value, so
 * what is secret is taken out of the finished text (see faults.h).
 */
#include "config/options.h"
#include "config/scalar.h"

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

/* ---- Two files, compared ------------------------------------------------------- */

static bool
text_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool
digest_equal(const unsigned char *a, const unsigned char *b)
{
    return a == b || (a != NULL && b != NULL && memcmp(a, b, OPTION_DIGEST_LEN) == 0);
}

static bool
item_equal(const struct option_item *a, const struct option_item *b)
{
    return text_equal(a->key, b->key) && text_equal(a->text, b->text) &&
           digest_equal(a->digest, b->digest) && options_equal(a->members, b->members);
}

static bool
value_equal(const struct option_value *a, const struct option_value *b)
{
    if (a->given != b->given || a->integer != b->integer || a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!item_equal(&a->items[i], &b->items[i]))
            return false;
    return true;
}

bool
options_equal_at(const struct mw_options *a, const struct mw_options *b, const char *word)
{
    return value_equal(options_find(a, word), options_find(b, word));
}

bool
options_equal(const struct mw_options *a, const struct mw_options *b)
{
    if (a == NULL || b == NULL || a->table != b->table)
        return a == b;
    for (size_t i = 0; a->table[i].word != NULL; i++)
        if (!value_equal(&a->values[i], &b->values[i]))
            return false;
    return true;
}

/* ---- By word --------------------------------------------------------------------- */

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

uint64_t
options_interval_ns(const struct mw_options *options, const char *word)
{
    const struct option_item *item = item_of(ask(options, word, bit(MW_RATE), "rate"), 0);

    return item ? scalar_interval_ns(str_of(item->text)) : 0;
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

void
options_fault(const struct mw_options *options, const char *word, size_t i, const char *format,
              ...)
{
    const struct option_value *value = ask(options, word, ~0U, "option");
    const struct option_item *item = item_of(value, i);
    struct concealed held = {.value = str_of(item ? item->text : NULL)};
    struct mark mark = item ? item->mark : value ? value->mark : options->mark;
    bool secret = options_is_secret(word);
    char *message = NULL;
    va_list list;

    if (options->context->faults == NULL || (options->faulty && value != NULL && !value->given))
        return;
    if (held.value.len > 0)
        held.shown = secret ? STR("***") : item->written;
    bool differs = held.value.len > 0 && !str_equal(held.value, held.shown);

    va_start(list, format);
    if (vasprintf(&message, format, list) == -1)
        message = NULL;
    va_end(list);
    faults_add_without(options->context->faults, mark, differs ? &held : NULL, "`%s`: %s", word,
                       message ? message : "is not acceptable");
    free(message);
}
