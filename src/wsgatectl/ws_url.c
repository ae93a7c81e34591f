/* ws_url.c - see ws_url.h. The authority's rules are host.c's. */
#include "wsgatectl/ws_url.h"

#include "protocol/host.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool
scheme_take(struct ws_url *url, const char **text, const char **error)
{
    url->secure = strncasecmp(*text, "wss://", 6) == 0;
    if (!url->secure && strncasecmp(*text, "ws://", 5) != 0) {
        *error = "expected a URL that begins with ws:// or wss://";
        return false;
    }
    *text += url->secure ? 6 : 5;
    return true;
}

static bool
authority_take(struct ws_url *url, struct str text, const char **error)
{
    char name[HOST_OUT_BYTES(sizeof(url->host))];
    struct host host;

    if (text.len >= sizeof(url->host)) {
        *error = "the host is too long";
        return false;
    }
    if (!host_parse(&host, text, url->secure, name, error))
        return false;
    struct str bare = host.name;
    if (bare.at[0] == '[')
        bare.at++, bare.len -= 2;
    snprintf(url->host, sizeof(url->host), STR_FMT, STR_ARG(bare));
    unsigned usual = url->secure ? 443 : 80;
    snprintf(url->port, sizeof(url->port), "%u", host.port == 0 ? usual : host.port);
    snprintf(url->authority, sizeof(url->authority), STR_FMT "%s%s", STR_ARG(host.name),
             host.port == 0 ? "" : ":", host.port == 0 ? "" : url->port);
    return true;
}

static bool
target_take(struct ws_url *url, const char *text, const char **error)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '#') {
            *error = "a WebSocket URL has no fragment (\"#\"); write %23 if it belongs to the path";
            return false;
        }
        if (*at < 0x21 || *at > 0x7e) {
            *error = "spaces, controls and bytes outside ASCII must be escaped (%20, ...)";
            return false;
        }
    }
    int len = snprintf(url->target, sizeof(url->target), "%s%s", text[0] == '/' ? "" : "/", text);
    if (len < 0 || (size_t)len >= sizeof(url->target)) {
        *error = "the path is too long";
        return false;
    }
    return true;
}

bool
ws_url_parse(struct ws_url *url, const char *text, const char **error)
{
    if (!scheme_take(url, &text, error))
        return false;
    size_t len = strcspn(text, "/?#");
    return authority_take(url, (struct str){text, len}, error) &&
           target_take(url, text + len, error);
}
