/* claim_rules.c - see claim_rules.h. */
#include "token/claim_rules.h"

#include "base/json_node.h"
#include "token/claim_path.h"
#include "token/claim_value.h"

#include <stdio.h>
#include <stdlib.h>

enum { VALUED_COUNT = CLAIM_CONTAINS + 1 };

struct values {
    struct claim_template *at;
    size_t count;
};

struct claim_rule {
    const char *path;
    struct values values[VALUED_COUNT]; /* by test; count == 0: no such test */
    struct claim_pattern *pattern;      /* NULL: none */
    bool must_be_there, must_be_absent;
};

struct claim_rules {
    size_t count;
    struct claim_rule rules[];
};

const char *
claim_test_word(enum claim_test test)
{
    static const char *const words[CLAIM_TEST_COUNT] = {
        [CLAIM_EQUALS] = "equals",     [CLAIM_ANY_OF] = "any_of",   [CLAIM_ALL_OF] = "all_of",
        [CLAIM_CONTAINS] = "contains", [CLAIM_MATCHES] = "matches", [CLAIM_PRESENT] = "present",
    };

    return words[test];
}

/* ---- Set-up ---------------------------------------------------------------------- */

struct claim_rules *
claim_rules_new(size_t most)
{
    return calloc(1, sizeof(struct claim_rules) + most * sizeof(struct claim_rule));
}

void
claim_rules_free(struct claim_rules *rules)
{
    for (size_t i = 0; rules && i < rules->count; i++) {
        struct claim_rule *rule = &rules->rules[i];

        claim_pattern_free(rule->pattern);
        for (size_t test = 0; test < VALUED_COUNT; test++) {
            for (size_t v = 0; v < rule->values[test].count; v++)
                claim_template_free(&rule->values[test].at[v]);
            free(rule->values[test].at);
        }
    }
    free(rules);
}

static bool
fail(struct claim_error *error, const char *text)
{
    snprintf(error->text, sizeof(error->text), "%s", text);
    return false;
}

struct claim_rule *
claim_rules_add(struct claim_rules *rules, const char *path, struct claim_error *error)
{
    struct claim_rule *rule = &rules->rules[rules->count];
    const char *phrase;

    if (!claim_path_check(path, &phrase)) {
        (void)fail(error, phrase);
        return NULL;
    }
    rule->path = path;
    rules->count++;
    return rule;
}

static bool
add_value(struct values *values, const char *text, struct claim_error *error)
{
    struct claim_template *more =
        realloc(values->at, (values->count + 1) * sizeof(struct claim_template));
    const char *phrase;

    if (!more)
        return fail(error, "out of memory");
    values->at = more;
    if (!claim_template_init(&more[values->count], text, &phrase))
        return fail(error, phrase);
    values->count++;
    return true;
}

bool
claim_rule_add(struct claim_rule *rule, enum claim_test test, const char *value,
               struct claim_error *error)
{
    if (test != CLAIM_MATCHES)
        return add_value(&rule->values[test], value, error);
    rule->pattern = claim_pattern_new(value, error);
    return rule->pattern != NULL;
}

const char *
claim_rule_capture(const struct claim_rule *rule, enum claim_test test, size_t i)
{
    const struct values *values = test <= CLAIM_CONTAINS ? &rule->values[test] : NULL;
    const struct claim_template *last =
        values && values->count > 0 ? &values->at[values->count - 1] : NULL;

    for (size_t piece = 0; last && piece < last->count; piece++)
        if (last->pieces[piece].is_capture && i-- == 0)
            return last->pieces[piece].text;
    return NULL;
}

void
claim_rule_set_present(struct claim_rule *rule, bool present)
{
    rule->must_be_there = present;
    rule->must_be_absent = !present;
}

/* ---- The tests ----------------------------------------------------------------------- */

/* What is judged: a claim, or NULL, and the request's captures. */
struct subject {
    const struct json_node *claim;
    bool is_absent; /* for sure: nothing stands where a part of its path should be */
    const struct claim_captures *captures;
};

static bool
equals(const struct subject *subject, const struct claim_template *value)
{
    char space[CLAIM_NUMBER_MAX];
    struct str text = claim_text(subject->claim, space);

    return text.at && claim_template_is(value, text, subject->captures);
}

static bool
contains(const struct subject *subject, const struct claim_template *value)
{
    struct claim_list list;
    struct str text;

    claim_list_start(&list, subject->claim);
    while ((text = claim_list_next(&list)).at)
        if (claim_template_is(value, text, subject->captures))
            return true;
    return false;
}

/* Text of a list's element or of a claim as a whole: a pattern may have spaces of its own. */
static bool
matches(const struct subject *subject, const struct claim_pattern *pattern)
{
    char space[CLAIM_NUMBER_MAX];
    struct claim_list list;
    struct str text = claim_text(subject->claim, space);

    if (text.at)
        return claim_pattern_matches(pattern, text);
    claim_list_start(&list, subject->claim);
    while ((text = claim_list_next(&list)).at)
        if (claim_pattern_matches(pattern, text))
            return true;
    return false;
}

/* The first capture that cannot stand in one of them; NULL: all are ready. */
static const char *
misfit(const struct values *values, const struct claim_captures *captures)
{
    const char *name = NULL;

    for (size_t i = 0; i < values->count && !name; i++)
        name = claim_template_misfit(&values->at[i], captures);
    return name;
}

static size_t
count_held(enum claim_test test, const struct values *values, const struct subject *subject)
{
    size_t held = 0;

    for (size_t i = 0; i < values->count; i++)
        held += (test == CLAIM_EQUALS ? equals : contains)(subject, &values->at[i]);
    return held;
}

static bool
test_holds(const struct claim_rule *rule, enum claim_test test, const struct subject *subject)
{
    if (test == CLAIM_MATCHES)
        return !rule->pattern || matches(subject, rule->pattern);
    if (test == CLAIM_PRESENT)
        return (!rule->must_be_there || subject->claim) &&
               (!rule->must_be_absent || subject->is_absent);
    const struct values *values = &rule->values[test];
    if (values->count == 0)
        return true;
    if (misfit(values, subject->captures))
        return false;
    size_t held = count_held(test, values, subject);
    return test == CLAIM_ANY_OF ? held > 0 : held == values->count;
}

const struct claim_rule *
claim_rules_broken(const struct claim_rules *rules, const struct json_node *claims,
                   const struct claim_captures *captures, enum claim_test *test)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct claim_rule *rule = &rules->rules[i];
        struct subject subject = {claim_path_find(rule->path, claims), false, captures};

        if (json_node_is(subject.claim, JSON_NODE_NULL))
            subject.claim = NULL;
        subject.is_absent = !subject.claim && !claim_path_is_blocked(rule->path, claims);
        for (*test = CLAIM_EQUALS; *test < CLAIM_TEST_COUNT; ++*test)
            if (!test_holds(rule, *test, &subject))
                return rule;
    }
    return NULL;
}

/* ---- What is told about a rule ----------------------------------------------------------- */

const char *
claim_rule_path(const struct claim_rule *rule)
{
    return rule->path;
}

const char *
claim_rule_misfit(const struct claim_rule *rule, enum claim_test test,
                  const struct claim_captures *captures)
{
    return test <= CLAIM_CONTAINS ? misfit(&rule->values[test], captures) : NULL;
}

/* scope-token and the spaces between (RFC 6749 3.3): nothing that could end a quoted string. */
static bool
is_scope(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c < ' ' || c > '~' || c == '"' || c == '\\')
            return false;
    }
    return text.len > 0;
}

bool
claim_rule_scope(const struct claim_rule *rule, const struct claim_captures *captures,
                 struct text *out)
{
    size_t start = out->len;

    if (strcmp(rule->path, "scope") != 0)
        return false;
    for (size_t test = 0; test < VALUED_COUNT; test++) {
        const struct values *values = &rule->values[test];
        if (misfit(values, captures))
            return false;
        for (size_t v = 0; v < values->count; v++) {
            if (out->len > start)
                text_add(out, STR(" "));
            claim_template_write(&values->at[v], out, captures);
        }
    }
    return !out->full && is_scope((struct str){out->at + start, out->len - start});
}
