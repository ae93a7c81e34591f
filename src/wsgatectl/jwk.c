/* jwk.c - a public key as a JSON Web Key. */
#include "jwk.h"

#include "protocol/base64url.h"

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <stdlib.h>

static json_t *
text_of_bytes(const unsigned char *bytes, size_t len)
{
    char *text = malloc(BASE64URL_TEXT_LEN(len) + 1);
    json_t *json = text ? json_stringn(text, base64url_encode(bytes, len, text)) : NULL;

    free(text);
    return json;
}

/* A number of the key, big-endian, in `len` bytes (0: as many as it needs). */
static json_t *
text_of_number(EVP_PKEY *key, const char *name, size_t len)
{
    unsigned char bytes[JOSE_SIGNATURE_MAX];
    BIGNUM *number = NULL;
    json_t *json = NULL;

    if (EVP_PKEY_get_bn_param(key, name, &number) > 0) {
        int padded = len ? (int)len : BN_num_bytes(number);
        if (padded <= (int)sizeof(bytes) && BN_bn2binpad(number, bytes, padded) == padded)
            json = text_of_bytes(bytes, (size_t)padded);
    }
    BN_free(number);
    return json;
}

static json_t *
text_of_raw(EVP_PKEY *key)
{
    unsigned char bytes[64];
    size_t len = sizeof(bytes);

    return EVP_PKEY_get_raw_public_key(key, bytes, &len) > 0 ? text_of_bytes(bytes, len) : NULL;
}

/* The members that the thumbprint is made of; json_pack frees and fails when one is NULL. */
static json_t *
required_members(EVP_PKEY *key)
{
    char group[64] = "";

    if (EVP_PKEY_is_a(key, "RSA"))
        return json_pack("{s:s, s:o, s:o}", "kty", "RSA", "n",
                         text_of_number(key, OSSL_PKEY_PARAM_RSA_N, 0), "e",
                         text_of_number(key, OSSL_PKEY_PARAM_RSA_E, 0));
    if (EVP_PKEY_is_a(key, "ED25519"))
        return json_pack("{s:s, s:s, s:o}", "kty", "OKP", "crv", "Ed25519", "x", text_of_raw(key));
    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
    for (enum jose_curve c = JOSE_P256; c <= JOSE_P521; c++) {
        const struct jose_curve_row *curve = jose_curve(c);
        if (strcmp(group, curve->group) == 0)
            return json_pack(
                "{s:s, s:s, s:o, s:o}", "kty", "EC", "crv", curve->name, "x",
                text_of_number(key, OSSL_PKEY_PARAM_EC_PUB_X, curve->coordinate_len), "y",
                text_of_number(key, OSSL_PKEY_PARAM_EC_PUB_Y, curve->coordinate_len));
    }
    return NULL;
}

/* RFC 7638: SHA-256 over the required members, sorted, without white space. */
static json_t *
thumbprint(const json_t *members)
{
    char *text = json_dumps(members, JSON_COMPACT | JSON_SORT_KEYS);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len;
    json_t *json = NULL;

    if (text && EVP_Digest(text, strlen(text), digest, &len, EVP_sha256(), NULL) > 0)
        json = text_of_bytes(digest, len);
    free(text);
    return json;
}

struct json_t *
jwk_from_public(EVP_PKEY *key, const char *kid, enum jose_algorithm algorithm)
{
    json_t *jwk = required_members(key);

    if (!jwk)
        return NULL;
    bool ok = json_object_set_new(jwk, "kid", kid ? json_string(kid) : thumbprint(jwk)) == 0 &&
              json_object_set_new(jwk, "use", json_string("sig")) == 0;
    if (ok && algorithm)
        ok = json_object_set_new(jwk, "alg", json_string(jose_algorithm(algorithm)->name)) == 0;
    if (ok)
        return jwk;
    json_decref(jwk);
    return NULL;
}
