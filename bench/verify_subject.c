/* verify_subject.c - see verify_subject.h. */
#include "verify_subject.h"

#include "protocol/base64url.h"

#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>

enum { CACHE_ENTRIES = 10000, CACHE_BYTES = 16 << 20 }; /* as by default */

static const char payload[] =
    "{\"iss\":\"https://id.example.com\",\"aud\":[\"chat\",\"files\"],\"sub\":\"248289761001\","
    "\"iat\":1700000000,\"exp\":1700003600,\"jti\":\"0d3c9d5e-8a34-4b0e-9f3b-2f5f6b1c7a11\","
    "\"scope\":\"chat:connect chat:send\",\"realm_access\":{\"roles\":[\"user\",\"admin\"]}}";
const char subject_secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

void
subject_require(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "verify_bench: %s failed\n", what);
        exit(EXIT_FAILURE);
    }
}

static EVP_PKEY *
make_key(const struct jose_algorithm_row *row)
{
    if (row->family == JOSE_HMAC)
        return NULL;
    if (row->family == JOSE_ECDSA)
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", jose_curve(row->curve)->group);
    if (row->family == JOSE_EDDSA)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
}

/* Fills signature; returns how long it is in a token, in raw. */
static size_t
sign(struct subject *subject, unsigned char *raw)
{
    const struct jose_algorithm_row *row = subject->row;
    const unsigned char *text = (const unsigned char *)subject->text.at;
    size_t len = JOSE_SIGNATURE_MAX;
    EVP_PKEY_CTX *parameters;

    if (row->family == JOSE_HMAC) {
        subject_require(EVP_Q_mac(NULL, "HMAC", NULL, key_hash_name(row->hash), NULL,
                                  subject_secret, sizeof(subject_secret) - 1, text,
                                  subject->text.len, raw, len, &len) != NULL,
                        "HMAC");
    } else {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        const char *hash = row->family == JOSE_EDDSA ? NULL : key_hash_name(row->hash);
        subject_require(EVP_DigestSignInit_ex(context, &parameters, hash, NULL, NULL,
                                              subject->key, NULL) > 0,
                        "signing");
        if (row->family == JOSE_PSS) {
            EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
        }
        subject_require(EVP_DigestSign(context, raw, &len, text, subject->text.len) > 0, "signing");
        EVP_MD_CTX_free(context);
    }
    memcpy(subject->signature, raw, len);
    subject->signature_len = len;
    if (row->family != JOSE_ECDSA)
        return len;
    int half = (int)jose_curve(row->curve)->coordinate_len;
    const unsigned char *der = subject->signature;
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(numbers), raw, half);
    BN_bn2binpad(ECDSA_SIG_get0_s(numbers), raw + half, half);
    ECDSA_SIG_free(numbers);
    return 2 * (size_t)half;
}

static void
make_token(struct subject *subject)
{
    unsigned char raw[JOSE_SIGNATURE_MAX];
    char header[128], *at = subject->token;
    int len = snprintf(header, sizeof(header),
                       "{\"alg\":\"%s\",\"kid\":\"2026-01\",\"typ\":\"JWT\"}", subject->row->name);

    at += base64url_encode(header, (size_t)len, at);
    *at++ = '.';
    at += base64url_encode(payload, sizeof(payload) - 1, at);
    subject->text = (struct str){subject->token, (size_t)(at - subject->token)};
    size_t raw_len = sign(subject, raw);
    *at++ = '.';
    at += base64url_encode(raw, raw_len, at);
    *at = '\0';
}

static void
make_verifier(struct subject *subject)
{
    struct keyset *keyset = keyset_new();
    struct key_error error;
    struct key *key;

    if (subject->key) {
        EVP_PKEY_up_ref(subject->key);
        key = key_from_public(subject->key, STR("2026-01"), subject->algorithm, &error);
    } else {
        key = key_from_secret(STR(subject_secret), STR("2026-01"), subject->algorithm, &error);
    }
    subject_require(key && keyset_add(keyset, key, &error), "making a key");
    subject->verifier = verifier_new(keyset);
    keyset_unref(keyset);
}

/* The public key as libjwt takes it. */
static void
make_pem(struct subject *subject)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;

    if (subject->key) {
        subject_require(PEM_write_bio_PUBKEY(bio, subject->key) > 0, "writing a key");
        long len = BIO_get_mem_data(bio, &text);
        subject->pem = strndup(text, (size_t)len);
    }
    BIO_free(bio);
}

/* The contexts of OpenSSL's call alone. */
static void
make_contexts(struct subject *subject)
{
    const struct key key = {.public_key = subject->key};
    const struct jose_algorithm_row *row = subject->row;

    if (row->family == JOSE_HMAC) {
        EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        char name[16];
        snprintf(name, sizeof(name), "%s", key_hash_name(row->hash));
        OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string("digest", name, 0), OSSL_PARAM_END};
        subject->mac = EVP_MAC_CTX_new(hmac);
        EVP_MAC_init(subject->mac, (const unsigned char *)subject_secret,
                     sizeof(subject_secret) - 1, params);
        EVP_MAC_free(hmac);
    } else if (row->family == JOSE_EDDSA) {
        subject->one_shot = EVP_MD_CTX_new();
        EVP_DigestVerifyInit_ex(subject->one_shot, NULL, NULL, NULL, NULL, subject->key, NULL);
    } else {
        EVP_MD *md = EVP_MD_fetch(NULL, key_hash_name(row->hash), NULL);
        subject->digest = EVP_MD_CTX_new();
        EVP_DigestInit_ex2(subject->digest, md, NULL);
        EVP_MD_free(md);
        subject->verify = key_context(&key, subject->algorithm);
    }
}

void
subject_make(struct subject *subject, enum jose_algorithm algorithm)
{
    *subject = (struct subject){.algorithm = algorithm, .row = jose_algorithm(algorithm)};
    subject->key = make_key(subject->row);
    make_token(subject);
    make_verifier(subject);
    make_pem(subject);
    make_contexts(subject);
    subject->warm = token_cache_new(CACHE_ENTRIES, CACHE_BYTES);
    subject->cold = token_cache_new(CACHE_ENTRIES, CACHE_BYTES);
    subject_require(subject->warm && subject->cold, "making a cache");
}

void
subject_free(struct subject *subject)
{
    verifier_free(subject->verifier);
    token_cache_free(subject->warm);
    token_cache_free(subject->cold);
    free(subject->pem);
    EVP_MAC_CTX_free(subject->mac);
    EVP_MD_CTX_free(subject->digest);
    EVP_MD_CTX_free(subject->one_shot);
    EVP_PKEY_CTX_free(subject->verify);
    EVP_PKEY_free(subject->key);
}
