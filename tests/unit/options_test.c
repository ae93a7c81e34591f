/* options_test.c - maps against a table of every type: values or faults. */
#include "config/options.h"

#include "config/environment.h"
#include "every_option.h"
#include "unit.h"

#include <stdlib.h>

static char *
lookup(const char *name)
{
    static char number[] = "12", text[] = "hidden-value", null[] = "null";

    if (strcmp(name, "NUMBER") == 0)
        return number;
    return strcmp(name, "NULL") == 0 ? null : text;
}

struct fixture {
    struct arena arena;
    struct faults faults;
    struct options_context context;
};

static void
start(struct fixture *fixture, size_t limit)
{
    arena_init(&fixture->arena, NULL, limit);
    faults_init(&fixture->faults, "f");
    fixture->context = (struct options_context){
        .arena = &fixture->arena, .faults = &fixture->faults, .directory = STR(TEST_DATA "/unit")};
}

static void
finish(struct fixture *fixture)
{
    faults_free(&fixture->faults);
    arena_free(&fixture->arena);
}

static struct mw_options *
check_text(struct fixture *fixture, const char *text, const struct mw_option *table)
{
    struct yaml_node *root = yaml_tree_read(&fixture->arena, str_of(text), &fixture->faults);

    if (root == NULL)
        return NULL;
    environment_expand_tree(&fixture->arena, root, lookup, &fixture->faults);
    return options_check(&fixture->context, root, table);
}

/* Values when there was no fault, else the faults. The result is malloc's. */
static char *
checked(const char *text, size_t limit)
{
    struct fixture fixture;
    char *result = NULL;
    size_t len;
    FILE *out = open_memstream(&result, &len);

    start(&fixture, limit);
    struct mw_options *options = check_text(&fixture, text, every_option);

    if (fixture.faults.total == 0)
        every_option_dump(out, options);
    else if (options != NULL && limit == SIZE_MAX)
        ck_assert(options->faulty || strstr(fixture.faults.list[0].message, "twice"));
    faults_print(&fixture.faults, out);
    fclose(out);
    finish(&fixture);
    return result;
}

#define DEFAULTS_TO_TEXT "flag=0 number=7 threads=-1 size=1024 time=250 rate=10000 mode=1 "
#define DEFAULTS_FROM_LIST "list=( one ) soft=( time=5000 ) needed=x "
#define LATER_DEFAULTS "later_flag=0 later_size=0 later_text=off later_object=( time=5000 ) "

static const struct {
    const char *text, *result;
} good[] = {
    {"needed: x", DEFAULTS_TO_TEXT "text=default " DEFAULTS_FROM_LIST LATER_DEFAULTS},
    {"{needed: x, flag: true, number: 0, threads: 4, size: 0, time: 0, rate: 0, mode: fast}",
     "flag=1 number=0 threads=4 size=0 time=0 rate=0 mode=0 text=default " DEFAULTS_FROM_LIST
         LATER_DEFAULTS},
    {"{\"needed\": \"x\", \"size\": \"2MiB\", \"time\": \"7d\", \"rate\": \"1/s\", \"mode\": "
     "\"slow\", \"threads\": \"auto\"}",
     "flag=0 number=7 threads=-1 size=2097152 time=604800000 rate=1000 mode=1 text=default "
         DEFAULTS_FROM_LIST LATER_DEFAULTS},
    {"{needed: '${X}', number: '${NUMBER}', text: '${NULL}'}",
     "flag=0 number=12 threads=-1 size=1024 time=250 rate=10000 mode=1 text=null list=( one ) "
     "soft=( time=5000 ) needed=hidden-value " LATER_DEFAULTS},
    {"{needed: 12, text: true}", DEFAULTS_TO_TEXT "text=true list=( one ) soft=( time=5000 ) "
                                                  "needed=12 " LATER_DEFAULTS},
    {"{needed: x, text: ''}", DEFAULTS_TO_TEXT "text= " DEFAULTS_FROM_LIST LATER_DEFAULTS},
    {"{needed: x, text: 'null'}",
     DEFAULTS_TO_TEXT "text=null " DEFAULTS_FROM_LIST LATER_DEFAULTS},
    {"{needed: x, list: [a, '', 3]}",
     DEFAULTS_TO_TEXT "text=default list=( a  3 ) soft=( time=5000 ) needed=x " LATER_DEFAULTS},
    {"{needed: x, list: a}",
     DEFAULTS_TO_TEXT "text=default list=( a ) soft=( time=5000 ) needed=x " LATER_DEFAULTS},
    {"{needed: x, list: []}",
     DEFAULTS_TO_TEXT "text=default soft=( time=5000 ) needed=x " LATER_DEFAULTS},
    {"{needed: x, file: unit.h, files: [main.c, unit.h]}",
     DEFAULTS_TO_TEXT "text=default file=" TEST_DATA "/unit/unit.h list=( one ) files=( " TEST_DATA
                      "/unit/main.c " TEST_DATA "/unit/unit.h ) soft=( time=5000 ) needed=x "
                      LATER_DEFAULTS},
    {"{needed: x, file: " TEST_DATA "/unit/unit.h}",
     DEFAULTS_TO_TEXT "text=default file=" TEST_DATA "/unit/unit.h " DEFAULTS_FROM_LIST
                      LATER_DEFAULTS},
    {"{needed: x, map: {a: b, 'c d': 4}}",
     DEFAULTS_TO_TEXT "text=default list=( one ) map=( a:b c d:4 ) soft=( time=5000 ) needed=x "
                      LATER_DEFAULTS},
    {"{needed: x, object: {path: /p, weight: 2}, soft: {time: 1s}}",
     DEFAULTS_TO_TEXT "text=default list=( one ) object=( path=/p weight=2 ) soft=( time=1000 ) "
                      "needed=x " LATER_DEFAULTS},
    {"{needed: x, objects: [{path: /p}, {path: /q, secret: s}]}",
     DEFAULTS_TO_TEXT "text=default list=( one ) soft=( time=5000 ) objects=( path=/p weight=1 "
                      "path=/q weight=1 secret=s ) needed=x " LATER_DEFAULTS},
    {"{needed: x, short: [/p, {path: /q}]}",
     DEFAULTS_TO_TEXT "text=default list=( one ) soft=( time=5000 ) short=( path=/p weight=1 "
                      "path=/q weight=1 ) needed=x " LATER_DEFAULTS},
    {"{needed: x, named: {a: {path: /p}}}",
     DEFAULTS_TO_TEXT "text=default list=( one ) soft=( time=5000 ) named=( a:path=/p weight=1 ) "
                      "needed=x " LATER_DEFAULTS},
    {"{needed: x, free: {a: {path: /p}}}",
     DEFAULTS_TO_TEXT "text=default list=( one ) soft=( time=5000 ) free=( a:) needed=x "
                      LATER_DEFAULTS},
    /* What comes later may say that it is off. */
    {"{needed: x, later_flag: false, later_size: 0B, later_text: off, later_list: [], "
     "later_map: {}}",
     DEFAULTS_TO_TEXT "text=default " DEFAULTS_FROM_LIST LATER_DEFAULTS},
};

/* What is left when the refused is forgotten. */
static const struct {
    const char *text, *result;
} forgotten[] = {
    {"{needed: x, size: 1, sise: 2, flag: maybe, number: '1', mode: later, text: [a], file: /none}",
     DEFAULTS_TO_TEXT "text=default " DEFAULTS_FROM_LIST LATER_DEFAULTS},
    {"{needed: x, list: [a, [b], c], files: [main.c, /none], map: {a: [b], c: d}}",
     DEFAULTS_TO_TEXT "text=default list=( a c ) files=( " TEST_DATA "/unit/main.c ) map=( c:d ) "
                      "soft=( time=5000 ) needed=x " LATER_DEFAULTS},
    {"{needed: x, list: [[b]], files: {}, map: [], size: 2}",
     DEFAULTS_TO_TEXT "text=default " DEFAULTS_FROM_LIST LATER_DEFAULTS},
    {"{needed: x, list: [], size: 2}",
     DEFAULTS_TO_TEXT "text=default soft=( time=5000 ) needed=x " LATER_DEFAULTS},
    {"{needed: x, object: {weight: 2}, soft: {time: 1}, named: {a: {path: /p, weight: x}, b: {}}}",
     DEFAULTS_TO_TEXT "text=default list=( one ) soft=( time=5000 ) named=( a:path=/p weight=1 ) "
                      "needed=x " LATER_DEFAULTS},
    {"{needed: x, objects: [{}, 1, {path: /p, x: y}], short: [[], /q]}",
     DEFAULTS_TO_TEXT "text=default list=( one ) soft=( time=5000 ) objects=( path=/p weight=1 ) "
                      "short=( path=/q weight=1 ) needed=x " LATER_DEFAULTS},
    {"{needed: x, later_flag: true, later_list: [a], later_size: many}",
     DEFAULTS_TO_TEXT "text=default " DEFAULTS_FROM_LIST LATER_DEFAULTS},
    {"{needed: x, text: *alias, number: '${}'}",
     DEFAULTS_TO_TEXT "text=default " DEFAULTS_FROM_LIST LATER_DEFAULTS},
    {"{size: 2}", NULL},
    {"{needed: [], size: 2}", NULL},
    {"{needed: '${}'}", NULL},
};

static const struct {
    const char *text, *result;
} bad[] = {
    {"[]", "f:1:1: expected a map of options, found a list\n"},
    {"x", "f:1:1: expected a map of options, found a single value\n"},
    {"---", "f:2:1: expected a map of options, found nothing\n"},
    {"{}", "f:1:1: `needed` is missing: what must be there\n"},
    {"needed: x\nsise: 1KiB", "f:2:1: unknown key `sise`; did you mean `size`?\n"},
    {"{needed: x, object: {path: p, zzz: 1}}",
     "f:1:31: unknown key `zzz`; expected `path`, `weight`, `secret`\n"},
    {"{needed: x, needed: y}", "f:1:13: `needed` twice; first on line 1\n"},
    {"needed: *x", "f:1:9: an alias (*); expected plain values, each written out\n"},
    {"{needed: x, bad: '${}'}",
     "f:1:13: unknown key `bad`; expected `flag`, `number`, `threads`, `size`, `time`, `rate`, "
     "`mode`, "
     "`text`, `file`, `list`, `files`, `map`, `object`, `soft`, `objects`, `short`, `named`, "
     "`free`, "
     "`needed`, `secret`, `secret_file`, `later_flag`, `later_size`, `later_time`, `later_text`, "
     "`later_list`, `later_map`, `later_object`\n"
     "f:1:18: expected the name of a variable in ${..}: letters, digits and _; `$${` stands for a "
     "plain ${\n"},
    {"needed:", "f:1:8: `needed` has no value: expected a string\n"},
    {"needed: ~", "f:1:9: `needed` has no value: expected a string\n"},
    {"needed: [x]", "f:1:9: `needed`: expected a string, found a list\n"},
    {"needed: {x: y}", "f:1:9: `needed`: expected a string, found a map\n"},

    {"{needed: x, flag: yes}", "f:1:19: `flag`: expected true or false, found `yes`\n"},
    {"{needed: x, flag: 'true'}", "f:1:19: `flag`: expected true or false, without quotes\n"},
    {"{needed: x, flag: []}", "f:1:19: `flag`: expected true or false, found a list\n"},
    {"{needed: x, flag: }", "f:1:19: `flag` has no value: expected true or false\n"},
    {"{needed: x, flag: '${X}'}", "f:1:19: `flag`: expected true or false, found `${X}`\n"},
    {"{needed: x, number: -1}",
     "f:1:21: `number`: expected a whole number without a sign, found `-1`\n"},
    {"{needed: x, number: '1'}",
     "f:1:21: `number`: expected a whole number without a sign, without quotes\n"},
    {"{needed: x, number: 99999999999999999999}",
     "f:1:21: `number`: expected a smaller number, found `99999999999999999999`\n"},
    {"{needed: x, number: auto}",
     "f:1:21: `number`: expected a whole number without a sign, found `auto`\n"},
    {"{needed: x, threads: none}", "f:1:22: `threads: none` is not supported by this version\n"},
    {"{needed: x, size: 64k}", "f:1:19: `size`: expected a size such as 512B, 64KiB, 1MiB or "
                               "2GiB, found `64k`\n"},
    {"{needed: x, time: 10}", "f:1:19: `time`: expected a duration such as 250ms, 5s, 2m, 1h or "
     "7d, found `10`\n"},
    {"{needed: x, rate: 10}",
     "f:1:19: `rate`: expected a rate such as 10/s or 100/1m, found `10`\n"},
    {"{needed: x, mode: medium}",
     "f:1:19: `mode`: expected one of fast, slow, found `medium`\n"},
    {"{needed: x, mode: {}}", "f:1:19: `mode`: expected one of fast, slow, found a map\n"},
    {"{needed: x, mode: later}", "f:1:19: `mode: later` is not supported by this version\n"},

    {"{needed: x, file: none.h}",
     "f:1:19: `file`: `none.h` cannot be read: No such file or directory\n"},
    {"{needed: x, file: '.'}", "f:1:19: `file`: `.` cannot be read: not a regular file\n"},
    {"{needed: x, file: '/dev/null'}",
     "f:1:19: `file`: `/dev/null` cannot be read: not a regular file\n"},
    {"{needed: x, file: [a]}", "f:1:19: `file`: expected the path of a file, found a list\n"},
    {"{needed: x, file: '/${X}'}",
     "f:1:19: `file`: `/${X}` cannot be read: No such file or directory\n"},
    {"{needed: x, files: [unit.h, none.h, {}]}",
     "f:1:29: `files`: `none.h` cannot be read: No such file or directory\n"
     "f:1:37: `files`: expected the path of a file, found a map\n"},

    {"{needed: x, list: {}}", "f:1:19: `list`: expected a list of strings, found a map\n"},
    {"{needed: x, list: }", "f:1:19: `list` has no value: expected a list of strings\n"},
    {"{needed: x, list: [a, [b], ~]}",
     "f:1:23: `list`: expected a string, found a list\n"
     "f:1:28: `list` has no value: expected a string\n"},
    {"{needed: x, map: [a]}", "f:1:18: `map`: expected a map of strings, found a list\n"},
    {"{needed: x, map: a}", "f:1:18: `map`: expected a map of strings, found `a`\n"},
    {"{needed: x, map: {a: {}}}", "f:1:22: `map`: expected a string, found a map\n"},
    {"{needed: x, object: a}", "f:1:21: `object`: expected a map of options, found `a`\n"},
    {"{needed: x, object: {}}", "f:1:21: `path` is missing: where\n"},
    {"{needed: x, object: {path: p, weight: x}}",
     "f:1:39: `weight`: expected a whole number without a sign, found `x`\n"},
    {"{needed: x, objects: {path: p}}", "f:1:22: `objects`: expected a list of maps, found a "
     "map\n"},
    {"{needed: x, objects: [p, {}]}",
     "f:1:23: `objects`: expected a map of options, found `p`\n"
     "f:1:26: `path` is missing: where\n"},
    {"{needed: x, short: [[p], ~]}",
     "f:1:21: `short`: expected a map of options, found a list\n"
     "f:1:26: `path` has no value: expected a string\n"},
    {"{needed: x, named: [a]}", "f:1:20: `named`: expected a map of names, found a list\n"},
    {"{needed: x, named: {a: {}, b: c}}",
     "f:1:24: `path` is missing: where\n"
     "f:1:31: `named`: expected a map of options, found `c`\n"},

    {"{needed: x, secret: [a]}", "f:1:21: `secret`: expected a string, found a list\n"},
    {"{needed: x, secret_file: /none/hush}",
     "f:1:26: `secret_file`: cannot be read: No such file or directory\n"},

    {"{needed: x, later_flag: true}",
     "f:1:13: `later_flag` is not supported by this version; expected `false`, or nothing\n"},
    {"{needed: x, later_size: 1KiB}",
     "f:1:13: `later_size` is not supported by this version; expected `0`, or nothing\n"},
    {"{needed: x, later_size: bad}",
     "f:1:13: `later_size` is not supported by this version; expected `0`, or nothing\n"},
    {"{needed: x, later_size: []}", "f:1:25: `later_size`: expected a size such as 512B, 64KiB, "
                                    "1MiB or 2GiB, found a list\n"},
    {"{needed: x, later_time: 0}", "f:1:13: `later_time` is not supported by this version\n"},
    {"{needed: x, later_text: on}",
     "f:1:13: `later_text` is not supported by this version; expected `off`, or nothing\n"},
    {"{needed: x, later_list: [a]}", "f:1:13: `later_list` is not supported by this version\n"},
    {"{needed: x, later_list: a}", "f:1:13: `later_list` is not supported by this version\n"},
    {"{needed: x, later_map: {a: b}}", "f:1:13: `later_map` is not supported by this version\n"},
    {"{needed: x, later_object: {}}", "f:1:13: `later_object` is not supported by this version\n"},
    {"{needed: x, later_object: *a}",
     "f:1:27: an alias (*); expected plain values, each written out\n"},
};

START_TEST(takes)
{
    char *result = checked(good[_i].text, SIZE_MAX);

    ck_assert_str_eq(result, good[_i].result);
    free(result);
}
END_TEST

START_TEST(refuses)
{
    char *result = checked(bad[_i].text, SIZE_MAX);

    ck_assert_str_eq(result, bad[_i].result);
    free(result);
}
END_TEST

START_TEST(survives_the_end_of_memory)
{
    for (size_t limit = 0; limit < 32768; limit += 48) {
        char *result = checked(good[_i].text, limit);

        if (strchr(result, '=') == NULL)
            ck_assert_ptr_nonnull(strstr(result, "out of memory"));
        free(result);
    }
}
END_TEST

/* ---- Modules report at their options ------------------------------------------ */

START_TEST(faults_have_the_place_of_the_item)
{
    struct fixture fixture;
    struct mw_options *options;

    start(&fixture, SIZE_MAX);
    options = check_text(&fixture, "needed: x\nlist: [a,\n b]\n", every_option);
    options_fault(options, "list", 1, "odd %s", "b");
    options_fault(options, "list", 2, "none");
    options_fault(options, "needed", 0, "odd");
    options_fault(options, "text", 0, "default");
    ck_assert_uint_eq(fixture.faults.total, 4);
    ck_assert_uint_eq(fixture.faults.list[0].mark.line, 1);
    ck_assert_str_eq(fixture.faults.list[0].message, "`text`: default");
    ck_assert_uint_eq(fixture.faults.list[1].mark.column, 9);
    ck_assert_uint_eq(fixture.faults.list[2].mark.line, 2);
    ck_assert_str_eq(fixture.faults.list[3].message, "`list`: odd b");
    ck_assert_uint_eq(fixture.faults.list[3].mark.line, 3);
    finish(&fixture);
}
END_TEST

static const struct {
    const char *text, *word, *message;
} redacted[] = {
    {"{needed: x, secret: hush}", "secret", "`secret`: bad *** and ***"},
    {"{needed: x, secret: '${X}'}", "secret", "`secret`: bad *** and ***"},
    {"{needed: x, text: hush}", "text", "`text`: bad hush and hush"},
    {"{needed: x, text: 'a${X}'}", "text", "`text`: bad a${X} and a${X}"},
    {"{needed: x, secret: ''}", "secret", "`secret`: bad  and "},
};

START_TEST(faults_keep_secrets)
{
    struct fixture fixture;
    struct mw_options *options;
    const char *word = redacted[_i].word;

    start(&fixture, SIZE_MAX);
    options = check_text(&fixture, redacted[_i].text, every_option);
    options_fault(options, word, 0, "bad %s and %s", options_string(options, word),
                  options_string(options, word));
    ck_assert_str_eq(fixture.faults.list[0].message, redacted[_i].message);
    finish(&fixture);
}
END_TEST

START_TEST(wrong_questions_are_faults)
{
    struct fixture fixture;
    struct mw_options *options;

    start(&fixture, SIZE_MAX);
    options = check_text(&fixture, "needed: x", every_option);
    ck_assert_ptr_null(options_string(options, "number"));
    ck_assert_int_eq(options_integer(options, "needed"), 0);
    ck_assert_int_eq(options_integer(options, "none"), 0);
    ck_assert(!options_given(options, "none"));
    ck_assert_uint_eq(options_count(options, "none"), 0);
    ck_assert_ptr_null(options_key(options, "list", 0));
    ck_assert_ptr_null(options_item(options, "text", 0));
    ck_assert_ptr_null(options_member(options, "text", 0));
    options_fault(options, "none", 0, "x");
    ck_assert_uint_eq(fixture.faults.total, 10);
    ck_assert_str_eq(fixture.faults.list[0].message,
                     "an error in the module: its table has no string `number`");
    /* Once the file is loaded there is nowhere to report to. */
    fixture.context.faults = NULL;
    ck_assert_ptr_null(options_string(options, "number"));
    options_fault(options, "needed", 0, "x");
    /* Right questions past the end. */
    ck_assert(options_given(options, "needed"));
    ck_assert(!options_given(options, "text"));
    ck_assert_str_eq(options_string(options, "mode"), "slow");
    ck_assert_ptr_null(options_item(options, "list", 1));
    ck_assert_ptr_null(options_member(options, "object", 0));
    ck_assert_ptr_null(options_key(options, "map", 0));
    finish(&fixture);
}
END_TEST

START_TEST(forgets_what_was_refused)
{
    struct fixture fixture;
    char *result = NULL;
    size_t len;
    FILE *out = open_memstream(&result, &len);

    start(&fixture, SIZE_MAX);
    struct mw_options *options = check_text(&fixture, forgotten[_i].text, every_option);
    size_t faults = fixture.faults.total;
    bool complete = options_forget_refused(options);

    ck_assert(faults > 0 || !options->faulty);
    ck_assert_int_eq(complete, forgotten[_i].result != NULL);
    if (complete)
        every_option_dump(out, options);
    ck_assert_uint_eq(fixture.faults.total, faults);
    fclose(out);
    if (complete)
        ck_assert_str_eq(result, forgotten[_i].result);
    free(result);
    finish(&fixture);
}
END_TEST

Suite *
options_suite(void)
{
    Suite *suite = suite_create("options");
    TCase *tc = tcase_create("options");

    tcase_add_loop_test(tc, takes, 0, COUNT_OF(good));
    tcase_add_loop_test(tc, refuses, 0, COUNT_OF(bad));
    tcase_add_loop_test(tc, forgets_what_was_refused, 0, COUNT_OF(forgotten));
    tcase_add_loop_test(tc, survives_the_end_of_memory, 0, COUNT_OF(good));
    tcase_add_test(tc, faults_have_the_place_of_the_item);
    tcase_add_loop_test(tc, faults_keep_secrets, 0, COUNT_OF(redacted));
    tcase_add_test(tc, wrong_questions_are_faults);
    suite_add_tcase(suite, tc);
    return suite;
}
