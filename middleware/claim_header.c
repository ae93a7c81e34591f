/*
 * claim_header.c - a claim handed to the backend as a request header.
 *
 * Values are written twice: once into nothing, to count, then into memory of the
 * request's.
 */
#include "claim_header.h"

#include "base/str.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Names that the gateway or HTTP itself gives a meaning to; a claim must not set them. */
static const char *const reserved[] = {
    "Authorization", "Connection", "Content-Length", "Cookie", "Expect", "Forwarded", "Host",
    "Keep-Alive", "Origin", "Proxy-Authorization", "Proxy-Connection", "TE", "Trailer",
    "Transfer-Encoding", "Upgrade", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto",
    "X-Request-Id",
};

static bool
is_reserved(const char *header)
{
    for (size_t i = 0; i < COUNT_OF(reserved); i++)
        if (strcasecmp(header, reserved[i]) == 0)
            return true;
    return strncasecmp(header, "Sec-", 4) == 0;
}

/* Letters, digits and "-" alone: "_" is taken for "-" by many a backend. */
static bool
is_plain_name(const char *header)
{
    return *header && strspn(header, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-") == strlen(header);
}

bool
claim_header_init(struct claim_header *forward, const char *claim, const char *header,
                  const char **error)
{
    size_t len = strlen(claim);

    *error = NULL;
    if (len == 0 || *claim == '.' || claim[len - 1] == '.' || strstr(claim, ".."))
        *error = "expected a claim's name, or names joined by dots";
    else if (!is_plain_name(header))
        *error = "expected a header name of letters, digits and \"-\"";
    else if (is_reserved(header))
        *error = "this header has a meaning of its own; expected another, such as X-Auth-Subject";
    if (*error)
        return false;
    *forward = (struct claim_header){claim, calloc(1, len + 2), header};
    if (!forward->steps) {
        *error = "out of memory";
        return false;
    }
    for (size_t i = 0; i < len; i++)
        forward->steps[i] = claim[i] == '.' ? '\0' : claim[i];
    return true;
}

void
claim_header_free(struct claim_header *forward)
{
    free(forward->steps);
    forward->steps = NULL;
}

const struct json_t *
claim_header_find(const struct claim_header *forward, const struct json_t *claims)
{
    const json_t *at = json_object_get(claims, forward->claim);

    if (at)
        return at;
    at = claims;
    for (const char *step = forward->steps; at && *step; step += strlen(step) + 1)
        at = json_object_get(at, step);
    return at;
}

/* Where a value is written; at == NULL: only counted. */
struct output {
    char *at;
    size_t len;
};

static void
put(struct output *out, char c)
{
    if (out->at)
        out->at[out->len] = c;
    out->len++;
}

static void
put_text(struct output *out, const char *text, size_t len, bool in_list)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool at_an_end = i == 0 || i == len - 1;

        if (c > ' ' && c <= '~' && c != '%' && !(c == ',' && in_list)) {
            put(out, (char)c);
        } else if (c == ' ' && !at_an_end) {
            put(out, ' ');
        } else {
            put(out, '%');
            put(out, hex[c >> 4]);
            put(out, hex[c & 15]);
        }
    }
}

/* false: an element is no string. */
static bool
put_list(struct output *out, const json_t *list)
{
    const json_t *one;
    size_t i;

    json_array_foreach(list, i, one) {
        if (!json_is_string(one))
            return false;
        if (i > 0)
            put(out, ',');
        put_text(out, json_string_value(one), json_string_length(one), true);
    }
    return true;
}

static void
put_number(struct output *out, const json_t *number)
{
    char text[64]; /* %.17g has at most 24 characters */
    int len = json_is_integer(number)
                  ? snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT,
                             json_integer_value(number))
                  : snprintf(text, sizeof(text), "%.17g", json_real_value(number));

    put_text(out, text, (size_t)len, false);
}

/* false: not a kind of value that is handed on. */
static bool
put_claim(struct output *out, const json_t *claim)
{
    if (json_is_array(claim))
        return put_list(out, claim);
    if (json_is_string(claim))
        put_text(out, json_string_value(claim), json_string_length(claim), false);
    else if (json_is_number(claim))
        put_number(out, claim);
    else if (json_is_boolean(claim))
        put_text(out, json_is_true(claim) ? "true" : "false", json_is_true(claim) ? 4 : 5, false);
    else
        return false;
    return true;
}

bool
claim_header_forward(const struct claim_header *forward, const struct mw_host *host,
                     struct mw_request *request, const struct json_t *claims)
{
    const json_t *claim = claim_header_find(forward, claims);
    struct output out = {NULL, 0};

    if (!host->strip(request, MW_HEADER, forward->header, 0))
        return false;
    if (!claim)
        return true;
    if (!put_claim(&out, claim)) {
        host->count(request, "claim-not-forwarded", 1);
        return true;
    }
    out.at = host->alloc(request, out.len + 1);
    if (!out.at)
        return false;
    out.len = 0;
    return put_claim(&out, claim) &&
           host->forward_header(request, forward->header, (struct mw_str){out.at, out.len});
}
