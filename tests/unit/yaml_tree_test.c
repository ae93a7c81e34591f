/* yaml_tree_test.c - files in, trees with marks or faults out. */
#include "config/yaml_tree.h"

#include "config/environment.h"
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

/* A tree as text: {key:value ..}, [item ..], plain or 'quoted', each with @line:column. */
static void
dump(FILE *out, const struct yaml_node *node)
{
    if (node->kind == YAML_KIND_SCALAR)
        fprintf(out, node->quoted ? "'%s'" : "%s", node->text.at);
    else
        fputc(node->kind == YAML_KIND_MAP ? '{' : '[', out);
    for (const struct yaml_node *item = node->first; item != NULL; item = item->next) {
        if (item != node->first)
            fputc(' ', out);
        if (node->kind == YAML_KIND_MAP)
            fprintf(out, "%s@%u:%u:", item->key.at, item->key_mark.line, item->key_mark.column);
        dump(out, item);
    }
    if (node->kind != YAML_KIND_SCALAR)
        fputc(node->kind == YAML_KIND_MAP ? '}' : ']', out);
    fprintf(out, "@%u:%u", node->mark.line, node->mark.column);
}

static char *
lookup(const char *name)
{
    static char value[] = "v: [1]", empty[] = "", bad[] = "\xff", wide[] = "\xc3\xa9\xe2\x82\xac";

    if (strcmp(name, "VALUE") == 0)
        return value;
    if (strcmp(name, "EMPTY") == 0)
        return empty;
    if (strcmp(name, "_9") == 0)
        return bad;
    return strcmp(name, "WIDE") == 0 ? wide : NULL;
}

/* The tree, and behind it the faults. The result is malloc's. */
static char *
read_text(struct str text, size_t limit)
{
    struct arena arena;
    struct faults faults;
    char *result = NULL;
    size_t len;
    FILE *out = open_memstream(&result, &len);

    arena_init(&arena, NULL, limit);
    faults_init(&faults, "f");
    struct yaml_node *root = yaml_tree_read(&arena, text, &faults);

    if (root != NULL) {
        environment_expand_tree(&arena, root, lookup, &faults);
        dump(out, root);
        fputc('\n', out);
    }
    faults_print(&faults, out);
    fclose(out);
    faults_free(&faults);
    arena_free(&arena);
    return result;
}

static const struct {
    const char *text, *result;
} rows[] = {
    {"a: b", "{a@1:1:b@1:4}@1:1\n"},
    {"a: 'b'\nc: \"d\"", "{a@1:1:'b'@1:4 c@2:1:'d'@2:4}@1:1\n"},
    {"- a\n- [b, {c: d}]", "[a@1:3 [b@2:4 {c@2:8:d@2:11}@2:7]@2:3]@1:1\n"},
    {"a:\nb: ~\n", "{a@1:1:@1:3 b@2:1:~@2:4}@1:1\n"},
    {"{\"a\": {\"b\": [1, true, null]}}",
     "{a@1:2:{b@1:8:[1@1:14 true@1:17 null@1:23]@1:13}@1:7}@1:1\n"},
    {"---\na: b\n...\n", "{a@2:1:b@2:4}@2:1\n"},
    {"\xef\xbb\xbf" "a: b", "{a@1:2:b@1:5}@1:2\n"},
    {"a: |\n  x\n  y\n", "{a@1:1:'x\ny\n'@1:4}@1:1\n"},
    {"\xc3\xa9: \xc3\xa9 # \xc3\xa9\nb: c", "{\xc3\xa9@1:1:\xc3\xa9@1:4 b@2:1:c@2:4}@1:1\n"},
    {"\xc3\xa9\xc3\xa9: {b: c}", "{\xc3\xa9\xc3\xa9@1:1:{b@1:6:c@1:9}@1:5}@1:1\n"},
    {"a: 1\r\nb: 2\r\n", "{a@1:1:1@1:4 b@2:1:2@2:4}@1:1\n"},
    {"word", "word@1:1\n"},
    {"'<<': a", "{<<@1:1:a@1:7}@1:1\n"},

    /* What stops the reading. */
    {"", "f:1:1: the file is empty; expected a map of options\n"},
    {"# nothing\n", "f:2:1: the file is empty; expected a map of options\n"},
    {"a: [1", "f:2:1: not YAML: did not find expected ',' or ']', while parsing a flow sequence\n"},
    {"a: b: c", "f:1:5: not YAML: mapping values are not allowed in this context\n"},
    {"a: b\n c: d", "f:2:3: not YAML: mapping values are not allowed in this context\n"},
    {"\ta: b", "f:1:1: not YAML: found character that cannot start any token, while scanning for "
               "the next token; indent with blanks, not with a tab\n"},
    {"a: 'b", "f:1:6: not YAML: found unexpected end of stream, while scanning a quoted scalar\n"},
    {"a: b\xff", "f:1:5: not a YAML file in UTF-8: invalid leading UTF-8 octet\n"},
    {"x\ny: \xc3\xa9\xc3", "f:2:5: not a YAML file in UTF-8: incomplete UTF-8 octet sequence\n"},
    {"\xff\xfe" "a\0:\0 \0b\0", "f:1:1: not a YAML file in UTF-8: invalid leading UTF-8 octet\n"},
    {"a: b\x01", "f:1:5: not a YAML file in UTF-8: control characters are not allowed\n"},
    {"a: b\n---\nc: d\n", "f:2:1: a second document; expected one\n"},
    {"a: b\n...\n]", "f:3:1: not YAML: did not find expected <document start>\n"},
    {"a: *x", "{a@1:1:@1:4}@1:1\nf:1:4: an alias (*); expected plain values, each written out\n"},

    /* What does not. */
    {"a: &x 1\nb: *x",
     "{a@1:1:1@1:4 b@2:1:@2:4}@1:1\n"
     "f:1:4: an anchor (&); expected plain values, each written out\n"
     "f:2:4: an alias (*); expected plain values, each written out\n"},
    {"a: &x [*x]",
     "{a@1:1:[@1:8]@1:4}@1:1\n"
     "f:1:4: an anchor (&); expected plain values, each written out\n"
     "f:1:8: an alias (*); expected plain values, each written out\n"},
    {"a: !!str 1\nb: !x {}",
     "{a@1:1:1@1:4 b@2:1:{}@2:4}@1:1\n"
     "f:1:4: a tag (!); the type follows from the option\n"
     "f:2:4: a tag (!); the type follows from the option\n"},
    {"a: ! 1",
     "{a@1:1:1@1:4}@1:1\nf:1:4: a tag (!); the type follows from the option\n"},
    {"<<: {a: b}\nc: d", "{c@2:1:d@2:4}@1:1\n"
                         "f:1:1: a merge key (<<); expected plain values, each written out\n"},
    {"a: 1\nb: 2\na: 3", "{a@1:1:1@1:4 b@2:1:2@2:4 a@3:1:3@3:4}@1:1\n"
                         "f:3:1: `a` twice; first on line 1\n"},
    {"a: 1\n\"a\": 3\n'a': 4", "{a@1:1:1@1:4 a@2:1:3@2:6 a@3:1:4@3:6}@1:1\n"
                               "f:2:1: `a` twice; first on line 1\n"
                               "f:3:1: `a` twice; first on line 1\n"},
    {"{a: 1, ab: 2, b: 3, a: 4}", "{a@1:2:1@1:5 ab@1:8:2@1:12 b@1:15:3@1:18 a@1:21:4@1:24}@1:1\n"
                                  "f:1:21: `a` twice; first on line 1\n"},
    {"? [a]\n: b", "{}@1:1\nf:1:3: a list or map as a key; expected a word, or quotes around "
     "\"[ADDRESS]:PORT\"\n"},
    {"{a: b}: c", "{}@1:1\nf:1:1: a list or map as a key; expected a word, or quotes around "
     "\"[ADDRESS]:PORT\"\n"},
    {"'': b", "{}@1:1\nf:1:1: an empty key; expected a word\n"},
    {"a: b\n*a : c", "{a@1:1:b@1:4}@1:1\n"
                     "f:2:1: an alias (*); expected plain values, each written out\n"},
    {"\"a\\0\": b", "{}@1:1\nf:1:1: a NUL character in a string\n"},
    {"a: \"b\\0c\"", "{a@1:1:'b'@1:4}@1:1\nf:1:4: a NUL character in a string\n"},

    /* Variables. */
    {"a: ${VALUE}", "{a@1:1:v: [1]@1:4}@1:1\n"},
    {"a: 'x${VALUE}y${EMPTY}'", "{a@1:1:'xv: [1]y'@1:4}@1:1\n"},
    {"a: ${WIDE}", "{a@1:1:\xc3\xa9\xe2\x82\xac@1:4}@1:1\n"},
    {"a: $${VALUE}", "{a@1:1:${VALUE}@1:4}@1:1\n"},
    {"a: $$${VALUE}$", "{a@1:1:$${VALUE}$@1:4}@1:1\n"},
    {"a: '^b$|$$'", "{a@1:1:'^b$|$$'@1:4}@1:1\n"},
    {"${VALUE}: b", "{${VALUE}@1:1:b@1:11}@1:1\n"},
    {"- ['${NONE}']", "[['${NONE}'@1:4]@1:3]@1:1\n"
                      "f:1:4: the environment has no variable `NONE`\n"},
    {"a: ${_9}", "{a@1:1:${_9}@1:4}@1:1\nf:1:4: the variable `_9` is not UTF-8\n"},
    {"a: ${VALUE", "{a@1:1:${VALUE@1:4}@1:1\nf:1:4: expected the name of a variable in ${..}: "
                   "letters, digits and _; `$${` stands for a plain ${\n"},
    {"a: x${}", "{a@1:1:x${}@1:4}@1:1\nf:1:4: expected the name of a variable in ${..}: "
                "letters, digits and _; `$${` stands for a plain ${\n"},
    {"a: ${9}", "{a@1:1:${9}@1:4}@1:1\nf:1:4: expected the name of a variable in ${..}: "
                "letters, digits and _; `$${` stands for a plain ${\n"},
    {"a: ${A-b}", "{a@1:1:${A-b}@1:4}@1:1\nf:1:4: expected the name of a variable in ${..}: "
                  "letters, digits and _; `$${` stands for a plain ${\n"},
    {"a: {b: ${VALUE}}", "f:1:9: not YAML: did not find expected ',' or '}', while parsing a flow "
                         "mapping; a text with { needs quotes within brackets and braces\n"},
};

/* Slips; what the message ends with. "": no advice. */
static const struct {
    const char *text, *advice;
} slips[] = {
    {"a: [::1]", "; quote it: \"::1\"\n"},
    {"a: [10.0.0.0/8, ::1/128]", "; quote it: \"::1/128\"\n"},
    {"a: [x, 2001:db8::]", "; quote it: \"2001:db8::\"\n"},
    {"a: [fe80::, x]", "; quote it: \"fe80::\"\n"},
    {"a: fe80::\n", "; quote it: \"fe80::\"\n"},
    {"a: {b: ::}", "; quote it: \"::\"\n"},
    {"a: [::1]:8080", "; quote it: \"[::1]:8080\"\n"},
    {"a: [::1:8080", "; close the bracket, and quote it: \"[::1]:8080\"\n"},
    {"a: [::1:19003\nb: c\n", "; close the bracket, and quote it: \"[::1]:19003\"\n"},
    {"a: [fe80::1:8080\nb: c\n", "; close the bracket, and quote it: \"[fe80::1]:8080\"\n"},
    {"- [2001:DB8::1]:8080\n", "; quote it: \"[2001:DB8::1]:8080\"\n"},
    {"a: [[::1]:8080]", "; quote it: \"[::1]:8080\"\n"},
    {"a: [x, [::ffff:1.2.3.4]:80]", "; quote it: \"[::ffff:1.2.3.4]:80\"\n"},
    {"\xc3\xa9: {\xc3\xa9: ::1}", "; quote it: \"::1\"\n"},
    {"a: b\nc: [::1", "; quote it: \"::1\"\n"},
    {"a: [::1:zz]", ""},
    {"a: [:::1]", ""},
    {"a:\n\tb: c", "; indent with blanks, not with a tab\n"},
    {"a:\n  b: c\n  \td: e", "; indent with blanks, not with a tab\n"},
    {"a: *.example.com", "; a text that begins with * needs quotes\n"},
    {"a: [x, *.example.com]", "; a text that begins with * needs quotes\n"},
    {"- *", "; a text that begins with * needs quotes\n"},
    {"a: @hush", "; a text that begins with @ needs quotes\n"},
    {"a: `hush", "; a text that begins with ` needs quotes\n"},
    {"a: {b: %hush}", "; a text that begins with % needs quotes\n"},
    {"a: |hush", "; a text that begins with | needs quotes\n"},
    {"a: [x/{y}]", "; a text with { needs quotes within brackets and braces\n"},
    {"a: 1\nb:2\nc: 3", "; a colon needs a blank behind it: see the line above\n"},
    {"a:1\n\n# no\nb: 2", ""}, /* the line above is a comment */
    {"a: \"[^@]+@x\\.org\"", "; use single quotes, or write \\\\ for \\\n"},
    {"a: {b: \"x \\d::1\"}", "; use single quotes, or write \\\\ for \\\n"},
    {"a:1\n\nb: 2", "; a colon needs a blank behind it: see the line above\n"},
    {"a:\n  - b:1\n    c: 2", "; a colon needs a blank behind it: see the line above\n"},
    {"a:\n  - http://b\n    c: 2", ""},
    {"a: b: c", ""},
    {"a: [1", ""},
    {"a: 'b", ""},
};

START_TEST(slips_get_advice)
{
    char *result = read_text(str_of(slips[_i].text), SIZE_MAX);
    const char *advice = strchr(result, ';');

    ck_assert_ptr_nonnull(strstr(result, ": not YAML: "));
    ck_assert_str_eq(advice ? advice : "", slips[_i].advice);
    ck_assert_ptr_null(strstr(result, "hush"));
    free(result);
}
END_TEST

/* Every slip, cut at every byte. */
START_TEST(slips_survive_any_end)
{
    struct str text = str_of(slips[_i].text);

    for (size_t len = 0; len <= text.len; len++) {
        char *copy = malloc(len > 0 ? len : 1);

        memcpy(copy, text.at, len);
        free(read_text((struct str){copy, len}, SIZE_MAX));
        free(copy);
    }
}
END_TEST

START_TEST(reads)
{
    char *result = read_text(str_of(rows[_i].text), SIZE_MAX);

    ck_assert_str_eq(result, rows[_i].result);
    free(result);
}
END_TEST

/* A file may be cut anywhere; and memory may end anywhere. */
START_TEST(survives_any_end)
{
    struct str text = str_of(rows[_i].text);

    for (size_t len = 0; len <= text.len; len++) {
        char *copy = malloc(len > 0 ? len : 1);

        memcpy(copy, text.at, len);
        free(read_text((struct str){copy, len}, SIZE_MAX));
        free(copy);
    }
    for (size_t limit = 0; limit < 2048; limit += 16)
        free(read_text(text, limit));
}
END_TEST

START_TEST(depth_is_bounded)
{
    char deep[2 * YAML_TREE_DEPTH_MAX + 8] = "";
    char *result;

    memset(deep, '[', YAML_TREE_DEPTH_MAX);
    memset(deep + YAML_TREE_DEPTH_MAX, ']', YAML_TREE_DEPTH_MAX);
    result = read_text(str_of(deep), SIZE_MAX);
    ck_assert_int_eq(result[0], '[');
    ck_assert_ptr_null(strstr(result, "f:"));
    free(result);
    memset(deep, '[', YAML_TREE_DEPTH_MAX + 1);
    result = read_text(str_of(deep), SIZE_MAX);
    ck_assert_str_eq(result, "f:1:33: nested deeper than 32\n");
    free(result);
}
END_TEST

/* Quadratic work would show here: 100,000 keys, of which the last is the first again. */
START_TEST(many_keys_are_quick)
{
    char *text = NULL, *result;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    for (int i = 0; i < 100000; i++)
        fprintf(out, "k%d: v\n", i);
    fputs("k0: w\n", out);
    fclose(out);
    result = read_text((struct str){text, len}, SIZE_MAX);
    ck_assert_ptr_nonnull(strstr(result, "f:100001:1: `k0` twice; first on line 1\n"));
    free(result);
    free(text);
}
END_TEST

START_TEST(expansion_is_bounded)
{
    struct arena arena;
    struct str out;
    char fault[FAULT_TEXT_MAX] = "", *text = malloc(300 * 1024 * 8);
    size_t len = 0;

    arena_init(&arena, NULL, SIZE_MAX);
    for (size_t i = 0; i < 300 * 1024; i++, len += 8)
        memcpy(text + len, "${VALUE}", 8);
    ck_assert(!environment_expand(&arena, (struct str){text, len}, lookup, &out, fault));
    ck_assert_str_eq(fault, "longer than 1 MiB with its variables");
    ck_assert(environment_expand(&arena, (struct str){text, 80}, lookup, &out, fault));
    ck_assert_uint_eq(out.len, 60);
    free(text);
    arena_free(&arena);
    arena_init(&arena, NULL, 0);
    ck_assert(!environment_expand(&arena, STR("${VALUE}"), lookup, &out, fault));
    ck_assert_str_eq(fault, "out of memory");
    arena_free(&arena);
}
END_TEST

static const struct {
    const char *bytes;
    bool valid;
} encodings[] = {
    {"\xc2\x80", true},          {"\xdf\xbf", true},          {"\xe0\xa0\x80", true},
    {"\xed\x9f\xbf", true},      {"\xf0\x90\x80\x80", true},  {"\xf4\x8f\xbf\xbf", true},
    {"\x80", false},             {"\xc1\xbf", false},         {"\xc2", false},
    {"\xc2x", false},            {"\xe0\x9f\x80", false},     {"\xed\xa0\x80", false},
    {"\xe2\x82", false},         {"\xf0\x8f\x80\x80", false}, {"\xf4\x90\x80\x80", false},
    {"\xf5\x80\x80\x80", false}, {"\xf0\x90\x80", false},
};

static char encoded[8];

static char *
lookup_encoded(const char *name)
{
    (void)name;
    return encoded;
}

START_TEST(variables_must_be_utf8)
{
    struct arena arena;
    struct str out;
    char fault[FAULT_TEXT_MAX];

    arena_init(&arena, NULL, SIZE_MAX);
    strcpy(encoded, encodings[_i].bytes);
    ck_assert_int_eq(environment_expand(&arena, STR("${A}"), lookup_encoded, &out, fault),
                     encodings[_i].valid);
    arena_free(&arena);
}
END_TEST

/* Writes bytes to a new file and loads it. */
static bool
load_file(size_t bytes, struct str *text, struct faults *faults, struct arena *arena)
{
    char path[] = "/tmp/wsgate-yaml-XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ne(fd, -1);
    ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
    close(fd);
    bool loaded = yaml_tree_load(arena, path, text, faults);

    unlink(path);
    return loaded;
}

START_TEST(files_are_bounded)
{
    struct arena arena;
    struct faults faults;
    struct str text;

    arena_init(&arena, NULL, SIZE_MAX);
    faults_init(&faults, "f");
    ck_assert(load_file(YAML_TREE_FILE_MAX, &text, &faults, &arena));
    ck_assert_uint_eq(text.len, YAML_TREE_FILE_MAX);
    ck_assert(load_file(0, &text, &faults, &arena));
    ck_assert_uint_eq(text.len, 0);
    ck_assert_uint_eq(faults.total, 0);
    ck_assert(!load_file(YAML_TREE_FILE_MAX + 1, &text, &faults, &arena));
    ck_assert_str_eq(faults.list[0].message, "larger than 1 MiB");
    faults_free(&faults);
    ck_assert(!yaml_tree_load(&arena, "/nonexistent/x", &text, &faults));
    ck_assert_str_eq(faults.list[0].message, "cannot be read: No such file or directory");
    faults_free(&faults);
    ck_assert(!yaml_tree_load(&arena, "/tmp", &text, &faults));
    ck_assert_str_eq(faults.list[0].message, "cannot be read: Is a directory");
    faults_free(&faults);
    arena_free(&arena);
    arena_init(&arena, NULL, 100);
    ck_assert(!yaml_tree_load(&arena, "/tmp", &text, &faults));
    ck_assert_str_eq(faults.list[0].message, "cannot be read: Cannot allocate memory");
    faults_free(&faults);
    arena_free(&arena);
}
END_TEST

Suite *
yaml_tree_suite(void)
{
    Suite *suite = suite_create("yaml_tree");
    TCase *tc = tcase_create("yaml_tree");

    tcase_add_loop_test(tc, reads, 0, COUNT_OF(rows));
    tcase_add_loop_test(tc, slips_get_advice, 0, COUNT_OF(slips));
    tcase_add_loop_test(tc, slips_survive_any_end, 0, COUNT_OF(slips));
    tcase_add_loop_test(tc, survives_any_end, 0, COUNT_OF(rows));
    tcase_add_test(tc, depth_is_bounded);
    tcase_add_test(tc, many_keys_are_quick);
    tcase_add_test(tc, expansion_is_bounded);
    tcase_add_loop_test(tc, variables_must_be_utf8, 0, COUNT_OF(encodings));
    tcase_add_test(tc, files_are_bounded);
    suite_add_tcase(suite, tc);
    return suite;
}
