/*
 * checker.c - contexts set up once and used for every signature after that.
 *
 * The slots of one algorithm stand together, each a key and the context that
 * its family needs: an EVP_PKEY_CTX (RSA, PSS, ECDSA: EVP_PKEY_verify may be
 * called again and again), an EVP_MD_CTX (EdDSA, initialised again without a
 * key), or an EVP_MAC_CTX (HMAC, likewise). Digests are fetched once.
 *
 * Only the exact answer 1 of OpenSSL is "verified".
 */
#include "token/checker.h"

#include "protocol/digest.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdlib.h>

struct slot {
    const struct key *key;
    struct str kid;         /* at == NULL: the key has none */
    EVP_PKEY_CTX *verify;   /* at most one of these three, made at the first use */
    EVP_MD_CTX *one_shot;
    EVP_MAC_CTX *mac;
};

struct checker {
    const struct keyset *keyset;
    EVP_MD_CTX *digests[JOSE_NO_HASH];
    /* Those of algorithm a: slots[first[a]] up to slots[first[a + 1]]. */
    size_t first[JOSE_ALGORITHM_COUNT + 1];
    struct slot slots[];
};

/* Key by key within each algorithm. With slots == NULL it only counts. */
static size_t
lay_out(const struct keyset *keyset, size_t *first, struct slot *slots)
{
    size_t count = 0;

    for (enum jose_algorithm a = JOSE_NO_ALGORITHM; a < JOSE_ALGORITHM_COUNT; a++) {
        if (first)
            first[a] = count;
        for (size_t i = 0; i < keyset_count(keyset); i++) {
            const struct key *key = keyset_at(keyset, i);
            if (!(key->algorithms & JOSE_BIT(a)))
                continue;
            if (slots)
                slots[count] = (struct slot){.key = key, .kid = str_of(key->kid)};
            count++;
        }
    }
    if (first)
        first[JOSE_ALGORITHM_COUNT] = count;
    return count;
}

struct checker *
checker_new(const struct keyset *keyset)
{
    size_t count = lay_out(keyset, NULL, NULL);
    struct checker *checker = calloc(1, sizeof(*checker) + count * sizeof(struct slot));
    bool ok = checker != NULL;

    if (!checker)
        return NULL;
    checker->keyset = keyset_ref(keyset);
    lay_out(keyset, checker->first, checker->slots);
    for (enum jose_hash hash = JOSE_SHA256; hash < JOSE_NO_HASH; hash++)
        ok = (checker->digests[hash] = digest_new(key_hash_name(hash))) && ok;
    if (ok)
        return checker;
    checker_free(checker);
    return NULL;
}

void
checker_free(struct checker *checker)
{
    if (!checker)
        return;
    for (size_t i = 0; i < checker->first[JOSE_ALGORITHM_COUNT]; i++) {
        EVP_PKEY_CTX_free(checker->slots[i].verify);
        EVP_MD_CTX_free(checker->slots[i].one_shot);
        EVP_MAC_CTX_free(checker->slots[i].mac);
    }
    for (enum jose_hash hash = JOSE_SHA256; hash < JOSE_NO_HASH; hash++)
        EVP_MD_CTX_free(checker->digests[hash]);
    keyset_unref(checker->keyset);
    free(checker);
}

const struct keyset *
checker_keyset(const struct checker *checker)
{
    return checker->keyset;
}

bool
checker_digest(struct checker *checker, enum jose_hash hash, struct str text, unsigned char *out)
{
    EVP_MD_CTX *context = checker->digests[hash];

    return EVP_DigestInit_ex2(context, NULL, NULL) > 0 &&
           EVP_DigestUpdate(context, text.at, text.len) > 0 &&
           EVP_DigestFinal_ex(context, out, NULL) > 0;
}

/* ---- The families --------------------------------------------------------- */

static EVP_MAC_CTX *
mac_context(const struct key *key, const struct jose_algorithm_row *row)
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *context = hmac ? EVP_MAC_CTX_new(hmac) : NULL;
    char name[16]; /* an OSSL_PARAM wants writable memory, though it only reads */
    OSSL_PARAM params[] = {OSSL_PARAM_END, OSSL_PARAM_END};

    memcpy(name, key_hash_name(row->hash), strlen(key_hash_name(row->hash)) + 1);
    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0);
    EVP_MAC_free(hmac); /* the context holds it */
    if (context && EVP_MAC_init(context, key->secret, key->secret_len, params) > 0)
        return context;
    EVP_MAC_CTX_free(context);
    return NULL;
}

static enum jose_reason
verify_hmac(struct slot *slot, const struct jose_algorithm_row *row, struct str text,
            struct str signature)
{
    unsigned char mac[JOSE_HASH_MAX];
    size_t len = 0;

    /* Without a key it starts anew under the key that it has. */
    if (slot->mac ? EVP_MAC_init(slot->mac, NULL, 0, NULL) <= 0
                  : !(slot->mac = mac_context(slot->key, row)))
        return JOSE_INTERNAL;
    if (EVP_MAC_update(slot->mac, (const unsigned char *)text.at, text.len) <= 0 ||
        EVP_MAC_final(slot->mac, mac, &len, sizeof(mac)) <= 0)
        return JOSE_INTERNAL;
    bool ok = signature.len == len && CRYPTO_memcmp(mac, signature.at, len) == 0;
    OPENSSL_cleanse(mac, sizeof(mac));
    return ok ? JOSE_OK : JOSE_SIGNATURE;
}

static enum jose_reason
verify_eddsa(struct slot *slot, struct str text, struct str signature)
{
    bool made = slot->one_shot == NULL;

    if (made)
        slot->one_shot = EVP_MD_CTX_new();
    /* Initialised before every use: newer OpenSSL wants it. Without a key it keeps its own. */
    if (!slot->one_shot ||
        EVP_DigestVerifyInit_ex(slot->one_shot, NULL, NULL, NULL, NULL,
                                made ? slot->key->public_key : NULL, NULL) <= 0) {
        EVP_MD_CTX_free(slot->one_shot);
        slot->one_shot = NULL;
        return JOSE_INTERNAL;
    }
    int answer = EVP_DigestVerify(slot->one_shot, (const unsigned char *)signature.at,
                                  signature.len, (const unsigned char *)text.at, text.len);
    return answer == 1 ? JOSE_OK : JOSE_SIGNATURE;
}

static enum jose_reason
verify_digest(struct slot *slot, enum jose_algorithm algorithm, struct str digest,
              struct str signature)
{
    if (!slot->verify && !(slot->verify = key_context(slot->key, algorithm)))
        return JOSE_INTERNAL;
    int answer = EVP_PKEY_verify(slot->verify, (const unsigned char *)signature.at, signature.len,
                                 (const unsigned char *)digest.at, digest.len);
    return answer == 1 ? JOSE_OK : JOSE_SIGNATURE;
}

/* ---- One signature -------------------------------------------------------- */

/* What is the same for every key that is tried. */
struct attempt {
    enum jose_algorithm algorithm;
    const struct jose_algorithm_row *row;
    struct str text, signature; /* ECDSA: the signature in DER */
    struct str digest;
    unsigned char digest_bytes[JOSE_HASH_MAX], der[JOSE_DER_MAX];
};

static bool
digest_text(struct checker *checker, struct attempt *attempt)
{
    attempt->digest = (struct str){(const char *)attempt->digest_bytes, attempt->row->hash_len};
    return checker_digest(checker, attempt->row->hash, attempt->text, attempt->digest_bytes);
}

/* Everything that needs no key. */
static enum jose_reason
prepare(struct checker *checker, struct attempt *attempt)
{
    const struct jose_algorithm_row *row = attempt->row;

    if (row->signature_len && attempt->signature.len != row->signature_len)
        return JOSE_SIGNATURE;
    if (row->family == JOSE_ECDSA) {
        size_t len = jose_ecdsa_to_der(row->curve, (const unsigned char *)attempt->signature.at,
                                       attempt->signature.len, attempt->der);
        if (len == 0)
            return JOSE_SIGNATURE;
        attempt->signature = (struct str){(const char *)attempt->der, len};
    }
    if (row->hash != JOSE_NO_HASH && row->family != JOSE_HMAC && !digest_text(checker, attempt))
        return JOSE_INTERNAL;
    return JOSE_OK;
}

static enum jose_reason
try_key(struct slot *slot, const struct attempt *attempt)
{
    if (attempt->row->family == JOSE_HMAC)
        return verify_hmac(slot, attempt->row, attempt->text, attempt->signature);
    if (attempt->row->family == JOSE_EDDSA)
        return verify_eddsa(slot, attempt->text, attempt->signature);
    return verify_digest(slot, attempt->algorithm, attempt->digest, attempt->signature);
}

static bool
is_candidate(const struct slot *slot, struct str kid)
{
    return !kid.at || !slot->kid.at || str_equal(slot->kid, kid);
}

static size_t
count_candidates(const struct checker *checker, enum jose_algorithm algorithm, struct str kid)
{
    size_t count = 0;

    for (size_t i = checker->first[algorithm]; i < checker->first[algorithm + 1]; i++)
        count += is_candidate(&checker->slots[i], kid);
    return count;
}

enum jose_reason
checker_verify(struct checker *checker, enum jose_algorithm algorithm, struct str kid,
               struct str text, struct str signature, const struct key **used)
{
    struct attempt attempt = {algorithm, jose_algorithm(algorithm), text, signature, .digest = {0}};
    size_t count = count_candidates(checker, algorithm, kid);

    if (count == 0)
        return JOSE_KEY_UNKNOWN;
    if (count > CHECKER_TRIES_MAX)
        return JOSE_KEY_AMBIGUOUS;
    enum jose_reason reason = prepare(checker, &attempt);
    if (reason != JOSE_OK)
        return reason;
    for (size_t i = checker->first[algorithm]; i < checker->first[algorithm + 1]; i++) {
        struct slot *slot = &checker->slots[i];
        if (!is_candidate(slot, kid))
            continue;
        reason = try_key(slot, &attempt);
        *used = slot->key;
        if (reason != JOSE_SIGNATURE)
            break;
    }
    ERR_clear_error(); /* also what a key left that was tried before the right one */
    return reason;
}
