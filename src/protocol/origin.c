/*
 * origin.c - one parser for both sides of the comparison, so that an allowlist's
 * entry and a browser's header cannot be understood differently.
 *
 * A pattern is parsed as the origin that is left when its "*." is gone; only
 * the comparison of hosts differs then, and it asks for the dot, so that
 * "*.example.com" never is "evilexample.com".
 */
#include "protocol/origin.h"

#include "protocol/http_chars.h"

static const struct {
    struct str scheme;
    uint16_t port;
} default_ports[] = {
    {{"http", 4}, 80},
    {{"https", 5}, 443},
    {{"ws", 2}, 80},
    {{"wss", 3}, 443},
};

static uint16_t
default_port(struct str scheme)
{
    for (size_t i = 0; i < COUNT_OF(default_ports); i++)
        if (str_equal(default_ports[i].scheme, scheme))
            return default_ports[i].port;
    return 0;
}

/* RFC 3986 3.1: a letter, then letters, digits, "+", "-", ".". */
static bool
scheme_is_valid(struct str scheme)
{
    for (size_t i = 0; i < scheme.len; i++) {
        char c = http_char_lower(scheme.at[i]);
        bool letter = c >= 'a' && c <= 'z';
        if (!letter &&
            (i == 0 || (!http_char_is(c, HTTP_CHAR_DIGIT) && c != '+' && c != '-' && c != '.')))
            return false;
    }
    return scheme.len > 0;
}

/* Cuts "scheme://" off the front of *text, in lower case into out. */
static bool
take_scheme(struct str *text, struct str *scheme, char *out, const char **error)
{
    const char *colon = text->len > 0 ? memchr(text->at, ':', text->len) : NULL;
    size_t len = colon ? (size_t)(colon - text->at) : 0;

    *scheme = (struct str){text->at, len};
    *text = (struct str){text->at + len, text->len - len};
    *error = "not an origin: scheme://host or scheme://host:port expected";
    if (!scheme_is_valid(*scheme) || !str_starts_with(*text, STR("://")))
        return false;
    *text = (struct str){text->at + 3, text->len - 3};
    for (size_t i = 0; i < len; i++)
        out[i] = http_char_lower(scheme->at[i]);
    scheme->at = out;
    return true;
}

/* What a host with a port must not hold, for a clearer word than host_parse has. NULL: nothing. */
static const char *
authority_fault(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '/' || c == '?' || c == '#')
            return "an origin ends with its host or port: no path, no slash, no query";
        if (c == '@')
            return "an origin has no user name";
        if (c == '.' && (i + 1 == text.len || text.at[i + 1] == ':'))
            return "a dot behind the host: for a browser that is another site (RFC 6454 5)";
        if (c == '*')
            return "\"*\" stands for labels only at the front of a pattern's host, as in "
                   "https://*.example.com";
        if (!http_char_is(c, HTTP_CHAR_TARGET))
            return "an origin is printable ASCII without spaces; other scripts are written as "
                   "xn--..";
    }
    return text.len > 0 && text.at[text.len - 1] == ':' ? "no port behind the colon" : NULL;
}

/* Everything but "null". subdomains: where to note a "*.", or NULL where none is allowed. */
static bool
tuple_parse(struct origin *origin, struct str text, bool *subdomains, char *out, const char **error)
{
    struct str scheme;
    struct host host;

    if (!take_scheme(&text, &scheme, out, error))
        return false;
    if (subdomains && str_starts_with(text, STR("*."))) {
        *subdomains = true;
        text = (struct str){text.at + 2, text.len - 2};
    }
    if ((*error = authority_fault(text)))
        return false;
    if (!host_parse_port(&host, text, out + scheme.len, error))
        return false;
    *origin = (struct origin){
        .kind = ORIGIN_TUPLE,
        .scheme = scheme,
        .host = host.name,
        .port = host.port > 0 ? host.port : default_port(scheme),
    };
    return true;
}

static bool
parse(struct origin *origin, struct str text, bool *subdomains, char *out, const char **error)
{
    *origin = (struct origin){.kind = ORIGIN_NONE};
    if (str_equal(text, STR("null"))) {
        origin->kind = ORIGIN_NULL;
        *error = NULL;
        return true;
    }
    *error = "empty";
    return text.len > 0 && tuple_parse(origin, text, subdomains, out, error);
}

bool
origin_parse(struct origin *origin, struct str text, char *out, const char **error)
{
    return parse(origin, text, NULL, out, error);
}

/* A name of digits and dots alone has been checked to be an IPv4 address. */
static bool
host_is_address(struct str host)
{
    if (host.at[0] == '[')
        return true;
    for (size_t i = 0; i < host.len; i++)
        if (!http_char_is(host.at[i], HTTP_CHAR_DIGIT) && host.at[i] != '.')
            return false;
    return true;
}

bool
origin_pattern_parse(struct origin_pattern *pattern, struct str text, char *out, const char **error)
{
    *pattern = (struct origin_pattern){.subdomains = false};
    *error = "\"*\" would allow every site; list the origins, or leave this check out of the chain";
    if (str_equal(text, STR("*")))
        return false;
    if (!parse(&pattern->origin, text, &pattern->subdomains, out, error))
        return false;
    if (pattern->subdomains && host_is_address(pattern->origin.host)) {
        *error = "\"*.\" in front of an address: addresses have no subdomains";
        *pattern = (struct origin_pattern){.subdomains = false};
        return false;
    }
    return true;
}

static bool
host_matches(const struct origin_pattern *pattern, struct str host)
{
    struct str parent = pattern->origin.host;

    if (!pattern->subdomains)
        return str_equal(parent, host);
    if (host.len < parent.len + 2) /* at least one byte and the dot */
        return false;
    struct str tail = {host.at + host.len - parent.len, parent.len};
    return tail.at[-1] == '.' && str_equal(tail, parent);
}

bool
origin_is_of(const struct origin *origin, const struct host *host)
{
    uint16_t port = host->port > 0 ? host->port : default_port(origin->scheme);

    return origin->kind == ORIGIN_TUPLE && origin->port == port &&
           str_equal(origin->host, host->name);
}

bool
origin_matches(const struct origin_pattern *pattern, const struct origin *origin)
{
    if (pattern->origin.kind != origin->kind)
        return false;
    switch (origin->kind) {
    case ORIGIN_NONE:
        return false;
    case ORIGIN_NULL:
        return true;
    case ORIGIN_TUPLE:
        return pattern->origin.port == origin->port &&
               str_equal(pattern->origin.scheme, origin->scheme) &&
               host_matches(pattern, origin->host);
    }
    return false;
}
