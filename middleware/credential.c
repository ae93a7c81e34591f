/* credential.c - finds the one token of a request, and takes tokens out of it. */
#include "credential.h"

#include "protocol/base64url.h"
#include "protocol/http_head.h"
#include "protocol/subprotocol.h"

/* What the places held so far. */
struct find {
    const struct mw_host *host;
    struct mw_request *request;
    enum jose_reason reason; /* MISSING, OK, or the first that went wrong */
    struct str token;
};

static struct str
from_mw(struct mw_str text)
{
    return (struct str){text.at, text.len};
}

bool
credential_place_parse(struct credential_place *place, const char *text, const char **error)
{
    *place = (struct credential_place){MW_HEADER, NULL};
    if (strcmp(text, "header") == 0)
        return true;
    place->source = MW_SUBPROTOCOL;
    if (strcmp(text, "subprotocol") == 0)
        return true;
    place->source = strncmp(text, "cookie:", 7) == 0 ? MW_COOKIE : MW_QUERY;
    place->name = strchr(text, ':') ? strchr(text, ':') + 1 : "";
    if (place->source == MW_COOKIE && *place->name && !http_is_token(str_of(place->name))) {
        *error = "no name that a cookie can have (RFC 6265 4.1.1)";
        return false;
    }
    if (*place->name && (place->source == MW_COOKIE || strncmp(text, "query:", 6) == 0))
        return true;
    *error = "expected header, \"cookie:NAME\", \"query:NAME\" or subprotocol";
    return false;
}

bool
credential_place_equal(const struct credential_place *a, const struct credential_place *b)
{
    return a->source == b->source && str_equal(str_of(a->name), str_of(b->name));
}

/* One more credential. A second one is never better than ambiguous. */
static void
found(struct find *find, struct str token)
{
    if (find->reason != JOSE_MISSING) {
        find->reason = JOSE_SEVERAL;
        return;
    }
    find->reason = token.len ? JOSE_OK : JOSE_MALFORMED;
    find->token = token;
}

/* ---- Authorization -------------------------------------------------------- */

/* Is it the scheme Bearer? Whatever follows the word but letters and the like ends it, so that
 * "Bearer<TAB>x" counts, as a malformed one, and never slips by to the backend. */
static bool
is_bearer(struct str value)
{
    static const struct str scheme = {"Bearer", sizeof("Bearer") - 1};

    if (value.len < scheme.len || !str_equal_nocase((struct str){value.at, scheme.len}, scheme))
        return false;
    unsigned char next = value.len > scheme.len ? (unsigned char)value.at[scheme.len] : ' ';
    bool in_token = (next >= '0' && next <= '9') || (next >= 'A' && next <= 'Z') ||
                    (next >= 'a' && next <= 'z') || (next && strchr("!#$%&'*+-.^_`|~", next));
    return !in_token;
}

static void
find_in_header(struct find *find)
{
    struct str value, bearer = STR_NONE;
    size_t fields = 0;

    while ((value = from_mw(find->host->header(find->request, "Authorization", fields))).at) {
        if (is_bearer(value))
            bearer = value;
        fields++;
    }
    if (!bearer.at)
        return;
    if (fields > 1)
        find->reason = JOSE_SEVERAL;
    bearer.at += sizeof("Bearer") - 1;
    bearer.len -= sizeof("Bearer") - 1;
    while (bearer.len > 0 && *bearer.at == ' ')
        bearer.at++, bearer.len--;
    found(find, bearer);
}

/* ---- Cookie and query ------------------------------------------------------- */

static struct str
named(const struct mw_host *host, const struct mw_request *request,
      const struct credential_place *place, size_t i)
{
    return from_mw(place->source == MW_COOKIE ? host->cookie(request, place->name, i)
                                              : host->query(request, place->name, i));
}

static void
find_named(struct find *find, const struct credential_place *place)
{
    struct str value = named(find->host, find->request, place, 0);

    if (value.at && named(find->host, find->request, place, 1).at)
        find->reason = JOSE_SEVERAL;
    if (value.len > 0)
        found(find, value);
}

/* ---- Subprotocol ------------------------------------------------------------ */

static struct str
protocol_at(const struct mw_host *host, const struct mw_request *request, size_t i)
{
    return from_mw(host->subprotocol(request, i));
}

static void
found_kubernetes(struct find *find, struct str protocol)
{
    struct str text = {protocol.at + sizeof(SUBPROTOCOL_KUBERNETES) - 1,
                       protocol.len - (sizeof(SUBPROTOCOL_KUBERNETES) - 1)};
    char *bytes = find->host->alloc(find->request, BASE64URL_BYTES_LEN(text.len) + 1);
    size_t len = 0;

    if (!bytes)
        find->reason = JOSE_INTERNAL;
    else if (base64url_decode(text, bytes, &len))
        found(find, (struct str){bytes, len});
    else
        found(find, STR(""));
}

static void
find_in_subprotocols(struct find *find)
{
    bool kubernetes = false;
    size_t others = 0;
    struct str protocol;

    for (size_t i = 0; (protocol = protocol_at(find->host, find->request, i)).at; i++) {
        if (subprotocol_is_bearer(protocol)) {
            found(find, protocol_at(find->host, find->request, ++i));
        } else if (subprotocol_is_kubernetes(protocol)) {
            found_kubernetes(find, protocol);
            kubernetes = true;
        } else {
            others += subprotocol_credential(protocol) == 0;
        }
    }
    if (kubernetes && others == 0 && find->reason == JOSE_OK)
        find->reason = JOSE_ALONE;
}

/* ---- All places --------------------------------------------------------------- */

enum jose_reason
credential_find(const struct mw_host *host, struct mw_request *request,
                const struct credential_place *places, size_t count, struct str *token)
{
    struct find find = {host, request, JOSE_MISSING, STR_NONE};

    for (size_t i = 0; i < count && find.reason != JOSE_INTERNAL; i++) {
        if (places[i].source == MW_HEADER)
            find_in_header(&find);
        else if (places[i].source == MW_SUBPROTOCOL)
            find_in_subprotocols(&find);
        else
            find_named(&find, &places[i]);
    }
    *token = find.token;
    return find.reason;
}

static bool
strip_header(const struct mw_host *host, struct mw_request *request)
{
    struct str value;

    for (size_t i = 0; (value = from_mw(host->header(request, "Authorization", i))).at; i++)
        if (is_bearer(value))
            return host->strip(request, MW_HEADER, "Authorization", 0);
    return true;
}

/* From the last entry to the first, so that an index means the same before and after. */
static bool
strip_subprotocols(const struct mw_host *host, struct mw_request *request)
{
    size_t count = 0;
    bool ok = true;

    while (protocol_at(host, request, count).at)
        count++;
    for (size_t i = count; ok && i-- > 0;) {
        struct str protocol = protocol_at(host, request, i);
        if (subprotocol_is_kubernetes(protocol) || subprotocol_is_bearer(protocol) ||
            (i > 0 && subprotocol_is_bearer(protocol_at(host, request, i - 1))))
            ok = host->strip(request, MW_SUBPROTOCOL, NULL, i);
    }
    return ok;
}

bool
credential_strip(const struct mw_host *host, struct mw_request *request,
                 const struct credential_place *places, size_t count, bool keep)
{
    bool ok = true;

    for (size_t i = 0; ok && i < count; i++) {
        if (places[i].source == MW_SUBPROTOCOL)
            ok = strip_subprotocols(host, request);
        else if (!keep && places[i].source == MW_HEADER)
            ok = strip_header(host, request);
        else if (!keep && named(host, request, &places[i], 0).at)
            ok = host->strip(request, places[i].source, places[i].name, 0);
    }
    return ok;
}

enum jose_reason
credential_take(const struct mw_host *host, struct mw_request *request,
                const struct credential_place *places, size_t count, bool keep, struct str *token)
{
    enum jose_reason reason = credential_find(host, request, places, count, token);

    return credential_strip(host, request, places, count, keep) ? reason : JOSE_INTERNAL;
}
