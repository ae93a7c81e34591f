/* forward_auth_settings.c - the options of a forward_auth instance, read and judged. */
#include "forward_auth_settings.h"

#include "bearer_options.h"
#include "protocol/field_names.h"
#include "protocol/http_head.h"

#include <strings.h>

enum {
    CACHE_TIME_MAX_MS = 3600 * 1000, /* so long one who was shut out may come in */
    ON_ERROR_PASS = 1,
};

static const struct mw_option cache_options[] = {
    BEARER_CACHE_OPTIONS,
    {"time", MW_DURATION, "0", "How long a yes is good; 0: none is kept."},
    {"by", MW_LIST, NULL,
     "For which parts of a request, each of them " REQUEST_PART_WORDS "."},
    {NULL},
};

const struct mw_option forward_auth_options[] = {
    {"url", MW_STRING, NULL, "Address of the service that decides.", MW_REQUIRED},
    {"method", MW_WORD, "GET", "How it is asked.", 0, "GET|HEAD|POST"},
    {"ca_file", MW_FILE, NULL, "Who may vouch for that server; default: whom the system trusts."},
    {"timeout", MW_DURATION, "2s", "How long an answer may take."},
    {"copy_headers", MW_LIST, NULL,
     "Headers of the client's that it sees; default: Authorization and Cookie."},
    {"forward_headers", MW_LIST, NULL, "Headers of its answer that the backend sees."},
    {"identity_header", MW_STRING, NULL, "The header of its answer that says who it is."},
    {"deadline_header", MW_STRING, NULL,
     "The header of its answer that says when the tunnel ends, in seconds since 1970."},
    {"on_error", MW_WORD, "deny", "What happens when it gives no answer: deny or pass.", 0,
     "deny|pass"},
    {"cache", MW_OBJECT, "{}", "Which answers are kept.", 0, NULL, cache_options},
    {NULL},
};

/* ---- Names of headers ------------------------------------------------------------------ */

/* What the question says for itself, beside what the gateway says to backends. */
static const struct str of_the_question[] = {
    {"accept-encoding", 15}, {"content-type", 12}, {"x-forwarded-method", 18},
    {"x-forwarded-uri", 15},
};

/* Of one connection or of the opening handshake (RFC 9110 7.6.1, RFC 6455 11.3), or what the
 * gateway says, for which another's copy could pass. */
static bool
is_own(struct str name)
{
    static const struct field_names question = {of_the_question, COUNT_OF(of_the_question)};
    struct str start = STR("sec-websocket-");

    return field_names_have(&field_names_own, name) || field_names_have(&question, name) ||
           (name.len >= start.len && http_names_alike((struct str){name.at, start.len}, start));
}

static bool
is_twice(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (http_names_alike(str_of(names[i]), str_of(name)))
            return true;
    return false;
}

static const char *
name_fault(const char *name, const char *const *names, size_t count)
{
    if (!http_is_token(str_of(name)))
        return "expected the name of a header";
    if (is_own(str_of(name)))
        return "that header is the gateway's own, or of one connection";
    if (is_twice(names, count, name))
        return "that header stands here twice";
    return count == FORWARD_AUTH_NAMES_MAX ? "too many headers" : NULL;
}

/* "names", with room for FORWARD_AUTH_NAMES_MAX. */
static bool
read_names(const struct mw_options *options, const struct mw_host *host, const char *word,
           const char **names, size_t *count)
{
    bool ok = true;

    for (size_t i = 0; i < host->option_count(options, word); i++) {
        const char *name = host->option_item(options, word, i);
        const char *fault = name_fault(name, names, *count);
        if (fault)
            host->option_fault(options, word, i, "%s", fault);
        else
            names[(*count)++] = name;
        ok = ok && !fault;
    }
    return ok;
}

static bool
read_name(const struct mw_options *options, const struct mw_host *host, const char *word,
          const char **name)
{
    *name = host->option_string(options, word);
    if (!*name || http_is_token(str_of(*name)))
        return true;
    host->option_fault(options, word, 0, "expected the name of a header");
    return false;
}

static bool
read_headers(struct forward_auth_settings *settings, const struct mw_options *options,
             const struct mw_host *host)
{
    bool ok = read_names(options, host, "copy_headers", settings->copies, &settings->copy_count);

    if (!host->option_given(options, "copy_headers")) {
        settings->copies[settings->copy_count++] = "Authorization";
        settings->copies[settings->copy_count++] = "Cookie";
    }
    ok = read_names(options, host, "forward_headers", settings->forwards,
                    &settings->forward_count) &&
         ok;
    for (size_t i = 0; i < settings->forward_count; i++)
        if (!host->reserve_header(options, settings->forwards[i])) {
            host->option_fault(options, "forward_headers", i,
                               "the gateway writes that header itself, or there are too many");
            ok = false;
        }
    ok = read_name(options, host, "identity_header", &settings->identity_header) && ok;
    return read_name(options, host, "deadline_header", &settings->deadline_header) && ok;
}

/* ---- The cache -------------------------------------------------------------------------- */

static bool
read_parts(struct forward_auth_settings *settings, const struct mw_options *members,
           const struct mw_host *host)
{
    bool ok = true;

    for (size_t i = 0; i < host->option_count(members, "by"); i++) {
        const char *text = host->option_item(members, "by", i);
        struct request_part *part = &settings->parts[settings->part_count];
        bool fits = settings->part_count < FORWARD_AUTH_NAMES_MAX;
        if (!fits)
            host->option_fault(members, "by", i, "too many parts");
        if (fits && request_part_read(part, members, host, "by", i, text))
            settings->part_count++;
        else
            ok = false;
    }
    return ok;
}

/* Those of `by` that begin with `word`, as names. */
static size_t
named(const char **names, const struct mw_options *members, const struct mw_host *host,
      const char *word)
{
    size_t count = 0, len = strlen(word);

    for (size_t i = 0; i < host->option_count(members, "by"); i++) {
        const char *text = host->option_item(members, "by", i);
        if (text && strncmp(text, word, len) == 0 && count < FORWARD_AUTH_NAMES_MAX)
            names[count++] = text + len;
    }
    return count;
}

static bool
read_cache(struct forward_auth_settings *settings, const struct mw_options *options,
           const struct mw_host *host)
{
    const struct mw_options *members = host->option_member(options, "cache", 0);
    bool ok = read_parts(settings, members, host);

    settings->cache_time_ms = host->option_integer(members, "time");
    if (settings->cache_time_ms > CACHE_TIME_MAX_MS) {
        host->option_fault(members, "time", 0, "expected at most 1h");
        ok = false;
    }
    if (settings->cache_time_ms == 0)
        return bearer_cache_check(options, host) && ok;
    if (settings->part_count == 0) {
        host->option_fault(members, "by", 0,
                           "expected the parts of a request that the answer is for");
        ok = false;
    }
    settings->cookie_count = named(settings->cookies, members, host, "cookie:");
    settings->argument_count = named(settings->arguments, members, host, "query:");
    return bearer_cache_read(options, host, &settings->cache) && ok;
}

/* ---- The rest ---------------------------------------------------------------------------- */

bool
forward_auth_settings_read(struct forward_auth_settings *settings, const struct mw_options *options,
                           const struct mw_host *host)
{
    static const char *const methods[] = {"GET", "HEAD", "POST"};
    bool ok = service_options_read(&settings->service, options, host);

    ok = read_headers(settings, options, host) && ok;
    settings->method = methods[host->option_integer(options, "method")];
    settings->passes_on_error = host->option_integer(options, "on_error") == ON_ERROR_PASS;
    return read_cache(settings, options, host) && ok;
}

void
forward_auth_settings_free(struct forward_auth_settings *settings)
{
    token_cache_free(settings->cache);
}
