/*
 * headers.c - which header fields a request must have or must not have, and which the backend
 * gets or does not get.
 *
 * Names are compared in any case of letters. What the opening handshake and the connection
 * themselves are made of is not for it: those names are refused at the start, and what else the
 * gateway writes itself can be asked for but not changed.
 */
#include "registry.h"

#include <wsgate/middleware.h>

#include "base/compiler.h"
#include "protocol/field_names.h"
#include "protocol/http_head.h"

#include <stdlib.h>
#include <strings.h>

enum { LIST_MAX = 32 };

struct name_list {
    const char *at[LIST_MAX];
    size_t count;
};

struct headers {
    const struct mw_host *host;
    struct name_list require, forbid, remove;
    struct name_list set_names, set_values; /* in pairs */
};

static const struct mw_option options_table[] = {
    {"require", MW_LIST, NULL, "Names of header fields that a request must have, at least once."},
    {"forbid", MW_LIST, NULL, "Names of header fields that no request may have."},
    {"set", MW_MAP, NULL,
     "Header fields that the backend gets; a client's own of these names are removed."},
    {"remove", MW_LIST, NULL, "Names of header fields that the backend does not get."},
    {0},
};

/* ---- Setup ---------------------------------------------------------------------------- */

/* They carry the handshake, and are made anew for the backend. */
static bool
is_of_the_handshake(const char *name)
{
    static const char *const names[] = {"Host",    "Connection",        "Upgrade",
                                        "Trailer", "Transfer-Encoding", "Content-Length",
                                        "TE",      "Keep-Alive",        "Proxy-Connection"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return strncasecmp(name, "Sec-WebSocket-", strlen("Sec-WebSocket-")) == 0;
}

/* NULL: nothing is wrong with it. */
static const char *
name_fault(const char *name, bool changes)
{
    if (!http_is_token(str_of(name)))
        return "is no name of a header field";
    if (is_of_the_handshake(name))
        return "belongs to the handshake itself";
    if (changes && field_names_have(&field_names_own, str_of(name)))
        return "is the gateway's own: of a client it never passes";
    return NULL;
}

static bool
read_names(const struct headers *headers, const struct mw_options *options, const char *word,
           struct name_list *list)
{
    const struct mw_host *host = headers->host;
    size_t count = host->option_count(options, word);
    bool good = count <= LIST_MAX, is_set = strcmp(word, "set") == 0;
    bool changes = is_set || strcmp(word, "remove") == 0;

    if (!good)
        host->option_fault(options, word, LIST_MAX, "at most %d names", LIST_MAX);
    for (size_t i = 0; i < count && i < LIST_MAX; i++) {
        const char *name =
            is_set ? host->option_key(options, word, i) : host->option_item(options, word, i);
        const char *fault = name_fault(name, changes);
        if (fault != NULL)
            host->option_fault(options, word, i, "`%s` %s", name, fault);
        good &= fault == NULL;
        list->at[list->count++] = name;
    }
    return good;
}

/* Is the name among the first `count` of them? */
static bool
is_among(const struct name_list *list, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (http_names_alike(str_of(list->at[i]), str_of(name)))
            return true;
    return false;
}

static bool
read_set(struct headers *headers, const struct mw_options *options)
{
    const struct mw_host *host = headers->host;
    struct name_list *names = &headers->set_names;
    bool good = read_names(headers, options, "set", names);

    for (size_t i = 0; i < names->count; i++) {
        const char *value = host->option_item(options, "set", i), *fault = NULL;
        headers->set_values.at[headers->set_values.count++] = value;
        if (!http_is_field_value(str_of(value)))
            fault = "a value holds a control character";
        else if (is_among(names, i, names->at[i]))
            fault = "one header is set twice";
        else if (good && !host->reserve_header(options, names->at[i]))
            fault = "out of memory";
        if (fault != NULL)
            host->option_fault(options, "set", i, "%s", fault);
        good &= fault == NULL;
    }
    return good;
}

/* No request could meet both. */
static bool
check_forbidden(const struct headers *headers, const struct mw_options *options)
{
    const struct name_list *forbid = &headers->forbid, *require = &headers->require;
    bool good = true;

    for (size_t i = 0; i < forbid->count; i++) {
        bool is_required = is_among(require, require->count, forbid->at[i]);
        if (is_required)
            headers->host->option_fault(options, "forbid", i,
                                        "`%s` is required too: nobody could pass", forbid->at[i]);
        good &= !is_required;
    }
    return good;
}

static void *
setup(const struct mw_options *options, const struct mw_host *host)
{
    struct headers *headers = calloc(1, sizeof(*headers));

    if (headers == NULL)
        return NULL;
    headers->host = host;
    bool good = read_names(headers, options, "require", &headers->require);
    good &= read_names(headers, options, "forbid", &headers->forbid);
    good &= read_names(headers, options, "remove", &headers->remove);
    good &= read_set(headers, options);
    good = good && check_forbidden(headers, options);
    if (good && headers->require.count + headers->forbid.count + headers->remove.count +
                        headers->set_names.count ==
                    0) {
        host->option_fault(options, "require", 0,
                           "require, forbid, set and remove are all absent: it would do nothing");
        good = false;
    }
    if (good)
        return headers;
    free(headers);
    return NULL;
}

/* ---- Deciding --------------------------------------------------------------------------- */

static bool
has(const struct headers *headers, const struct mw_request *request, const char *name)
{
    return headers->host->header(request, name, 0).at != NULL;
}

/* And what a backend may take for these names, as X_Debug for X-Debug. */
static bool
strip(const struct headers *headers, struct mw_request *request, const struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (!headers->host->strip(request, MW_HEADER, list->at[i], 0))
            return false;
    return true;
}

static enum mw_verdict
decide(const void *instance, void *state, struct mw_request *request)
{
    const struct headers *headers = instance;
    const struct mw_host *host = headers->host;

    (void)state;
    for (size_t i = 0; i < headers->require.count; i++)
        if (!has(headers, request, headers->require.at[i]))
            return host->deny(request, 403, "header-missing", NULL);
    for (size_t i = 0; i < headers->forbid.count; i++)
        if (has(headers, request, headers->forbid.at[i]))
            return host->deny(request, 403, "header-forbidden", NULL);
    if (!strip(headers, request, &headers->forbid) || !strip(headers, request, &headers->remove))
        return MW_DENY;
    for (size_t i = 0; i < headers->set_names.count; i++) {
        const char *value = headers->set_values.at[i];
        if (!host->forward_header(request, headers->set_names.at[i],
                                  (struct mw_str){value, strlen(value)}))
            return MW_DENY;
    }
    return MW_PASS;
}

const struct mw_module headers_module = {
    .size = sizeof(struct mw_module),
    .abi = WSGATE_MIDDLEWARE_ABI,
    .name = "headers",
    .options = options_table,
    .setup = setup,
    .teardown = free,
    .decide = decide,
};
