/*
 * claim_header.c - a claim handed to the backend as a request header.
 *
 * Values are written twice: once into nothing, to count, then into memory of the
 * request's.
 */
#include "claim_header.h"

#include "base/json_node.h"
#include "protocol/field_names.h"
#include "token/claim_path.h"
#include "token/claim_value.h"

/* Names that the gateway or HTTP itself gives a meaning to; a claim must not set them. */
static bool
is_reserved(const char *header)
{
    static const char *const names[] = {"Authorization", "Cookie", "Origin"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcasecmp(header, names[i]) == 0)
            return true;
    return strncasecmp(header, "Sec-", 4) == 0 ||
           field_names_have(&field_names_own, str_of(header));
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
    *error = NULL;
    if (!is_plain_name(header))
        *error = "expected a header name of letters, digits and \"-\"";
    else if (is_reserved(header))
        *error = "this header has a meaning of its own; expected another, such as X-Auth-Subject";
    *forward = (struct claim_header){claim, header};
    return !*error && claim_path_check(claim, error);
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
put_text(struct output *out, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool at_an_end = i == 0 || i == text.len - 1;

        if (c > ' ' && c <= '~' && c != '%' && c != ',') {
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

/* false: an element has no text. */
static bool
put_list(struct output *out, const struct json_node *list)
{
    const struct json_node *one = json_node_first(list);

    for (bool first = true; one; one = json_node_next(list, one), first = false) {
        char space[CLAIM_NUMBER_MAX];
        struct str text = claim_text(one, space);

        if (!text.at)
            return false;
        if (!first)
            put(out, ',');
        put_text(out, text);
    }
    return true;
}

/* false: not a kind of value that is handed on. */
static bool
put_claim(struct output *out, const struct json_node *claim)
{
    char space[CLAIM_NUMBER_MAX];
    struct str text = claim_text(claim, space);

    if (text.at)
        put_text(out, text);
    return text.at || (json_node_is(claim, JSON_NODE_ARRAY) && put_list(out, claim));
}

bool
claim_header_forward(const struct claim_header *forward, const struct mw_host *host,
                     struct mw_request *request, const struct json_node *claims)
{
    const struct json_node *claim = claim_path_find(forward->claim, claims);
    struct output out = {NULL, 0};

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
