/*
 * signer.c - signs tokens.
 *
 * libjwt signs what it can. It cannot write another `typ` than JWT, and of the
 * versions that we build with not all know RSASSA-PSS and Ed25519: such a token is
 * put together here.
 */
#include "signer.h"

#include "protocol/base64url.h"
#include "token/key_file.h"

#include <jansson.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>

struct signer {
    enum jose_algorithm algorithm;
    struct key_file file;
    struct str secret;     /* in file; HMAC */
    EVP_PKEY *private_key; /* everything else */
};

/* Which of libjwt's algorithms it is; JWT_ALG_NONE: none of them. */
static jwt_alg_t
libjwt_algorithm(enum jose_algorithm algorithm)
{
    static const jwt_alg_t map[JOSE_ALGORITHM_COUNT] = {
        [JOSE_HS256] = JWT_ALG_HS256, [JOSE_HS384] = JWT_ALG_HS384, [JOSE_HS512] = JWT_ALG_HS512,
        [JOSE_RS256] = JWT_ALG_RS256, [JOSE_RS384] = JWT_ALG_RS384, [JOSE_RS512] = JWT_ALG_RS512,
        [JOSE_ES256] = JWT_ALG_ES256, [JOSE_ES384] = JWT_ALG_ES384, [JOSE_ES512] = JWT_ALG_ES512,
    };

    return map[algorithm];
}

/* ---- Which key, which algorithm ----------------------------------------------- */

/* The algorithms that the key can sign with, the usual one being the lowest. */
static unsigned
signer_mask(const struct signer *signer)
{
    char group[64] = "";

    if (!signer->private_key)
        return jose_family_mask(JOSE_HMAC);
    if (EVP_PKEY_is_a(signer->private_key, "RSA"))
        return jose_family_mask(JOSE_RSA) | jose_family_mask(JOSE_PSS);
    if (EVP_PKEY_is_a(signer->private_key, "ED25519"))
        return JOSE_BIT(JOSE_EdDSA);
    EVP_PKEY_get_group_name(signer->private_key, group, sizeof(group), NULL);
    for (enum jose_curve c = JOSE_P256; c <= JOSE_P521; c++)
        if (strcmp(group, jose_curve(c)->group) == 0)
            return JOSE_BIT(jose_curve(c)->algorithm);
    return 0;
}

static bool
choose_algorithm(struct signer *signer, enum jose_algorithm wanted, struct key_error *error)
{
    unsigned mask = signer_mask(signer);

    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT && !wanted; a++)
        if (mask & JOSE_BIT(a))
            wanted = a;
    signer->algorithm = wanted;
    if (wanted && (mask & JOSE_BIT(wanted)))
        return true;
    key_error_set(error, "this kind of key cannot sign %s",
                  wanted ? jose_algorithm(wanted)->name : "tokens");
    return false;
}

/* A secret must be as long as the gateway asks for. */
static bool
check_secret(const struct signer *signer, struct key_error *error)
{
    struct key *key = key_from_secret(signer->secret, STR_NONE, signer->algorithm, error);

    key_free(key);
    return key != NULL;
}

static bool
load(struct signer *signer, enum jose_algorithm wanted, struct key_error *error)
{
    struct str text = signer->file.text;

    if (str_starts_with(text, STR("-----BEGIN"))) {
        BIO *bio = BIO_new_mem_buf(text.at, (int)text.len);
        signer->private_key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;
        BIO_free(bio);
        ERR_clear_error();
        if (!signer->private_key) {
            key_error_set(error, "holds no private key that can be read");
            return false;
        }
    } else {
        signer->secret = key_file_secret(&signer->file);
    }
    return choose_algorithm(signer, wanted, error) &&
           (signer->private_key || check_secret(signer, error));
}

struct signer *
signer_open(const char *path, enum jose_algorithm algorithm, struct key_error *error)
{
    struct signer *signer = calloc(1, sizeof(*signer));

    if (!signer) {
        key_error_set(error, "out of memory");
        return NULL;
    }
    if (key_file_read(&signer->file, path, error) && load(signer, algorithm, error))
        return signer;
    signer_close(signer);
    return NULL;
}

enum jose_algorithm
signer_algorithm(const struct signer *signer)
{
    return signer->algorithm;
}

void
signer_close(struct signer *signer)
{
    if (!signer)
        return;
    EVP_PKEY_free(signer->private_key);
    key_file_free(&signer->file);
    free(signer);
}

/* ---- Through libjwt ------------------------------------------------------------- */

static bool
fill_jwt(jwt_t *jwt, const struct signer *signer, const json_t *header, const char *claims)
{
    struct str key = signer->private_key ? signer->file.text : signer->secret;
    const char *name;
    json_t *value;

    if (jwt_set_alg(jwt, libjwt_algorithm(signer->algorithm), (const unsigned char *)key.at,
                    (int)key.len) != 0 ||
        jwt_add_grants_json(jwt, claims) != 0)
        return false;
    json_object_foreach((json_t *)(uintptr_t)header, name, value)
        if (jwt_add_header(jwt, name, json_string_value(value)) != 0)
            return false;
    return true;
}

static char *
sign_with_libjwt(const struct signer *signer, const json_t *header, const json_t *claims)
{
    char *text = json_dumps(claims, JSON_COMPACT), *token = NULL;
    jwt_t *jwt = NULL;

    if (text && jwt_new(&jwt) == 0 && fill_jwt(jwt, signer, header, text))
        token = jwt_encode_str(jwt);
    jwt_free(jwt);
    free(text);
    return token;
}

/* ---- On OpenSSL ------------------------------------------------------------------- */

/* Appends the base64url of JSON to *out and moves it. */
static bool
append_json(char **out, const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);

    if (text)
        *out += base64url_encode(text, strlen(text), *out);
    free(text);
    return text != NULL;
}

static bool
init_sign(EVP_MD_CTX *context, const struct signer *signer)
{
    const struct jose_algorithm_row *row = jose_algorithm(signer->algorithm);
    const char *hash = row->hash != JOSE_NO_HASH ? key_hash_name(row->hash) : NULL;
    EVP_PKEY_CTX *parameters = NULL;

    if (EVP_DigestSignInit_ex(context, &parameters, hash, NULL, NULL, signer->private_key, NULL) <=
        0)
        return false;
    return row->family != JOSE_PSS ||
           (EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) > 0 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) > 0);
}

/* An ECDSA-Sig-Value in place as r || s; returns its length, 0 on failure. */
static size_t
to_raw(enum jose_curve curve, unsigned char *signature, size_t len)
{
    const unsigned char *der = signature;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)len);
    int half = (int)jose_curve(curve)->coordinate_len;
    bool ok = numbers && BN_bn2binpad(ECDSA_SIG_get0_r(numbers), signature, half) == half &&
              BN_bn2binpad(ECDSA_SIG_get0_s(numbers), signature + half, half) == half;

    ECDSA_SIG_free(numbers);
    return ok ? 2 * (size_t)half : 0;
}

/* out: JOSE_SIGNATURE_MAX bytes. Returns the signature's length, 0 on failure. */
static size_t
sign_bytes(const struct signer *signer, struct str text, unsigned char *out)
{
    const struct jose_algorithm_row *row = jose_algorithm(signer->algorithm);
    const unsigned char *bytes = (const unsigned char *)text.at;
    size_t len = JOSE_SIGNATURE_MAX;

    if (row->family == JOSE_HMAC)
        return EVP_Q_mac(NULL, "HMAC", NULL, key_hash_name(row->hash), NULL, signer->secret.at,
                         signer->secret.len, bytes, text.len, out, len, &len)
                   ? len
                   : 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = context && init_sign(context, signer) &&
              EVP_DigestSign(context, out, &len, bytes, text.len) > 0;

    EVP_MD_CTX_free(context);
    if (ok && row->family == JOSE_ECDSA)
        return to_raw(row->curve, out, len);
    return ok ? len : 0;
}

/* Appends "." and the signature of text[0..*out) to *out and moves it. */
static bool
append_signature(const struct signer *signer, const char *text, char **out)
{
    unsigned char signature[JOSE_SIGNATURE_MAX];
    size_t len = sign_bytes(signer, (struct str){text, (size_t)(*out - text)}, signature);

    if (len == 0)
        return false;
    *(*out)++ = '.';
    *out += base64url_encode(signature, len, *out);
    return true;
}

/* `alg`, `typ` unless there is one, and what the caller wants. */
static json_t *
full_header(const struct signer *signer, const json_t *header)
{
    json_t *full = json_pack("{s:s, s:s}", "typ", "JWT", "alg",
                             jose_algorithm(signer->algorithm)->name);

    if (full && json_object_update(full, (json_t *)(uintptr_t)header) == 0)
        return full;
    json_decref(full);
    return NULL;
}

static char *
sign_with_openssl(const struct signer *signer, const json_t *header, const json_t *claims)
{
    json_t *full = full_header(signer, header);
    size_t space = 8 + (json_dumpb(full, NULL, 0, JSON_COMPACT) +
                        json_dumpb(claims, NULL, 0, JSON_COMPACT) + JOSE_SIGNATURE_MAX) * 4 / 3;
    char *token = malloc(space), *end = token;

    bool ok = full && token && append_json(&end, full);
    if (ok)
        *end++ = '.';
    ok = ok && append_json(&end, claims) && append_signature(signer, token, &end);
    if (ok)
        *end = '\0';
    json_decref(full);
    if (ok)
        return token;
    free(token);
    return NULL;
}

char *
signer_sign(const struct signer *signer, const struct json_t *header, const struct json_t *claims,
            struct key_error *error)
{
    bool libjwt_can = libjwt_algorithm(signer->algorithm) != JWT_ALG_NONE &&
                      !json_object_get(header, "typ");
    char *token = libjwt_can ? sign_with_libjwt(signer, header, claims)
                             : sign_with_openssl(signer, header, claims);

    if (!token)
        key_error_set(error, "signing with %s failed", jose_algorithm(signer->algorithm)->name);
    ERR_clear_error();
    return token;
}
