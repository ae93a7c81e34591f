/* discovery.c - see discovery.h. */
#include "token/discovery.h"

#include "protocol/jose.h"

#include <jansson.h>

bool
discovery_url(struct str issuer, bool *plain, char *out, const char **error)
{
    if (!key_url_check(issuer, plain, error))
        return false;
    if (memchr(issuer.at, '?', issuer.len)) {
        *error = "an issuer has no query";
        return false;
    }
    size_t len = issuer.len - (issuer.at[issuer.len - 1] == '/');
    if (len + sizeof(DISCOVERY_PATH) - 1 > KEY_URL_MAX) {
        *error = "too long";
        return false;
    }
    memcpy(out, issuer.at, len);
    memcpy(out + len, DISCOVERY_PATH, sizeof(DISCOVERY_PATH));
    return true;
}

static struct str
member(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);

    return json_is_string(value)
               ? (struct str){json_string_value(value), json_string_length(value)}
               : STR_NONE;
}

static const char *
fault_of(const json_t *json, struct str issuer, bool plain, struct str *uri)
{
    bool uri_plain;
    const char *error;

    if (!json)
        return "it is not one JSON object, or a name in it is repeated";
    if (!str_equal(member(json, "issuer"), issuer))
        return "its issuer is another one";
    *uri = member(json, "jwks_uri");
    if (!uri->at)
        return "it has no jwks_uri";
    if (!key_url_check(*uri, &uri_plain, &error))
        return "its jwks_uri is no https address";
    return uri_plain && !plain ? "its jwks_uri is http" : NULL;
}

bool
discovery_read(struct str document, struct str issuer, bool plain, char *jwks_uri,
               const char **error)
{
    json_t *json = jose_json(document);
    struct str uri = STR_NONE;

    *error = fault_of(json, issuer, plain, &uri);
    if (!*error) {
        memcpy(jwks_uri, uri.at, uri.len);
        jwks_uri[uri.len] = '\0';
    }
    json_decref(json);
    return !*error;
}
