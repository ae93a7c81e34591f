/*
 * schema.c - the JSON Schema (draft 2020-12) of the configuration file, for editors.
 *
 * It says what the tables say: words, types, choices, defaults, what is required. It cannot
 * say what fits together (names, ranges, reachable routes); `wsgate -t` does.
 *
 * The hard thing: a string may hold ${NAME}, so where a number is meant a string
 * with a variable is valid too. What comes later is left out, or allowed with its
 * "off" value alone, as in the file.
 */
#include "config/options.h"
#include "config/settings.h"

#include <jansson.h>
#include <string.h>

/* Shapes that many options share: a value as it stands in YAML, or a string with a variable. */
static const char definitions[] =
    "{\"variable\": {\"type\": \"string\", \"pattern\": \"\\\\$\\\\{[A-Za-z_][A-Za-z0-9_]*\\\\}\"},"
    " \"boolean\": {\"anyOf\": [{\"type\": \"boolean\"}, {\"$ref\": \"#/$defs/variable\"}]},"
    " \"integer\": {\"anyOf\": [{\"type\": \"integer\", \"minimum\": 0},"
    "   {\"$ref\": \"#/$defs/variable\"}]},"
    " \"duration\": {\"anyOf\": [{\"const\": 0}, {\"$ref\": \"#/$defs/variable\"},"
    "   {\"type\": \"string\", \"pattern\": \"^(0|(0|[1-9][0-9]*)(ms|s|m|h|d))$\"}]},"
    " \"size\": {\"anyOf\": [{\"const\": 0}, {\"$ref\": \"#/$defs/variable\"},"
    "   {\"type\": \"string\", \"pattern\": \"^(0|(0|[1-9][0-9]*)(B|KiB|MiB|GiB))$\"}]},"
    " \"rate\": {\"anyOf\": [{\"const\": 0}, {\"$ref\": \"#/$defs/variable\"},"
    "   {\"type\": \"string\","
    "    \"pattern\": \"^(0|(0|[1-9][0-9]*)/([1-9][0-9]*)?(ms|s|m|h|d))$\"}]},"
    " \"text\": {\"type\": [\"string\", \"number\", \"boolean\"]},"
    " \"texts\": {\"anyOf\": [{\"$ref\": \"#/$defs/text\"},"
    "   {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/text\"}}]}}";

static json_t *table_schema(const struct mw_option *table);

static json_t *
reference(const char *definition)
{
    return json_pack("{s:s+}", "$ref", "#/$defs/", definition);
}

static json_t *
choices_schema(const struct mw_option *row)
{
    json_t *words = json_array();
    struct str choice;
    bool later;

    for (size_t i = 0; options_choice(row->choices, i, &choice, &later); i++)
        if (!later)
            json_array_append_new(words, json_stringn(choice.at, choice.len));
    return json_pack("{s:[{s:o}, {s:s}]}", "anyOf", "enum", words, "$ref", "#/$defs/variable");
}

/* MW_SHORT: an element may be a string instead. */
static json_t *
element_schema(const struct mw_option *row)
{
    /* Its members hold such entries again. */
    json_t *map = row->members == settings_require_options ? reference("requirement")
                                                           : table_schema(row->members);

    if ((row->flags & MW_SHORT) == 0)
        return map;
    return json_pack("{s:[{s:s}, o]}", "anyOf", "$ref", "#/$defs/text", map);
}

/* With MW_SHORT one string stands for a list of it, too. */
static json_t *
list_schema(const struct mw_option *row)
{
    json_t *list = json_pack("{s:s, s:o}", "type", "array", "items", element_schema(row));

    if ((row->flags & MW_SHORT) == 0)
        return list;
    return json_pack("{s:[{s:s}, o]}", "anyOf", "$ref", "#/$defs/text", list);
}

static json_t *
type_schema(const struct mw_option *row)
{
    static const char *const names[] = {
        [MW_BOOL] = "boolean",      [MW_INTEGER] = "integer", [MW_SIZE] = "size",
        [MW_DURATION] = "duration", [MW_RATE] = "rate",       [MW_STRING] = "text",
        [MW_FILE] = "text",         [MW_LIST] = "texts",      [MW_FILES] = "texts",
    };

    if (row->type == MW_WORD)
        return choices_schema(row);
    if (row->type == MW_INTEGER && row->choices != NULL)
        return json_pack("{s:[o, o]}", "anyOf", reference("integer"), choices_schema(row));
    if (row->type == MW_MAP)
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", reference("text"));
    if (row->type == MW_NAMED && row->members == NULL) /* `middleware`, see add_modules */
        return json_pack("{s:s}", "type", "object");
    if (row->type == MW_NAMED)
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         table_schema(row->members));
    if (row->type == MW_OBJECTS)
        return list_schema(row);
    if (row->type == MW_OBJECT)
        return table_schema(row->members);
    return reference(names[row->type]);
}

/* Only the value that says "off"; NULL: nothing may be written. */
static json_t *
later_schema(const struct mw_option *row)
{
    if (row->type == MW_LIST || row->type == MW_FILES)
        return json_pack("{s:s, s:i}", "type", "array", "maxItems", 0);
    if (row->fallback == NULL || row->type == MW_OBJECT)
        return NULL;
    /* As YAML reads it: 0 and false are no strings. */
    json_t *value = json_loads(row->fallback, JSON_DECODE_ANY, NULL);

    return json_pack("{s:o}", "const", value ? value : json_string(row->fallback));
}

static json_t *
row_schema(const struct mw_option *row)
{
    json_t *schema = (row->flags & MW_LATER) != 0 ? later_schema(row) : type_schema(row);

    if (schema != NULL && row->help != NULL)
        json_object_set_new(schema, "description", json_string(row->help));
    if (schema != NULL && row->fallback != NULL && strcmp(row->fallback, "{}") != 0)
        json_object_set_new(schema, "default", json_string(row->fallback));
    return schema;
}

static json_t *
table_schema(const struct mw_option *table)
{
    json_t *properties = json_object(), *required = json_array();

    for (const struct mw_option *row = table; row->word != NULL; row++) {
        json_t *schema = row_schema(row);

        if (schema == NULL)
            continue;
        json_object_set_new(properties, row->word, schema);
        if ((row->flags & MW_REQUIRED) != 0)
            json_array_append_new(required, json_string(row->word));
    }
    return json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties", 0,
                     "properties", properties, "required", required);
}

/* One kind of entry, and nothing else beside it. */
static json_t *
requirement_schema(void)
{
    json_t *schema = table_schema(settings_require_options);

    json_object_set_new(schema, "minProperties", json_integer(1));
    json_object_set_new(schema, "maxProperties", json_integer(1));
    return schema;
}

/* An entry of `middleware`: a name, and exactly one module with its options; beside it, what holds
 * for every instance. Each way to have one of the latter and no module, or two, is ruled out. */
static bool
add_modules(json_t *schema, const struct mw_module *const *modules)
{
    static const struct mw_option no_options[] = {{0}};
    json_t *names = json_object(), *ways = json_array();
    json_t *row = json_object_get(json_object_get(schema, "properties"), "middleware");

    for (; *modules != NULL; modules++) {
        json_object_set_new(names, (*modules)->name,
                            table_schema((*modules)->options ? (*modules)->options : no_options));
        json_array_append_new(ways, json_pack("{s:[s]}", "required", (*modules)->name));
    }
    json_t *beside = table_schema(settings_instance_options);
    json_object_update(names, json_object_get(beside, "properties"));
    json_decref(beside);
    json_t *entry = json_pack("{s:s, s:b, s:o, s:o}", "type", "object", "additionalProperties", 0,
                              "properties", names, "oneOf", ways);

    return entry != NULL && json_object_set_new(row, "additionalProperties", entry) == 0;
}

bool
settings_schema(const struct mw_module *const *modules, FILE *out)
{
    json_t *schema = json_pack("{s:s, s:s, s:o}", "$schema",
                               "https://json-schema.org/draft/2020-12/schema", "title",
                               "The configuration of wsgate", "$defs",
                               json_loads(definitions, 0, NULL));
    json_t *table = table_schema(settings_options);

    json_object_set_new(json_object_get(schema, "$defs"), "requirement", requirement_schema());
    bool good = schema != NULL && table != NULL && json_object_update(schema, table) == 0 &&
                add_modules(schema, modules) &&
                json_dumpf(schema, out, JSON_INDENT(2) | JSON_ENSURE_ASCII) == 0 &&
                fputc('\n', out) != EOF;

    json_decref(table);
    json_decref(schema);
    return good;
}
