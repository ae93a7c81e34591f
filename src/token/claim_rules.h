/*
 * claim_rules.h - what a route asks of a verified token's claims. Pure; constant after set-up.
 *
 * A rule is about one claim (claim_path.h) and has one test or several; all tests
 * of all rules must hold. Where a test takes elements, they are those of claim_value.h: the
 * scalars of a list, the words of a string.
 *
 *   equals    the claim's text is that value: a string, number or boolean as a whole
 *   any_of    one of these values is among its elements
 *   all_of    each of these is
 *   contains  that value is
 *   matches   its text, or an element of a list, matches the pattern (claim_pattern.h)
 *   present   there is such a claim, or there is none; a null is none, but a path that runs into
 *             something else than an object is neither
 *
 * Values are templates (claim_template.h), which `matches` has not. A rule with a capture that the
 * request has not does not hold, whatever else it says.
 */
#ifndef WSGATE_CLAIM_RULES_H
#define WSGATE_CLAIM_RULES_H

#include "token/claim_pattern.h"
#include "token/claim_template.h"

struct json_node;

enum claim_test {
    CLAIM_EQUALS,
    CLAIM_ANY_OF,
    CLAIM_ALL_OF,
    CLAIM_CONTAINS, /* those up to here have values */
    CLAIM_MATCHES,
    CLAIM_PRESENT,
    CLAIM_TEST_COUNT,
};

/* As the configuration has it. */
const char *claim_test_word(enum claim_test test);

struct claim_rule;
struct claim_rules;

/* Room for `most` rules. NULL: out of memory. */
struct claim_rules *claim_rules_new(size_t most) MUST_CHECK;
void claim_rules_free(struct claim_rules *rules);
/* A rule without a test, of which there is still room; keeps path. NULL: *error. */
struct claim_rule *claim_rules_add(struct claim_rules *rules, const char *path,
                                   struct claim_error *error) MUST_CHECK;

/* Adds a value to a test that has values, or the pattern. false: *error says why. */
bool claim_rule_add(struct claim_rule *rule, enum claim_test test, const char *value,
                    struct claim_error *error) MUST_CHECK;
/* The i-th capture in the value that was added last; NULL: there is none. */
const char *claim_rule_capture(const struct claim_rule *rule, enum claim_test test,
                               size_t i) MUST_CHECK;
/* A claim that must be absent can have no other test. */
void claim_rule_set_present(struct claim_rule *rule, bool present);

/* The first rule that does not hold, and which test of it; NULL: all hold. */
const struct claim_rule *claim_rules_broken(const struct claim_rules *rules,
                                            const struct json_node *claims,
                                            const struct claim_captures *captures,
                                            enum claim_test *test) MUST_CHECK;
const char *claim_rule_path(const struct claim_rule *rule);
/* The capture for which that test does not hold, whatever the claim is: one that the request has
 * not, or not in a form that may stand there (claim_template.h). NULL: none. */
const char *claim_rule_misfit(const struct claim_rule *rule, enum claim_test test,
                              const struct claim_captures *captures) MUST_CHECK;
/*
 * The values that a rule of `scope` names, as the attribute of a challenge (RFC 6750 3).
 * false: the rule is about another claim, names none, or a value holds what a scope may not.
 */
bool claim_rule_scope(const struct claim_rule *rule, const struct claim_captures *captures,
                      struct text *out) MUST_CHECK;

#endif
