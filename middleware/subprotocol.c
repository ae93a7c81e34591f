/*
 * subprotocol.c - which subprotocols a client may offer (RFC 6455 1.9, 11.3.4).
 *
 * Names are compared as they are, in their case of letters. What has the form of a credential
 * (protocol/subprotocol.h) is no subprotocol. Whoever reads it finds it, here or elsewhere in the
 * chain; the backend never does, or `bearer, admin` would offer it a subprotocol past the list.
 */
#include "registry.h"

#include <wsgate/middleware.h>

#include "base/compiler.h"
#include "base/str.h"
#include "protocol/http_head.h"
#include "protocol/subprotocol.h"

#include <stdlib.h>

enum { NAMES_MAX = 32 };

struct subprotocols {
    const struct mw_host *host;
    const char *allow[NAMES_MAX];
    size_t count;
    bool required, removes;
};

static const struct mw_option options_table[] = {
    {"allow", MW_LIST, NULL, "Subprotocols that may be offered.", MW_REQUIRED},
    {"required", MW_BOOL, "false", "Whether at least one of them has to be offered."},
    {"others", MW_WORD, "refuse", "What becomes of others: 403, or the backend does not see them.",
     0, "refuse|remove"},
    {0},
};

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    size_t count = host->option_count(options, "allow");
    struct subprotocols *made = calloc(1, sizeof(*made));
    bool good = made != NULL && count > 0 && count <= NAMES_MAX;

    if (made != NULL && !good)
        host->option_fault(options, "allow", 0, "expected 1 to %d subprotocols", NAMES_MAX);
    for (size_t i = 0; good && i < count; i++) {
        made->allow[i] = host->option_item(options, "allow", i);
        struct str name = str_of(made->allow[i]);
        const char *fault = !http_is_token(name)               ? "is no name of a subprotocol"
                            : subprotocol_credential(name) > 0 ? "stands for a credential"
                                                               : NULL;
        if (fault == NULL)
            continue;
        host->option_fault(options, "allow", i, "`%s` %s", made->allow[i], fault);
        good = false;
    }
    if (!good) {
        free(made);
        return NULL;
    }
    made->host = host;
    made->count = count;
    made->required = host->option_integer(options, "required") != 0;
    made->removes = host->option_integer(options, "others") == 1;
    return made;
}

static bool
is_allowed(const struct subprotocols *subprotocols, struct mw_str name)
{
    for (size_t i = 0; i < subprotocols->count; i++)
        if (str_equal((struct str){name.at, name.len}, str_of(subprotocols->allow[i])))
            return true;
    return false;
}

/* Takes `count` entries out, from the i-th on, of which the last may not be there. */
static bool
take_out(const struct mw_host *host, struct mw_request *request, size_t i, size_t count)
{
    for (; count > 0 && host->subprotocol(request, i).at != NULL; i++, count--)
        if (!host->strip(request, MW_SUBPROTOCOL, NULL, i))
            return false;
    return true;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct subprotocols *subprotocols = instance;
    const struct mw_host *host = subprotocols->host;
    size_t allowed = 0, entries;
    struct mw_str name;

    (void)state;
    for (size_t i = 0; (name = host->subprotocol(request, i)).at != NULL; i += entries) {
        size_t credential = subprotocol_credential((struct str){name.at, name.len});

        entries = credential > 0 ? credential : 1;
        if (credential == 0 && is_allowed(subprotocols, name))
            allowed++;
        else if (credential == 0 && !subprotocols->removes)
            return host->deny(request, 403, "subprotocol-not-allowed", NULL);
        else if (!take_out(host, request, i, entries))
            return MW_DENY;
    }
    if (subprotocols->required && allowed == 0)
        return host->deny(request, 403, "subprotocol-missing", NULL);
    return MW_PASS;
}

const struct mw_module subprotocol_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "subprotocol",
    .options = options_table,
    .setup = setup,
    .teardown = free,
    .decide = decide,
};
