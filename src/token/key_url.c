/* key_url.c - see key_url.h. */
#include "token/key_url.h"

#include "protocol/host.h"

/* Printable ASCII, without what some readers of URLs take for "/". */
static bool
has_url_bytes(struct str url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.at[i] <= ' ' || url.at[i] > '~' || url.at[i] == '\\')
            return false;
    return true;
}

/* Cuts the scheme off. */
static bool
take_scheme(struct str *url, struct str scheme)
{
    if (url->len < scheme.len || strncasecmp(url->at, scheme.at, scheme.len) != 0)
        return false;
    *url = (struct str){url->at + scheme.len, url->len - scheme.len};
    return true;
}

static struct str
authority_of(struct str rest)
{
    size_t len = 0;

    while (len < rest.len && !strchr("/?#", rest.at[len]))
        len++;
    return (struct str){rest.at, len};
}

/* host_parse has made sure that a name of digits and dots is an IPv4 address in its one form. */
static bool
is_loopback(struct str name)
{
    if (str_equal(name, STR("[::1]")))
        return true;
    for (size_t i = 0; i < name.len; i++)
        if (!strchr("0123456789.", name.at[i]))
            return false;
    return str_starts_with(name, STR("127."));
}

static const char *
fault_of(struct str url, bool *plain)
{
    static const char expected[] = "expected an address like https://id.example.com/jwks.json";
    char out[KEY_URL_MAX];
    const char *error;
    struct host host;

    if (url.len > KEY_URL_MAX)
        return "longer than 2048 bytes";
    if (!has_url_bytes(url))
        return expected;
    if (memchr(url.at, '#', url.len))
        return "it has a fragment, which no server is sent";
    *plain = take_scheme(&url, STR("http://"));
    if (!*plain && !take_scheme(&url, STR("https://")))
        return expected;
    struct str authority = authority_of(url);
    if (authority.len > 0 && memchr(authority.at, '@', authority.len))
        return "it has a user name, which would stand in logs";
    if (!host_parse_port(&host, authority, out, &error))
        return error;
    return *plain && !is_loopback(host.name) ? "http is for 127.0.0.1 and [::1] alone; expected https"
                                             : NULL;
}

bool
key_url_check(struct str url, bool *plain, const char **error)
{
    *plain = false;
    *error = url.len == 0 ? "empty" : fault_of(url, plain);
    return *error == NULL;
}
