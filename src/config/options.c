/*
 * options.c - checks a map against a table of options and fills in the defaults.
 *
 * It does not know what an option is for: cross checks are the settings', and meaning is
 * the modules'.
 *
 * Ownership: the result lives in the context's arena.
 *
 * The hard thing: one way for all. A default is made into a node and goes through the very
 * check that a written value goes through, and so does what is compared with the
 * default where nothing else is supported yet.
 */
#include "config/options.h"

#include "config/option_value.h"
#include "config/suggest.h"

static const struct mw_option *
find_row(const struct mw_option *table, struct str word)
{
    for (; table->word != NULL; table++)
        if (str_equal(str_of(table->word), word))
            return table;
    return NULL;
}

bool
options_has(const struct mw_option *table, struct str word)
{
    return find_row(table, word) != NULL;
}

bool
options_is_secret(const char *word)
{
    static const char *const parts[] = {"secret", "password", "passphrase", "private",
                                        "key_material"};

    for (size_t i = 0; i < COUNT_OF(parts); i++)
        if (strstr(word, parts[i]) != NULL)
            return true;
    return false;
}

bool
options_is_glued(const struct mw_option *table, struct str text)
{
    const char *colon = text.len > 0 ? memchr(text.at, ':', text.len) : NULL;

    return colon != NULL &&
           find_row(table, (struct str){text.at, (size_t)(colon - text.at)}) != NULL;
}

static void
fault_unknown(struct mw_options *options, const struct yaml_node *item)
{
    char known[FAULT_TEXT_MAX] = "";
    size_t len = 0;
    struct suggest suggest;

    suggest_start(&suggest, item->key);
    for (const struct mw_option *row = options->table; row->word != NULL; row++) {
        suggest_try(&suggest, row->word);
        if (len < sizeof(known))
            len += (size_t)snprintf(known + len, sizeof(known) - len, "%s`%s`",
                                    len > 0 ? ", " : "", row->word);
    }
    options->faulty = true;
    if (options_is_glued(options->table, item->key))
        faults_add(options->context->faults, item->key_mark,
                   "unknown key `" STR_FMT "`" OPTIONS_GLUED, STR_ARG(item->key));
    else if (suggest.best == NULL && len > 0)
        faults_add(options->context->faults, item->key_mark,
                   "unknown key `" STR_FMT "`; expected %s", STR_ARG(item->key), known);
    else
        faults_add(options->context->faults, item->key_mark,
                   "unknown key `" STR_FMT "`" SUGGEST_FMT, STR_ARG(item->key),
                   SUGGEST_ARG(suggest));
}

/* ---- What comes later -------------------------------------------------------- */

/* Does the value say what the default says, or nothing at all? */
static bool
is_off(const struct mw_option *row, const struct yaml_node *node)
{
    scalar_reader *read = options_reader(row->type);
    int64_t value, fallback;
    const char *error;

    if (node->kind != YAML_KIND_SCALAR)
        return node->count == 0 && node->kind == (row->type == MW_MAP || row->type == MW_NAMED
                                                      ? YAML_KIND_MAP
                                                      : YAML_KIND_LIST);
    if (row->fallback == NULL)
        return false;
    if (read == NULL)
        return str_equal(node->text, str_of(row->fallback));
    return read(node->text, &value, &error) && read(str_of(row->fallback), &fallback, &error) &&
           value == fallback;
}

static bool
judge_later(const struct option_check *check, const struct yaml_node *node)
{
    const struct mw_option *row = check->row;

    if ((row->flags & MW_LATER) == 0 || node->faulty || is_off(row, node))
        return true;
    if (row->fallback != NULL && strcmp(row->fallback, "{}") != 0)
        return option_fault(check, node->key_mark,
                            "`%s` is not supported by this version; expected `%s`, or nothing",
                            row->word, row->fallback);
    return option_fault(check, node->key_mark, "`%s` is not supported by this version", row->word);
}

/* ---- Rows ---------------------------------------------------------------------- */

static struct option_check
check_of(struct mw_options *options, const struct mw_option *row)
{
    return (struct option_check){
        .options = options,
        .row = row,
        .value = &options->values[row - options->table],
    };
}

static void
check_written(struct mw_options *options, const struct yaml_node *item)
{
    const struct mw_option *row = find_row(options->table, item->key);

    if (item->duplicate)
        return;
    if (row == NULL) {
        fault_unknown(options, item);
        return;
    }
    struct option_check check = check_of(options, row);

    check.value->given = true;
    check.value->mark = item->mark;
    if (!judge_later(&check, item) || !option_value_check(&check, item))
        options->faulty = true;
}

static void
check_absent(struct mw_options *options, const struct mw_option *row)
{
    struct option_check check = check_of(options, row);
    struct yaml_node node = {.mark = options->mark};

    check.value->mark = options->mark;
    check.is_default = true;
    if ((row->flags & MW_REQUIRED) != 0) {
        option_fault(&check, options->mark, "`%s` is missing%s%s", row->word,
                     row->help ? ": " : "", row->help ? row->help : "");
        return;
    }
    if (row->fallback == NULL)
        return;
    node.kind = strcmp(row->fallback, "{}") == 0 ? YAML_KIND_MAP : YAML_KIND_SCALAR;
    node.text = node.written = str_of(row->fallback);
    if (!option_value_check(&check, &node))
        options->faulty = true;
}

/* ---- What was refused, for those who go on ------------------------------------- */

static bool
is_accepted(const struct mw_option *row, const struct option_item *item)
{
    if (row->members != NULL)
        return item->members != NULL && options_forget_refused(item->members);
    return item->text != NULL || row->type >= MW_OBJECT;
}

/* false: no item is left of those that were written. What is empty stays so. */
static bool
keep_accepted(const struct mw_option *row, struct option_value *value)
{
    size_t kept = 0;

    for (size_t i = 0; i < value->count; i++)
        if (is_accepted(row, &value->items[i]))
            value->items[kept++] = value->items[i];
    bool good = value->items != NULL && (kept > 0 || value->count == 0);

    value->count = kept;
    return good;
}

bool
options_forget_refused(struct mw_options *options)
{
    bool complete = true;

    for (const struct mw_option *row = options->table; options->faulty && row->word; row++) {
        struct option_value *value = &options->values[row - options->table];

        if (value->given && keep_accepted(row, value))
            continue;
        if (value->given)
            *value = (struct option_value){.given = false};
        if ((row->flags & MW_REQUIRED) != 0)
            complete = false;
        else
            check_absent(options, row);
    }
    return complete;
}

/* ---- A map --------------------------------------------------------------------- */

static struct mw_options *
make_options(struct options_context *context, struct mark mark, const struct mw_option *table)
{
    struct mw_options *options = arena_zalloc(context->arena, sizeof(*options));
    size_t rows = 0;

    while (table[rows].word != NULL)
        rows++;
    if (options == NULL)
        return NULL;
    options->values = arena_zalloc(context->arena, rows * sizeof(*options->values));
    options->context = context;
    options->table = table;
    options->mark = mark;
    return options->values ? options : NULL;
}

static const char *
kind_name(const struct yaml_node *node)
{
    if (node->kind == YAML_KIND_LIST)
        return "a list";
    return yaml_node_is_null(node) ? "nothing" : "a single value";
}

struct mw_options *
options_check(struct options_context *context, const struct yaml_node *map,
              const struct mw_option *table)
{
    struct mw_options *options = make_options(context, map->mark, table);

    if (options == NULL) {
        faults_add(context->faults, map->mark, "out of memory");
        return NULL;
    }
    if (map->kind != YAML_KIND_MAP || map->faulty) {
        if (!map->faulty)
            faults_add(context->faults, map->mark, "expected a map of options, found %s%s",
                       kind_name(map), options_is_glued(table, map->written) ? OPTIONS_GLUED : "");
        options->faulty = true;
        return options;
    }
    for (const struct yaml_node *item = map->first; item != NULL; item = item->next)
        check_written(options, item);
    for (const struct mw_option *row = table; row->word != NULL; row++)
        if (!options->values[row - table].given)
            check_absent(options, row);
    return options;
}
