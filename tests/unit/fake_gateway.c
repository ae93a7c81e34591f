/* fake_gateway.c - a gateway in a test's hands, so that a module can be asked alone. */
#include "fake_gateway.h"
#include "unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

static size_t fault_count;
static char fault_text[1024];

/* A word that is not in the module's table is the module's error. */
static const struct mw_module *module_of_test;

static const struct fake_option *
find(const struct mw_options *options, const char *word)
{
    const struct mw_option *known = module_of_test->options;

    while (known->word != NULL && strcmp(known->word, word) != 0)
        known++;
    ck_assert_msg(known->word != NULL, "%s has no option %s", module_of_test->name, word);
    for (const struct fake_option *row = options->rows; row->word != NULL; row++)
        if (strcmp(row->word, word) == 0)
            return row;
    return NULL;
}

static bool
option_given(const struct mw_options *options, const char *word)
{
    return find(options, word) != NULL;
}

static int64_t
option_integer(const struct mw_options *options, const char *word)
{
    const struct fake_option *row = find(options, word);

    return row ? row->integer : 0;
}

static size_t
option_count(const struct mw_options *options, const char *word)
{
    const struct fake_option *row = find(options, word);
    size_t count = 0;

    while (row != NULL && row->items[count] != NULL)
        count++;
    return count;
}

static const char *
option_item(const struct mw_options *options, const char *word, size_t i)
{
    return i < option_count(options, word) ? find(options, word)->items[i] : NULL;
}

static void __attribute__((format(printf, 4, 5)))
option_fault(const struct mw_options *options, const char *word, size_t i, const char *format, ...)
{
    va_list arguments;
    int len = snprintf(fault_text, sizeof(fault_text), "%s[%zu]: ", word, i);

    (void)find(options, word);
    va_start(arguments, format);
    vsnprintf(fault_text + len, sizeof(fault_text) - (size_t)len, format, arguments);
    va_end(arguments);
    fault_count++;
}

static const struct sockaddr *
peer_address(const struct mw_request *request)
{
    return request->peer;
}

static struct mw_str
header(const struct mw_request *request, const char *name, size_t i)
{
    for (const struct fake_field *field = request->fields; field && field->name; field++)
        if (strcasecmp(field->name, name) == 0 && i-- == 0)
            return field->value;
    return (struct mw_str){NULL, 0};
}

static enum mw_verdict
deny(struct mw_request *request, int status, const char *word, const char *challenge)
{
    (void)challenge;
    request->status = status;
    request->word = word;
    return MW_DENY;
}

const struct mw_host fake_gateway = {
    .size = sizeof(struct mw_host),
    .option_given = option_given,
    .option_integer = option_integer,
    .option_count = option_count,
    .option_item = option_item,
    .option_fault = option_fault,
    .peer_address = peer_address,
    .header = header,
    .deny = deny,
};

size_t
fake_gateway_fault_count(void)
{
    return fault_count;
}

const char *
fake_gateway_fault(void)
{
    return fault_text;
}

void *
fake_gateway_setup(const struct mw_module *module, const struct fake_option *rows)
{
    struct mw_options options = {rows};

    module_of_test = module;
    fault_count = 0;
    fault_text[0] = '\0';
    void *instance = module->setup(&options, &fake_gateway);

    ck_assert_msg((instance == NULL) == (fault_count > 0), "an instance or a fault, not both: %s",
                  fault_text);
    return instance;
}

enum mw_verdict
fake_gateway_decide(const struct mw_module *module, const void *instance,
                    struct mw_request *request)
{
    request->status = 0;
    request->word = NULL;
    enum mw_verdict verdict = module->decide(instance, NULL, request);

    ck_assert((verdict == MW_DENY) == (request->status != 0));
    return verdict;
}
