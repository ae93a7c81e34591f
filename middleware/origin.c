/*
 * origin.c - from which web sites a browser may connect (RFC 6454, RFC 6455 10.2).
 *
 * It guards against other sites' scripts in an honest browser, and against nothing
 * else: whoever writes his own client writes any Origin he likes.
 *
 * The instance owns the patterns and the memory that they point into.
 *
 * The hard thing: a list of a thousand sites must not be walked at each
 * handshake. The patterns are sorted, and an origin is looked up whole among
 * the exact ones, then by each of its parent domains among those with "*.":
 * as many binary searches as its host has labels.
 */
#include "registry.h"

#include <wsgate/middleware.h>

#include "base/compiler.h"
#include "protocol/origin.h"

#include <stdlib.h>

/* A scheme, a DNS name (253 bytes) and a port fit; what is longer is no browser's. */
enum { ORIGIN_MAX = 512, AUTHORITY_MAX = 512 };

struct allowed_origins {
    const struct mw_host *host;
    bool missing_passes, same_passes;
    struct origin_pattern *patterns; /* sorted */
    size_t count;
    char *text; /* what the patterns point into */
};

static const struct mw_option options_table[] = {
    {"allow", MW_LIST, NULL,
     "Origins that may connect, like https://app.example.com; *. stands for one or more labels at "
     "the front of a host.",
     0, NULL, NULL},
    {"same_origin", MW_BOOL, "false",
     "Whether the site may connect that has the host and the port of the request itself.", 0, NULL,
     NULL},
    {"missing", MW_WORD, "deny",
     "What becomes of a request without Origin, which no browser sends.", 0, "deny|allow", NULL},
    {NULL, MW_BOOL, NULL, NULL, 0, NULL, NULL},
};

/* ---- The order of patterns --------------------------------------------------- */

static int
compare_text(struct str a, struct str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len == 0 ? 0 : memcmp(a.at, b.at, a.len);
}

static int
compare_patterns(const void *one, const void *other)
{
    const struct origin_pattern *a = one, *b = other;
    int order = compare_text(a->origin.host, b->origin.host);

    if (order == 0)
        order = compare_text(a->origin.scheme, b->origin.scheme);
    if (order == 0)
        order = a->origin.port - b->origin.port;
    if (order == 0)
        order = (int)a->origin.kind - (int)b->origin.kind;
    return order != 0 ? order : a->subdomains - b->subdomains;
}

static bool
has_pattern(const struct allowed_origins *allowed, const struct origin_pattern *pattern)
{
    return bsearch(pattern, allowed->patterns, allowed->count, sizeof(*pattern),
                   compare_patterns) != NULL;
}

/* ---- Setup ------------------------------------------------------------------- */

static size_t
text_bytes(const struct mw_options *options, const struct mw_host *host)
{
    size_t bytes = 1;

    for (size_t i = 0; i < host->option_count(options, "allow"); i++)
        bytes += HOST_OUT_BYTES(strlen(host->option_item(options, "allow", i)));
    return bytes;
}

static bool
read_patterns(struct allowed_origins *allowed, const struct mw_options *options)
{
    const struct mw_host *host = allowed->host;
    bool good = allowed->count > 0 || allowed->same_passes;
    char *text = allowed->text;
    const char *error;

    if (!good && host->option_given(options, "allow"))
        host->option_fault(options, "allow", 0, "the list is empty: nobody could connect");
    else if (!good)
        host->option_fault(options, "allow", 0,
                           "allow and same_origin are both absent: nobody could connect");
    for (size_t i = 0; i < allowed->count; i++) {
        const char *item = host->option_item(options, "allow", i);

        if (!origin_pattern_parse(&allowed->patterns[i], str_of(item), text, &error)) {
            host->option_fault(options, "allow", i, "\"%s\": %s", item, error);
            good = false;
        }
        text += HOST_OUT_BYTES(strlen(item));
    }
    return good;
}

static void
teardown(void *instance)
{
    struct allowed_origins *allowed = instance;

    if (allowed == NULL)
        return;
    free(allowed->patterns);
    free(allowed->text);
    free(allowed);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct allowed_origins *allowed = calloc(1, sizeof(*allowed));

    if (allowed != NULL) {
        allowed->host = host;
        allowed->missing_passes = host->option_integer(options, "missing") == 1;
        allowed->same_passes = host->option_integer(options, "same_origin") != 0;
        allowed->count = host->option_count(options, "allow");
        allowed->patterns = calloc(allowed->count + 1, sizeof(*allowed->patterns));
        allowed->text = malloc(text_bytes(options, host));
    }
    if (allowed == NULL || allowed->patterns == NULL || allowed->text == NULL) {
        host->option_fault(options, "allow", 0, "out of memory");
        teardown(allowed);
        return NULL;
    }
    if (!read_patterns(allowed, options)) {
        teardown(allowed);
        return NULL;
    }
    qsort(allowed->patterns, allowed->count, sizeof(*allowed->patterns), compare_patterns);
    return allowed;
}

/* ---- Deciding ------------------------------------------------------------------ */

/* "a.b.c" becomes "b.c". false: there is only one label. */
static bool
take_label(struct str *name)
{
    const char *dot = name->len > 0 ? memchr(name->at, '.', name->len) : NULL;

    if (dot == NULL)
        return false;
    *name = (struct str){dot + 1, name->len - (size_t)(dot + 1 - name->at)};
    return true;
}

/* Whole, and then by each parent domain. */
static bool
is_allowed(const struct allowed_origins *allowed, const struct origin *origin)
{
    struct origin_pattern pattern = {.origin = *origin};

    if (has_pattern(allowed, &pattern))
        return true;
    pattern.subdomains = true;
    while (take_label(&pattern.origin.host))
        if (has_pattern(allowed, &pattern))
            return true;
    return false;
}

/*
 * The browser's own word, where it sends one, is better than a comparison: a proxy in between may
 * have written another Host. No page can write this field (it is forbidden to scripts), and other
 * programs can write any Origin anyway. `same-site` and `none` say nothing about the origin.
 */
static bool
is_same(const struct allowed_origins *allowed, const struct origin *origin,
        const struct mw_request *request)
{
    const struct mw_host *host = allowed->host;
    struct mw_str said = host->header(request, "sec-fetch-site", 0);
    struct mw_str authority = host->header(request, "host", 0);
    struct str site = {said.at, said.len};
    struct host asked;
    char text[HOST_OUT_BYTES(AUTHORITY_MAX)];
    const char *error;

    if (!allowed->same_passes || origin->kind != ORIGIN_TUPLE ||
        host->header(request, "sec-fetch-site", 1).at != NULL)
        return false;
    if (said.at != NULL && str_equal(site, STR("same-origin")))
        return true;
    if ((said.at != NULL && str_equal(site, STR("cross-site"))) || authority.at == NULL ||
        authority.len > AUTHORITY_MAX)
        return false;
    return host_parse_port(&asked, (struct str){authority.at, authority.len}, text, &error) &&
           origin_is_of(origin, &asked);
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct allowed_origins *allowed = instance;
    const struct mw_host *host = allowed->host;
    struct mw_str sent = host->header(request, "origin", 0);
    struct origin origin;
    char text[HOST_OUT_BYTES(ORIGIN_MAX)];
    const char *error;

    (void)state;
    if (host->header(request, "origin", 1).at != NULL)
        return host->deny(request, 400, "origin-repeated", NULL);
    if (sent.at == NULL && allowed->missing_passes)
        return MW_PASS;
    if (sent.at == NULL)
        return host->deny(request, 403, "origin-missing", NULL);
    if (sent.len > ORIGIN_MAX ||
        !origin_parse(&origin, (struct str){sent.at, sent.len}, text, &error))
        return host->deny(request, 403, "origin-malformed", NULL);
    if (!is_allowed(allowed, &origin) && !is_same(allowed, &origin, request))
        return host->deny(request, 403, "origin-not-allowed", NULL);
    return MW_PASS;
}

const struct mw_module origin_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "origin",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .decide = decide,
};
