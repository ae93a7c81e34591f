/* field_names.c - see field_names.h. */
#include "protocol/field_names.h"

#include "base/compiler.h"
#include "protocol/http_head.h"

static const struct str own[] = {
    /* hop by hop */
    {"connection", 10}, {"keep-alive", 10}, {"proxy-connection", 16}, {"proxy-authorization", 19},
    {"te", 2}, {"trailer", 7}, {"transfer-encoding", 17}, {"upgrade", 7},
    /* refused in a request, not ours to invent */
    {"content-length", 14}, {"expect", 6},
    /* written anew */
    {"host", 4}, {"sec-websocket-key", 17}, {"sec-websocket-version", 21},
    {"sec-websocket-protocol", 22}, {"sec-websocket-extensions", 24}, {"sec-websocket-accept", 20},
    {"x-request-id", 12},
    /* who the client is: we say it, strangers do not */
    {"forwarded", 9}, {"x-forwarded", 11}, {"x-forwarded-for", 15}, {"x-forwarded-host", 16},
    {"x-forwarded-proto", 17}, {"x-real-ip", 9},
    /* CGI makes it HTTP_PROXY, which libraries take for their own proxy */
    {"proxy", 5},
};

const struct field_names field_names_own = {own, COUNT_OF(own)};

bool
field_names_have(const struct field_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (names->at[i].len == name.len && http_names_alike(names->at[i], name))
            return true;
    return false;
}
