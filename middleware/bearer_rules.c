/* bearer_rules.c - see bearer_rules.h. What a rule means is claim_rules.h's. */
#include "bearer_rules.h"

#include "protocol/jose.h"

#include <stdio.h>

enum { SCOPE_MAX = 512 }; /* bytes; a challenge with a longer one goes without */

const struct mw_option bearer_rule_options[] = {
    {"equals", MW_STRING, NULL, "What the claim must be."},
    {"any_of", MW_LIST, NULL, "Values of which the claim must have one."},
    {"all_of", MW_LIST, NULL, "Values that the claim must all have."},
    {"contains", MW_STRING, NULL, "A value that the claim must have."},
    {"matches", MW_STRING, NULL, "An extended regular expression that the whole claim must match."},
    {"present", MW_BOOL, NULL, "Whether there must be such a claim, or must be none."},
    {NULL},
};

/* ---- Options ------------------------------------------------------------------------ */

static bool
fault(const struct mw_options *options, const struct mw_host *host, const char *word, size_t i,
      const char *text)
{
    host->option_fault(options, word, i, "%s", text);
    return false;
}

/* The i-th value of a test. */
static bool
read_value(struct claim_rule *rule, enum claim_test test, const struct mw_options *options,
           const struct mw_host *host, size_t i, const char *value)
{
    const char *word = claim_test_word(test), *capture;
    struct claim_error error;

    if (!claim_rule_add(rule, test, value, &error))
        return fault(options, host, word, i, error.text);
    for (size_t n = 0; (capture = claim_rule_capture(rule, test, n)) != NULL; n++)
        if (!host->expect_capture(options, word, i, capture))
            return fault(options, host, word, i, "out of memory");
    return true;
}

/* Each value of a test. An empty list looks like "any" or like "none", and is never what was
 * meant. */
static bool
read_list(struct claim_rule *rule, enum claim_test test, const struct mw_options *options,
          const struct mw_host *host)
{
    const char *word = claim_test_word(test);
    size_t count = host->option_count(options, word);
    bool ok = true;

    if (count == 0)
        return fault(options, host, word, 0, "empty; leave it out, or name one");
    for (size_t i = 0; i < count; i++)
        ok = read_value(rule, test, options, host, i, host->option_item(options, word, i)) && ok;
    return ok;
}

static bool
read_present(struct claim_rule *rule, size_t tests, const struct mw_options *options,
             const struct mw_host *host)
{
    bool present = host->option_integer(options, "present") != 0;

    if (!present && tests > 1)
        return fault(options, host, "present", 0,
                     "a claim that must be absent has nothing to test");
    claim_rule_set_present(rule, present);
    return true;
}

static bool
read_test(struct claim_rule *rule, enum claim_test test, size_t tests,
          const struct mw_options *options, const struct mw_host *host)
{
    if (test == CLAIM_PRESENT)
        return read_present(rule, tests, options, host);
    if (test == CLAIM_ANY_OF || test == CLAIM_ALL_OF)
        return read_list(rule, test, options, host);
    return read_value(rule, test, options, host, 0,
                      host->option_string(options, claim_test_word(test)));
}

/* The i-th rule. */
static bool
read_rule(struct claim_rules *rules, const struct mw_options *options, const struct mw_host *host,
          size_t i)
{
    const struct mw_options *members = host->option_member(options, "claims", i);
    struct claim_error error;
    struct claim_rule *rule =
        claim_rules_add(rules, host->option_key(options, "claims", i), &error);
    size_t tests = 0;
    bool ok = true;

    if (!rule)
        return fault(options, host, "claims", i, error.text);
    for (enum claim_test test = CLAIM_EQUALS; test < CLAIM_TEST_COUNT; test++)
        tests += host->option_given(members, claim_test_word(test));
    if (tests == 0) {
        host->option_fault(members, "equals", 0,
                           "nothing is asked of `%s`; "
                           "expected equals, any_of, all_of, contains, matches or present",
                           claim_rule_path(rule));
        return false;
    }
    for (enum claim_test test = CLAIM_EQUALS; test < CLAIM_TEST_COUNT; test++)
        if (host->option_given(members, claim_test_word(test)))
            ok = read_test(rule, test, tests, members, host) && ok;
    return ok;
}

bool
bearer_rules_read(struct claim_rules **rules, const struct mw_options *options,
               const struct mw_host *host)
{
    size_t count = host->option_count(options, "claims");
    bool ok = true;

    *rules = NULL;
    if (!host->option_given(options, "claims"))
        return true;
    if (count == 0)
        return fault(options, host, "claims", 0, "empty; leave it out, or name one");
    *rules = claim_rules_new(count);
    if (!*rules)
        return fault(options, host, "claims", 0, "out of memory");
    for (size_t i = 0; i < count; i++)
        ok = read_rule(*rules, options, host, i) && ok;
    return ok;
}

/* ---- A request ------------------------------------------------------------------------ */

struct asker {
    const struct mw_host *host;
    const struct mw_request *request;
};

static struct str
find_capture(void *arg, const char *name)
{
    const struct asker *asker = arg;
    struct mw_str capture = asker->host->capture(asker->request, name);

    return (struct str){capture.at, capture.len};
}

/* With the scope that the rule names, where there is memory and it can be named. */
static const char *
with_scope(const char *challenge, const struct claim_rule *rule,
           const struct claim_captures *captures, const struct mw_host *host,
           struct mw_request *request)
{
    char space[SCOPE_MAX];
    struct text scope = {space, 0, sizeof(space), false};

    if (!claim_rule_scope(rule, captures, &scope))
        return challenge;
    size_t size = strlen(challenge) + scope.len + sizeof(", scope=\"\"");
    char *text = host->alloc(request, size);
    if (!text)
        return challenge;
    snprintf(text, size, "%s, scope=\"" STR_FMT "\"", challenge, STR_ARG(text_str(&scope)));
    return text;
}

static bool
label(const struct mw_host *host, struct mw_request *request, const char *key, const char *value)
{
    return host->label(request, key, (struct mw_str){value, strlen(value)});
}

/* false: the gateway has said why. */
static bool
tell(const struct mw_host *host, struct mw_request *request, const struct claim_rule *broken,
     enum claim_test test, const struct claim_captures *captures)
{
    const char *misfit = claim_rule_misfit(broken, test, captures);

    return label(host, request, "claim", claim_rule_path(broken)) &&
           label(host, request, "rule", claim_test_word(test)) &&
           (!misfit || label(host, request, "capture", misfit));
}

enum mw_verdict
bearer_rules_judge(const struct claim_rules *rules, const struct mw_host *host,
                struct mw_request *request, const struct json_node *claims, const char *challenge)
{
    struct asker asker = {host, request};
    const struct claim_captures captures = {find_capture, &asker};
    const struct jose_reason_row *row = jose_reason(JOSE_RULES);
    enum claim_test test;
    const struct claim_rule *broken =
        rules ? claim_rules_broken(rules, claims, &captures, &test) : NULL;

    if (!broken)
        return MW_PASS;
    if (!tell(host, request, broken, test, &captures))
        return MW_DENY;
    return host->deny(request, row->status, row->word,
                      with_scope(challenge, broken, &captures, host, request));
}

/* ---- A tunnel ------------------------------------------------------------------------- */

struct tunnel {
    const struct mw_host *host;
    const struct mw_task *task;
};

static struct str
find_tunnel_capture(void *arg, const char *name)
{
    const struct tunnel *tunnel = arg;
    struct mw_str capture = tunnel->host->tunnel_capture(tunnel->task, name);

    return (struct str){capture.at, capture.len};
}

bool
bearer_rules_hold(const struct claim_rules *rules, const struct mw_host *host,
                  const struct mw_task *task, const struct json_node *claims)
{
    struct tunnel tunnel = {host, task};
    const struct claim_captures captures = {find_tunnel_capture, &tunnel};
    enum claim_test test;

    return !rules || !claim_rules_broken(rules, claims, &captures, &test);
}
