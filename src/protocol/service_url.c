/* service_url.c - see service_url.h. The authority's rules are host.c's. */
#include "protocol/service_url.h"

#include "base/address.h"
#include "protocol/host.h"
#include "protocol/http_chars.h"

enum { AUTHORITY_MAX = 300 /* a name of 253 bytes, a port, and room */ };

/* "localhost." with its dot would be asked of the name servers. */
static bool
is_loopback(struct str name, struct str authority)
{
    struct address address;

    if (name.len < authority.len && authority.at[name.len] == '.')
        return false;
    if (str_equal(name, STR("localhost")) || str_equal(name, STR("[::1]")))
        return true;
    return address_parse_ip(&address, name) && str_starts_with(name, STR("127."));
}

static const char *
authority_fault(struct str authority, bool secure)
{
    char out[AUTHORITY_MAX];
    const char *error;
    struct host host;

    if (authority.len > sizeof(out))
        return "host longer than 253 bytes";
    if (authority.len > 0 && memchr(authority.at, '@', authority.len))
        return "a user and a password have no place in the address";
    if (!host_parse(&host, authority, secure, out, &error))
        return error;
    if (!secure && !is_loopback(host.name, authority))
        return "expected https://; http:// is for localhost, 127.0.0.0/8 and [::1] alone";
    return NULL;
}

bool
service_url_is_plain(const char *text)
{
    return strncasecmp(text, "http://", 7) == 0;
}

bool
service_url_check(const char *text, const char **error)
{
    struct str url = str_of(text);
    bool secure = strncasecmp(text, "https://", 8) == 0;
    size_t scheme = secure ? 8 : 7;

    *error = NULL;
    if (!secure && !service_url_is_plain(text))
        *error = "expected an address that begins with https://";
    else if (http_chars_skip(url.at, 0, url.len, HTTP_CHAR_TARGET) != url.len)
        *error = "spaces, controls and bytes outside ASCII must be escaped (%20, ...)";
    else if (strchr(text, '#'))
        *error = "a fragment (\"#\") is never sent";
    else
        *error = authority_fault((struct str){text + scheme, strcspn(text + scheme, "/?")}, secure);
    return !*error;
}
