/*
 * verify.c - judges a token.
 *
 * It decodes into scratch memory of the worker's, which it wipes: a request costs
 * no allocation but those of the JSON claims. Tokens of one issuer begin with the
 * same header bytes, so the last header is kept and compared byte by byte.
 */
#include "token/verify.h"

#include "base/json_node.h"
#include "protocol/base64url.h"
#include "token/checker.h"

#include <openssl/crypto.h>

#include <stdlib.h>

/* 9999-12-31T23:59:59Z; in milliseconds it is far from the end of int64_t. */
static const int64_t latest_s = 253402300799;

struct verifier {
    struct checker *checker;
    struct jose_header header; /* of cached[0..cached_len) */
    size_t cached_len;
    char cached[VERIFY_CACHED_HEADER_MAX];
    unsigned char scratch[JOSE_TOKEN_MAX];
};

struct verifier *
verifier_new(const struct keyset *keyset)
{
    struct verifier *verifier = calloc(1, sizeof(*verifier));

    if (verifier && !(verifier->checker = checker_new(keyset))) {
        free(verifier);
        return NULL;
    }
    return verifier;
}

bool
verifier_set_keyset(struct verifier *verifier, const struct keyset *keyset)
{
    struct checker *checker = checker_new(keyset);

    if (!checker)
        return false;
    checker_free(verifier->checker);
    verifier->checker = checker;
    return true;
}

void
verifier_free(struct verifier *verifier)
{
    if (!verifier)
        return;
    checker_free(verifier->checker);
    free(verifier);
}

void
verified_free(struct verified *verified)
{
    token_entry_unref(verified->entry);
    claims_free(verified->own);
    *verified = (struct verified){.lookup = verified->lookup, .key_wanted = verified->key_wanted};
}

/* ---- Header ----------------------------------------------------------------- */

/* Reads the header, or finds that it is the last one again. */
static enum jose_reason
read_header(struct verifier *verifier, struct str segment)
{
    if (segment.len == verifier->cached_len &&
        memcmp(segment.at, verifier->cached, segment.len) == 0)
        return JOSE_OK;
    verifier->cached_len = 0;
    enum jose_reason reason = jose_header_read(&verifier->header, segment, verifier->scratch);
    if (reason == JOSE_OK && segment.len <= VERIFY_CACHED_HEADER_MAX) {
        memcpy(verifier->cached, segment.at, segment.len);
        verifier->cached_len = segment.len;
    }
    return reason;
}

static enum jose_reason
check_header(struct verifier *verifier, unsigned algorithms, struct str type, struct str segment)
{
    enum jose_reason reason = read_header(verifier, segment);
    const struct jose_header *header = &verifier->header;

    if (reason != JOSE_OK)
        return reason;
    if (header->critical)
        return JOSE_CRITICAL;
    if (header->algorithm == JOSE_NO_ALGORITHM || !(algorithms & JOSE_BIT(header->algorithm)))
        return JOSE_ALGORITHM;
    return type.at && !jose_type_is(header, type) ? JOSE_TYPE : JOSE_OK;
}

/* ---- Signature -------------------------------------------------------------- */

/* After check_header. */
static enum jose_reason
check_signature(struct verifier *verifier, const struct jose_parts *parts, const struct key **key)
{
    const struct jose_header *header = &verifier->header;
    struct str kid = header->has_kid ? (struct str){header->kid, header->kid_len} : STR_NONE;
    size_t len = BASE64URL_BYTES_LEN(parts->signature.len);

    if (len > JOSE_SIGNATURE_MAX || !base64url_decode(parts->signature, verifier->scratch, &len))
        return JOSE_MALFORMED;
    struct str signature = {(const char *)verifier->scratch, len};
    enum jose_reason reason = checker_verify(verifier->checker, header->algorithm, kid,
                                             parts->signed_text, signature, key);
    OPENSSL_cleanse(verifier->scratch, len);
    return reason;
}

enum jose_reason
verify_signature(struct verifier *verifier, unsigned algorithms, struct str token,
                 const struct key **key)
{
    struct jose_parts parts;
    enum jose_reason reason = jose_split(&parts, token);
    size_t len;

    if (reason == JOSE_OK)
        reason = check_header(verifier, algorithms, STR_NONE, parts.header);
    if (reason == JOSE_OK && !base64url_decode(parts.payload, verifier->scratch, &len))
        reason = JOSE_MALFORMED;
    return reason == JOSE_OK ? check_signature(verifier, &parts, key) : reason;
}

/* ---- Claims ----------------------------------------------------------------- */

/* A NumericDate (RFC 7519 2), which may have a fraction, in milliseconds. Absent: *present is
 * false. Returns false for anything else than a number from 1970 to 9999. */
static bool
read_date(const struct json_node *claims, struct str name, bool *present, int64_t *ms)
{
    const struct json_node *value = json_node_member(claims, name);

    *present = value != NULL;
    if (!value)
        return true;
    if (value->kind == JSON_NODE_INTEGER) {
        if (value->as.integer < 0 || value->as.integer > latest_s)
            return false;
        *ms = value->as.integer * 1000;
        return true;
    }
    double seconds = value->kind == JSON_NODE_REAL ? value->as.real : -1;
    if (!(seconds >= 0 && seconds <= (double)latest_s))
        return false;
    *ms = (int64_t)(seconds * 1000);
    return true;
}

static bool
read_string(const struct json_node *claims, struct str name, struct str *text)
{
    const struct json_node *value = json_node_member(claims, name);

    *text = json_node_text(value);
    return !value || text->at;
}

/* A string, or a list of strings; or absent. */
static bool
is_audience(const struct json_node *audience)
{
    if (!audience || audience->kind == JSON_NODE_STRING)
        return true;
    if (audience->kind != JSON_NODE_ARRAY)
        return false;
    const struct json_node *one = json_node_first(audience);
    for (; one; one = json_node_next(audience, one))
        if (one->kind != JSON_NODE_STRING)
            return false;
    return true;
}

static bool
is_listed(const struct verify_policy *policy, const struct json_node *one)
{
    for (size_t i = 0; i < policy->audience_count; i++)
        if (str_equal(json_node_text(one), policy->audiences[i]))
            return true;
    return false;
}

static bool
is_for_us(const struct verify_policy *policy, const struct json_node *audience)
{
    if (policy->audience_count == 0)
        return true;
    if (!json_node_is(audience, JSON_NODE_ARRAY))
        return audience && is_listed(policy, audience);
    const struct json_node *one = json_node_first(audience);
    for (; one; one = json_node_next(audience, one))
        if (is_listed(policy, one))
            return true;
    return false;
}

/* By `iat`. Brings *expires_ms forward to when the token will be too old. */
static enum jose_reason
check_age(const struct verify_policy *policy, bool has_iat, int64_t iat_ms, int64_t now_ms,
          int64_t *expires_ms)
{
    int64_t end_ms = iat_ms + policy->max_age_ms + policy->leeway_ms;

    if (policy->max_age_ms == 0)
        return JOSE_OK;
    if (!has_iat)
        return JOSE_NO_ISSUE_TIME;
    if (now_ms < iat_ms - policy->leeway_ms)
        return JOSE_ISSUED_LATER;
    if (now_ms >= end_ms)
        return JOSE_TOO_OLD;
    if (end_ms < *expires_ms)
        *expires_ms = end_ms;
    return JOSE_OK;
}

enum jose_reason
verify_claims(const struct verify_policy *policy, const struct json_node *claims, int64_t now_ms,
              struct verified *verified)
{
    const struct json_node *audience = json_node_member(claims, STR("aud"));
    bool has_exp, has_nbf, has_iat;
    struct str subject; /* a string or nothing (RFC 7519 4.1.2); who uses it looks it up */
    int64_t exp_ms = 0, nbf_ms = 0, iat_ms = 0;

    if (!read_date(claims, STR("exp"), &has_exp, &exp_ms) ||
        !read_date(claims, STR("nbf"), &has_nbf, &nbf_ms) ||
        !read_date(claims, STR("iat"), &has_iat, &iat_ms) ||
        !read_string(claims, STR("iss"), &verified->issuer) ||
        !read_string(claims, STR("sub"), &subject) || !is_audience(audience))
        return JOSE_CLAIM;
    if (policy->issuer.at &&
        (!verified->issuer.at || !str_equal(verified->issuer, policy->issuer)))
        return JOSE_ISSUER;
    if (!is_for_us(policy, audience))
        return JOSE_AUDIENCE;
    if (!has_exp && policy->require_expiration)
        return JOSE_NO_EXPIRY;
    verified->expires_ms = has_exp ? exp_ms + policy->leeway_ms : INT64_MAX;
    if (now_ms >= verified->expires_ms)
        return JOSE_EXPIRED;
    if (has_nbf && now_ms < nbf_ms - policy->leeway_ms)
        return JOSE_NOT_YET_VALID;
    return check_age(policy, has_iat, iat_ms, now_ms, &verified->expires_ms);
}

/* Decodes, parses and judges. On success verified->claims is set. */
static enum jose_reason
check_payload(struct verifier *verifier, const struct verify_policy *policy, struct str segment,
              int64_t now_ms, struct verified *verified)
{
    verified->own = claims_of_segment(segment, verifier->scratch);
    OPENSSL_cleanse(verifier->scratch, BASE64URL_BYTES_LEN(segment.len));
    if (!verified->own)
        return JOSE_MALFORMED;
    verified->claims = verified->own->all;
    return verify_claims(policy, verified->claims, now_ms, verified);
}

/* Everything, by a token that is not in the cache. */
static enum jose_reason
check_token(struct verifier *verifier, const struct verify_policy *policy,
            const struct jose_parts *parts, int64_t now_ms, struct verified *verified)
{
    enum jose_reason reason =
        check_header(verifier, policy->algorithms, policy->type, parts->header);

    if (reason != JOSE_OK)
        return reason;
    bool mac_first = jose_algorithm(verifier->header.algorithm)->family == JOSE_HMAC;
    if (mac_first)
        reason = check_signature(verifier, parts, &verified->key);
    bool unknown = reason == JOSE_KEY_UNKNOWN;
    if (reason == JOSE_OK || unknown)
        reason = check_payload(verifier, policy, parts->payload, now_ms, verified);
    if (reason == JOSE_OK && unknown)
        reason = JOSE_KEY_UNKNOWN;
    if (reason == JOSE_OK && !mac_first)
        reason = check_signature(verifier, parts, &verified->key);
    verified->key_wanted =
        !mac_first && (reason == JOSE_KEY_UNKNOWN || reason == JOSE_SIGNATURE);
    return reason;
}

/* ---- The cache -------------------------------------------------------------- */

/* Did it verify before, under a key that is trusted still? Then claims, entry and key are set. */
static bool
recall(const struct keyset *keyset, struct token_cache *cache, const unsigned char *digest,
       int64_t now_ms, struct verified *verified)
{
    struct token_entry *entry = token_cache_get(cache, digest, now_ms);

    if (!entry)
        return false;
    size_t place = keyset_find(keyset, entry->thumbprint, entry->key_place);
    if (place == keyset_count(keyset)) {
        token_cache_drop(cache, entry);
        token_entry_unref(entry);
        return false;
    }
    verified->entry = entry;
    verified->claims = entry->claims->all;
    verified->key = keyset_at(keyset, place);
    return true;
}

/* Out of memory: it is not remembered, and *verified stays what it is. */
static void
remember(const struct keyset *keyset, struct token_cache *cache, const unsigned char *digest,
         int64_t now_ms, struct verified *verified)
{
    size_t place = keyset_find(keyset, verified->key->thumbprint, 0);

    verified->entry =
        token_entry_new(digest, verified->key, place, verified->own, verified->expires_ms);
    if (!verified->entry)
        return;
    verified->own = NULL;
    token_cache_put(cache, verified->entry, now_ms);
}

enum jose_reason
verify_token(struct verifier *verifier, const struct verify_policy *policy, struct str token,
             int64_t now_ms, struct verified *verified)
{
    const struct keyset *keyset = checker_keyset(verifier->checker);
    unsigned char digest[JOSE_HASH_MAX];
    struct jose_parts parts;
    enum jose_reason reason = jose_split(&parts, token); /* which bounds what is hashed */

    *verified = (struct verified){.claims = NULL};
    if (reason != JOSE_OK)
        return reason;
    if (policy->cache) {
        if (!checker_digest(verifier->checker, JOSE_SHA256, token, digest))
            return JOSE_INTERNAL;
        bool seen = recall(keyset, policy->cache, digest, now_ms, verified);
        verified->lookup = seen ? VERIFY_HIT : VERIFY_MISS;
    }
    if (verified->lookup == VERIFY_HIT)
        reason = verify_claims(policy, verified->claims, now_ms, verified);
    else
        reason = check_token(verifier, policy, &parts, now_ms, verified);
    if (reason != JOSE_OK)
        verified_free(verified);
    else if (verified->lookup == VERIFY_MISS)
        remember(keyset, policy->cache, digest, now_ms, verified);
    return reason;
}

/* ---- Once more -------------------------------------------------------------- */

enum jose_reason
verify_again(struct verifier *verifier, const struct verify_policy *policy, struct str signed_text,
             const unsigned char *thumbprint, int64_t now_ms, struct verified *verified)
{
    const struct keyset *keyset = checker_keyset(verifier->checker);
    const char *dot = memchr(signed_text.at, '.', signed_text.len);
    size_t len = dot ? (size_t)(dot - signed_text.at) : 0;
    struct str header = {signed_text.at, len};
    struct str payload = {header.at + len + 1, signed_text.len - len - 1};

    *verified = (struct verified){.claims = NULL};
    enum jose_reason reason =
        dot ? check_header(verifier, policy->algorithms, policy->type, header) : JOSE_MALFORMED;
    if (reason == JOSE_OK)
        reason = check_payload(verifier, policy, payload, now_ms, verified);
    if (reason == JOSE_OK && keyset_find(keyset, thumbprint, 0) == keyset_count(keyset))
        reason = JOSE_KEY_UNKNOWN;
    if (reason != JOSE_OK)
        verified_free(verified);
    return reason;
}
