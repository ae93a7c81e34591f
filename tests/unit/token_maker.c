/* token_maker.c - keys made at test time, and tokens good and bad. */
#include "token_maker.h"

#include "protocol/base64url.h"
#include "unit.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <stdio.h>
#include <stdlib.h>

const struct maker *
maker(void)
{
    static struct maker keys;

    if (keys.rsa)
        return &keys;
    keys.rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    keys.rsa_other = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    keys.p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    keys.p256_other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    keys.p384 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
    keys.p521 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
    keys.ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    keys.secret = STR("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    ck_assert_ptr_nonnull(keys.ed25519);
    return &keys;
}

void
maker_setup(void)
{
    maker();
}

EVP_PKEY *
maker_private(enum jose_algorithm algorithm)
{
    const struct maker *keys = maker();

    switch (jose_algorithm(algorithm)->curve) {
    case JOSE_P256:
        return keys->p256;
    case JOSE_P384:
        return keys->p384;
    case JOSE_P521:
        return keys->p521;
    case JOSE_ED25519:
        return keys->ed25519;
    case JOSE_NO_CURVE:
    default:
        return jose_algorithm(algorithm)->family == JOSE_HMAC ? NULL : keys->rsa;
    }
}

struct key *
maker_key(enum jose_algorithm algorithm, const char *kid)
{
    EVP_PKEY *private = maker_private(algorithm);
    struct key_error error;
    struct key *key;

    if (private) {
        char *pem = maker_pem(private);
        key = key_from_pem(str_of(pem), str_of(kid), algorithm, &error);
        free(pem);
    } else {
        key = key_from_secret(maker()->secret, str_of(kid), algorithm, &error);
    }
    ck_assert_ptr_nonnull(key);
    return key;
}

struct keyset *
maker_keyset(bool with_kid)
{
    struct keyset *keyset = keyset_new();
    struct key_error error;

    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        ck_assert(keyset_add(keyset, maker_key(a, with_kid ? jose_algorithm(a)->name : NULL),
                             &error));
    return keyset;
}

static char *
text_of_bio(BIO *bio)
{
    char *at, *text;
    long len = BIO_get_mem_data(bio, &at);

    text = strndup(at, (size_t)len);
    BIO_free(bio);
    return text;
}

char *
maker_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(PEM_write_bio_PUBKEY(bio, key), 1);
    return text_of_bio(bio);
}

char *
maker_private_pem(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());

    ck_assert_int_eq(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    return text_of_bio(bio);
}

char *
maker_certificate(EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *certificate = X509_new();

    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    ASN1_TIME_set(X509_getm_notBefore(certificate), 1000000000);
    ASN1_TIME_set(X509_getm_notAfter(certificate), 1000000001);
    X509_set_pubkey(certificate, key);
    ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
    ck_assert_int_eq(PEM_write_bio_X509(bio, certificate), 1);
    X509_free(certificate);
    return text_of_bio(bio);
}

char *
maker_bytes(const void *bytes, size_t len)
{
    char *text = calloc(1, BASE64URL_TEXT_LEN(len) + 1);

    base64url_encode(bytes, len, text);
    return text;
}

char *
maker_text(const char *text)
{
    return maker_bytes(text, strlen(text));
}

char *
maker_join(const char *header, const char *payload, const char *signature)
{
    size_t size = strlen(header) + strlen(payload) + strlen(signature) + 3;
    char *token = malloc(size);

    snprintf(token, size, "%s.%s.%s", header, payload, signature);
    return token;
}

/* An ECDSA-Sig-Value as r || s. */
static size_t
raw_from_der(const struct jose_curve_row *curve, unsigned char *bytes, size_t len)
{
    const unsigned char *at = bytes;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)len);
    int half = (int)curve->coordinate_len;

    ck_assert_ptr_nonnull(signature);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(signature), bytes, half), half);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(signature), bytes + half, half), half);
    ECDSA_SIG_free(signature);
    return 2 * curve->coordinate_len;
}

static const char *
hash_name(const struct jose_algorithm_row *row)
{
    static const char *const names[] = {"SHA256", "SHA384", "SHA512", NULL};

    return names[row->hash];
}

size_t
maker_sign(EVP_PKEY *key, enum jose_algorithm algorithm, struct str text, int salt_len,
           unsigned char *out)
{
    const struct jose_algorithm_row *row = jose_algorithm(algorithm);
    const unsigned char *bytes = (const unsigned char *)text.at;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters;
    size_t len = JOSE_SIGNATURE_MAX;

    if (row->family == JOSE_HMAC) {
        EVP_MD_CTX_free(context);
        ck_assert_ptr_nonnull(EVP_Q_mac(NULL, "HMAC", NULL, hash_name(row), NULL,
                                        maker()->secret.at, maker()->secret.len, bytes, text.len,
                                        out, len, &len));
        return len;
    }
    ck_assert_int_eq(
        EVP_DigestSignInit_ex(context, &parameters, hash_name(row), NULL, NULL, key, NULL), 1);
    if (row->family == JOSE_PSS) {
        EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
        ck_assert_int_gt(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, salt_len), 0);
    }
    ck_assert_int_eq(EVP_DigestSign(context, out, &len, bytes, text.len), 1);
    EVP_MD_CTX_free(context);
    return row->family == JOSE_ECDSA ? raw_from_der(jose_curve(row->curve), out, len) : len;
}

char *
maker_token(enum jose_algorithm algorithm, const char *header, const char *payload)
{
    unsigned char signature[JOSE_SIGNATURE_MAX];
    char *h = maker_text(header), *p = maker_text(payload), *s, *token;
    char *text = maker_join(h, p, "");

    size_t len = maker_sign(maker_private(algorithm), algorithm,
                            (struct str){text, strlen(text) - 1}, -1, signature);
    s = maker_bytes(signature, len);
    token = maker_join(h, p, s);
    free(text);
    free(h);
    free(p);
    free(s);
    return token;
}

char *
maker_plain(enum jose_algorithm algorithm, const char *kid, const char *payload)
{
    char header[512];

    snprintf(header, sizeof(header), kid ? "{\"alg\":\"%s\",\"kid\":\"%s\"}" : "{\"alg\":\"%s\"}",
             jose_algorithm(algorithm)->name, kid);
    return maker_token(algorithm, header, payload);
}
