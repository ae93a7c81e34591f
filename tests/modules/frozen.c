/*
 * frozen.c - a module as it was built against the first header of this ABI, which lies beside it as
 * middleware-1.h and stays as it is. It must keep working with every later gateway.
 *
 * With -DAGAIN it judges live tunnels again, and lets none go on.
 *
 * With -DABI=n, -DSHORT, -DNO_ENTRY, -DNO_MODULE, -DNAME="..." or -DTYPE=n it becomes one that the
 * gateway refuses; with -DPAST its tunnels are over before they begin, and with -DCONTROL it says
 * what no head can hold.
 */
#include "middleware-1.h"

#include <stdlib.h>
#include <string.h>

#ifndef ABI
#define ABI WSGATE_MIDDLEWARE_ABI
#endif
#ifndef NAME
#define NAME "frozen"
#endif
#ifndef TYPE
#define TYPE MW_STRING
#endif
#ifdef SHORT
#define SIZE offsetof(struct mw_module, decide)
#else
#define SIZE sizeof(struct mw_module)
#endif

struct word {
    const struct mw_host *host;
    const char *text;
};

static const struct mw_option options[] = {
    {"word", TYPE, "open", "what X-Word must be", 0, NULL, NULL},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

static void *
setup(const struct mw_options *given, const struct mw_host *host)
{
    struct word *word = calloc(1, sizeof(*word));

    if (word != NULL)
        *word = (struct word){host, host->option_string(given, "word")};
    return word;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct word *word = instance;
    struct mw_str said = word->host->header(request, "X-Word", 0);

    (void)state;
    if (said.at == NULL || said.len != strlen(word->text) ||
        memcmp(said.at, word->text, said.len) != 0)
        return word->host->deny(request, 403, "frozen-word", NULL);
#ifdef PAST
    word->host->deadline(request, 1);
#endif
#ifdef CONTROL
    if (said.at[0] != 'h')
        return word->host->deny(request, 401, "frozen-control", "Basic realm=\"\x01\"");
    (void)!word->host->forward_header(request, "X-A", (struct mw_str){"a\r\nX-B: b", 9});
#endif
    word->host->count(request, "frozen-passed", 1);
    return word->host->label(request, "frozen", said) ? MW_PASS : MW_DENY;
}

#ifdef AGAIN
static enum mw_verdict
revalidate(void *state, void *slot, struct mw_task *task)
{
    (void)state, (void)slot, (void)task;
    return MW_DENY;
}
#endif

static const struct mw_module module = {
    .size = SIZE,
    .abi = ABI,
    .name = NAME,
    .options = options,
    .setup = setup,
    .teardown = free,
    .decide = decide,
#ifdef AGAIN
    .revalidate = revalidate,
#endif
};

#ifndef NO_ENTRY
const struct mw_module *wsgate_module(void);

const struct mw_module *
wsgate_module(void)
{
#ifdef NO_MODULE
    return NULL;
#else
    return &module;
#endif
}
#else
const void *not_the_entry(void);

const void *
not_the_entry(void)
{
    return &module;
}
#endif
