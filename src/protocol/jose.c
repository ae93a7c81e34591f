/*
 * jose.c - compact JWS as bytes: tables, splitting, JSON, ECDSA's two forms.
 *
 * The hard thing is JSON that means two things to two readers. jansson refuses
 * names given twice, bad UTF-8 and text behind the value. Before it is asked the depth is
 * bounded, because it recurses, and NUL is refused: behind a number it would pass over one.
 */
#include "protocol/jose.h"

#include "base/json_node.h"
#include "protocol/base64url.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

enum { HEADER_NODES = 32 };

static const struct jose_algorithm_row algorithms[JOSE_ALGORITHM_COUNT] = {
#define X(name, family, hash, hash_len, curve, signature_len)                                     \
    [JOSE_##name] = {#name, JOSE_##family, JOSE_##hash, JOSE_##curve, hash_len, signature_len},
    JOSE_ALGORITHMS(X)
#undef X
};

static const struct jose_curve_row curves[] = {
    [JOSE_P256] = {"P-256", "prime256v1", 32, JOSE_ES256},
    [JOSE_P384] = {"P-384", "secp384r1", 48, JOSE_ES384},
    [JOSE_P521] = {"P-521", "secp521r1", 66, JOSE_ES512},
    [JOSE_ED25519] = {"Ed25519", "ED25519", 32, JOSE_EdDSA},
};

/* The order n of each curve's group (SEC 2), big-endian, as long as a coordinate. */
static const uint8_t orders[][66] = {
    [JOSE_P256] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff,
                   0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                   0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51},
    [JOSE_P384] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                   0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2,
                   0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec, 0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73},
    [JOSE_P521] = {0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                   0xfa, 0x51, 0x86, 0x87, 0x83, 0xbf, 0x2f, 0x96, 0x6b, 0x7f, 0xcc,
                   0x01, 0x48, 0xf7, 0x09, 0xa5, 0xd0, 0x3b, 0xb5, 0xc9, 0xb8, 0x89,
                   0x9c, 0x47, 0xae, 0xbb, 0x6f, 0xb7, 0x1e, 0x91, 0x38, 0x64, 0x09},
};

static const struct jose_reason_row reasons[JOSE_REASON_COUNT] = {
#define X(name, word, status, error, description) \
    [JOSE_##name] = {word, status, error, description},
    JOSE_REASONS(X)
#undef X
};

const struct jose_algorithm_row *
jose_algorithm(enum jose_algorithm algorithm)
{
    return &algorithms[algorithm];
}

enum jose_algorithm
jose_algorithm_named(struct str name)
{
    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        if (str_equal(name, str_of(algorithms[a].name)))
            return a;
    return JOSE_NO_ALGORITHM;
}

const struct jose_curve_row *
jose_curve(enum jose_curve curve)
{
    return &curves[curve];
}

enum jose_curve
jose_curve_named(struct str name)
{
    for (enum jose_curve c = JOSE_P256; c < JOSE_NO_CURVE; c++)
        if (str_equal(name, str_of(curves[c].name)))
            return c;
    return JOSE_NO_CURVE;
}

unsigned
jose_family_mask(enum jose_family family)
{
    unsigned mask = 0;

    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        if (algorithms[a].family == family)
            mask |= JOSE_BIT(a);
    return mask;
}

const struct jose_reason_row *
jose_reason(enum jose_reason reason)
{
    return &reasons[reason];
}

enum jose_reason
jose_split(struct jose_parts *parts, struct str token)
{
    if (token.len > JOSE_TOKEN_MAX)
        return JOSE_TOO_LONG;
    if (token.len == 0)
        return JOSE_MALFORMED;
    const char *end = token.at + token.len;
    const char *first = memchr(token.at, '.', token.len);
    if (!first || first == token.at)
        return JOSE_MALFORMED;
    const char *payload = first + 1;
    const char *second = memchr(payload, '.', (size_t)(end - payload));
    if (!second || second + 1 == end)
        return JOSE_MALFORMED;
    const char *signature = second + 1;
    if (memchr(signature, '.', (size_t)(end - signature)))
        return JOSE_MALFORMED;

    parts->header = (struct str){token.at, (size_t)(first - token.at)};
    parts->payload = (struct str){payload, (size_t)(second - payload)};
    parts->signature = (struct str){signature, (size_t)(end - signature)};
    parts->signed_text = (struct str){token.at, (size_t)(second - token.at)};
    return JOSE_OK;
}

/* Are brackets outside of strings nested at most JOSE_DEPTH_MAX deep? Text that is no JSON
 * gets any answer; the parser then refuses it. */
static bool
is_shallow(struct str text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[') && ++depth > JOSE_DEPTH_MAX)
            return false;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return true;
}

struct json_t *
jose_json(struct str text)
{
    if (text.len == 0 || !is_shallow(text) || memchr(text.at, '\0', text.len))
        return NULL;
    json_t *json = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (json && !json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

struct json_t *
jose_payload_read(struct str segment, void *scratch)
{
    size_t len;

    if (!base64url_decode(segment, scratch, &len))
        return NULL;
    return jose_json((struct str){scratch, len});
}

/* ---- The header --------------------------------------------------------------------- */

/* A member that may be absent; else it must be a string of at most `max` bytes. */
static bool
copy_string(const struct json_node *object, struct str name, char *out, size_t max, size_t *len)
{
    const struct json_node *value = json_node_member(object, name);
    struct str text = json_node_text(value);

    *len = 0;
    out[0] = '\0';
    if (!value)
        return true;
    if (!text.at || text.len > max)
        return false;
    *len = text.len;
    memcpy(out, text.at, text.len);
    out[text.len] = '\0';
    return true;
}

static enum jose_reason
header_from_json(struct jose_header *header, const struct json_node *json)
{
    struct str algorithm = json_node_text(json_node_member(json, STR("alg")));

    if (!algorithm.at)
        return JOSE_MALFORMED;
    header->algorithm = jose_algorithm_named(algorithm);
    header->critical =
        json_node_member(json, STR("crit")) || json_node_member(json, STR("b64"));
    header->has_kid = json_node_member(json, STR("kid")) != NULL;
    if (!copy_string(json, STR("kid"), header->kid, JOSE_KID_MAX, &header->kid_len) ||
        !copy_string(json, STR("typ"), header->type, JOSE_TYPE_MAX, &header->type_len))
        return JOSE_MALFORMED;
    return JOSE_OK;
}

/* A usual header has three members; one that is far beyond takes memory for its nodes. */
enum jose_reason
jose_header_read(struct jose_header *header, struct str segment, void *scratch)
{
    struct json_node few[HEADER_NODES] UNINITIALIZED, *nodes = few;
    enum jose_reason reason = JOSE_MALFORMED;
    size_t len;

    if (!base64url_decode(segment, scratch, &len))
        return JOSE_MALFORMED;
    size_t room = json_node_room((struct str){scratch, len});
    if (room > HEADER_NODES)
        nodes = malloc(room * sizeof(*nodes));
    if (nodes && json_node_read(nodes, room, scratch, len, JOSE_DEPTH_MAX))
        reason = header_from_json(header, nodes);
    if (nodes != few)
        free(nodes);
    return reason;
}

/* ---- ECDSA ---------------------------------------------------------------------------- */

static struct str
without_application(struct str type)
{
    static const struct str prefix = {"application/", sizeof("application/") - 1};

    if (type.len > prefix.len &&
        str_equal_nocase((struct str){type.at, prefix.len}, prefix))
        return (struct str){type.at + prefix.len, type.len - prefix.len};
    return type;
}

bool
jose_type_is(const struct jose_header *header, struct str wanted)
{
    struct str type = {header->type, header->type_len};

    return str_equal_nocase(without_application(type), without_application(wanted));
}

/* Is the big-endian number in [1, n - 1]? */
static bool
in_range(enum jose_curve curve, const uint8_t *number, size_t len)
{
    uint8_t any = 0;

    for (size_t i = 0; i < len; i++)
        any |= number[i];
    return any && memcmp(number, orders[curve], len) < 0;
}

/* A DER INTEGER: as short as it can be, and never negative. Returns the place behind it. */
static uint8_t *
put_integer(uint8_t *out, const uint8_t *number, size_t len)
{
    while (*number == 0)
        number++, len--;
    bool pad = (*number & 0x80) != 0;
    *out++ = 0x02;
    *out++ = (uint8_t)(len + pad);
    if (pad)
        *out++ = 0;
    memcpy(out, number, len);
    return out + len;
}

size_t
jose_ecdsa_to_der(enum jose_curve curve, const unsigned char *raw, size_t len, unsigned char *out)
{
    size_t half = curves[curve].coordinate_len;
    uint8_t body[JOSE_DER_MAX];

    if (len != 2 * half || !in_range(curve, raw, half) || !in_range(curve, raw + half, half))
        return 0;
    uint8_t *end = put_integer(put_integer(body, raw, half), raw + half, half);
    size_t body_len = (size_t)(end - body), at = 0;

    out[at++] = 0x30;
    if (body_len >= 0x80) /* at most 138: one byte of length is enough */
        out[at++] = 0x81;
    out[at++] = (unsigned char)body_len;
    memcpy(out + at, body, body_len);
    return at + body_len;
}
