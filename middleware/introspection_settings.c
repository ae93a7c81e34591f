/*
 * introspection_settings.c - the options of an introspection instance, read and judged.
 *
 * Every fault is reported, not just the first. Our credentials are made into a header field
 * here, once, and wiped with it.
 */
#include "introspection_settings.h"

#include "bearer_rules.h"
#include "protocol/query.h"
#include "token/key_file.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdlib.h>

enum {
    CACHE_TIME_MAX_MS = 3600 * 1000, /* so long a token that was taken back may go on */
    CREDENTIAL_MAX = 1024, /* bytes of an id, and of a secret */
};

static const struct mw_option cache_options[] = {
    BEARER_CACHE_OPTIONS,
    {"time", MW_DURATION, "30s", "How long an answer is good, but never beyond exp."},
    {NULL},
};

const struct mw_option introspection_options[] = {
    {"url", MW_STRING, NULL, "Address of the introspection service.", MW_REQUIRED},
    {"ca_file", MW_FILE, NULL, "Who may vouch for that server; default: whom the system trusts."},
    {"client_id", MW_STRING, NULL, "Who we are to that service."},
    {"client_secret_file", MW_FILE, NULL, "File with our secret."},
    {"client_secret", MW_STRING, NULL, "The secret itself; better from an environment variable."},
    {"timeout", MW_DURATION, "2s", "How long an answer may take."},
    {"cache", MW_OBJECT, "{}", "Which answers are kept.", 0, NULL, cache_options},
    {"issuer", MW_STRING, NULL, "The iss that an answer must have."},
    {"audience", MW_LIST, NULL, "An answer's aud must have one of these."},
    {"token_from", MW_LIST, "header",
     "Where the token is: header, \"cookie:NAME\", \"query:NAME\", subprotocol."},
    {"require_expiration", MW_BOOL, "false", "Whether an answer without exp is refused."},
    {"claims", MW_NAMED, NULL, "Rules: a member's path, then what it must be.", 0, NULL,
     bearer_rule_options},
    {"subject_claim", MW_STRING, "sub", "The member of an answer that says who it is."},
    {"forward_claims", MW_MAP, NULL,
     "Members of an answer for the backend: a member's path, then a header name."},
    {"forward_token", MW_BOOL, "false",
     "Whether the backend sees the token too; never if it was among the subprotocols."},
    {"on_expiry", MW_WORD, "close", "What happens to the tunnel when its token expires.", 0,
     "close|keep"},
    {"realm", MW_STRING, "wsgate", "The realm named in WWW-Authenticate."},
    {NULL},
};

/* ---- Our credentials --------------------------------------------------------------------- */

/* RFC 6749 2.3.1, RFC 7617 2. NULL: out of memory. */
static char *
make_authorization(struct str id, struct str secret)
{
    static const char name[] = "Authorization: Basic ";
    size_t room = 3 * (id.len + secret.len) + 1, len = sizeof(name) - 1;
    char *pair = malloc(room), *field = malloc(len + 4 * (room / 3 + 1) + 1);

    if (pair && field) {
        size_t at = query_encode(id, pair);
        pair[at++] = ':';
        at += query_encode(secret, pair + at);
        memcpy(field, name, len);
        (void)EVP_EncodeBlock((unsigned char *)field + len, (const unsigned char *)pair, (int)at);
        OPENSSL_cleanse(pair, room);
    } else {
        free(field);
        field = NULL;
    }
    free(pair);
    return field;
}

/* `word`: the option with the secret. */
static bool
set_authorization(struct introspection_settings *settings, const struct mw_options *options,
                  const struct mw_host *host, const char *word, struct str secret)
{
    struct str id;

    if (!bearer_name_read(options, host, "client_id", &id))
        return false;
    if (!id.at)
        host->option_fault(options, "client_id", 0, "expected one, which %s needs", word);
    else if (id.len > CREDENTIAL_MAX)
        host->option_fault(options, "client_id", 0, "longer than 1024 bytes");
    else if (secret.len == 0 || secret.len > CREDENTIAL_MAX)
        host->option_fault(options, word, 0, "expected a secret of 1 to 1024 bytes");
    else if (!(settings->authorization = make_authorization(id, secret)))
        host->option_fault(options, word, 0, "out of memory");
    return settings->authorization != NULL;
}

static bool
read_secret_file(struct introspection_settings *settings, const struct mw_options *options,
                 const struct mw_host *host)
{
    struct key_error error;
    struct key_file file;

    if (!key_file_read(&file, host->option_string(options, "client_secret_file"), &error)) {
        host->option_fault(options, "client_secret_file", 0, "%s", error.text);
        return false;
    }
    bool ok =
        set_authorization(settings, options, host, "client_secret_file", key_file_secret(&file));
    key_file_free(&file);
    return ok;
}

static bool
read_credentials(struct introspection_settings *settings, const struct mw_options *options,
                 const struct mw_host *host)
{
    bool in_file = host->option_given(options, "client_secret_file");
    bool inline_ = host->option_given(options, "client_secret");

    if (in_file && inline_) {
        host->option_fault(options, "client_secret", 0, "there is a client_secret_file too");
        return false;
    }
    if (in_file)
        return read_secret_file(settings, options, host);
    if (inline_)
        return set_authorization(settings, options, host, "client_secret",
                                 str_of(host->option_string(options, "client_secret")));
    if (!host->option_given(options, "client_id"))
        return true;
    host->option_fault(options, "client_secret_file", 0,
                       "expected it or client_secret, which client_id needs");
    return false;
}

/* ---- The rest ---------------------------------------------------------------------------- */

static bool
read_cache(struct introspection_settings *settings, const struct mw_options *options,
           const struct mw_host *host)
{
    const struct mw_options *members = host->option_member(options, "cache", 0);
    int64_t time_ms = host->option_integer(members, "time");
    bool ok = time_ms >= 1 && time_ms <= CACHE_TIME_MAX_MS;

    if (!ok)
        host->option_fault(members, "time", 0, "expected 1ms to 1h; entries: 0 for no cache");
    settings->cache_time_ms = time_ms;
    return bearer_cache_read(options, host, &settings->cache) && ok;
}

static bool
read_claims(struct introspection_settings *settings, const struct mw_options *options,
            const struct mw_host *host)
{
    struct verify_policy *policy = &settings->policy;
    bool ok = bearer_name_read(options, host, "issuer", &policy->issuer);

    ok = bearer_audiences_read(options, host, &settings->audiences, &policy->audience_count) && ok;
    policy->audiences = settings->audiences;
    policy->require_expiration = host->option_integer(options, "require_expiration") != 0;
    return bearer_claims_read(&settings->claims, options, host) && ok;
}

bool
introspection_settings_read(struct introspection_settings *settings,
                            const struct mw_options *options, const struct mw_host *host)
{
    bool ok = service_options_read(&settings->service, options, host);

    ok = read_credentials(settings, options, host) && ok;
    ok = read_cache(settings, options, host) && ok;
    ok = read_claims(settings, options, host) && ok;
    ok = bearer_places_read(options, host, settings->places, &settings->place_count) && ok;
    settings->forward_token = host->option_integer(options, "forward_token") != 0;
    return ok;
}

void
introspection_settings_free(struct introspection_settings *settings)
{
    if (settings->authorization)
        OPENSSL_cleanse(settings->authorization, strlen(settings->authorization));
    free(settings->authorization);
    bearer_claims_free(&settings->claims);
    free(settings->audiences);
    token_cache_free(settings->cache);
}
