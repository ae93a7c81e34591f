/*
 * option_value.c - checks one value against its type: one function for each shape.
 *
 * Scalars come first, then lists, then maps. It does not know what any option is for.
 *
 * Ownership: items and resolved paths live in the context's arena; other strings are the
 * tree's or, for defaults, the table's.
 *
 * The hard thing: saying no without saying a secret. Messages show what stands in the
 * file, never what a variable held, and nothing at all where the option's word
 * says that it is a secret.
 */
#include "config/option_value.h"

#include "config/option_file.h"

bool
option_fault(const struct option_check *check, struct mark mark, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    faults_add_list(check->options->context->faults, mark, format, list);
    va_end(list);
    check->options->faulty = true;
    return false;
}

/* "expected ..., found ...". */
static bool
fault_expected(const struct option_check *check, const struct yaml_node *node,
               const char *expected)
{
    const struct mw_option *row = check->row;
    const char *word = row->word;
    bool glued = row->members != NULL && options_is_glued(row->members, node->written);

    if (node->kind == YAML_KIND_LIST)
        return option_fault(check, node->mark, "`%s`: %s, found a list", word, expected);
    if (node->kind == YAML_KIND_MAP)
        return option_fault(check, node->mark, "`%s`: %s, found a map", word, expected);
    if (yaml_node_is_null(node))
        return option_fault(check, node->mark, "`%s` has no value: %s", word, expected);
    if (options_is_secret(word))
        return option_fault(check, node->mark, "`%s`: %s", word, expected);
    return option_fault(check, node->mark, "`%s`: %s, found `" STR_FMT "`%s", word, expected,
                        STR_ARG(node->written), glued ? OPTIONS_GLUED : "");
}

/* ---- Items ----------------------------------------------------------------- */

static bool
make_items(const struct option_check *check, const struct yaml_node *node, size_t count)
{
    struct option_value *value = check->value;

    value->items = arena_zalloc(check->options->context->arena, count * sizeof(*value->items));
    if (value->items == NULL)
        return option_fault(check, node->mark, "out of memory");
    value->count = count;
    return true;
}

static void
fill_item(const struct option_check *check, struct option_item *item,
          const struct yaml_node *node)
{
    *item = (struct option_item){
        .key = node->key.at,
        .key_mark = node->key_mark,
        .text = node->text.at,
        .written = node->written,
        .mark = node->mark,
        .node = check->is_default ? NULL : node,
    };
}

static bool
fill_only(const struct option_check *check, const struct yaml_node *node)
{
    if (!make_items(check, node, 1))
        return false;
    fill_item(check, &check->value->items[0], node);
    return true;
}

/* ---- Single values ----------------------------------------------------------- */

/* A scalar that says something. */
static bool
judge_scalar(const struct option_check *check, const struct yaml_node *node, const char *expected)
{
    if (node->faulty)
        return false;
    if (node->kind != YAML_KIND_SCALAR || yaml_node_is_null(node))
        return fault_expected(check, node, expected);
    return true;
}

bool
options_choice(const char *choices, size_t i, struct str *choice, bool *later)
{
    const char *at = choices;

    for (; at != NULL && i > 0; i--) {
        at = strchr(at, '|');
        if (at != NULL)
            at++;
    }
    if (at == NULL)
        return false;
    *choice = (struct str){at, strcspn(at, "|!")};
    *later = at[choice->len] == '!';
    return true;
}

static bool
find_choice(const struct option_check *check, struct str text, int64_t *index, bool *later)
{
    struct str choice;

    for (size_t i = 0; options_choice(check->row->choices, i, &choice, later); i++)
        if (str_equal(choice, text)) {
            *index = (int64_t)i;
            return true;
        }
    return false;
}

static bool
take_choice(const struct option_check *check, const struct yaml_node *node, int64_t value,
            bool later)
{
    if (later)
        return option_fault(check, node->mark, "`%s: " STR_FMT "` is not supported by this version",
                            check->row->word, STR_ARG(node->text));
    check->value->integer = value;
    return fill_only(check, node);
}

scalar_reader *
options_reader(enum mw_option_type type)
{
    static scalar_reader *const readers[] = {
        [MW_BOOL] = scalar_boolean,      [MW_INTEGER] = scalar_integer, [MW_SIZE] = scalar_size,
        [MW_DURATION] = scalar_duration, [MW_RATE] = scalar_rate,
    };

    return type < COUNT_OF(readers) ? readers[type] : NULL;
}

/* What JSON would write bare must be bare, or "true" and true would be the same. What a variable
 * brings needs quotes in places, so it may have them. */
static bool
must_be_bare(const struct option_check *check, const struct yaml_node *node)
{
    return node->quoted && !node->expanded &&
           (check->row->type == MW_BOOL || check->row->type == MW_INTEGER);
}

static bool
check_number(const struct option_check *check, const struct yaml_node *node)
{
    const char *expected;
    int64_t index;
    bool later;
    bool valid = options_reader(check->row->type)(node->text, &check->value->integer, &expected);

    if (!judge_scalar(check, node, expected))
        return false;
    if (find_choice(check, node->text, &index, &later))
        return take_choice(check, node, -1 - index, later);
    if (!valid)
        return fault_expected(check, node, expected);
    if (must_be_bare(check, node))
        return option_fault(check, node->mark, "`%s`: %s, without quotes", check->row->word,
                            expected);
    return fill_only(check, node);
}

/* "expected one of a, b". */
static void
list_choices(const char *choices, char expected[FAULT_TEXT_MAX])
{
    size_t len = 0;
    struct str choice;
    bool later;

    for (size_t i = 0; options_choice(choices, i, &choice, &later) && len < FAULT_TEXT_MAX; i++)
        if (!later)
            len += (size_t)snprintf(expected + len, FAULT_TEXT_MAX - len, "%s" STR_FMT,
                                    len > 0 ? ", " : "expected one of ", STR_ARG(choice));
}

static bool
check_word(const struct option_check *check, const struct yaml_node *node)
{
    char expected[FAULT_TEXT_MAX];
    int64_t index;
    bool later;

    list_choices(check->row->choices, expected);
    if (!judge_scalar(check, node, expected))
        return false;
    if (!find_choice(check, node->text, &index, &later))
        return fault_expected(check, node, expected);
    return take_choice(check, node, index, later);
}

static bool
check_string(const struct option_check *check, const struct yaml_node *node)
{
    return judge_scalar(check, node, "expected a string") && fill_only(check, node);
}

/* ---- Files --------------------------------------------------------------------- */

static bool
take_file(const struct option_check *check, struct option_item *item, const struct yaml_node *node)
{
    struct options_context *context = check->options->context;
    unsigned char *digest = arena_alloc(context->arena, OPTION_DIGEST_LEN);

    fill_item(check, item, node);
    item->text = option_file_resolve(context, node->text);
    item->digest = digest;
    const char *why = item->text && digest ? option_file_digest(item->text, digest)
                                           : "out of memory";

    if (why == NULL)
        return true;
    item->text = NULL;
    if (options_is_secret(check->row->word))
        return option_fault(check, node->mark, "`%s`: cannot be read: %s", check->row->word, why);
    return option_fault(check, node->mark, "`%s`: `" STR_FMT "` cannot be read: %s",
                        check->row->word, STR_ARG(node->written), why);
}

static bool
check_file(const struct option_check *check, const struct yaml_node *node)
{
    return judge_scalar(check, node, "expected the path of a file") &&
           make_items(check, node, 1) && take_file(check, &check->value->items[0], node);
}

/* ---- Lists and maps ------------------------------------------------------------ */

static bool
take_element(const struct option_check *check, struct option_item *item,
             const struct yaml_node *node)
{
    bool are_files = check->row->type == MW_FILES;

    if (!judge_scalar(check, node, are_files ? "expected the path of a file" : "expected a string"))
        return false;
    if (are_files)
        return take_file(check, item, node);
    fill_item(check, item, node);
    return true;
}

static bool
check_list(const struct option_check *check, const struct yaml_node *node)
{
    bool is_list = node->kind == YAML_KIND_LIST, valid = true;
    size_t i = 0;

    if (node->kind == YAML_KIND_MAP || yaml_node_is_null(node))
        return fault_expected(check, node, "expected a list of strings");
    if (!make_items(check, node, is_list ? node->count : 1))
        return false;
    if (!is_list)
        return take_element(check, &check->value->items[0], node);
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next, i++)
        valid &= take_element(check, &check->value->items[i], item);
    return valid;
}

typedef bool take_function(const struct option_check *check, struct option_item *item,
                           const struct yaml_node *node);

static bool
take_all(const struct option_check *check, const struct yaml_node *map, take_function *take,
         const char *expected)
{
    bool valid = true;
    size_t i = 0;

    if (map->kind != YAML_KIND_MAP)
        return fault_expected(check, map, expected);
    if (!make_items(check, map, map->count))
        return false;
    for (const struct yaml_node *item = map->first; item != NULL; item = item->next, i++)
        valid &= take(check, &check->value->items[i], item);
    return valid;
}

static bool
check_map(const struct option_check *check, const struct yaml_node *node)
{
    return take_all(check, node, take_element, "expected a map of strings");
}

/* A map with members. Without a table of them the node is all that is kept. */
static bool
take_members(const struct option_check *check, struct option_item *item,
             const struct yaml_node *node)
{
    fill_item(check, item, node);
    if (check->row->members == NULL || node->faulty)
        return !node->faulty;
    if (node->kind != YAML_KIND_MAP)
        return fault_expected(check, node, "expected a map of options");
    item->members = options_check(check->options->context, node, check->row->members);
    return item->members != NULL && !item->members->faulty;
}

/* A string where a map is meant: {first member: the string}. */
static bool
take_short(const struct option_check *check, struct option_item *item,
           const struct yaml_node *node)
{
    struct arena *arena = check->options->context->arena;
    struct yaml_node *map = arena_zalloc(arena, sizeof(*map));
    struct yaml_node *only = arena_alloc(arena, sizeof(*only));

    if (map == NULL || only == NULL)
        return option_fault(check, node->mark, "out of memory");
    *only = *node;
    only->key = str_of(check->row->members->word);
    only->next = NULL;
    *map = (struct yaml_node){
        .kind = YAML_KIND_MAP,
        .mark = node->mark,
        .faulty = node->faulty,
        .first = only,
        .count = 1,
    };
    return take_members(check, item, map);
}

static bool
check_object(const struct option_check *check, const struct yaml_node *node)
{
    return make_items(check, node, 1) && take_members(check, &check->value->items[0], node);
}

/* One string alone, where strings can stand for maps, is a list of one. */
static bool
check_objects(const struct option_check *check, const struct yaml_node *node)
{
    bool has_short = (check->row->flags & MW_SHORT) != 0, valid = true;
    size_t i = 0;

    if (has_short && node->kind == YAML_KIND_SCALAR && !yaml_node_is_null(node))
        return make_items(check, node, 1) && take_short(check, &check->value->items[0], node);
    if (node->kind != YAML_KIND_LIST)
        return fault_expected(check, node,
                              has_short ? "expected a list" : "expected a list of maps");
    if (!make_items(check, node, node->count))
        return false;
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next, i++) {
        bool is_short = has_short && item->kind == YAML_KIND_SCALAR;
        valid &= (is_short ? take_short : take_members)(check, &check->value->items[i], item);
    }
    return valid;
}

static bool
check_named(const struct option_check *check, const struct yaml_node *node)
{
    return take_all(check, node, take_members, "expected a map of names");
}

bool
option_value_check(const struct option_check *check, const struct yaml_node *node)
{
    static bool (*const checks[])(const struct option_check *, const struct yaml_node *) = {
        [MW_BOOL] = check_number,     [MW_INTEGER] = check_number, [MW_SIZE] = check_number,
        [MW_DURATION] = check_number, [MW_RATE] = check_number,    [MW_WORD] = check_word,
        [MW_STRING] = check_string,   [MW_FILE] = check_file,      [MW_LIST] = check_list,
        [MW_FILES] = check_list,      [MW_MAP] = check_map,        [MW_OBJECT] = check_object,
        [MW_OBJECTS] = check_objects, [MW_NAMED] = check_named,
    };

    return !node->faulty && checks[check->row->type](check, node);
}
