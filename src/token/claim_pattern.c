/*
 * claim_pattern.c - see claim_pattern.h.
 *
 * The whole text must match, so the expression is compiled as "^(...)$". That is
 * right only if its parentheses pair: "a)|(b" would match anything that begins with an a.
 * The same walk finds back-references.
 */
#include "token/claim_pattern.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

struct claim_pattern {
    regex_t regex;
};

/* Behind the "]" of the bracket expression that begins at `at`; NULL: there is none. Inside, a
 * backslash is a character like others, and so is "]" in the first place. */
static const char *
skip_brackets(const char *at)
{
    at += at[1] == '^' ? 2 : 1;
    if (*at == ']')
        at++;
    for (; *at && *at != ']'; at++) {
        if (*at != '[' || !at[1] || !strchr(".=:", at[1]))
            continue;
        const char end[] = {at[1], ']', '\0'}; /* of [:alpha:], [.hyphen.], [=a=] */
        at = strstr(at + 2, end);
        if (!at)
            return NULL;
        at++;
    }
    return *at ? at + 1 : NULL;
}

/* NULL: it is sound as far as the C library does not look. */
static const char *
fault_of(const char *at)
{
    int depth = 0;

    while (*at) {
        if (*at == '[') {
            at = skip_brackets(at);
            if (!at)
                return "a \"[\" without its \"]\"";
            continue;
        }
        if (*at == '\\' && at[1] >= '0' && at[1] <= '9')
            return "back-references are not allowed";
        if (*at == '(')
            depth++;
        if (*at == ')' && depth-- == 0)
            return "a \")\" without its \"(\"";
        at += *at == '\\' && at[1] ? 2 : 1;
    }
    return depth == 0 ? NULL : "a \"(\" without its \")\"";
}

static bool
compile(struct claim_pattern *pattern, const char *text, struct claim_error *error)
{
    char *whole;
    int len = asprintf(&whole, "^(%s)$", text);

    if (len == -1) {
        snprintf(error->text, sizeof(error->text), "out of memory");
        return false;
    }
    int status = regcomp(&pattern->regex, whole, REG_EXTENDED | REG_NOSUB);
    free(whole);
    if (status != 0)
        regerror(status, &pattern->regex, error->text, sizeof(error->text));
    return status == 0;
}

struct claim_pattern *
claim_pattern_new(const char *text, struct claim_error *error)
{
    const char *fault = *text ? fault_of(text) : "empty; leave it out, or name one";
    struct claim_pattern *pattern = fault ? NULL : calloc(1, sizeof(*pattern));

    if (!pattern) {
        snprintf(error->text, sizeof(error->text), "%s", fault ? fault : "out of memory");
        return NULL;
    }
    if (compile(pattern, text, error))
        return pattern;
    free(pattern);
    return NULL;
}

void
claim_pattern_free(struct claim_pattern *pattern)
{
    if (!pattern)
        return;
    regfree(&pattern->regex);
    free(pattern);
}

bool
claim_pattern_matches(const struct claim_pattern *pattern, struct str text)
{
    return text.len <= CLAIM_PATTERN_TEXT_MAX &&
           regexec(&pattern->regex, text.at, 0, NULL, 0) == 0;
}
