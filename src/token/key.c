/*
 * key.c - makes keys from PEM and from secrets, and says what each is good for.
 *
 * What a key is decides which algorithms it may serve; the configuration can
 * only narrow that. An RSA public key can therefore never be used as an HMAC
 * secret, whatever a token's header says.
 */
#include "token/key.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

void
key_error_set(struct key_error *error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
}

const char *
key_hash_name(enum jose_hash hash)
{
    static const char *const names[] = {
        [JOSE_SHA256] = "SHA256", [JOSE_SHA384] = "SHA384", [JOSE_SHA512] = "SHA512"};

    return names[hash];
}

static bool
set_pss(EVP_PKEY_CTX *context)
{
    /* The digest for MGF1 follows the signature's own unless it is set. */
    return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

EVP_PKEY_CTX *
key_context(const struct key *key, enum jose_algorithm algorithm)
{
    const struct jose_algorithm_row *row = jose_algorithm(algorithm);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->public_key, NULL);
    EVP_MD *md = EVP_MD_fetch(NULL, key_hash_name(row->hash), NULL);

    bool ok = context && md && EVP_PKEY_verify_init(context) > 0;
    if (ok && row->family == JOSE_PSS)
        ok = set_pss(context);
    if (ok && row->family == JOSE_RSA)
        ok = EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
    ok = ok && EVP_PKEY_CTX_set_signature_md(context, md) > 0;
    EVP_MD_free(md);
    if (ok)
        return context;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return NULL;
}

/* ---- What a key can serve ------------------------------------------------- */

static bool
rsa_is_strong(EVP_PKEY *key, struct key_error *error)
{
    BIGNUM *exponent = NULL;
    int bits = EVP_PKEY_get_bits(key);

    if (bits < KEY_RSA_BITS_MIN || bits > KEY_RSA_BITS_MAX) {
        key_error_set(error, "an RSA key of %d bits; expected %d to %d", bits, KEY_RSA_BITS_MIN,
                      KEY_RSA_BITS_MAX);
        return false;
    }
    bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) > 0 &&
              BN_is_odd(exponent) && !BN_is_one(exponent);
    BN_free(exponent);
    if (!ok)
        key_error_set(error, "an RSA key with a bad public exponent");
    return ok;
}

/* A key of type RSASSA-PSS may be bound to one hash: it serves what it can be set up for. */
static unsigned
pss_mask(EVP_PKEY *public_key)
{
    const struct key key = {.public_key = public_key};
    unsigned mask = 0;

    for (enum jose_algorithm a = JOSE_PS256; a <= JOSE_PS512; a++) {
        EVP_PKEY_CTX *context = key_context(&key, a);
        if (context)
            mask |= JOSE_BIT(a);
        EVP_PKEY_CTX_free(context);
    }
    return mask;
}

static unsigned
curve_mask(EVP_PKEY *key, struct key_error *error)
{
    char group[64] = "explicit parameters";

    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL);
    for (enum jose_curve c = JOSE_P256; c <= JOSE_P521; c++)
        if (strcmp(group, jose_curve(c)->group) == 0)
            return JOSE_BIT(jose_curve(c)->algorithm);
    key_error_set(error, "an EC key on %s; expected P-256, P-384 or P-521", group);
    return 0;
}

/* Every algorithm that the key can serve; 0 and *error when there is none. */
static unsigned
public_mask(EVP_PKEY *key, struct key_error *error)
{
    if (EVP_PKEY_is_a(key, "RSA"))
        return rsa_is_strong(key, error) ? jose_family_mask(JOSE_RSA) | jose_family_mask(JOSE_PSS)
                                         : 0;
    if (EVP_PKEY_is_a(key, "RSA-PSS"))
        return rsa_is_strong(key, error) ? pss_mask(key) : 0;
    if (EVP_PKEY_is_a(key, "EC"))
        return curve_mask(key, error);
    if (EVP_PKEY_is_a(key, "ED25519"))
        return JOSE_BIT(JOSE_EdDSA);
    const char *type = EVP_PKEY_get0_type_name(key);
    key_error_set(error, "a key of type %s; expected RSA, EC or Ed25519", type ? type : "unknown");
    return 0;
}

/* ---- Making one ----------------------------------------------------------- */

static bool
sha256(const void *data, size_t len, unsigned char *out)
{
    return EVP_Q_digest(NULL, key_hash_name(JOSE_SHA256), NULL, data, len, out, NULL) > 0;
}

/* The hash of what only this key has: its SubjectPublicKeyInfo, or its secret. */
static bool
hash_material(const struct key *key, unsigned char *out)
{
    unsigned char *der = NULL;

    if (!key->public_key)
        return sha256(key->secret, key->secret_len, out);
    int len = i2d_PUBKEY(key->public_key, &der);
    bool ok = len > 0 && sha256(der, (size_t)len, out);
    OPENSSL_free(der);
    return ok;
}

/* The parts have the same size in every key, so that no two keys give the same bytes. */
static bool
set_thumbprint(struct key *key)
{
    struct {
        uint32_t algorithms;
        unsigned char has_secret, has_kid;
        unsigned char material[KEY_THUMBPRINT_LEN];
        char kid[JOSE_KID_MAX];
    } parts;

    memset(&parts, 0, sizeof(parts)); /* padding too */
    parts.algorithms = key->algorithms;
    parts.has_secret = key->secret != NULL;
    parts.has_kid = key->kid != NULL;
    if (key->kid)
        memcpy(parts.kid, key->kid, strlen(key->kid));
    bool ok = hash_material(key, parts.material) && sha256(&parts, sizeof(parts), key->thumbprint);
    OPENSSL_cleanse(&parts, sizeof(parts));
    ERR_clear_error();
    return ok;
}

/* Takes public_key and copies the rest; both masks are of what the key and the caller allow. */
static struct key *
key_new(EVP_PKEY *public_key, struct str secret, struct str kid, unsigned algorithms,
        struct key_error *error)
{
    struct key *key = calloc(1, sizeof(*key));
    unsigned char *copy = secret.len ? malloc(secret.len) : NULL;
    char *name = kid.at ? strndup(kid.at, kid.len) : NULL;

    if (!key || (secret.len && !copy) || (kid.at && !name)) {
        key_error_set(error, "out of memory");
        EVP_PKEY_free(public_key);
        free(copy);
        free(name);
        free(key);
        return NULL;
    }
    if (copy)
        memcpy(copy, secret.at, secret.len);
    *key = (struct key){.kid = name,
                        .algorithms = algorithms,
                        .public_key = public_key,
                        .secret = copy,
                        .secret_len = secret.len};
    if (set_thumbprint(key))
        return key;
    key_error_set(error, "out of memory");
    key_free(key);
    return NULL;
}

struct key *
key_copy(const struct key *key, struct key_error *error)
{
    if (key->public_key && EVP_PKEY_up_ref(key->public_key) <= 0) {
        key_error_set(error, "out of memory");
        return NULL;
    }
    return key_new(key->public_key, (struct str){(const char *)key->secret, key->secret_len},
                   str_of(key->kid), key->algorithms, error);
}

bool
key_is_same(const struct key *a, const struct key *b)
{
    if (a->public_key && b->public_key)
        return EVP_PKEY_eq(a->public_key, b->public_key) == 1;
    return a->secret && b->secret && a->secret_len == b->secret_len &&
           CRYPTO_memcmp(a->secret, b->secret, a->secret_len) == 0;
}

void
key_free(struct key *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->public_key);
    if (key->secret)
        OPENSSL_cleanse(key->secret, key->secret_len);
    free(key->secret);
    free(key->kid);
    free(key);
}

static bool
kid_fits(struct str kid, struct key_error *error)
{
    if (kid.at && (kid.len == 0 || kid.len > JOSE_KID_MAX)) {
        key_error_set(error, "a kid of %zu bytes; expected 1 to %d", kid.len, JOSE_KID_MAX);
        return false;
    }
    return true;
}

/* Narrows the mask to the algorithm asked for. */
static bool
narrow(unsigned *mask, enum jose_algorithm algorithm, struct key_error *error)
{
    if (algorithm == JOSE_NO_ALGORITHM)
        return true;
    if (!(*mask & JOSE_BIT(algorithm))) {
        key_error_set(error, "this kind of key cannot serve %s", jose_algorithm(algorithm)->name);
        return false;
    }
    *mask = JOSE_BIT(algorithm);
    return true;
}

struct key *
key_from_public(EVP_PKEY *public_key, struct str kid, enum jose_algorithm algorithm,
                struct key_error *error)
{
    unsigned mask = public_mask(public_key, error);

    if (mask && narrow(&mask, algorithm, error) && kid_fits(kid, error))
        return key_new(public_key, STR_NONE, kid, mask, error);
    EVP_PKEY_free(public_key);
    return NULL;
}

struct key *
key_from_secret(struct str secret, struct str kid, enum jose_algorithm algorithm,
                struct key_error *error)
{
    unsigned mask = 0;

    for (enum jose_algorithm a = JOSE_HS256; a <= JOSE_HS512; a++)
        if (secret.len >= jose_algorithm(a)->hash_len)
            mask |= JOSE_BIT(a);
    /* RFC 7518 3.2: a key as long as the hash, or longer. */
    const struct jose_algorithm_row *wanted =
        jose_algorithm(algorithm ? algorithm : JOSE_HS256);
    if (wanted->family == JOSE_HMAC && secret.len < wanted->hash_len) {
        key_error_set(error, "a secret of %zu bytes; %s needs %zu or more", secret.len,
                      wanted->name, wanted->hash_len);
        return NULL;
    }
    if (!narrow(&mask, algorithm, error) || !kid_fits(kid, error))
        return NULL;
    return key_new(NULL, secret, kid, mask, error);
}

/* ---- PEM -------------------------------------------------------------------- */

static EVP_PKEY *
public_from_der(const char *name, const unsigned char *der, long len, struct key_error *error)
{
    if (strcmp(name, PEM_STRING_PUBLIC) == 0)
        return d2i_PUBKEY(NULL, &der, len);
    if (strcmp(name, PEM_STRING_RSA_PUBLIC) == 0)
        return d2i_PublicKey(EVP_PKEY_RSA, NULL, &der, len);
    if (strcmp(name, PEM_STRING_X509) == 0) {
        X509 *certificate = d2i_X509(NULL, &der, len);
        EVP_PKEY *key = certificate ? X509_get_pubkey(certificate) : NULL;
        X509_free(certificate);
        return key;
    }
    if (strstr(name, "PRIVATE"))
        key_error_set(error, "holds a private key; expected the public key");
    else
        key_error_set(error, "holds %.60s; expected a public key or a certificate", name);
    return NULL;
}

static EVP_PKEY *
public_from_pem(struct str pem, struct key_error *error)
{
    BIO *bio = BIO_new_mem_buf(pem.at, (int)pem.len);
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    long len;

    key_error_set(error, "holds no public key or certificate in PEM");
    if (bio && PEM_read_bio(bio, &name, &header, &der, &len) > 0) {
        key_error_set(error, "holds a broken %.60s", name);
        key = public_from_der(name, der, len, error);
    }
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, der ? (size_t)len : 0);
    BIO_free(bio);
    ERR_clear_error();
    return key;
}

struct key *
key_from_pem(struct str pem, struct str kid, enum jose_algorithm algorithm,
             struct key_error *error)
{
    EVP_PKEY *public_key = pem.len <= INT32_MAX ? public_from_pem(pem, error) : NULL;

    return public_key ? key_from_public(public_key, kid, algorithm, error) : NULL;
}
