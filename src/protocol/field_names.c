/* field_names.c - see field_names.h. */
#include "protocol/field_names.h"

#include "base/compiler.h"

static const struct str request_names[] = {
    /* RFC 9110 7.6.1, hop by hop */
    {"connection", 10}, {"keep-alive", 10}, {"proxy-connection", 16}, {"proxy-authorization", 19},
    {"te", 2}, {"trailer", 7}, {"transfer-encoding", 17}, {"upgrade", 7},
    /* refused in a request, not ours to invent */
    {"content-length", 14}, {"expect", 6},
    /* written anew */
    {"host", 4}, {"sec-websocket-key", 17}, {"sec-websocket-version", 21},
    {"sec-websocket-protocol", 22}, {"sec-websocket-extensions", 24}, {"sec-websocket-accept", 20},
    {"x-request-id", 12},
    /* who the client is: we say it, strangers do not */
    {"forwarded", 9}, {"x-forwarded", 11}, {"x-real-ip", 9},
    /* CGI makes it HTTP_PROXY, which libraries take for their own proxy */
    {"proxy", 5},
};

static const struct str answer_names[] = {
    {"connection", 10}, {"keep-alive", 10}, {"proxy-connection", 16}, {"proxy-authenticate", 18},
    {"te", 2}, {"trailer", 7}, {"transfer-encoding", 17}, {"upgrade", 7}, {"content-length", 14},
    {"sec-websocket-accept", 20}, {"sec-websocket-protocol", 22}, {"sec-websocket-extensions", 24},
    {"sec-websocket-version", 21}, {"x-request-id", 12}, {"alt-svc", 7},
};

const struct field_names field_names_of_requests = {request_names, COUNT_OF(request_names)};
const struct field_names field_names_of_answers = {answer_names, COUNT_OF(answer_names)};

bool
field_name_is_forwarded(struct str name)
{
    struct str prefix = STR("x-forwarded-");

    return name.len >= prefix.len &&
           http_names_alike(prefix, (struct str){name.at, prefix.len});
}

bool
field_name_is_ours(struct str name)
{
    return field_names_have(&field_names_of_requests, name) || field_name_is_forwarded(name);
}
