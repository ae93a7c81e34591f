/* claim_rules_test.c - claim rules and their parts: paths, values, templates, patterns. */
#include "failing_memory.h"
#include "token/claim_path.h"
#include "token/claim_rules.h"
#include "token/claim_value.h"
#include "token/claims.h"
#include "unit.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

/* The captures of every request here. */
static struct str
find_capture(void *arg, const char *name)
{
    static const struct {
        const char *name, *value;
    } captures[] = {{"room", "blue"},        {"org", "acme"},    {"spaced", "a%20b%C3%BC"},
                    {"slash", "a%2Fb"},      {"percent", "a%2541"}, {"quote", "a%22b"},
                    {"broken", "%4"},        {"hash", "%zz"},
                    {"ab", "a:b"},           {"escaped", "a%3ab"},  {"a", "a"},
                    {"c", "c"},              {"bc", "b:c"},         {"left", ":"},
                    {"dash", "x-"},          {"x", "x"}};

    (void)arg;
    for (size_t i = 0; i < COUNT_OF(captures); i++)
        if (strcmp(captures[i].name, name) == 0)
            return str_of(captures[i].value);
    return STR_NONE;
}

static const struct claim_captures captures = {find_capture, NULL};

/* ---- Tests of a rule --------------------------------------------------------------- */

struct row {
    const char *path;
    struct {
        enum claim_test test;
        const char *value; /* NULL: the end */
    } tests[4];
    const char *claims;
    const char *verdict; /* "" or the word of the test that does not hold */
};

static const struct row rows[] = {
    /* equals: the whole text */
    {"c", {{CLAIM_EQUALS, "a"}}, "{\"c\":\"a\"}", ""},
    {"c", {{CLAIM_EQUALS, "a"}}, "{\"c\":\"A\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "a"}}, "{\"c\":\"a b\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "a b"}}, "{\"c\":\"a b\"}", ""},
    {"c", {{CLAIM_EQUALS, "a"}}, "{\"c\":\"ab\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "ab"}}, "{\"c\":\"a\"}", "equals"},
    {"c", {{CLAIM_EQUALS, ""}}, "{\"c\":\"\"}", ""},
    {"c", {{CLAIM_EQUALS, ""}}, "{}", "equals"},
    {"c", {{CLAIM_EQUALS, "a"}}, "{\"c\":[\"a\"]}", "equals"},
    {"c", {{CLAIM_EQUALS, "a"}}, "{\"c\":{\"a\":1}}", "equals"},
    {"c", {{CLAIM_EQUALS, "null"}}, "{\"c\":null}", "equals"},
    {"c", {{CLAIM_EQUALS, "true"}}, "{\"c\":true}", ""},
    {"c", {{CLAIM_EQUALS, "true"}}, "{\"c\":\"true\"}", ""},
    {"c", {{CLAIM_EQUALS, "true"}}, "{\"c\":false}", "equals"},
    {"c", {{CLAIM_EQUALS, "7"}}, "{\"c\":7}", ""},
    {"c", {{CLAIM_EQUALS, "7"}}, "{\"c\":7.0}", ""},
    {"c", {{CLAIM_EQUALS, "7"}}, "{\"c\":70}", "equals"},
    {"c", {{CLAIM_EQUALS, "-9223372036854775808"}}, "{\"c\":-9223372036854775808}", ""},
    {"c", {{CLAIM_EQUALS, "9007199254740993"}}, "{\"c\":9007199254740993}", ""},
    {"c", {{CLAIM_EQUALS, "9007199254740993"}}, "{\"c\":9007199254740992}", "equals"},
    {"c", {{CLAIM_EQUALS, "1.5"}}, "{\"c\":1.50}", ""},
    {"c", {{CLAIM_EQUALS, "0.1"}}, "{\"c\":0.1}", ""},
    {"c", {{CLAIM_EQUALS, "1000"}}, "{\"c\":1e3}", ""},
    {"c", {{CLAIM_EQUALS, "1e+30"}}, "{\"c\":1e30}", ""},
    {"c", {{CLAIM_EQUALS, "0.30000000000000004"}}, "{\"c\":0.30000000000000004}", ""},
    /* any_of, all_of, contains: of a string the words */
    {"scope", {{CLAIM_CONTAINS, "chat"}}, "{\"scope\":\"log chat\"}", ""},
    {"scope", {{CLAIM_CONTAINS, "chat"}}, "{\"scope\":\"  log   chat  \"}", ""},
    {"scope", {{CLAIM_CONTAINS, "chat"}}, "{\"scope\":\"chatter chat:x xchat\"}", "contains"},
    {"scope", {{CLAIM_CONTAINS, "chat"}}, "{\"scope\":\"log\\tchat\"}", "contains"},
    {"scope", {{CLAIM_CONTAINS, "chat"}}, "{\"scope\":\"log,chat\"}", "contains"},
    {"scope", {{CLAIM_CONTAINS, "chat"}}, "{\"scope\":\"\"}", "contains"},
    {"scope", {{CLAIM_CONTAINS, ""}}, "{\"scope\":\" \"}", "contains"},
    {"scope", {{CLAIM_CONTAINS, "a b"}}, "{\"scope\":\"a b\"}", "contains"},
    {"scope", {{CLAIM_CONTAINS, "a b"}}, "{\"scope\":[\"a b\"]}", ""},
    {"scope", {{CLAIM_CONTAINS, "a"}}, "{\"scope\":[\"a b\"]}", "contains"},
    {"c", {{CLAIM_CONTAINS, "a"}}, "{\"c\":[\"b\",\"a\"]}", ""},
    {"c", {{CLAIM_CONTAINS, ""}}, "{\"c\":[\"\"]}", ""},
    {"c", {{CLAIM_CONTAINS, "7"}}, "{\"c\":[null,{},[7],7]}", ""},
    {"c", {{CLAIM_CONTAINS, "7"}}, "{\"c\":[[7],{\"7\":7}]}", "contains"},
    {"c", {{CLAIM_CONTAINS, "true"}}, "{\"c\":[1,true]}", ""},
    {"c", {{CLAIM_CONTAINS, "7"}}, "{\"c\":7}", ""},
    {"c", {{CLAIM_CONTAINS, "a"}}, "{\"c\":{\"a\":1}}", "contains"},
    {"c", {{CLAIM_CONTAINS, "a"}}, "{\"c\":[]}", "contains"},
    {"c", {{CLAIM_CONTAINS, "a"}}, "{}", "contains"},
    {"c", {{CLAIM_ANY_OF, "a"}, {CLAIM_ANY_OF, "b"}}, "{\"c\":\"x b\"}", ""},
    {"c", {{CLAIM_ANY_OF, "a"}, {CLAIM_ANY_OF, "b"}}, "{\"c\":[\"x\",\"y\"]}", "any_of"},
    {"c", {{CLAIM_ALL_OF, "a"}, {CLAIM_ALL_OF, "b"}}, "{\"c\":[\"b\",\"x\",\"a\"]}", ""},
    {"c", {{CLAIM_ALL_OF, "a"}, {CLAIM_ALL_OF, "b"}}, "{\"c\":\"b x\"}", "all_of"},
    /* matches: the whole text, of a list one element */
    {"c", {{CLAIM_MATCHES, "a+"}}, "{\"c\":\"aaa\"}", ""},
    {"c", {{CLAIM_MATCHES, "a+"}}, "{\"c\":\"aab\"}", "matches"},
    {"c", {{CLAIM_MATCHES, "a+"}}, "{\"c\":\"baa\"}", "matches"},
    {"c", {{CLAIM_MATCHES, "a+"}}, "{\"c\":\"aa\\n\"}", "matches"},
    {"c", {{CLAIM_MATCHES, "a|b"}}, "{\"c\":\"ax\"}", "matches"},
    {"c", {{CLAIM_MATCHES, "a|b"}}, "{\"c\":\"b\"}", ""},
    {"c", {{CLAIM_MATCHES, "a|ab"}}, "{\"c\":\"ab\"}", ""},
    {"c", {{CLAIM_MATCHES, "a b"}}, "{\"c\":\"a b\"}", ""},
    {"c", {{CLAIM_MATCHES, "a"}}, "{\"c\":\"a b\"}", "matches"},
    {"c", {{CLAIM_MATCHES, "a"}}, "{\"c\":[\"b\",\"a\"]}", ""},
    {"c", {{CLAIM_MATCHES, "a b"}}, "{\"c\":[\"a\",\"b\"]}", "matches"},
    {"c", {{CLAIM_MATCHES, "[0-9]+"}}, "{\"c\":42}", ""},
    {"c", {{CLAIM_MATCHES, "[0-9]+"}}, "{\"c\":[true,42]}", ""},
    {"c", {{CLAIM_MATCHES, ".*"}}, "{\"c\":{}}", "matches"},
    {"c", {{CLAIM_MATCHES, ".*"}}, "{\"c\":null}", "matches"},
    {"c", {{CLAIM_MATCHES, ".*"}}, "{}", "matches"},
    {"c", {{CLAIM_MATCHES, "J.rgen"}}, "{\"c\":\"J\\u00fcrgen\"}", "matches"},
    {"c", {{CLAIM_MATCHES, "J..rgen"}}, "{\"c\":\"J\\u00fcrgen\"}", ""},
    {"c", {{CLAIM_MATCHES, "\\{room}"}}, "{\"c\":\"{room}\"}", ""},
    {"c", {{CLAIM_MATCHES, "[]^(]+|[^[:alpha:])]"}}, "{\"c\":\"](^\"}", ""},
    /* present */
    {"c", {{CLAIM_PRESENT, "true"}}, "{\"c\":\"\"}", ""},
    {"c", {{CLAIM_PRESENT, "true"}}, "{\"c\":{}}", ""},
    {"c", {{CLAIM_PRESENT, "true"}}, "{\"c\":false}", ""},
    {"c", {{CLAIM_PRESENT, "true"}}, "{\"c\":null}", "present"},
    {"c", {{CLAIM_PRESENT, "true"}}, "{}", "present"},
    {"c", {{CLAIM_PRESENT, "false"}}, "{}", ""},
    {"c", {{CLAIM_PRESENT, "false"}}, "{\"c\":null}", ""},
    {"c", {{CLAIM_PRESENT, "false"}}, "{\"c\":0}", "present"},
    /* paths */
    {"a.b", {{CLAIM_EQUALS, "1"}}, "{\"a\":{\"b\":1}}", ""},
    {"a.b", {{CLAIM_EQUALS, "1"}}, "{\"a.b\":1,\"a\":{\"b\":2}}", ""},
    {"a.b", {{CLAIM_EQUALS, "2"}}, "{\"a.b\":1,\"a\":{\"b\":2}}", "equals"},
    {"a.b.c", {{CLAIM_EQUALS, "1"}}, "{\"a\":{\"b.c\":1}}", "equals"},
    {"a.0", {{CLAIM_EQUALS, "1"}}, "{\"a\":[1]}", "equals"},
    {"a.b", {{CLAIM_PRESENT, "false"}}, "{\"a\":1}", "present"},
    {"a.b", {{CLAIM_PRESENT, "false"}}, "{\"a\":[{\"b\":1}]}", "present"},
    {"a.b", {{CLAIM_PRESENT, "true"}}, "{\"a\":[{\"b\":1}]}", "present"},
    {"a.b.c", {{CLAIM_PRESENT, "false"}}, "{\"a\":{\"b\":\"c\"}}", "present"},
    {"a.b.c", {{CLAIM_PRESENT, "false"}}, "{\"a\":{}}", ""},
    {"a.b", {{CLAIM_PRESENT, "false"}}, "{\"a\":null}", ""},
    {"a.b", {{CLAIM_PRESENT, "false"}}, "{\"a.b\":null,\"a\":{}}", ""},
    {"a.b", {{CLAIM_PRESENT, "false"}}, "{\"a.b\":null,\"a\":{\"b\":1}}", "present"},
    {"a.b", {{CLAIM_PRESENT, "false"}}, "{\"a.b\":1,\"a\":{}}", "present"},
    /* several tests of one rule */
    {"c", {{CLAIM_CONTAINS, "a"}, {CLAIM_ANY_OF, "b"}, {CLAIM_MATCHES, "a b"}}, "{\"c\":\"a b\"}",
     ""},
    {"c", {{CLAIM_CONTAINS, "a"}, {CLAIM_ANY_OF, "c"}, {CLAIM_MATCHES, "a b"}}, "{\"c\":\"a b\"}",
     "any_of"},
    {"c", {{CLAIM_CONTAINS, "a"}, {CLAIM_MATCHES, "a"}, {CLAIM_PRESENT, "true"}}, "{\"c\":\"a b\"}",
     "matches"},
    /* captures */
    {"c", {{CLAIM_CONTAINS, "{room}"}}, "{\"c\":[\"red\",\"blue\"]}", ""},
    {"c", {{CLAIM_CONTAINS, "{room}"}}, "{\"c\":[\"red\",\"{room}\"]}", "contains"},
    {"c", {{CLAIM_CONTAINS, "{room}"}}, "{\"c\":\"blue2\"}", "contains"},
    {"c", {{CLAIM_CONTAINS, "{room}"}}, "{\"c\":\"blu\"}", "contains"},
    {"c", {{CLAIM_CONTAINS, "room:{room}:read"}}, "{\"c\":\"room:blue:read\"}", ""},
    {"c", {{CLAIM_CONTAINS, "room:{room}:read"}}, "{\"c\":\"room:red:read\"}", "contains"},
    {"c", {{CLAIM_EQUALS, "{org}/{room}"}}, "{\"c\":\"acme/blue\"}", ""},
    {"c", {{CLAIM_EQUALS, "{{{org}{{x{room}"}}, "{\"c\":\"{acme{xblue\"}", ""},
    /* the text between two captures in one of them: no telling where that one ends */
    {"c", {{CLAIM_EQUALS, "{a}:{c}"}}, "{\"c\":\"a:c\"}", ""},
    {"c", {{CLAIM_EQUALS, "{ab}:{c}"}}, "{\"c\":\"a:b:c\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{escaped}:{c}"}}, "{\"c\":\"a:b:c\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{a}:{bc}"}}, "{\"c\":\"a:b:c\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{c}-{ab}:{a}"}}, "{\"c\":\"c-a:b:a\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{c}:{ab}-{a}"}}, "{\"c\":\"c:a:b-a\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{a}::{left}"}}, "{\"c\":\"a:::\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{left}::{a}"}}, "{\"c\":\":::a\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{ab}::{bc}"}}, "{\"c\":\"a:b::b:c\"}", ""},
    {"c", {{CLAIM_EQUALS, "{dash}-x{c}"}}, "{\"c\":\"x--xc\"}", ""},
    {"c", {{CLAIM_EQUALS, "{dash}x-{c}"}}, "{\"c\":\"x-x-c\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{x}-x-{x}"}}, "{\"c\":\"x-x-x\"}", ""},
    {"c", {{CLAIM_EQUALS, ":{ab}:"}}, "{\"c\":\":a:b:\"}", ""},
    {"c", {{CLAIM_EQUALS, ":{ab}-{c}:"}}, "{\"c\":\":a:b-c:\"}", ""},
    {"c", {{CLAIM_EQUALS, "{{room}"}}, "{\"c\":\"{room}\"}", ""},
    {"c", {{CLAIM_EQUALS, "{{{room}}"}}, "{\"c\":\"{blue}\"}", ""},
    {"c", {{CLAIM_EQUALS, "}"}}, "{\"c\":\"}\"}", ""},
    {"c", {{CLAIM_EQUALS, "{spaced}"}}, "{\"c\":\"a b\\u00fc\"}", ""},
    {"c", {{CLAIM_EQUALS, "{spaced}"}}, "{\"c\":\"a%20b%C3%BC\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{percent}"}}, "{\"c\":\"a%41\"}", ""},
    {"c", {{CLAIM_EQUALS, "{percent}"}}, "{\"c\":\"aA\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{slash}"}}, "{\"c\":\"a/b\"}", ""},
    {"c", {{CLAIM_EQUALS, "{slash}/c"}}, "{\"c\":\"a/b/c\"}", "equals"},
    {"c", {{CLAIM_EQUALS, "{broken}"}}, "{\"c\":\"%4\"}", ""},
    {"c", {{CLAIM_EQUALS, "{hash}"}}, "{\"c\":\"%zz\"}", ""},
    /* a capture that is not there */
    {"c", {{CLAIM_EQUALS, "{none}"}}, "{\"c\":\"\"}", "equals"},
    {"c", {{CLAIM_CONTAINS, "{none}"}}, "{\"c\":[\"\"]}", "contains"},
    {"c", {{CLAIM_EQUALS, "{Room}"}}, "{\"c\":\"blue\"}", "equals"},
    {"c", {{CLAIM_ANY_OF, "a"}, {CLAIM_ANY_OF, "{none}"}}, "{\"c\":\"a\"}", "any_of"},
    {"c", {{CLAIM_ALL_OF, "a"}, {CLAIM_ALL_OF, "{none}"}}, "{\"c\":\"a\"}", "all_of"},
};

/* false: *error says why, or memory failed. */
static bool
add(struct claim_rules *rules, const struct row *row, struct claim_error *error)
{
    struct claim_rule *rule = claim_rules_add(rules, row->path, error);

    for (size_t i = 0; rule && i < COUNT_OF(row->tests) && row->tests[i].value; i++) {
        if (row->tests[i].test == CLAIM_PRESENT)
            claim_rule_set_present(rule, strcmp(row->tests[i].value, "true") == 0);
        else if (!claim_rule_add(rule, row->tests[i].test, row->tests[i].value, error))
            return false;
    }
    return rule != NULL;
}

START_TEST(a_rule_is_judged)
{
    const struct row *row = &rows[_i];
    struct claim_rules *rules = claim_rules_new(1);
    struct claim_error error = {""};
    enum claim_test test;
    struct claims *claims = claims_of_text(str_of(row->claims));

    ck_assert_ptr_nonnull(claims);
    ck_assert_msg(add(rules, row, &error), "row %d: %s", _i, error.text);
    const struct claim_rule *broken = claim_rules_broken(rules, claims->all, &captures, &test);
    const char *verdict = broken ? claim_test_word(test) : "";
    ck_assert_msg(strcmp(verdict, row->verdict) == 0, "row %d, %s: \"%s\", wanted \"%s\"", _i,
                  row->claims, verdict, row->verdict);
    if (broken)
        ck_assert_str_eq(claim_rule_path(broken), row->path);
    claims_free(claims);
    claim_rules_free(rules);
}
END_TEST

START_TEST(all_rules_must_hold)
{
    static const struct row three[] = {
        {"a", {{CLAIM_PRESENT, "true"}}, NULL, NULL},
        {"b", {{CLAIM_EQUALS, "1"}}, NULL, NULL},
        {"c", {{CLAIM_CONTAINS, "x"}}, NULL, NULL},
    };
    static const struct {
        const char *claims, *path; /* of the rule that does not hold */
    } cases[] = {
        {"{\"a\":0,\"b\":1,\"c\":\"x\"}", NULL},
        {"{\"b\":1,\"c\":\"x\"}", "a"},
        {"{\"a\":0,\"b\":2,\"c\":\"y\"}", "b"},
        {"{\"a\":0,\"b\":1,\"c\":\"y\"}", "c"},
    };
    struct claim_rules *rules = claim_rules_new(3);
    struct claim_error error;
    enum claim_test test;

    for (size_t i = 0; i < COUNT_OF(three); i++)
        ck_assert(add(rules, &three[i], &error));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct claims *claims = claims_of_text(str_of(cases[i].claims));
        const struct claim_rule *broken = claim_rules_broken(rules, claims->all, &captures, &test);
        ck_assert_int_eq(broken == NULL, cases[i].path == NULL);
        if (broken)
            ck_assert_str_eq(claim_rule_path(broken), cases[i].path);
        claims_free(claims);
    }
    claim_rules_free(rules);
}
END_TEST

/* A text as long as the bound matches, one byte more does not. */
START_TEST(a_pattern_takes_so_much_text)
{
    static const struct row row = {"c", {{CLAIM_MATCHES, "(a|b)*"}}, NULL, NULL};
    char text[CLAIM_PATTERN_TEXT_MAX + 2];
    struct claim_rules *rules = claim_rules_new(1);
    struct claim_error error;
    enum claim_test test;

    ck_assert(add(rules, &row, &error));
    memset(text, 'a', sizeof(text));
    for (size_t len = CLAIM_PATTERN_TEXT_MAX; len <= CLAIM_PATTERN_TEXT_MAX + 1; len++) {
        char json[sizeof(text) + 16];
        int json_len = sprintf(json, "{\"c\":\"%.*s\"}", (int)len, text);
        struct claims *claims = claims_of_text((struct str){json, (size_t)json_len});
        ck_assert_int_eq(claim_rules_broken(rules, claims->all, &captures, &test) == NULL,
                         len == CLAIM_PATTERN_TEXT_MAX);
        claims_free(claims);
    }
    claim_rules_free(rules);
}
END_TEST

/* ---- Patterns against those of the C library -------------------------------------------- */

static unsigned
next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* A pattern of pieces that mean one thing to POSIX; returns the place behind it. */
static char *
write_pattern(char *out, int depth, unsigned *state)
{
    static const char *const atoms[] = {"a", "b", "c", ".", "[ab]", "[^a]", "[a-b]", "[[:alpha:]]",
                                        "\\.", "ab", "[]c]", "[^]b]"};
    static const char *const repetitions[] = {"*", "+", "?", "{2}", "{1,}", "{0,2}", "{1,3}"};

    for (unsigned i = 0, n = next_random(state) % 4; i <= n; i++) {
        if (depth < 3 && next_random(state) % 4 == 0) {
            *out++ = '(';
            out = write_pattern(out, depth + 1, state);
            *out++ = ')';
        } else {
            out = stpcpy(out, atoms[next_random(state) % COUNT_OF(atoms)]);
        }
        if (next_random(state) % 3 == 0)
            out = stpcpy(out, repetitions[next_random(state) % COUNT_OF(repetitions)]);
        if (i < n && next_random(state) % 5 == 0)
            *out++ = '|';
    }
    *out = '\0';
    return out;
}

static void
write_text(char *out, unsigned *state)
{
    for (unsigned n = next_random(state) % 9; n > 0; n--)
        *out++ = "aaabbc.]"[next_random(state) % 8];
    *out = '\0';
}

START_TEST(patterns_mean_what_posix_says)
{
    enum { PATTERNS = 3000, TEXTS = 12 };
    unsigned state = 0x9e3779b9u;
    int matched = 0, compared = 0;

    for (int i = 0; i < PATTERNS; i++) {
        char text[1024], whole[1040];
        struct claim_error error;
        regex_t theirs;

        write_pattern(text, 0, &state);
        snprintf(whole, sizeof(whole), "^(%s)$", text);
        struct claim_pattern *ours = claim_pattern_new(text, &error);
        if (!ours) { /* written out it is too long */
            ck_assert_str_eq(error.text, "it is too long, or repeats too much");
            continue;
        }
        ck_assert_msg(regcomp(&theirs, whole, REG_EXTENDED | REG_NOSUB) == 0, "%s", text);
        for (int t = 0; t < TEXTS; t++) {
            char subject[16];
            write_text(subject, &state);
            bool match = claim_pattern_matches(ours, str_of(subject));
            ck_assert_msg(match == (regexec(&theirs, subject, 0, NULL, 0) == 0), "%s on %s: %d",
                          text, subject, match);
            matched += match;
            compared++;
        }
        regfree(&theirs);
        claim_pattern_free(ours);
    }
    ck_assert_int_gt(matched, compared / 20);
    ck_assert_int_gt(compared, PATTERNS * TEXTS * 9 / 10);
}
END_TEST

/* ^ and $ hold where the text begins and ends, and nowhere else. */
START_TEST(anchors_are_allowed)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"^a$", "a", true},      {"^(a|b)$", "b", true}, {"a^b", "ab", false}, {"a$b", "ab", false},
        {"(^a|b)c", "ac", true}, {"(^|x)a", "xa", true}, {"^$", "", true},     {"$^", "", true},
        {"^a$", "aa", false},    {"(a$|b)b", "bb", true}, {"\\^\\$", "^$", true},
        {"[$^]+", "^$", true},   {"a^*b", "ab", true},
    };
    struct claim_error error;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct claim_pattern *pattern = claim_pattern_new(cases[i].pattern, &error);
        ck_assert_msg(pattern != NULL, "%s: %s", cases[i].pattern, error.text);
        ck_assert_msg(claim_pattern_matches(pattern, str_of(cases[i].text)) == cases[i].matches,
                      "%s on %s", cases[i].pattern, cases[i].text);
        claim_pattern_free(pattern);
    }
}
END_TEST

/* ---- The scope of a challenge ------------------------------------------------------------- */

static const struct {
    struct row row;
    const char *scope; /* NULL: none is told */
} scopes[] = {
    {{"scope", {{CLAIM_CONTAINS, "chat"}}, NULL, NULL}, "chat"},
    {{"scope", {{CLAIM_ALL_OF, "a"}, {CLAIM_ALL_OF, "b"}, {CLAIM_CONTAINS, "c"}}, NULL, NULL},
     "a b c"},
    {{"scope", {{CLAIM_CONTAINS, "room:{room}"}}, NULL, NULL}, "room:blue"},
    {{"scope", {{CLAIM_EQUALS, "a b"}}, NULL, NULL}, "a b"},
    {{"scope", {{CLAIM_CONTAINS, "{quote}"}}, NULL, NULL}, NULL},
    {{"scope", {{CLAIM_CONTAINS, "a\\b"}}, NULL, NULL}, NULL},
    {{"scope", {{CLAIM_CONTAINS, "{spaced}"}}, NULL, NULL}, NULL},
    {{"scope", {{CLAIM_CONTAINS, "{none}"}}, NULL, NULL}, NULL},
    {{"scope", {{CLAIM_CONTAINS, "longer than there is room for"}}, NULL, NULL}, NULL},
    {{"scope", {{CLAIM_MATCHES, "a"}}, NULL, NULL}, NULL},
    {{"scope", {{CLAIM_PRESENT, "true"}}, NULL, NULL}, NULL},
    {{"a.scope", {{CLAIM_CONTAINS, "chat"}}, NULL, NULL}, NULL},
    {{"roles", {{CLAIM_CONTAINS, "chat"}}, NULL, NULL}, NULL},
};

START_TEST(a_rule_names_its_scope)
{
    struct claim_rules *rules = claim_rules_new(1);
    struct claim_error error;
    enum claim_test test;
    struct claims *claims = claims_of_text(STR("{}"));
    char space[16];
    struct text text = {space, 0, sizeof(space), false};

    ck_assert(add(rules, &scopes[_i].row, &error));
    const struct claim_rule *broken = claim_rules_broken(rules, claims->all, &captures, &test);
    ck_assert_ptr_nonnull(broken);
    ck_assert_int_eq(claim_rule_scope(broken, &captures, &text), scopes[_i].scope != NULL);
    if (scopes[_i].scope)
        ck_assert(str_equal(text_str(&text), str_of(scopes[_i].scope)));
    claims_free(claims);
    claim_rules_free(rules);
}
END_TEST

/* ---- Faults ------------------------------------------------------------------------------- */

static const char braces[] =
    "expected the name of a capture and \"}\" behind \"{\"; \"{{\" stands for \"{\"";

static const struct {
    struct row row;
    const char *error; /* how it begins */
} faults[] = {
    {{"", {{CLAIM_EQUALS, "a"}}, NULL, NULL}, "expected a claim's name, or names joined by dots"},
    {{"a..b", {{CLAIM_EQUALS, "a"}}, NULL, NULL}, "expected a claim's name"},
    {{".a", {{CLAIM_EQUALS, "a"}}, NULL, NULL}, "expected a claim's name"},
    {{"a", {{CLAIM_EQUALS, "{"}}, NULL, NULL}, braces},
    {{"a", {{CLAIM_EQUALS, "{}"}}, NULL, NULL}, braces},
    {{"a", {{CLAIM_EQUALS, "x{room"}}, NULL, NULL}, braces},
    {{"a", {{CLAIM_EQUALS, "{ro om}"}}, NULL, NULL}, braces},
    {{"a", {{CLAIM_EQUALS, "{1}"}}, NULL, NULL}, braces},
    {{"a", {{CLAIM_EQUALS, "{{{"}}, NULL, NULL}, braces},
    {{"a", {{CLAIM_ANY_OF, "x"}, {CLAIM_ANY_OF, "{room"}}, NULL, NULL}, braces},
    {{"a", {{CLAIM_EQUALS, "{org}{room}"}}, NULL, NULL}, "expected text between two captures"},
    {{"a", {{CLAIM_EQUALS, "x{org}{room}y{org}"}}, NULL, NULL},
     "expected text between two captures"},
    {{"a", {{CLAIM_MATCHES, ""}}, NULL, NULL}, "empty; leave it out, or name one"},
    {{"a", {{CLAIM_MATCHES, "("}}, NULL, NULL}, "a \"(\" without its \")\""},
    {{"a", {{CLAIM_MATCHES, "a)|(b"}}, NULL, NULL}, "a \")\" without its \"(\""},
    {{"a", {{CLAIM_MATCHES, "[a"}}, NULL, NULL}, "a \"[\" without its \"]\""},
    {{"a", {{CLAIM_MATCHES, "[]"}}, NULL, NULL}, "a \"[\" without its \"]\""},
    {{"a", {{CLAIM_MATCHES, "[a-"}}, NULL, NULL}, "a \"[\" without its \"]\""},
    {{"a", {{CLAIM_MATCHES, "[[:alpha:"}}, NULL, NULL}, "expected a class such as [:alpha:]"},
    {{"a", {{CLAIM_MATCHES, "[[:nothing:]]"}}, NULL, NULL}, "expected a class such as [:alpha:]"},
    {{"a", {{CLAIM_MATCHES, "[z-a]"}}, NULL, NULL},
     "a range between \"[\" and \"]\" runs backwards"},
    {{"a", {{CLAIM_MATCHES, "[\xc3\xa4]"}}, NULL, NULL}, "expected ASCII between"},
    {{"a", {{CLAIM_MATCHES, "[[.a.]]"}}, NULL, NULL}, "[. and [= are not supported"},
    {{"a", {{CLAIM_MATCHES, "[[=a=]]"}}, NULL, NULL}, "[. and [= are not supported"},
    {{"a", {{CLAIM_MATCHES, "[a-[:digit:]]"}}, NULL, NULL}, "a range cannot end in a class"},
    {{"a", {{CLAIM_MATCHES, "*a"}}, NULL, NULL}, "a repetition of nothing"},
    {{"a", {{CLAIM_MATCHES, "a|*"}}, NULL, NULL}, "a repetition of nothing"},
    {{"a", {{CLAIM_MATCHES, "(+)"}}, NULL, NULL}, "a repetition of nothing"},
    {{"a", {{CLAIM_MATCHES, "{2}"}}, NULL, NULL}, "a repetition of nothing"},
    {{"a", {{CLAIM_MATCHES, "a{2,1}"}}, NULL, NULL}, "expected {m}, {m,} or {m,n}"},
    {{"a", {{CLAIM_MATCHES, "a{"}}, NULL, NULL}, "expected {m}, {m,} or {m,n}"},
    {{"a", {{CLAIM_MATCHES, "a{}"}}, NULL, NULL}, "expected {m}, {m,} or {m,n}"},
    {{"a", {{CLAIM_MATCHES, "a{,2}"}}, NULL, NULL}, "expected {m}, {m,} or {m,n}"},
    {{"a", {{CLAIM_MATCHES, "a{1,x}"}}, NULL, NULL}, "expected {m}, {m,} or {m,n}"},
    {{"a", {{CLAIM_MATCHES, "a{1 }"}}, NULL, NULL}, "expected {m}, {m,} or {m,n}"},
    {{"a", {{CLAIM_MATCHES, "a{99999999999999999999}"}}, NULL, NULL},
     "expected {m}, {m,} or {m,n}"},
    {{"a", {{CLAIM_MATCHES, "(a)\\1"}}, NULL, NULL}, "back-references are not allowed"},
    {{"a", {{CLAIM_MATCHES, "\\d+"}}, NULL, NULL}, "expected one of"},
    {{"a", {{CLAIM_MATCHES, "a\\"}}, NULL, NULL}, "expected one of"},
    {{"a", {{CLAIM_MATCHES, "\\ "}}, NULL, NULL}, "expected one of"},
    {{"a",
      {{CLAIM_MATCHES, "((((((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}){9}"}},
      NULL,
      NULL},
     "it is too long, or repeats too much"},
    {{"a", {{CLAIM_MATCHES, "(a{1,200}){200}"}}, NULL, NULL},
     "it is too long, or repeats too much"},
    {{"a", {{CLAIM_MATCHES, "(((((((((((((((((a)))))))))))))))))"}}, NULL, NULL},
     "parentheses nested too deep"},
};

START_TEST(a_fault_is_named)
{
    struct claim_rules *rules = claim_rules_new(1);
    struct claim_error error = {""};

    ck_assert(!add(rules, &faults[_i].row, &error));
    ck_assert_msg(error.text[0] &&
                      strncmp(error.text, faults[_i].error, strlen(faults[_i].error)) == 0,
                  "row %d: %s", _i, error.text);
    claim_rules_free(rules);
}
END_TEST

/* These look like the faults above, and are none. */
START_TEST(what_only_looks_like_a_fault)
{
    static const char *const patterns[] = {
        "[(]", "\\(", "[\\]1", "\\\\1", "[]1]", "[^]1]", "[]-a]", "[a-]", "[[a]", "a\\.b",
        "a|b|c|", "()", "()*", "x]y}z", "a++++++++++++++++++++++++++++++++++++++++",
        "((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+", "(a|)", "[a-z]{1,500}",
        "([a-z0-9-]+\\.)+example\\.(com|org)", "a**", "((((((((((((((((a))))))))))))))))"};
    struct claim_error error;

    for (size_t i = 0; i < COUNT_OF(patterns); i++) {
        struct claim_pattern *pattern = claim_pattern_new(patterns[i], &error);
        ck_assert_msg(pattern != NULL, "%s: %s", patterns[i], error.text);
        claim_pattern_free(pattern);
    }
}
END_TEST

START_TEST(rules_survive_failing_memory)
{
    static const struct row row = {
        "a.b", {{CLAIM_ALL_OF, "x{room}"}, {CLAIM_ALL_OF, "y"}, {CLAIM_MATCHES, "[a-z]+"}},
        NULL, NULL};
    bool starved = true;

    for (size_t n = 1; starved; n = failing_memory_next(n)) {
        struct claim_error error;
        failing_memory_arm(n);
        struct claim_rules *rules = claim_rules_new(1);
        bool made = rules && add(rules, &row, &error);
        starved = failing_memory_disarm();
        ck_assert_int_eq(made, !starved);
        claim_rules_free(rules);
        ck_assert_uint_lt(n, 1000);
    }
}
END_TEST

Suite *
claim_rules_suite(void)
{
    Suite *suite = suite_create("claim_rules");
    TCase *tc = tcase_create("rules");

    tcase_add_loop_test(tc, a_rule_is_judged, 0, (int)COUNT_OF(rows));
    tcase_add_test(tc, all_rules_must_hold);
    tcase_add_test(tc, a_pattern_takes_so_much_text);
    tcase_add_test(tc, patterns_mean_what_posix_says);
    tcase_add_test(tc, anchors_are_allowed);
    tcase_add_loop_test(tc, a_rule_names_its_scope, 0, (int)COUNT_OF(scopes));
    tcase_add_loop_test(tc, a_fault_is_named, 0, (int)COUNT_OF(faults));
    tcase_add_test(tc, what_only_looks_like_a_fault);
    tcase_add_test(tc, rules_survive_failing_memory);
    suite_add_tcase(suite, tc);
    return suite;
}
