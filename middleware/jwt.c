/*
 * jwt.c - the middleware module that admits by JSON Web Token (RFC 7519, 6750).
 *
 * It finds the one credential (credential.h), takes it out of what the backend
 * sees, has it judged (token/verify.h), and says who it is, when the tunnel must
 * end, and which claims go to the backend (claim_header.h).
 *
 * An instance is constant after setup: keys, policy and every challenge that a
 * refusal may need. A worker's state is its verifier. Nothing is kept for a
 * request, and claims are freed before decide returns: the gateway copies what
 * it is handed.
 */
#include "claim_header.h"
#include "credential.h"
#include "jwt_keys.h"
#include "registry.h"
#include "token/verify.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

enum {
    PLACES_MAX = 16,
    FORWARDS_MAX = 32, /* the gateway takes 64 headers a request, from all modules */
    LEEWAY_MAX_MS = 3600 * 1000, /* clocks that differ by more are broken */
};

enum { ON_EXPIRY_CLOSE, ON_EXPIRY_KEEP };

struct jwt {
    const struct mw_host *host;
    const struct keyset *keyset;
    struct verify_policy policy;
    struct str *audiences;
    struct credential_place places[PLACES_MAX];
    size_t place_count;
    struct claim_header forwards[FORWARDS_MAX];
    size_t forward_count;
    bool close_on_expiry, forward_token;
    char *challenges[JOSE_REASON_COUNT];
};

static const struct mw_option options_table[] = {
    {"keys", MW_OBJECTS, NULL, "Keys to verify with.", 0, NULL, jwt_key_options},
    {"jwks_file", MW_FILE, NULL, "File with a JSON Web Key Set."},
    {"jwks_url", MW_STRING, NULL, "Address of a JSON Web Key Set.", MW_LATER},
    {"cache_file", MW_STRING, NULL, "Where the last good key set is kept.", MW_LATER},
    {"refresh", MW_DURATION, NULL, "How often the key set is fetched.", MW_LATER},
    {"discovery", MW_STRING, NULL, "Address of an OpenID provider.", MW_LATER},
    {"introspection", MW_STRING, NULL, "Address that judges opaque tokens.", MW_LATER},
    {"algorithms", MW_LIST, NULL,
     "Accepted algorithms, of" JOSE_NAMES "; default: all that the keys serve."},
    {"issuer", MW_STRING, NULL, "The iss that a token must have."},
    {"audience", MW_LIST, NULL, "A token's aud must have one of these."},
    {"typ", MW_STRING, NULL, "The typ that a token's header must have, such as at+jwt."},
    {"token_from", MW_LIST, "header",
     "Where the token is: header, \"cookie:NAME\", \"query:NAME\", subprotocol."},
    {"leeway", MW_DURATION, "0", "How far clocks may differ, for exp and nbf; at most 1h."},
    {"require_expiration", MW_BOOL, "true", "Whether a token without exp is refused."},
    {"max_age", MW_DURATION, NULL, "How old a token may be, by its iat.", MW_LATER},
    {"claims", MW_MAP, NULL, "Rules for claims.", MW_LATER},
    {"forward_claims", MW_MAP, NULL, "Claims for the backend: a claim's path, then a header name."},
    {"forward_token", MW_BOOL, "false",
     "Whether the backend sees the token too; never if it was among the subprotocols."},
    {"on_expiry", MW_WORD, "close", "What happens to the tunnel when its token expires.", 0,
     "close|keep"},
    {"realm", MW_STRING, "wsgate", "The realm named in WWW-Authenticate."},
    {NULL},
};

/* ---- Options ---------------------------------------------------------------- */

/* An empty list looks like "any" or like "none", and is never what was meant. */
static bool
check_lists(const struct jwt *jwt, const struct mw_options *options)
{
    static const char *const words[] = {"algorithms", "audience", "token_from"};
    bool ok = true;

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!jwt->host->option_given(options, words[i]) ||
            jwt->host->option_count(options, words[i]) > 0)
            continue;
        jwt->host->option_fault(options, words[i], 0, "empty; leave it out, or name one");
        ok = false;
    }
    return ok;
}

/* `algorithms` as a mask. Each wrong name is a fault. */
static bool
read_algorithms(struct jwt *jwt, const struct mw_options *options)
{
    size_t count = jwt->host->option_count(options, "algorithms");
    bool ok = true;

    jwt->policy.algorithms = count ? 0 : JOSE_ALL_ALGORITHMS;
    for (size_t i = 0; i < count; i++) {
        const char *name = jwt->host->option_item(options, "algorithms", i);
        enum jose_algorithm algorithm = jose_algorithm_named(str_of(name));

        if (algorithm == JOSE_NO_ALGORITHM) {
            jwt->host->option_fault(options, "algorithms", i,
                                    "\"%s\" is no algorithm; expected one of" JOSE_NAMES, name);
            ok = false;
        } else {
            jwt->policy.algorithms |= JOSE_BIT(algorithm);
        }
    }
    return ok;
}

static bool
read_places(struct jwt *jwt, const struct mw_options *options)
{
    size_t count = jwt->host->option_count(options, "token_from");
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        struct credential_place place;
        const char *error = NULL;

        if (i >= PLACES_MAX)
            error = "too many places";
        else if (credential_place_parse(
                     &place, jwt->host->option_item(options, "token_from", i), &error))
            for (size_t j = 0; j < jwt->place_count; j++)
                if (credential_place_equal(&place, &jwt->places[j]))
                    error = "named twice";
        if (error)
            jwt->host->option_fault(options, "token_from", i, "%s", error);
        else
            jwt->places[jwt->place_count++] = place;
        ok = ok && !error;
    }
    return ok;
}

/* Does an earlier claim go to that header? */
static bool
is_header_taken(const struct jwt *jwt, const char *header)
{
    for (size_t i = 0; i < jwt->forward_count; i++)
        if (strcasecmp(jwt->forwards[i].header, header) == 0)
            return true;
    return false;
}

static bool
read_forwards(struct jwt *jwt, const struct mw_options *options)
{
    size_t count = jwt->host->option_count(options, "forward_claims");
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        const char *claim = jwt->host->option_key(options, "forward_claims", i);
        const char *header = jwt->host->option_item(options, "forward_claims", i);
        const char *error = NULL;

        if (jwt->forward_count == FORWARDS_MAX)
            error = "too many claims";
        else if (is_header_taken(jwt, header))
            error = "another claim goes to this header";
        else if (claim_header_init(&jwt->forwards[jwt->forward_count], claim, header, &error)) {
            jwt->forward_count++;
            if (!jwt->host->reserve_header(options, header)) /* on every route, this one or not */
                error = "out of memory";
        }
        if (error)
            jwt->host->option_fault(options, "forward_claims", i, "%s", error);
        ok = ok && !error;
    }
    return ok;
}

static bool
read_audiences(struct jwt *jwt, const struct mw_options *options)
{
    size_t count = jwt->host->option_count(options, "audience");

    if (count == 0)
        return true;
    jwt->audiences = calloc(count, sizeof(*jwt->audiences));
    bool ok = jwt->audiences != NULL;
    if (!ok)
        jwt->host->option_fault(options, "audience", 0, "out of memory");
    for (size_t i = 0; ok && i < count; i++)
        jwt->audiences[i] = str_of(jwt->host->option_item(options, "audience", i));
    jwt->policy.audiences = jwt->audiences;
    jwt->policy.audience_count = count;
    return ok;
}

/* `word` as a string; an empty one is a fault, for it looks like "any" and is not. */
static bool
read_name(struct jwt *jwt, const struct mw_options *options, const char *word, struct str *name)
{
    *name = str_of(jwt->host->option_string(options, word));
    if (!name->at || name->len > 0)
        return true;
    jwt->host->option_fault(options, word, 0, "empty; leave it out, or name one");
    return false;
}

static bool
read_scalars(struct jwt *jwt, const struct mw_options *options)
{
    const struct mw_host *host = jwt->host;
    bool ok = read_name(jwt, options, "issuer", &jwt->policy.issuer);

    ok = read_name(jwt, options, "typ", &jwt->policy.type) && ok;
    jwt->policy.leeway_ms = host->option_integer(options, "leeway");
    if (jwt->policy.leeway_ms > LEEWAY_MAX_MS) {
        host->option_fault(options, "leeway", 0, "expected at most 1h");
        ok = false;
    }
    jwt->policy.require_expiration = host->option_integer(options, "require_expiration") != 0;
    jwt->close_on_expiry = host->option_integer(options, "on_expiry") == ON_EXPIRY_CLOSE;
    jwt->forward_token = host->option_integer(options, "forward_token") != 0;
    return ok;
}

/* ---- Challenges ----------------------------------------------------------------- */

/* realm as a quoted-string's inside (RFC 9110 5.6.4); NULL when it holds a control or non-ASCII. */
static char *
quote_realm(const char *realm)
{
    char *quoted = malloc(2 * strlen(realm) + 1), *at = quoted;

    for (; quoted && *realm; realm++) {
        if (*realm < ' ' || *realm > '~') {
            free(quoted);
            return NULL;
        }
        if (*realm == '"' || *realm == '\\')
            *at++ = '\\';
        *at++ = *realm;
    }
    if (quoted)
        *at = '\0';
    return quoted;
}

static char *
make_challenge(const char *realm, const struct jose_reason_row *reason)
{
    size_t size = strlen(realm) + 256; /* the rows' texts are under 100 bytes */
    char *text = malloc(size);

    if (text && reason->error)
        snprintf(text, size, "Bearer realm=\"%s\", error=\"%s\", error_description=\"%s\"", realm,
                 reason->error, reason->description);
    else if (text)
        snprintf(text, size, "Bearer realm=\"%s\"", realm);
    return text;
}

static bool
make_challenges(struct jwt *jwt, const struct mw_options *options)
{
    char *realm = quote_realm(jwt->host->option_string(options, "realm"));
    bool ok = realm != NULL;

    for (enum jose_reason r = JOSE_UNVERIFIED; ok && r < JOSE_REASON_COUNT; r++)
        ok = (jwt->challenges[r] = make_challenge(realm, jose_reason(r))) != NULL;
    if (!ok)
        jwt->host->option_fault(options, "realm", 0, "expected printable ASCII");
    free(realm);
    return ok;
}

/* ---- Life of an instance ---------------------------------------------------------- */

static void
teardown(void *instance)
{
    struct jwt *jwt = instance;

    for (size_t i = 0; i < jwt->forward_count; i++)
        claim_header_free(&jwt->forwards[i]);
    for (enum jose_reason r = JOSE_UNVERIFIED; r < JOSE_REASON_COUNT; r++)
        free(jwt->challenges[r]);
    keyset_unref(jwt->keyset);
    free(jwt->audiences);
    free(jwt);
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct jwt *jwt = calloc(1, sizeof(*jwt));

    if (!jwt) {
        host->option_fault(options, "keys", 0, "out of memory");
        return NULL;
    }
    jwt->host = host;
    bool known = read_algorithms(jwt, options), ok = check_lists(jwt, options) && known;

    /* Keys are judged against the algorithms; where those are wrong, by themselves. */
    jwt->keyset = jwt_keys_load(options, host, known ? jwt->policy.algorithms : JOSE_ALL_ALGORITHMS);
    ok = jwt->keyset != NULL && ok;
    ok = read_places(jwt, options) && ok;
    ok = read_forwards(jwt, options) && ok;
    ok = read_audiences(jwt, options) && ok;
    ok = read_scalars(jwt, options) && ok;
    ok = make_challenges(jwt, options) && ok;
    if (ok)
        return jwt;
    teardown(jwt);
    return NULL;
}

static void *
worker_start(const void *instance, struct mw_worker *worker)
{
    const struct jwt *jwt = instance;

    (void)worker;
    return verifier_new(jwt->keyset);
}

static void
worker_stop(void *state)
{
    verifier_free(state);
}

/* ---- A request ---------------------------------------------------------------------- */

static enum mw_verdict
refuse(const struct jwt *jwt, struct mw_request *request, enum jose_reason reason)
{
    const struct jose_reason_row *row = jose_reason(reason);

    return jwt->host->deny(request, row->status, row->word,
                           row->status == 503 ? NULL : jwt->challenges[reason]);
}

static struct mw_str
to_mw(struct str text)
{
    return (struct mw_str){text.at, text.len};
}

/* Hands on what the token says. false: out of memory. */
static bool
hand_on(const struct jwt *jwt, struct mw_request *request, const struct verified *verified)
{
    const struct mw_host *host = jwt->host;

    if (verified->subject.at &&
        !host->identify(request, to_mw(verified->issuer), to_mw(verified->subject)))
        return false;
    for (size_t i = 0; i < jwt->forward_count; i++)
        if (!claim_header_forward(&jwt->forwards[i], host, request, verified->claims))
            return false;
    if (jwt->close_on_expiry && verified->expires_ms != INT64_MAX)
        host->deadline(request, verified->expires_ms);
    return true;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct jwt *jwt = instance;
    const struct mw_host *host = jwt->host;
    struct verified verified;
    struct str token;
    enum jose_reason reason =
        credential_find(host, request, jwt->places, jwt->place_count, &token);

    if (!state ||
        !credential_strip(host, request, jwt->places, jwt->place_count, jwt->forward_token))
        reason = JOSE_INTERNAL;
    if (reason == JOSE_OK)
        reason = verify_token(state, &jwt->policy, token, host->wall_clock_ms(request), &verified);
    if (reason != JOSE_OK)
        return refuse(jwt, request, reason);
    bool ok = hand_on(jwt, request, &verified);
    verified_free(&verified);
    return ok ? MW_PASS : refuse(jwt, request, JOSE_INTERNAL);
}

const struct mw_module jwt_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "jwt",
    .options = options_table,
    .setup = setup,
    .teardown = teardown,
    .worker_start = worker_start,
    .worker_stop = worker_stop,
    .decide = decide,
};
