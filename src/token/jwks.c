/*
 * jwks.c - reads a JSON Web Key Set.
 *
 * One function per `kty`, in a table. Each makes the OpenSSL key or the secret
 * out of the members; key.c then judges it like one from a PEM file.
 */
#include "token/jwks.h"

#include "protocol/base64url.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <stdint.h>
#include <stdio.h>

enum verdict { FAULT, SKIP, TAKE };

/* Bytes of the longest member: an RSA modulus, or a secret, which may be as long. */
enum { MEMBER_MAX = KEY_RSA_BITS_MAX / 8 + 1 };

struct bytes {
    size_t len;
    uint8_t at[MEMBER_MAX];
};

/* A JWK that passed the members that every kty has. */
struct jwk {
    const json_t *json;
    struct str kid;
    enum jose_algorithm algorithm;
    struct key *key; /* the result */
    struct key_error *error;
};

static struct str
string_member(const json_t *jwk, const char *name)
{
    const json_t *value = json_object_get(jwk, name);

    return json_is_string(value)
               ? (struct str){json_string_value(value), json_string_length(value)}
               : STR_NONE;
}

/* Absent, or a string. */
static bool
is_optional_string(const json_t *jwk, const char *name)
{
    const json_t *value = json_object_get(jwk, name);

    return !value || json_is_string(value);
}

static bool
bytes_member(const struct jwk *jwk, const char *name, struct bytes *bytes)
{
    struct str text = string_member(jwk->json, name);

    if (text.at && text.len > 0 && BASE64URL_BYTES_LEN(text.len) <= MEMBER_MAX &&
        base64url_decode(text, bytes->at, &bytes->len))
        return true;
    key_error_set(jwk->error, "\"%s\" is missing or not base64url without padding", name);
    return false;
}

/* Takes and frees the builder. NULL: the members make no key. */
static EVP_PKEY *
build(const char *type, OSSL_PARAM_BLD *builder)
{
    OSSL_PARAM *params = builder ? OSSL_PARAM_BLD_to_param(builder) : NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;

    if (params && context && EVP_PKEY_fromdata_init(context) > 0 &&
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    ERR_clear_error();
    return key;
}

static enum verdict
take_public(struct jwk *jwk, EVP_PKEY *public_key)
{
    if (!public_key) {
        key_error_set(jwk->error, "its numbers make no valid public key");
        return FAULT;
    }
    jwk->key = key_from_public(public_key, jwk->kid, jwk->algorithm, jwk->error);
    return jwk->key ? TAKE : FAULT;
}

static enum verdict
read_rsa(struct jwk *jwk)
{
    struct bytes n, e;

    if (!bytes_member(jwk, "n", &n) || !bytes_member(jwk, "e", &e))
        return FAULT;
    BIGNUM *modulus = BN_bin2bn(n.at, (int)n.len, NULL);
    BIGNUM *exponent = BN_bin2bn(e.at, (int)e.len, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    if (builder && modulus && exponent &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent))
        key = build("RSA", builder);
    else
        OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return take_public(jwk, key);
}

/* An uncompressed point: RFC 7518 6.2.1.2 wants both coordinates at full length. */
static EVP_PKEY *
point_to_key(const struct jose_curve_row *curve, const struct bytes *x, const struct bytes *y)
{
    uint8_t point[1 + 2 * 66] = {0x04};
    size_t len = curve->coordinate_len;
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

    memcpy(point + 1, x->at, len);
    memcpy(point + 1 + len, y->at, len);
    if (builder &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, curve->group, 0) &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, 1 + 2 * len))
        return build("EC", builder);
    OSSL_PARAM_BLD_free(builder);
    return NULL;
}

static enum verdict
skip_curve(struct jwk *jwk)
{
    struct str name = string_member(jwk->json, "crv");

    if (!name.at) {
        key_error_set(jwk->error, "\"crv\" is missing or no string");
        return FAULT;
    }
    key_error_set(jwk->error, "its curve is not one that tokens are verified with here");
    return SKIP;
}

static enum verdict
read_ec(struct jwk *jwk)
{
    enum jose_curve curve = jose_curve_named(string_member(jwk->json, "crv"));
    struct bytes x, y;

    if (curve == JOSE_NO_CURVE)
        return skip_curve(jwk);
    const struct jose_curve_row *row = jose_curve(curve);
    if (!bytes_member(jwk, "x", &x) || !bytes_member(jwk, "y", &y))
        return FAULT;
    if (curve == JOSE_ED25519 || x.len != row->coordinate_len || y.len != row->coordinate_len) {
        key_error_set(jwk->error, "its coordinates do not have the length of its curve");
        return FAULT;
    }
    return take_public(jwk, point_to_key(row, &x, &y));
}

static enum verdict
read_okp(struct jwk *jwk)
{
    struct bytes x;

    if (jose_curve_named(string_member(jwk->json, "crv")) != JOSE_ED25519)
        return skip_curve(jwk);
    if (!bytes_member(jwk, "x", &x))
        return FAULT;
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x.at, x.len);
    ERR_clear_error();
    return take_public(jwk, key);
}

static enum verdict
read_oct(struct jwk *jwk)
{
    struct bytes k;
    bool ok = bytes_member(jwk, "k", &k);

    if (ok)
        jwk->key = key_from_secret((struct str){(const char *)k.at, k.len}, jwk->kid,
                                   jwk->algorithm, jwk->error);
    OPENSSL_cleanse(&k, sizeof(k));
    return jwk->key ? TAKE : FAULT;
}

static const struct {
    const char *kty;
    enum verdict (*read)(struct jwk *jwk);
} readers[] = {{"RSA", read_rsa}, {"EC", read_ec}, {"OKP", read_okp}, {"oct", read_oct}};

/* `key_ops`: absent, or an array of strings with "verify" in it. */
static enum verdict
check_operations(const json_t *jwk, struct key_error *error)
{
    const json_t *operations = json_object_get(jwk, "key_ops"), *operation;
    enum verdict verdict = SKIP;
    size_t i;

    if (!operations)
        return TAKE;
    if (!json_is_array(operations))
        verdict = FAULT;
    json_array_foreach(operations, i, operation) {
        if (!json_is_string(operation))
            verdict = FAULT;
        else if (verdict == SKIP && strcmp(json_string_value(operation), "verify") == 0)
            verdict = TAKE;
    }
    if (verdict == FAULT)
        key_error_set(error, "\"key_ops\" is not a list of strings");
    else if (verdict == SKIP)
        key_error_set(error, "its key_ops do not have \"verify\"");
    return verdict;
}

/* The members that every kty has. */
static enum verdict
check_common(struct jwk *jwk)
{
    static const char *const strings[] = {"kty", "kid", "use", "alg"};
    struct str use, algorithm;

    for (size_t i = 0; i < COUNT_OF(strings); i++)
        if (!is_optional_string(jwk->json, strings[i])) {
            key_error_set(jwk->error, "\"%s\" is not a string", strings[i]);
            return FAULT;
        }
    jwk->kid = string_member(jwk->json, "kid");
    use = string_member(jwk->json, "use");
    if (use.at && !str_equal(use, STR("sig"))) {
        key_error_set(jwk->error, "its use is not \"sig\"");
        return SKIP;
    }
    algorithm = string_member(jwk->json, "alg");
    jwk->algorithm = jose_algorithm_named(algorithm);
    if (algorithm.at && jwk->algorithm == JOSE_NO_ALGORITHM) {
        key_error_set(jwk->error, "its alg is not one that tokens are verified with here");
        return SKIP;
    }
    return check_operations(jwk->json, jwk->error);
}

static enum verdict
read_key(struct jwk *jwk)
{
    struct str kty;

    if (!json_is_object(jwk->json)) {
        key_error_set(jwk->error, "not an object");
        return FAULT;
    }
    enum verdict verdict = check_common(jwk);
    if (verdict != TAKE)
        return verdict;
    kty = string_member(jwk->json, "kty");
    for (size_t i = 0; i < COUNT_OF(readers); i++)
        if (str_equal(kty, str_of(readers[i].kty)))
            return readers[i].read(jwk);
    key_error_set(jwk->error, kty.at ? "its kty is not RSA, EC, OKP or oct" : "\"kty\" is missing");
    return kty.at ? SKIP : FAULT;
}

/* "key 2 (kid "x"): what", the kid as JSON would write it and cut short. */
static void
tell(const struct jwks_report *report, enum verdict verdict, size_t i, const struct jwk *jwk)
{
    char text[KEY_ERROR_MAX + 128], kid[64] = "";

    for (size_t at = 0; jwk->kid.at && at < jwk->kid.len && at < sizeof(kid) - 1; at++) {
        char c = jwk->kid.at[at];
        kid[at] = c >= ' ' && c <= '~' ? c : '?';
    }
    if (*kid)
        snprintf(text, sizeof(text), "key %zu (kid \"%s\"): %s", i + 1, kid, jwk->error->text);
    else
        snprintf(text, sizeof(text), "key %zu: %s", i + 1, jwk->error->text);
    (verdict == FAULT ? report->fault : report->note)(report->arg, text);
}

/* Reads the i-th key. false: a fault. */
static bool
add_key(struct keyset *keyset, const json_t *json, size_t i, const struct jwks_report *report)
{
    struct key_error error = {""};
    struct jwk jwk = {.json = json, .error = &error};
    enum verdict verdict = read_key(&jwk);

    if (verdict == TAKE && report->public_only && jwk.key->secret) {
        key_error_set(&error, "a secret, with which whoever can fetch the set could sign");
        key_free(jwk.key);
        verdict = SKIP;
    }
    if (verdict == TAKE && !keyset_add(keyset, jwk.key, &error))
        verdict = FAULT;
    if (verdict == TAKE && json_object_get(json, "d"))
        key_error_set(&error, "it is a private key; the public one would be enough");
    if (*error.text)
        tell(report, verdict, i, &jwk);
    return verdict != FAULT;
}

static bool
read_keys(struct keyset *keyset, const json_t *keys, const struct jwks_report *report)
{
    size_t before = keyset_count(keyset), count = json_array_size(keys);
    bool ok = count <= KEYSET_KEYS_MAX;

    if (!ok)
        report->fault(report->arg, "it has too many keys");
    for (size_t i = 0; i < count && i < KEYSET_KEYS_MAX; i++)
        ok = add_key(keyset, json_array_get(keys, i), i, report) && ok;
    if (ok && keyset_count(keyset) == before) {
        report->fault(report->arg, "no key in the set can verify tokens");
        ok = false;
    }
    return ok;
}

bool
jwks_read(struct keyset *keyset, struct str text, const struct jwks_report *report)
{
    json_t *json = jose_json(text);
    const json_t *keys = json_object_get(json, "keys");
    bool ok = json_is_array(keys);

    if (ok)
        ok = read_keys(keyset, keys, report);
    else
        report->fault(report->arg, json ? "it has no list \"keys\""
                                        : "it is not one JSON object, or a name in it is repeated");
    json_decref(json);
    return ok;
}
