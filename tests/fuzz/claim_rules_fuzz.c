/*
 * claim_rules_fuzz.c - a rule, a capture and claims, as a module would put them together.
 *
 * Input: lines. The first is the rule's path, the second a value (a template, and a pattern too),
 * the third a capture as a path has it, the rest the claims as JSON. Beside not crashing, the tests
 * of a rule must be in harmony: what one says of a claim binds what another may say.
 */
#include "fuzz.h"

#include "token/claim_rules.h"
#include "token/claim_value.h"
#include "token/claims.h"

static struct str
find_capture(void *arg, const char *name)
{
    const char *capture = arg;

    return *name == 'r' ? str_of(capture) : STR_NONE;
}

/* A line off the front, as a string in memory of its own, without what follows a NUL in it. */
static char *
take_line(struct str *input)
{
    const char *end = input->len > 0 ? memchr(input->at, '\n', input->len) : NULL;
    size_t len = end ? (size_t)(end - input->at) : input->len;
    char *line = malloc(len + 1);

    FUZZ_REQUIRE(line != NULL);
    if (len > 0)
        memcpy(line, input->at, len);
    line[len] = '\0';
    input->at += len + (end != NULL);
    input->len -= len + (end != NULL);
    return line;
}

struct question {
    const char *path, *value;
    const struct json_node *claims;
    struct claim_captures captures;
};

enum answer { NO_RULE, HOLDS, BROKEN };

/* A rule of one test, with so many times the value, or of `present`. */
static enum answer
ask(const struct question *question, enum claim_test test, int values, bool present)
{
    struct claim_rules *rules = claim_rules_new(1);
    struct claim_error error = {""};
    struct claim_rule *rule = claim_rules_add(rules, question->path, &error);
    enum claim_test broken_test;
    enum answer answer = NO_RULE;
    char space[256];
    struct text scope = {space, 0, sizeof(space), false};
    bool made = rule != NULL;

    for (int i = 0; made && i < values; i++)
        made = claim_rule_add(rule, test, question->value, &error);
    if (made && test == CLAIM_PRESENT)
        claim_rule_set_present(rule, present);
    if (made) {
        const struct claim_rule *broken =
            claim_rules_broken(rules, question->claims, &question->captures, &broken_test);
        FUZZ_REQUIRE(!broken || (broken == rule && broken_test == test));
        answer = broken ? BROKEN : HOLDS;
        if (claim_rule_scope(rule, &question->captures, &scope))
            FUZZ_REQUIRE(!memchr(space, '"', scope.len) && !memchr(space, '\n', scope.len));
    } else {
        FUZZ_REQUIRE(error.text[0] != '\0');
    }
    claim_rules_free(rules);
    return answer;
}

static void
check_harmony(const struct question *question)
{
    enum answer present = ask(question, CLAIM_PRESENT, 0, true);
    enum answer absent = ask(question, CLAIM_PRESENT, 0, false);
    enum answer equals = ask(question, CLAIM_EQUALS, 1, false);
    enum answer contains = ask(question, CLAIM_CONTAINS, 1, false);
    enum answer matches = ask(question, CLAIM_MATCHES, 1, false);

    FUZZ_REQUIRE(present == NO_RULE ? absent == NO_RULE : present != absent);
    FUZZ_REQUIRE(contains == ask(question, CLAIM_ANY_OF, 1, false));
    FUZZ_REQUIRE(contains == ask(question, CLAIM_ALL_OF, 1, false));
    FUZZ_REQUIRE(contains == ask(question, CLAIM_ANY_OF, 2, false));
    FUZZ_REQUIRE(contains == ask(question, CLAIM_ALL_OF, 2, false));
    FUZZ_REQUIRE(equals != HOLDS || present == HOLDS);
    FUZZ_REQUIRE(contains != HOLDS || present == HOLDS);
    FUZZ_REQUIRE(matches != HOLDS || present == HOLDS);
}

/* Of letters and digits a template is itself, and so is a pattern. */
static void
check_plain(const struct question *question)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strlen(question->value);

    if (len == 0 || len > CLAIM_PATTERN_TEXT_MAX || strspn(question->value, plain) != len)
        return;
    enum answer equals = ask(question, CLAIM_EQUALS, 1, false);
    enum answer contains = ask(question, CLAIM_CONTAINS, 1, false);
    enum answer matches = ask(question, CLAIM_MATCHES, 1, false);
    FUZZ_REQUIRE(equals != HOLDS || (contains == HOLDS && matches == HOLDS));
    FUZZ_REQUIRE(matches != HOLDS || contains == HOLDS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *block = fuzz_block(data, size);
    struct str input = {block, size};
    char *path = take_line(&input), *value = take_line(&input), *capture = take_line(&input);
    struct claims *claims = claims_of_text(input);

    if (claims) {
        const struct question question = {path, value, claims->all, {find_capture, capture}};
        check_harmony(&question);
        check_plain(&question);
    }
    claims_free(claims);
    free(path);
    free(value);
    free(capture);
    free(block);
    return 0;
}
