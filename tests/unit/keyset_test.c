/* keyset_test.c - keys from PEM, secrets and JSON Web Key Sets; and the set that holds them. */
#include "protocol/base64url.h"
#include "wsgatectl/jwk.h"
#include "token/jwks.h"
#include "token/key_file.h"
#include "token/keyset.h"
#include "temporary_file.h"
#include "token_maker.h"
#include "unit.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- Keys from PEM and secrets ------------------------------------------------ */

/* What key_from_pem makes of it; takes pem. Returns the mask, 0 with error. */
static unsigned
mask_of_pem(char *pem, enum jose_algorithm algorithm, struct key_error *error)
{
    error->text[0] = '\0';
    struct key *key = key_from_pem(str_of(pem), STR_NONE, algorithm, error);
    unsigned mask = key ? key->algorithms : 0;

    key_free(key);
    free(pem);
    return mask;
}

START_TEST(a_key_serves_what_its_kind_can)
{
    const struct maker *keys = maker();
    unsigned rsa = jose_family_mask(JOSE_RSA) | jose_family_mask(JOSE_PSS);
    struct key_error error;

    ck_assert_uint_eq(mask_of_pem(maker_pem(keys->rsa), 0, &error), rsa);
    ck_assert_uint_eq(mask_of_pem(maker_pem(keys->rsa), JOSE_PS384, &error), JOSE_BIT(JOSE_PS384));
    ck_assert_uint_eq(mask_of_pem(maker_pem(keys->p256), 0, &error), JOSE_BIT(JOSE_ES256));
    ck_assert_uint_eq(mask_of_pem(maker_pem(keys->p384), 0, &error), JOSE_BIT(JOSE_ES384));
    ck_assert_uint_eq(mask_of_pem(maker_pem(keys->p521), 0, &error), JOSE_BIT(JOSE_ES512));
    ck_assert_uint_eq(mask_of_pem(maker_pem(keys->ed25519), 0, &error), JOSE_BIT(JOSE_EdDSA));
    ck_assert_uint_eq(mask_of_pem(maker_certificate(keys->rsa), 0, &error), rsa);
    ck_assert_uint_eq(mask_of_pem(maker_certificate(keys->p256), 0, &error),
                      JOSE_BIT(JOSE_ES256));
    ck_assert_uint_eq(mask_of_pem(maker_pem(keys->p256), JOSE_ES384, &error), 0);
    ck_assert_str_eq(error.text, "this kind of key cannot serve ES384");
    ck_assert_uint_eq(mask_of_pem(maker_pem(keys->rsa), JOSE_HS256, &error), 0);
    ck_assert_str_eq(error.text, "this kind of key cannot serve HS256");
}
END_TEST

static EVP_PKEY *
rsa_key(size_t bits, const char *exponent)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    BIGNUM *e = NULL;
    EVP_PKEY *key = NULL;

    BN_dec2bn(&e, exponent);
    EVP_PKEY_keygen_init(context);
    EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits);
    EVP_PKEY_CTX_set1_rsa_keygen_pubexp(context, e);
    ck_assert_int_eq(EVP_PKEY_generate(context, &key), 1);
    BN_free(e);
    EVP_PKEY_CTX_free(context);
    return key;
}

/* An RSASSA-PSS key bound to SHA-256. */
static EVP_PKEY *
pss_key(void)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
    EVP_PKEY *key = NULL;

    EVP_PKEY_keygen_init(context);
    EVP_PKEY_CTX_set_rsa_keygen_bits(context, 2048);
    EVP_PKEY_CTX_set_rsa_pss_keygen_md(context, EVP_sha256());
    EVP_PKEY_CTX_set_rsa_pss_keygen_mgf1_md(context, EVP_sha256());
    EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(context, 32);
    ck_assert_int_eq(EVP_PKEY_generate(context, &key), 1);
    EVP_PKEY_CTX_free(context);
    return key;
}

START_TEST(a_pss_key_is_for_pss)
{
    EVP_PKEY *key = pss_key();
    struct key_error error;

    ck_assert_uint_eq(mask_of_pem(maker_pem(key), 0, &error), JOSE_BIT(JOSE_PS256));
    ck_assert_uint_eq(mask_of_pem(maker_pem(key), JOSE_RS256, &error), 0);
    EVP_PKEY_free(key);
}
END_TEST

/* Takes key. */
static void
refuse_key(EVP_PKEY *key, const char *why)
{
    struct key_error error;

    ck_assert_uint_eq(mask_of_pem(maker_pem(key), 0, &error), 0);
    ck_assert_str_eq(error.text, why);
    EVP_PKEY_free(key);
}

START_TEST(weak_and_foreign_keys_are_refused)
{
    refuse_key(rsa_key(1024, "65537"), "an RSA key of 1024 bits; expected 2048 to 16384");
    refuse_key(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1"),
               "an EC key on secp256k1; expected P-256, P-384 or P-521");
    refuse_key(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"),
               "a key of type ED448; expected RSA, EC or Ed25519");
    refuse_key(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"),
               "a key of type X25519; expected RSA, EC or Ed25519");
}
END_TEST

static char *
pkcs1_pem(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = i2d_PublicKey(key, &der);
    BIO *bio = BIO_new(BIO_s_mem());
    char *at, *text;

    PEM_write_bio(bio, "RSA PUBLIC KEY", "", der, len);
    size_t size = (size_t)BIO_get_mem_data(bio, &at);
    text = strndup(at, size);
    OPENSSL_free(der);
    BIO_free(bio);
    return text;
}

START_TEST(pem_that_is_no_public_key_is_refused)
{
    static const struct {
        const char *pem, *why;
    } cases[] = {
        {"", "holds no public key or certificate in PEM"},
        {"hello", "holds no public key or certificate in PEM"},
        {"-----BEGIN PUBLIC KEY-----\n", "holds no public key or certificate in PEM"},
        {"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
         "holds a broken PUBLIC KEY"},
        {"-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----\n",
         "holds a broken RSA PUBLIC KEY"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
         "holds a broken CERTIFICATE"},
        {"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
         "holds X509 CRL; expected a public key or a certificate"},
    };
    struct key_error error;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert_uint_eq(mask_of_pem(strdup(cases[i].pem), 0, &error), 0);
        ck_assert_str_eq(error.text, cases[i].why);
    }
    ck_assert_uint_eq(mask_of_pem(maker_private_pem(maker()->rsa), 0, &error), 0);
    ck_assert_str_eq(error.text, "holds a private key; expected the public key");
}
END_TEST

START_TEST(secrets_are_as_long_as_the_hash)
{
    char secret[65];
    struct key_error error;

    memset(secret, 's', sizeof(secret));
    for (size_t len = 0; len <= 64; len++)
        for (enum jose_algorithm a = JOSE_NO_ALGORITHM; a <= JOSE_HS512; a++) {
            struct key *key = key_from_secret((struct str){secret, len}, STR("k"), a, &error);
            size_t needed = a ? jose_algorithm(a)->hash_len : 32;
            ck_assert_int_eq(key != NULL, len >= needed);
            if (key && !a)
                ck_assert_int_eq((key->algorithms & JOSE_BIT(JOSE_HS512)) != 0, len >= 64);
            key_free(key);
        }
    ck_assert_ptr_null(key_from_secret((struct str){secret, 31}, STR_NONE, JOSE_HS256, &error));
    ck_assert_str_eq(error.text, "a secret of 31 bytes; HS256 needs 32 or more");
    ck_assert_ptr_null(key_from_secret((struct str){secret, 64}, STR_NONE, JOSE_RS256, &error));
    ck_assert_str_eq(error.text, "this kind of key cannot serve RS256");
}
END_TEST

START_TEST(kids_are_bounded)
{
    char kid[JOSE_KID_MAX + 1];
    struct key_error error;
    struct str secret = maker()->secret;

    memset(kid, 'k', sizeof(kid));
    struct key *key = key_from_secret(secret, (struct str){kid, JOSE_KID_MAX}, JOSE_HS256, &error);
    ck_assert_uint_eq(strlen(key->kid), JOSE_KID_MAX);
    key_free(key);
    ck_assert_ptr_null(
        key_from_secret(secret, (struct str){kid, JOSE_KID_MAX + 1}, JOSE_HS256, &error));
    ck_assert_ptr_null(key_from_secret(secret, STR(""), JOSE_HS256, &error));
    ck_assert_str_eq(error.text, "a kid of 0 bytes; expected 1 to 255");
    char *pem = maker_pem(maker()->p256);
    ck_assert_ptr_null(key_from_pem(str_of(pem), STR(""), 0, &error));
    free(pem);
    key_free(NULL);
}
END_TEST

START_TEST(pkcs1_is_read_too)
{
    struct key_error error;

    ck_assert_uint_eq(mask_of_pem(pkcs1_pem(maker()->rsa), JOSE_RS256, &error),
                      JOSE_BIT(JOSE_RS256));
}
END_TEST

/* ---- Files --------------------------------------------------------------------- */

START_TEST(a_secret_file_loses_one_line_end)
{
    static const struct {
        const char *text, *secret;
    } cases[] = {{"s", "s"},       {"s\n", "s"},   {"s\r\n", "s"}, {"s\n\n", "s\n"}, {"s\r", "s\r"},
                 {"s \n", "s "},   {"\n", ""},     {"", ""},       {"\r\n", ""},     {" s", " s"},
                 {"a\nb\n", "a\nb"}};
    struct key_file file;
    struct key_error error;
    char path[TEMPORARY_PATH_MAX];

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        temporary_file(path, str_of(cases[i].text));
        ck_assert(key_file_read(&file, path, &error));
        ck_assert(str_equal(file.text, str_of(cases[i].text)));
        ck_assert(str_equal(key_file_secret(&file), str_of(cases[i].secret)));
        key_file_free(&file);
        key_file_free(&file);
        unlink(path);
    }
}
END_TEST

START_TEST(files_are_bounded_and_faults_are_named)
{
    char *text = calloc(1, KEY_FILE_MAX + 1), path[32];
    struct key_file file;
    struct key_error error;

    temporary_file(path, (struct str){text, KEY_FILE_MAX});
    ck_assert(key_file_read(&file, path, &error));
    ck_assert_uint_eq(file.text.len, KEY_FILE_MAX);
    key_file_free(&file);
    unlink(path);

    temporary_file(path, (struct str){text, KEY_FILE_MAX + 1});
    ck_assert(!key_file_read(&file, path, &error));
    ck_assert_str_eq(error.text, "longer than 1048576 bytes");
    unlink(path);
    free(text);

    ck_assert(!key_file_read(&file, "/nowhere/at/all", &error));
    ck_assert_str_eq(error.text, strerror(ENOENT));
    ck_assert(!key_file_read(&file, "/tmp", &error));
    ck_assert_str_eq(error.text, strerror(EISDIR));
}
END_TEST

/* ---- The set ---------------------------------------------------------------------- */

static struct key *
secret_key(const char *kid, enum jose_algorithm algorithm)
{
    struct key_error error;

    return key_from_secret(maker()->secret, str_of(kid), algorithm, &error);
}

START_TEST(two_keys_of_one_name_and_algorithm_are_an_error)
{
    struct keyset *keyset = keyset_new();
    struct key_error error;

    ck_assert(keyset_add(keyset, secret_key("a", JOSE_HS256), &error));
    ck_assert(keyset_add(keyset, secret_key("a", JOSE_HS384), &error));
    ck_assert(keyset_add(keyset, secret_key("b", JOSE_HS256), &error));
    ck_assert(keyset_add(keyset, secret_key(NULL, JOSE_HS256), &error));
    ck_assert(keyset_add(keyset, secret_key(NULL, JOSE_HS256), &error));
    ck_assert(!keyset_add(keyset, secret_key("a", JOSE_HS256), &error));
    ck_assert_str_eq(error.text,
                     "an earlier key has the same kid and can serve the same algorithm");
    ck_assert(!keyset_add(keyset, secret_key("a", 0), &error));
    ck_assert_uint_eq(keyset_count(keyset), 5);
    ck_assert_uint_eq(keyset_algorithms(keyset), JOSE_BIT(JOSE_HS256) | JOSE_BIT(JOSE_HS384));
    keyset_unref(keyset);
    keyset_unref(NULL);
}
END_TEST

/* The same for two keys when all is the same that makes a token verify. */
START_TEST(a_thumbprint_says_which_key_it_is)
{
    struct key_error error;
    struct str secret = maker()->secret, shorter = {secret.at, secret.len - 1};
    char *rsa = maker_pem(maker()->rsa), *other = maker_pem(maker()->rsa_other);
    char *certificate = maker_certificate(maker()->rsa);
    struct key *keys[] = {
        key_from_secret(secret, STR("a"), JOSE_HS256, &error),
        key_from_secret(secret, STR("a"), JOSE_HS256, &error),
        key_from_secret(secret, STR("b"), JOSE_HS256, &error),
        key_from_secret(secret, STR_NONE, JOSE_HS256, &error),
        key_from_secret(secret, STR("a"), JOSE_HS512, &error),
        key_from_secret(shorter, STR("a"), JOSE_HS256, &error),
        key_from_pem(str_of(rsa), STR("a"), JOSE_RS256, &error),
        key_from_pem(str_of(certificate), STR("a"), JOSE_RS256, &error),
        key_from_pem(str_of(rsa), STR("a"), 0, &error),
        key_from_pem(str_of(other), STR("a"), JOSE_RS256, &error),
    };
    static const int same_as[COUNT_OF(keys)] = {0, 0, 2, 3, 4, 5, 6, 6, 8, 9};

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        for (size_t j = 0; j < COUNT_OF(keys); j++)
            ck_assert_msg((memcmp(keys[i]->thumbprint, keys[j]->thumbprint,
                                  KEY_THUMBPRINT_LEN) == 0) == (same_as[i] == same_as[j]),
                          "keys %zu and %zu", i, j);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        key_free(keys[i]);
    free(rsa);
    free(other);
    free(certificate);
}
END_TEST

START_TEST(keys_are_found_by_thumbprint)
{
    struct keyset *keyset = keyset_new();
    struct key *stranger = secret_key("d", JOSE_HS256);
    struct key_error error;
    static const char *const kids[] = {"a", "b", "c"};

    ck_assert_uint_eq(keyset_find(keyset, stranger->thumbprint, 0), 0);
    for (size_t i = 0; i < COUNT_OF(kids); i++)
        ck_assert(keyset_add(keyset, secret_key(kids[i], JOSE_HS256), &error));
    for (size_t hint = 0; hint < 5; hint++) {
        for (size_t i = 0; i < COUNT_OF(kids); i++)
            ck_assert_uint_eq(keyset_find(keyset, keyset_at(keyset, i)->thumbprint, hint), i);
        ck_assert_uint_eq(keyset_find(keyset, stranger->thumbprint, hint), COUNT_OF(kids));
    }
    key_free(stranger);
    keyset_unref(keyset);
}
END_TEST

START_TEST(a_set_is_bounded)
{
    struct keyset *keyset = keyset_new();
    struct key_error error;

    for (size_t i = 0; i < KEYSET_KEYS_MAX; i++)
        ck_assert(keyset_add(keyset, secret_key(NULL, JOSE_HS256), &error));
    ck_assert(!keyset_add(keyset, secret_key(NULL, JOSE_HS256), &error));
    ck_assert_str_eq(error.text, "more than 256 keys");
    keyset_unref(keyset);
}
END_TEST

/* Writes down what was left out: "kid: why", one a line. */
static void
on_left_out(void *arg, const struct key *key, const char *why)
{
    char *told = arg;
    size_t at = strlen(told);

    snprintf(told + at, 512 - at, "%s: %s\n", key->kid, why);
}

START_TEST(sets_are_put_together)
{
    struct keyset *merged = keyset_new(), *one = keyset_new(), *two = keyset_new();
    struct key_error error;
    char told[512] = "";

    ck_assert(keyset_add(one, secret_key("a", JOSE_HS256), &error));
    ck_assert(keyset_add(one, maker_key(JOSE_ES256, "b"), &error));
    ck_assert(keyset_add(one, maker_key(JOSE_EdDSA, NULL), &error));
    ck_assert(keyset_add(two, secret_key("a", JOSE_HS256), &error)); /* the same once more */
    ck_assert(keyset_add(two, maker_key(JOSE_ES256, "b"), &error));
    ck_assert(keyset_add(two, maker_key(JOSE_RS256, "b"), &error)); /* for another algorithm */
    ck_assert(keyset_add(two, maker_key(JOSE_RS256, "c"), &error));
    ck_assert(keyset_add_all(merged, one, on_left_out, told));
    ck_assert_uint_eq(keyset_count(merged), 3);
    ck_assert(keyset_add_all(merged, two, on_left_out, told));
    ck_assert_str_eq(told, "");
    ck_assert_uint_eq(keyset_count(merged), 5);
    keyset_unref(one);
    keyset_unref(two);
    ck_assert_str_eq(keyset_at(merged, 1)->kid, "b");
    ck_assert_uint_eq(keyset_at(merged, 1)->algorithms, JOSE_BIT(JOSE_ES256));

    struct keyset *rival = keyset_new();
    char *pem = maker_pem(maker()->p256_other);
    ck_assert(keyset_add(rival, key_from_pem(str_of(pem), STR("b"), 0, &error), &error));
    ck_assert(keyset_add(rival, maker_key(JOSE_ES384, "d"), &error));
    ck_assert(keyset_add_all(merged, rival, on_left_out, told));
    ck_assert_str_eq(told, "b: an earlier key has the same kid and can serve the same algorithm\n");
    ck_assert_uint_eq(keyset_count(merged), 6);
    free(pem);
    keyset_unref(rival);
    keyset_unref(merged);
}
END_TEST

static void *
hold_and_let_go(void *arg)
{
    for (int i = 0; i < 10000; i++)
        keyset_unref(keyset_ref(arg));
    return NULL;
}

START_TEST(holders_are_counted_across_threads)
{
    struct keyset *keyset = keyset_new();
    struct key_error error;
    pthread_t threads[2];

    ck_assert(keyset_add(keyset, secret_key("a", JOSE_HS256), &error));
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, hold_and_let_go, keyset), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
    const struct keyset *held = keyset_ref(keyset);
    keyset_unref(keyset);
    ck_assert_str_eq(keyset_at(held, 0)->kid, "a");
    keyset_unref(held);
}
END_TEST

/* ---- JSON Web Key Sets ---------------------------------------------------------------- */

/* What a set was read as: "fault: ..." and "note: ..." lines. */
struct told {
    char text[4096];
};

static void
tell(struct told *told, const char *kind, const char *text)
{
    size_t at = strlen(told->text);

    snprintf(told->text + at, sizeof(told->text) - at, "%s: %s\n", kind, text);
}

static void
on_fault(void *arg, const char *text)
{
    tell(arg, "fault", text);
}

static void
on_note(void *arg, const char *text)
{
    tell(arg, "note", text);
}

/* Reads text; the number of keys, or -1 with faults. */
static int
read_set(const char *text, struct told *told, struct keyset **out)
{
    const struct jwks_report report = {on_fault, on_note, told};
    struct keyset *keyset = keyset_new();

    told->text[0] = '\0';
    bool ok = jwks_read(keyset, str_of(text), &report);
    int count = ok ? (int)keyset_count(keyset) : -1;
    ck_assert_int_eq(ok, strstr(told->text, "fault: ") == NULL);
    if (out && ok)
        *out = keyset;
    else
        keyset_unref(keyset);
    return count;
}

#define P256_X "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\""
#define P256_Y "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\""
#define OKP_X "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\""
#define HS_K "\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define EC "\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X "," P256_Y
#define OKP "\"kty\":\"OKP\",\"crv\":\"Ed25519\"," OKP_X
#define OCT "\"kty\":\"oct\"," HS_K
#define OCT64                                                                              \
    "\"kty\":\"oct\",\"k\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
    "AAAAAAAAAAAAAAAAAAAAAAAAAA\""
#define SET(key) "{\"keys\":[{" key "}]}"

static const struct {
    const char *text;
    int keys; /* -1: a fault */
    const char *told;
} sets[] = {
    {SET(EC), 1, ""},
    {SET(OKP), 1, ""},
    {SET(OCT), 1, ""},
    {SET(EC ",\"kid\":\"a\",\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"verify\"],\"x5c\":[]"),
     1, ""},
    {SET(EC ",\"key_ops\":[\"sign\",\"verify\"]"), 1, ""},
    {SET(OCT ",\"kid\":\"a\"},{" EC ",\"kid\":\"a\""), 2, ""},
    {SET(OCT ",\"alg\":\"HS256\",\"kid\":\"a\"},{" OCT64 ",\"alg\":\"HS512\",\"kid\":\"a\""), 2,
     ""},
    {SET(OCT ",\"alg\":\"HS256\"},{" OCT ",\"alg\":\"HS256\""), 2, ""},
    {SET(EC ",\"d\":\"AA\""), 1,
     "note: key 1: it is a private key; the public one would be enough\n"},
    {"{\"more\":{\"a\":[1]},\"keys\":[{" EC "}]}", 1, ""},

    /* Not for us: skipped, with a note. */
    {SET(EC "},{" EC ",\"use\":\"enc\""), 1, "note: key 2: its use is not \"sig\"\n"},
    {SET(EC "},{" EC ",\"use\":\"\""), 1, "note: key 2: its use is not \"sig\"\n"},
    {SET(EC "},{" EC ",\"key_ops\":[\"encrypt\"]"), 1,
     "note: key 2: its key_ops do not have \"verify\"\n"},
    {SET(EC "},{" EC ",\"key_ops\":[]"), 1, "note: key 2: its key_ops do not have \"verify\"\n"},
    {SET(EC "},{\"kty\":\"XYZ\""), 1, "note: key 2: its kty is not RSA, EC, OKP or oct\n"},
    {SET(EC "},{\"kty\":\"ec\""), 1, "note: key 2: its kty is not RSA, EC, OKP or oct\n"},
    {SET(EC "},{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"kid\":\"k1\""), 1,
     "note: key 2 (kid \"k1\"): its curve is not one that tokens are verified with here\n"},
    {SET(EC "},{\"kty\":\"OKP\",\"crv\":\"X25519\"," OKP_X), 1,
     "note: key 2: its curve is not one that tokens are verified with here\n"},
    {SET(EC "},{" OCT ",\"alg\":\"A128GCM\",\"kid\":\"a\\u00e4\\n\""), 1,
     "note: key 2 (kid \"a???\"): its alg is not one that tokens are verified with here\n"},

    /* Malformed or weak: a fault. */
    {"", -1, "fault: it is not one JSON object, or a name in it is repeated\n"},
    {"[]", -1, "fault: it is not one JSON object, or a name in it is repeated\n"},
    {"{\"keys\":[]}x", -1, "fault: it is not one JSON object, or a name in it is repeated\n"},
    {"{\"keys\":[],\"keys\":[]}", -1,
     "fault: it is not one JSON object, or a name in it is repeated\n"},
    {"{}", -1, "fault: it has no list \"keys\"\n"},
    {"{\"keys\":{}}", -1, "fault: it has no list \"keys\"\n"},
    {"{\"keys\":[]}", -1, "fault: no key in the set can verify tokens\n"},
    {SET("\"kty\":\"XYZ\""), -1,
     "note: key 1: its kty is not RSA, EC, OKP or oct\n"
     "fault: no key in the set can verify tokens\n"},
    {"{\"keys\":[1,\"x\"]}", -1, "fault: key 1: not an object\nfault: key 2: not an object\n"},
    {SET(""), -1, "fault: key 1: \"kty\" is missing\n"},
    {SET("\"kty\":1"), -1, "fault: key 1: \"kty\" is not a string\n"},
    {SET(EC ",\"kid\":7"), -1, "fault: key 1: \"kid\" is not a string\n"},
    {SET(EC ",\"use\":[\"sig\"]"), -1, "fault: key 1: \"use\" is not a string\n"},
    {SET(EC ",\"alg\":null"), -1, "fault: key 1: \"alg\" is not a string\n"},
    {SET(EC ",\"key_ops\":\"verify\""), -1, "fault: key 1: \"key_ops\" is not a list of strings\n"},
    {SET(EC ",\"key_ops\":[\"verify\",1]"), -1,
     "fault: key 1: \"key_ops\" is not a list of strings\n"},
    {SET(EC ",\"kid\":\"\""), -1, "fault: key 1: a kid of 0 bytes; expected 1 to 255\n"},
    {SET(EC ",\"alg\":\"ES384\",\"kid\":\"a\""), -1,
     "fault: key 1 (kid \"a\"): this kind of key cannot serve ES384\n"},
    {SET(EC ",\"alg\":\"RS256\""), -1, "fault: key 1: this kind of key cannot serve RS256\n"},
    {SET(OKP ",\"alg\":\"ES256\""), -1, "fault: key 1: this kind of key cannot serve ES256\n"},
    {SET(OCT ",\"alg\":\"HS384\""), -1,
     "fault: key 1: a secret of 32 bytes; HS384 needs 48 or more\n"},
    {SET(OCT ",\"alg\":\"RS256\""), -1, "fault: key 1: this kind of key cannot serve RS256\n"},
    {SET("\"kty\":\"oct\",\"k\":\"AAAA\""), -1,
     "fault: key 1: a secret of 3 bytes; HS256 needs 32 or more\n"},
    {SET("\"kty\":\"oct\",\"k\":\"\""), -1,
     "fault: key 1: \"k\" is missing or not base64url without padding\n"},
    {SET("\"kty\":\"oct\""), -1,
     "fault: key 1: \"k\" is missing or not base64url without padding\n"},
    {SET("\"kty\":\"EC\"," P256_X "," P256_Y), -1,
     "fault: key 1: \"crv\" is missing or no string\n"},
    {SET("\"kty\":\"OKP\",\"crv\":3"), -1, "fault: key 1: \"crv\" is missing or no string\n"},
    {SET("\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X), -1,
     "fault: key 1: \"y\" is missing or not base64url without padding\n"},
    {SET("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU="
         "\"," P256_Y),
     -1, "fault: key 1: \"x\" is missing or not base64url without padding\n"},
    {SET("\"kty\":\"EC\",\"crv\":\"P-384\"," P256_X "," P256_Y), -1,
     "fault: key 1: its coordinates do not have the length of its curve\n"},
    {SET("\"kty\":\"EC\",\"crv\":\"Ed25519\"," P256_X "," P256_Y), -1,
     "fault: key 1: its coordinates do not have the length of its curve\n"},
    {SET("\"kty\":\"EC\",\"crv\":\"P-256\"," P256_X ","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""),
     -1, "fault: key 1: its numbers make no valid public key\n"},
    {SET("\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""),
     -1, "fault: key 1: its numbers make no valid public key\n"},
    {SET("\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\""), -1,
     "fault: key 1: its numbers make no valid public key\n"},
    {SET("\"kty\":\"OKP\",\"crv\":\"Ed25519\""), -1,
     "fault: key 1: \"x\" is missing or not base64url without padding\n"},
    {SET("\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\""), -1,
     "fault: key 1: an RSA key of 17 bits; expected 2048 to 16384\n"},
    {SET("\"kty\":\"RSA\",\"e\":\"AQAB\""), -1,
     "fault: key 1: \"n\" is missing or not base64url without padding\n"},
    {SET("\"kty\":\"RSA\",\"n\":\"AQAB\""), -1,
     "fault: key 1: \"e\" is missing or not base64url without padding\n"},
    {SET(EC ",\"kid\":\"a\"},{" EC ",\"kid\":\"a\""), -1,
     "fault: key 2 (kid \"a\"): an earlier key has the same kid and can serve the same "
     "algorithm\n"},
};

START_TEST(reads_sets)
{
    struct told told;
    int keys = read_set(sets[_i].text, &told, NULL);

    ck_assert_msg(keys == sets[_i].keys, "%s: %d keys: %s", sets[_i].text, keys, told.text);
    ck_assert_msg(strcmp(told.text, sets[_i].told) == 0, "%s: %s", sets[_i].text, told.text);
}
END_TEST

/* A set with the modulus of a good RSA key and that exponent (base64url). */
static int
rsa_with_exponent(const char *e, struct told *told)
{
    json_t *jwk = jwk_from_public(maker()->rsa, "r", JOSE_RS256);

    json_object_set_new(jwk, "e", json_string(e));
    json_t *set = json_pack("{s:[o]}", "keys", jwk);
    char *text = json_dumps(set, 0);
    int keys = read_set(text, told, NULL);

    free(text);
    json_decref(set);
    return keys;
}

START_TEST(a_set_that_was_fetched_brings_no_secret)
{
    struct told told = {""};
    const struct jwks_report report = {on_fault, on_note, &told, .public_only = true};
    struct keyset *keyset = keyset_new();

    ck_assert(jwks_read(keyset, STR("{\"keys\":[{\"kid\":\"s\"," OCT "},{" EC "}]}"), &report));
    ck_assert_str_eq(told.text, "note: key 1 (kid \"s\"): a secret, with which whoever can fetch "
                                "the set could sign\n");
    ck_assert_uint_eq(keyset_count(keyset), 1);
    keyset_unref(keyset);
}
END_TEST

START_TEST(bad_exponents_are_refused)
{
    struct told told;

    ck_assert_int_eq(rsa_with_exponent("AQAB", &told), 1);
    ck_assert_int_eq(rsa_with_exponent("Aw", &told), 1);
    ck_assert_int_eq(rsa_with_exponent("AQ", &told), -1); /* 1 */
    ck_assert_str_eq(told.text,
                     "fault: key 1 (kid \"r\"): an RSA key with a bad public exponent\n");
    ck_assert_int_eq(rsa_with_exponent("AA", &told), -1);   /* 0 */
    ck_assert_int_eq(rsa_with_exponent("AQAA", &told), -1); /* 65536 */
}
END_TEST

START_TEST(a_set_has_at_most_so_many_keys)
{
    char *text = malloc(200 * (KEYSET_KEYS_MAX + 2));
    size_t at = (size_t)sprintf(text, "{\"keys\":[");
    struct told told;

    for (int i = 0; i <= KEYSET_KEYS_MAX; i++)
        at += (size_t)sprintf(text + at, "%s{" OKP ",\"kid\":\"%d\"}", i ? "," : "", i);
    strcpy(text + at, "]}");
    ck_assert_int_eq(read_set(text, &told, NULL), -1);
    ck_assert_str_eq(told.text, "fault: it has too many keys\n");
    free(text);
}
END_TEST

/* A key that wsgatectl writes is the key that is read. */
START_TEST(written_keys_are_read_back)
{
    for (enum jose_algorithm a = JOSE_RS256; a < JOSE_ALGORITHM_COUNT; a++) {
        EVP_PKEY *private = maker_private(a);
        json_t *set = json_pack("{s:[o]}", "keys", jwk_from_public(private, NULL, a));
        char *text = json_dumps(set, 0);
        struct keyset *keyset = NULL;
        struct told told;

        ck_assert_int_eq(read_set(text, &told, &keyset), 1);
        ck_assert_str_eq(told.text, "");
        ck_assert_uint_eq(keyset_at(keyset, 0)->algorithms, JOSE_BIT(a));
        ck_assert_uint_eq(strlen(keyset_at(keyset, 0)->kid), BASE64URL_TEXT_LEN(32));
        ck_assert_int_eq(EVP_PKEY_eq(keyset_at(keyset, 0)->public_key, private), 1);
        keyset_unref(keyset);
        free(text);
        json_decref(set);
    }
}
END_TEST

/* RFC 7638 3.1. */
START_TEST(a_thumbprint_is_the_one_of_the_rfc)
{
    static const char set[] = "{\"keys\":[{\"kty\":\"RSA\",\"n\":"
                              "\"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfA"
                              "AtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-"
                              "5JsGY4Hc5n9yBXArwl93lqt7_"
                              "RN5w6Cf0h4QyQ5v-65YGjQR0_"
                              "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbI"
                              "SD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_"
                              "xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzK"
                              "nqDKgw\",\"e\":\"AQAB\"}]}";
    struct keyset *keyset = NULL;
    struct told told;

    ck_assert_int_eq(read_set(set, &told, &keyset), 1);
    json_t *jwk = jwk_from_public(keyset_at(keyset, 0)->public_key, NULL, 0);
    ck_assert_str_eq(json_string_value(json_object_get(jwk, "kid")),
                     "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    ck_assert_ptr_null(json_object_get(jwk, "alg"));
    json_decref(jwk);
    keyset_unref(keyset);
    EVP_PKEY *foreign = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
    ck_assert_ptr_null(jwk_from_public(foreign, NULL, 0));
    EVP_PKEY_free(foreign);
}
END_TEST

Suite *
keyset_suite(void)
{
    Suite *suite = suite_create("keyset");
    TCase *keys = tcase_create("keys"), *set = tcase_create("set"), *jwks = tcase_create("jwks");

    tcase_add_unchecked_fixture(keys, maker_setup, NULL);
    tcase_add_test(keys, a_key_serves_what_its_kind_can);
    tcase_add_test(keys, a_pss_key_is_for_pss);
    tcase_add_test(keys, weak_and_foreign_keys_are_refused);
    tcase_add_test(keys, pem_that_is_no_public_key_is_refused);
    tcase_add_test(keys, secrets_are_as_long_as_the_hash);
    tcase_add_test(keys, kids_are_bounded);
    tcase_add_test(keys, pkcs1_is_read_too);
    tcase_add_test(keys, a_secret_file_loses_one_line_end);
    tcase_add_test(keys, files_are_bounded_and_faults_are_named);
    suite_add_tcase(suite, keys);
    tcase_add_test(set, two_keys_of_one_name_and_algorithm_are_an_error);
    tcase_add_test(set, a_thumbprint_says_which_key_it_is);
    tcase_add_test(set, keys_are_found_by_thumbprint);
    tcase_add_test(set, a_set_is_bounded);
    tcase_add_unchecked_fixture(set, maker_setup, NULL);
    tcase_add_test(set, sets_are_put_together);
    tcase_add_test(set, holders_are_counted_across_threads);
    suite_add_tcase(suite, set);
    tcase_add_unchecked_fixture(jwks, maker_setup, NULL);
    tcase_add_loop_test(jwks, reads_sets, 0, (int)COUNT_OF(sets));
    tcase_add_test(jwks, a_set_that_was_fetched_brings_no_secret);
    tcase_add_test(jwks, bad_exponents_are_refused);
    tcase_add_test(jwks, a_set_has_at_most_so_many_keys);
    tcase_add_test(jwks, written_keys_are_read_back);
    tcase_add_test(jwks, a_thumbprint_is_the_one_of_the_rfc);
    suite_add_tcase(suite, jwks);
    return suite;
}
