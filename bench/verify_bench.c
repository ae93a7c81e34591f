/*
 * verify_bench.c - what a verification costs beside the cryptography in it.
 *
 *     verify_bench [ROUNDS]
 *
 * For each algorithm: CPU time of verify_token (header, JSON, claims, key, signature), of OpenSSL's
 * call alone on the same bytes with a context that is ready (the digest included), the difference,
 * and how often OpenSSL and jansson allocate. The two take turns, and the quickest of the rounds
 * counts, so that other work on the machine does not.
 */
#include "protocol/base64url.h"
#include "protocol/jose.h"
#include "token/verify.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 200, ROUNDS = 40, DIE = 1 };

static const char payload[] =
    "{\"iss\":\"https://id.example.com\",\"aud\":[\"chat\",\"files\"],\"sub\":\"248289761001\","
    "\"iat\":1700000000,\"exp\":1700003600,\"jti\":\"0d3c9d5e-8a34-4b0e-9f3b-2f5f6b1c7a11\","
    "\"scope\":\"chat:connect chat:send\",\"realm_access\":{\"roles\":[\"user\",\"admin\"]}}";
static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

static size_t allocations;

/* One algorithm's key, token, and what both ways of verifying need. */
struct subject {
    enum jose_algorithm algorithm;
    const struct jose_algorithm_row *row;
    EVP_PKEY *key;
    char token[4096];
    struct str text; /* signed */
    unsigned char signature[JOSE_SIGNATURE_MAX];
    size_t signature_len; /* as OpenSSL takes it */
    struct verifier *verifier;
    EVP_MAC_CTX *mac;
    EVP_MD_CTX *digest, *one_shot;
    EVP_PKEY_CTX *verify;
};

static void
require(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "verify_bench: %s failed\n", what);
        exit(DIE);
    }
}

/* ---- Making a subject ------------------------------------------------------------------ */

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
        require(EVP_Q_mac(NULL, "HMAC", NULL, key_hash_name(row->hash), NULL, secret,
                          sizeof(secret) - 1, text, subject->text.len, raw, len, &len) != NULL,
                "HMAC");
    } else {
        EVP_MD_CTX *context = EVP_MD_CTX_new();
        const char *hash = row->family == JOSE_EDDSA ? NULL : key_hash_name(row->hash);
        require(EVP_DigestSignInit_ex(context, &parameters, hash, NULL, NULL, subject->key,
                                      NULL) > 0,
                "signing");
        if (row->family == JOSE_PSS) {
            EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
            EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
        }
        require(EVP_DigestSign(context, raw, &len, text, subject->text.len) > 0, "signing");
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
        key = key_from_secret(STR(secret), STR("2026-01"), subject->algorithm, &error);
    }
    require(key && keyset_add(keyset, key, &error), "making a key");
    subject->verifier = verifier_new(keyset);
    keyset_unref(keyset);
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
        EVP_MAC_init(subject->mac, (const unsigned char *)secret, sizeof(secret) - 1, params);
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

/* ---- The two ways ------------------------------------------------------------------------ */

static void
verify_whole(struct subject *subject)
{
    static const struct str audiences[] = {{"chat", 4}};
    const struct verify_policy policy = {
        .algorithms = JOSE_BIT(subject->algorithm),
        .issuer = STR("https://id.example.com"),
        .audiences = audiences,
        .audience_count = 1,
        .require_expiration = true,
    };
    struct verified verified;

    for (int i = 0; i < BATCH; i++) {
        require(verify_token(subject->verifier, &policy, str_of(subject->token),
                             INT64_C(1700000001000), &verified) == JOSE_OK,
                "verify_token");
        verified_free(&verified);
    }
}

static void
verify_bare(struct subject *subject)
{
    const unsigned char *text = (const unsigned char *)subject->text.at;
    unsigned char out[JOSE_HASH_MAX];
    unsigned digest_len;
    size_t len;

    for (int i = 0; i < BATCH; i++) {
        bool ok;
        if (subject->mac) {
            ok = EVP_MAC_init(subject->mac, NULL, 0, NULL) > 0 &&
                 EVP_MAC_update(subject->mac, text, subject->text.len) > 0 &&
                 EVP_MAC_final(subject->mac, out, &len, sizeof(out)) > 0 &&
                 CRYPTO_memcmp(out, subject->signature, len) == 0;
        } else if (subject->one_shot) {
            EVP_MD_CTX *context = subject->one_shot;
            ok = EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, NULL, NULL) > 0 &&
                 EVP_DigestVerify(subject->one_shot, subject->signature, subject->signature_len,
                                  text, subject->text.len) == 1;
        } else {
            ok = EVP_DigestInit_ex2(subject->digest, NULL, NULL) > 0 &&
                 EVP_DigestUpdate(subject->digest, text, subject->text.len) > 0 &&
                 EVP_DigestFinal_ex(subject->digest, out, &digest_len) > 0 &&
                 EVP_PKEY_verify(subject->verify, subject->signature, subject->signature_len, out,
                                 digest_len) == 1;
        }
        require(ok, "OpenSSL's verification");
    }
}

/* ---- Measuring ------------------------------------------------------------------------------ */

/* CPU microseconds a verification. */
static double
measure(void (*way)(struct subject *), struct subject *subject)
{
    struct timespec before, after;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    way(subject);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return ((double)(after.tv_sec - before.tv_sec) * 1e9 +
            (double)(after.tv_nsec - before.tv_nsec)) /
           1e3 / BATCH;
}

static double
count_allocations(void (*way)(struct subject *), struct subject *subject)
{
    allocations = 0;
    way(subject);
    return (double)allocations / BATCH;
}

static void
run(enum jose_algorithm algorithm, int rounds)
{
    static struct subject subject;
    double whole = 1e9, bare = 1e9;

    subject = (struct subject){.algorithm = algorithm, .row = jose_algorithm(algorithm)};
    subject.key = make_key(subject.row);
    make_token(&subject);
    make_verifier(&subject);
    make_contexts(&subject);
    for (int i = 0; i < rounds; i++) {
        double took = measure(verify_bare, &subject);
        bare = took < bare ? took : bare;
        took = measure(verify_whole, &subject);
        whole = took < whole ? took : whole;
    }
    printf("%-6s %9.2f %9.2f %9.2f %9.1f %9.1f\n", subject.row->name, whole, bare, whole - bare,
           count_allocations(verify_whole, &subject), count_allocations(verify_bare, &subject));
    verifier_free(subject.verifier);
    EVP_MAC_CTX_free(subject.mac);
    EVP_MD_CTX_free(subject.digest);
    EVP_MD_CTX_free(subject.one_shot);
    EVP_PKEY_CTX_free(subject.verify);
    EVP_PKEY_free(subject.key);
}

/* ---- Counting -------------------------------------------------------------------------------- */

static void *
on_malloc(size_t size)
{
    allocations++;
    return malloc(size);
}

static void *
on_openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return on_malloc(size);
}

static void *
on_openssl_realloc(void *old, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    allocations++;
    return realloc(old, size);
}

static void
on_openssl_free(void *old, const char *file, int line)
{
    (void)file;
    (void)line;
    free(old);
}

int
main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : ROUNDS;

    CRYPTO_set_mem_functions(on_openssl_malloc, on_openssl_realloc, on_openssl_free);
    json_set_alloc_funcs(on_malloc, free);
    printf("%-6s %9s %9s %9s %9s %9s\n", "", "whole us", "bare us", "more us", "allocs", "bare");
    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        run(a, rounds);
    return 0;
}
