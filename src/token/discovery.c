/* discovery.c - see discovery.h. */
#include "token/discovery.h"

#include "protocol/jose.h"
#include "protocol/service_url.h"

#include <jansson.h>

bool
discovery_url(const char *issuer, char *out, const char **error)
{
    size_t len = strlen(issuer);

    if (!service_url_check(issuer, error))
        return false;
    if (strchr(issuer, '?')) {
        *error = "an issuer has no query";
        return false;
    }
    len -= issuer[len - 1] == '/';
    if (len + sizeof(DISCOVERY_PATH) - 1 > DISCOVERY_URL_MAX) {
        *error = "too long";
        return false;
    }
    memcpy(out, issuer, len);
    memcpy(out + len, DISCOVERY_PATH, sizeof(DISCOVERY_PATH));
    return true;
}

/* The text of a string member, which has no NUL in it (jose_json); NULL: there is none. */
static const char *
member(const json_t *json, const char *name)
{
    return json_string_value(json_object_get(json, name));
}

static const char *
fault_of(const json_t *json, const char *issuer, bool plain)
{
    const char *named = member(json, "issuer"), *uri = member(json, "jwks_uri"), *error;

    if (!json)
        return "it is not one JSON object, or a name in it is repeated";
    if (!named || strcmp(named, issuer) != 0)
        return "its issuer is another one";
    if (!uri)
        return "it has no jwks_uri";
    if (strlen(uri) > DISCOVERY_URL_MAX || !service_url_check(uri, &error))
        return "its jwks_uri is no https address";
    return service_url_is_plain(uri) && !plain ? "its jwks_uri is http" : NULL;
}

bool
discovery_read(struct str document, const char *issuer, bool plain, char *jwks_uri,
               const char **error)
{
    json_t *json = jose_json(document);

    *error = fault_of(json, issuer, plain);
    if (!*error)
        strcpy(jwks_uri, member(json, "jwks_uri"));
    json_decref(json);
    return !*error;
}
