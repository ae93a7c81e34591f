/*
 * subprotocol.c - which subprotocols a client may offer (RFC 6455 1.9, 11.3.4).
 *
 * Names are compared as they are, in their case of letters. What carries a credential (bearer and
 * the token behind it, the long form of Kubernetes, an API key) is no subprotocol, and is not
 * looked at: the module that reads it takes it out.
 */
#include "registry.h"

#include <wsgate/middleware.h>

#include "api_key_table.h"
#include "base/compiler.h"
#include "base/str.h"
#include "protocol/http_chars.h"
#include "protocol/http_head.h"

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
        if (http_is_token(str_of(made->allow[i])))
            continue;
        host->option_fault(options, "allow", i, "`%s` is no name of a subprotocol", made->allow[i]);
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

/* How many entries from this one on are a credential. */
static size_t
credential_entries(struct mw_str name)
{
    struct str text = {name.at, name.len};

    if (str_equal_nocase(text, STR("bearer")))
        return 2;
    return str_starts_with(text, STR("base64url.bearer.authorization.k8s.io.")) ||
           str_starts_with(text, STR(API_KEY_PROTOCOL));
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct subprotocols *subprotocols = instance;
    const struct mw_host *host = subprotocols->host;
    size_t allowed = 0;
    struct mw_str name;

    (void)state;
    for (size_t i = 0; (name = host->subprotocol(request, i)).at != NULL;) {
        size_t skip = credential_entries(name);

        if (skip == 0 && is_allowed(subprotocols, name))
            allowed++;
        else if (skip == 0 && !subprotocols->removes)
            return host->deny(request, 403, "subprotocol-not-allowed", NULL);
        else if (skip == 0 && !host->strip(request, MW_SUBPROTOCOL, NULL, i))
            return MW_DENY;
        i += skip > 0 ? skip : 1;
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
