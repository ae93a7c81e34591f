/*
 * claims.c - a module that gives a claim or reads one, built against the installed header alone.
 *
 * give: the client says in X-Give what each claim is that a module of the route reads. read: the
 * name of the claim that becomes a label, with its issuer.
 */
#include <wsgate/middleware.h>

#include <stdlib.h>

struct claims {
    const struct mw_host *host;
    const char *read; /* NULL: it gives */
};

static const struct mw_option options[] = {
    {"read", MW_STRING, NULL, "a claim", 0, NULL, NULL},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

static void *
setup(const struct mw_options *given, const struct mw_host *host)
{
    struct claims *claims = calloc(1, sizeof(*claims));

    if (claims == NULL)
        return NULL;
    *claims = (struct claims){host, host->option_string(given, "read")};
    if (claims->read == NULL)
        host->offer_claims(given);
    else if (!host->expect_claim(given, "read", 0, claims->read))
        host->option_fault(given, "read", 0, "out of memory");
    return claims;
}

static enum mw_verdict
give(const struct mw_host *host, struct mw_request *request)
{
    static const struct mw_str issuer = {"plug-in", 7}, unread = {"x", 1};
    struct mw_str value = host->header(request, "X-Give", 0);
    const char *name;

    for (size_t i = 0; (name = host->expected_claim(request, i)) != NULL; i++)
        if (!host->give_claim(request, name, issuer, value))
            return MW_DENY;
    return host->give_claim(request, "nobody.reads.it", issuer, unread) ? MW_PASS : MW_DENY;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct claims *claims = instance;
    const struct mw_host *host = claims->host;
    struct mw_str issuer, value;

    (void)state;
    if (host->size < offsetof(struct mw_host, claim) + sizeof(host->claim))
        return host->deny(request, 503, "old-gateway", NULL);
    if (claims->read == NULL)
        return give(host, request);
    value = host->claim(request, claims->read, &issuer);
    if (value.at == NULL)
        return host->deny(request, 403, "claim-missing", NULL);
    return host->label(request, "value", value) && host->label(request, "by", issuer) ? MW_PASS
                                                                                      : MW_DENY;
}

static const struct mw_module module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "claims",
    .options = options,
    .setup = setup,
    .teardown = free,
    .decide = decide,
};

const struct mw_module *
wsgate_module(void)
{
    return &module;
}
