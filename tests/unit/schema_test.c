/* schema_test.c - the JSON Schema says what the tables say. */
#include "config/settings.h"

#include "fake_modules.h"
#include "unit.h"

#include <jansson.h>
#include <stdlib.h>

static json_t *
schema(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    ck_assert(settings_schema(fake_modules, out));
    fclose(out);
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

    ck_assert_ptr_nonnull(root);
    free(text);
    return root;
}

/* Steps from the root, "/"-separated; numbers are places in arrays. NULL: not there. */
static const json_t *
at(const json_t *node, const char *path)
{
    char copy[128], *rest = NULL;

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *step = strtok_r(copy, " ", &rest); step; step = strtok_r(NULL, " ", &rest))
        node = json_is_array(node) ? json_array_get(node, (size_t)atoi(step))
                                   : json_object_get(node, step);
    return node;
}

#define ROUTE "properties routes items properties "
#define BACKEND "properties backends additionalProperties properties "
#define EVERY "properties middleware additionalProperties properties every properties "

/* Compact text of what stands there; NULL: nothing may. */
static const struct {
    const char *path, *text;
} rows[] = {
    {"$schema", "\"https://json-schema.org/draft/2020-12/schema\""},
    {"additionalProperties", "false"},
    {"required", "[\"listeners\",\"routes\",\"backends\"]"},
    {"properties threads anyOf 0 $ref", "\"#/$defs/integer\""},
    {"properties threads anyOf 1 anyOf 0 enum", "[\"auto\"]"},
    {"properties threads default", "\"auto\""},
    {"properties modules $ref", "\"#/$defs/texts\""},
    {"properties admin", NULL},
    {"properties log properties level anyOf 0 enum",
     "[\"error\",\"warning\",\"info\",\"debug\"]"},
    {"properties limits properties head $ref", "\"#/$defs/size\""},
    {"properties timeouts properties head default", "\"10s\""},
    {"properties listeners items properties proxy_protocol default", "\"false\""},
    {"properties listeners items properties tls required", "[\"certificates\"]"},
    {"properties listeners items required", "[\"address\"]"},
    {ROUTE "reject_with anyOf 0 enum", "[\"http\",\"close\"]"},
    {ROUTE "tunnel properties max_message $ref", "\"#/$defs/size\""},
    {ROUTE "tunnel properties frames default", "\"checked\""},
    {ROUTE "tunnel properties idle_timeout $ref", "\"#/$defs/duration\""},
    {BACKEND "balance anyOf 0 enum", "[\"round_robin\",\"least_connections\"]"},
    {BACKEND "servers anyOf 0 $ref", "\"#/$defs/text\""},
    {BACKEND "servers anyOf 1 items anyOf 0 $ref", "\"#/$defs/text\""},
    {BACKEND "servers anyOf 1 items anyOf 1 required", "[\"address\"]"},
    {ROUTE "require anyOf 1 items anyOf 1 $ref", "\"#/$defs/requirement\""},
    {"$defs requirement maxProperties", "1"},
    {"$defs requirement properties not $ref", "\"#/$defs/text\""},
    {"$defs requirement properties any_of anyOf 1 items anyOf 1 $ref",
     "\"#/$defs/requirement\""},
    {"properties middleware additionalProperties oneOf 1 required", "[\"plain\"]"},
    {"properties middleware additionalProperties properties dry_run $ref",
     "\"#/$defs/boolean\""},
    {"properties middleware additionalProperties properties plain properties", "{}"},
    {EVERY "flag $ref", "\"#/$defs/boolean\""},
    {EVERY "rate $ref", "\"#/$defs/rate\""},
    {EVERY "list $ref", "\"#/$defs/texts\""},
    {EVERY "files $ref", "\"#/$defs/texts\""},
    {EVERY "file $ref", "\"#/$defs/text\""},
    {EVERY "map additionalProperties $ref", "\"#/$defs/text\""},
    {EVERY "named additionalProperties required", "[\"path\"]"},
    {EVERY "free type", "\"object\""},
    {EVERY "later_text const", "\"off\""},
    {EVERY "later_object", NULL},
    {EVERY "later_time", NULL},
    {EVERY "needed description", "\"what must be there\""},
};

START_TEST(says_what_the_tables_say)
{
    json_t *root = schema();
    const json_t *node = at(root, rows[_i].path);
    char *text = node ? json_dumps(node, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    if (rows[_i].text == NULL)
        ck_assert_ptr_null(text);
    else
        ck_assert_str_eq(text, rows[_i].text);
    free(text);
    json_decref(root);
}
END_TEST

START_TEST(fails_when_it_cannot_write)
{
    FILE *out = fopen("/dev/full", "w");

    ck_assert_ptr_nonnull(out);
    setvbuf(out, NULL, _IONBF, 0);
    ck_assert(!settings_schema(fake_modules, out));
    fclose(out);
}
END_TEST

Suite *
schema_suite(void)
{
    Suite *suite = suite_create("schema");
    TCase *tc = tcase_create("schema");

    tcase_add_loop_test(tc, says_what_the_tables_say, 0, COUNT_OF(rows));
    tcase_add_test(tc, fails_when_it_cannot_write);
    suite_add_tcase(suite, tc);
    return suite;
}
