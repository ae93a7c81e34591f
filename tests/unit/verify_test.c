/* verify_test.c - tokens judged whole: signatures, claims, order, and the known attacks. */
#include "token/verify.h"

#include "failing_memory.h"
#include "protocol/base64url.h"
#include "token/checker.h"
#include "token_maker.h"
#include "unit.h"

#include <jansson.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>

#define NOW_S 1700000000
#define NOW_MS (NOW_S * INT64_C(1000))
#define GOOD "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"exp\":1700000060}"

static const struct verify_policy anything = {.algorithms = JOSE_ALL_ALGORITHMS};

/* Judges and frees token. */
static enum jose_reason
judge(struct verifier *verifier, const struct verify_policy *policy, char *token)
{
    struct verified verified;
    enum jose_reason reason = verify_token(verifier, policy, str_of(token), NOW_MS, &verified);

    ck_assert_int_eq(reason == JOSE_OK, verified.claims != NULL);
    ck_assert_uint_eq(ERR_peek_error(), 0);
    verified_free(&verified);
    free(token);
    return reason;
}

#define WORD(reason) jose_reason(reason)->word
#define ck_assert_reason(got, wanted) ck_assert_str_eq(WORD(got), WORD(wanted))

static struct verifier *
verifier_of(struct keyset *keyset)
{
    struct verifier *verifier = verifier_new(keyset);

    keyset_unref(keyset);
    ck_assert_ptr_nonnull(verifier);
    return verifier;
}

/* ---- Every algorithm ----------------------------------------------------------- */

/* Good, bad, good again: a context that said no still says yes. */
START_TEST(good_and_bad_by_turns)
{
    enum jose_algorithm a = (enum jose_algorithm)_i;
    const char *name = jose_algorithm(a)->name;
    struct verifier *verifier = verifier_of(maker_keyset(true));

    for (int round = 0; round < 4; round++) {
        ck_assert_reason(judge(verifier, &anything, maker_plain(a, name, GOOD)), JOSE_OK);
        char *token = maker_plain(a, name, GOOD);
        char *last = token + strlen(token) - 8;
        *last = *last == 'A' ? 'B' : 'A';
        ck_assert_reason(judge(verifier, &anything, token), JOSE_SIGNATURE);
        token = maker_plain(a, name, GOOD);
        strrchr(token, '.')[-6] ^= 1; /* the payload: JSON or claims may break first */
        ck_assert_int_ne(judge(verifier, &anything, token), JOSE_OK);
    }
    verifier_free(verifier);
}
END_TEST

START_TEST(no_prefix_of_a_token_verifies)
{
    enum jose_algorithm a = (enum jose_algorithm)_i;
    struct verifier *verifier = verifier_of(maker_keyset(false));
    char *token = maker_plain(a, NULL, GOOD);
    size_t len = strlen(token);
    struct verified verified;

    for (size_t i = 0; i <= len; i++) {
        char *cut = malloc(i ? i : 1); /* exact, so that a sanitizer sees what is read behind it */
        memcpy(cut, token, i);
        enum jose_reason reason =
            verify_token(verifier, &anything, (struct str){cut, i}, NOW_MS, &verified);
        ck_assert_int_eq(reason == JOSE_OK, i == len);
        verified_free(&verified);
        free(cut);
    }
    free(token);
    verifier_free(verifier);
}
END_TEST

START_TEST(signatures_of_other_lengths_never_verify)
{
    enum jose_algorithm a = (enum jose_algorithm)_i;
    struct verifier *verifier = verifier_of(maker_keyset(false));
    unsigned char signature[JOSE_SIGNATURE_MAX + 1] = {0};
    char header[64], *h, *p = maker_text(GOOD);

    snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", jose_algorithm(a)->name);
    h = maker_text(header);
    char *text = maker_join(h, p, "");
    size_t len = maker_sign(maker_private(a), a, (struct str){text, strlen(text) - 1}, -1,
                            signature);
    for (size_t wrong = 1; wrong <= len + 3; wrong++) {
        char *s = maker_bytes(signature, wrong);
        ck_assert_reason(judge(verifier, &anything, maker_join(h, p, s)),
                         wrong == len ? JOSE_OK : JOSE_SIGNATURE);
        free(s);
    }
    char *s = maker_bytes(signature, JOSE_SIGNATURE_MAX);
    ck_assert_reason(judge(verifier, &anything, maker_join(h, p, s)), JOSE_SIGNATURE);
    free(s);
    s = maker_bytes(signature, JOSE_SIGNATURE_MAX + 1);
    ck_assert_reason(judge(verifier, &anything, maker_join(h, p, s)), JOSE_MALFORMED);
    free(s);
    free(text);
    free(h);
    free(p);
    verifier_free(verifier);
}
END_TEST

/* ---- Claims ----------------------------------------------------------------------- */

static const struct str audiences[] = {{"a", 1}, {"b", 1}};
static const struct verify_policy strict = {
    .algorithms = JOSE_ALL_ALGORITHMS,
    .issuer = {"i", 1},
    .audiences = audiences,
    .audience_count = 2,
    .leeway_ms = 30000,
    .require_expiration = true,
};

/* A minute, and what half a minute of leeway adds on either side. */
static const struct verify_policy young = {
    .algorithms = JOSE_ALL_ALGORITHMS,
    .leeway_ms = 30000,
    .max_age_ms = 60000,
};

static const struct {
    const struct verify_policy *policy;
    const char *claims;
    enum jose_reason reason;
} claims_cases[] = {
    {&strict, GOOD, JOSE_OK},
    {&strict, "{\"iss\":\"i\",\"aud\":[\"x\",\"b\"],\"exp\":1700000060}", JOSE_OK},
    /* iss */
    {&strict, "{\"aud\":\"a\",\"exp\":1700000060}", JOSE_ISSUER},
    {&strict, "{\"iss\":\"j\",\"aud\":\"a\",\"exp\":1700000060}", JOSE_ISSUER},
    {&strict, "{\"iss\":\"I\",\"aud\":\"a\",\"exp\":1700000060}", JOSE_ISSUER},
    {&strict, "{\"iss\":\"i/\",\"aud\":\"a\",\"exp\":1700000060}", JOSE_ISSUER},
    {&strict, "{\"iss\":\"\",\"aud\":\"a\",\"exp\":1700000060}", JOSE_ISSUER},
    {&strict, "{\"iss\":[\"i\"],\"aud\":\"a\",\"exp\":1700000060}", JOSE_CLAIM},
    {&strict, "{\"iss\":null,\"aud\":\"a\",\"exp\":1700000060}", JOSE_CLAIM},
    /* aud */
    {&strict, "{\"iss\":\"i\",\"exp\":1700000060}", JOSE_AUDIENCE},
    {&strict, "{\"iss\":\"i\",\"aud\":\"c\",\"exp\":1700000060}", JOSE_AUDIENCE},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a b\",\"exp\":1700000060}", JOSE_AUDIENCE},
    {&strict, "{\"iss\":\"i\",\"aud\":[],\"exp\":1700000060}", JOSE_AUDIENCE},
    {&strict, "{\"iss\":\"i\",\"aud\":[\"c\",\"d\"],\"exp\":1700000060}", JOSE_AUDIENCE},
    {&strict, "{\"iss\":\"i\",\"aud\":[\"a\",1],\"exp\":1700000060}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":[[\"a\"]],\"exp\":1700000060}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":{\"a\":1},\"exp\":1700000060}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":1,\"exp\":1700000060}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":null,\"exp\":1700000060}", JOSE_CLAIM},
    /* exp, 30 s of leeway: the last good second is the one before now - 30 + 1 */
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\"}", JOSE_NO_EXPIRY},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1699999971}", JOSE_OK},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1699999970}", JOSE_EXPIRED},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":0}", JOSE_EXPIRED},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1699999970.5}", JOSE_OK},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1699999969.999}", JOSE_EXPIRED},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1.7000001e9}", JOSE_OK},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":253402300799}", JOSE_OK},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":253402300800}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":253402300800.5}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":9223372036854775807}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":9223372036854775808}", JOSE_MALFORMED},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1e300}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1e999}", JOSE_MALFORMED},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":-1}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":-0.5}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":\"1700000060\"}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":true}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":null}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":[1700000060]}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"exp\":1}", JOSE_MALFORMED},
    /* nbf and iat */
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"nbf\":1700000030}", JOSE_OK},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"nbf\":1700000031}",
     JOSE_NOT_YET_VALID},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"nbf\":\"0\"}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"nbf\":-5}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"iat\":1700009999}", JOSE_OK},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"iat\":\"x\"}", JOSE_CLAIM},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"iat\":1e20}", JOSE_CLAIM},
    /* max_age */
    {&young, "{\"iat\":1700000000}", JOSE_OK},
    {&young, "{}", JOSE_NO_ISSUE_TIME},
    {&young, "{\"iat\":1699999911}", JOSE_OK},
    {&young, "{\"iat\":1699999910}", JOSE_TOO_OLD},
    {&young, "{\"iat\":1699999910.5}", JOSE_OK},
    {&young, "{\"iat\":0}", JOSE_TOO_OLD},
    {&young, "{\"iat\":1700000030}", JOSE_OK},
    {&young, "{\"iat\":1700000031}", JOSE_ISSUED_LATER},
    {&young, "{\"iat\":253402300799}", JOSE_ISSUED_LATER},
    {&young, "{\"iat\":\"1700000000\"}", JOSE_CLAIM},
    {&young, "{\"iat\":null}", JOSE_CLAIM},
    {&young, "{\"iat\":0,\"exp\":1}", JOSE_EXPIRED},
    /* sub */
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1700000060,\"sub\":7}", JOSE_CLAIM},
    /* the order: iss, aud, exp, nbf */
    {&strict, "{\"iss\":\"j\",\"aud\":\"c\",\"exp\":1,\"nbf\":1800000000}", JOSE_ISSUER},
    {&strict, "{\"iss\":\"i\",\"aud\":\"c\",\"exp\":1,\"nbf\":1800000000}", JOSE_AUDIENCE},
    {&strict, "{\"iss\":\"i\",\"aud\":\"a\",\"exp\":1,\"nbf\":1800000000}", JOSE_EXPIRED},
    /* nothing asked: only what is there must be well formed */
    {&anything, "{}", JOSE_OK},
    {&anything, "{\"iss\":\"x\",\"aud\":[\"y\"]}", JOSE_OK},
    {&anything, "{\"aud\":1}", JOSE_CLAIM},
    {&anything, "{\"exp\":1700000000}", JOSE_EXPIRED},
    {&anything, "{\"exp\":1700000001}", JOSE_OK},
    {&anything, "{\"nbf\":1700000000}", JOSE_OK},
    {&anything, "{\"nbf\":1700000001}", JOSE_NOT_YET_VALID},
    /* no claims at all */
    {&anything, "", JOSE_MALFORMED},
    {&anything, "[]", JOSE_MALFORMED},
    {&anything, "null", JOSE_MALFORMED},
    {&anything, "foo", JOSE_MALFORMED},
    {&anything, "{} {}", JOSE_MALFORMED},
    {&anything, "{\"sub\":\"a\\u0000b\"}", JOSE_MALFORMED},
};

/* The same verdict whether the signature is judged before or after. */
START_TEST(judges_claims)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    static const enum jose_algorithm both[] = {JOSE_HS256, JOSE_EdDSA};

    for (size_t i = 0; i < COUNT_OF(both); i++) {
        enum jose_reason reason =
            judge(verifier, claims_cases[_i].policy,
                  maker_plain(both[i], NULL, claims_cases[_i].claims));
        ck_assert_msg(reason == claims_cases[_i].reason, "%s: %s", claims_cases[_i].claims,
                      WORD(reason));
    }
    verifier_free(verifier);
}
END_TEST

/* expires_ms is the moment from which the token would not be admitted again, by exp or by age. */
START_TEST(the_earlier_end_counts)
{
    static const struct {
        const char *claims;
        int64_t expires_ms;
    } cases[] = {
        {"{\"iat\":1700000000}", INT64_C(1700000090000)},
        {"{\"iat\":1700000000,\"exp\":1700000059}", INT64_C(1700000089000)},
        {"{\"iat\":1700000000,\"exp\":1700009999}", INT64_C(1700000090000)},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct claims *claims = claims_of_text(str_of(cases[i].claims));
        struct verified verified = {.claims = NULL};
        ck_assert_reason(verify_claims(&young, claims->all, NOW_MS, &verified), JOSE_OK);
        ck_assert_int_eq(verified.expires_ms, cases[i].expires_ms);
        ck_assert_reason(verify_claims(&young, claims->all, cases[i].expires_ms - 1, &verified),
                         JOSE_OK);
        ck_assert_int_ne(verify_claims(&young, claims->all, cases[i].expires_ms, &verified),
                         JOSE_OK);
        claims_free(claims);
    }
}
END_TEST

START_TEST(says_who_and_until_when)
{
    struct verifier *verifier = verifier_of(maker_keyset(true));
    char *token = maker_plain(JOSE_ES256, "ES256", GOOD);
    struct verified verified;

    ck_assert_reason(verify_token(verifier, &strict, str_of(token), NOW_MS, &verified), JOSE_OK);
    ck_assert(str_equal(verified.issuer, STR("i")));
    ck_assert(str_equal(json_node_text(json_node_member(verified.claims, STR("sub"))), STR("s")));
    ck_assert_int_eq(verified.expires_ms, INT64_C(1700000090000));
    ck_assert_str_eq(verified.key->kid, "ES256");
    /* The same moment ends the token's admission. */
    struct verified later;
    ck_assert_reason(
        verify_token(verifier, &strict, str_of(token), verified.expires_ms - 1, &later), JOSE_OK);
    verified_free(&later);
    ck_assert_reason(verify_token(verifier, &strict, str_of(token), verified.expires_ms, &later),
                     JOSE_EXPIRED);
    ck_assert_ptr_null(later.issuer.at);
    verified_free(&verified);
    free(token);

    token = maker_plain(JOSE_ES256, NULL, "{}");
    ck_assert_reason(verify_token(verifier, &anything, str_of(token), NOW_MS, &verified), JOSE_OK);
    ck_assert_ptr_null(verified.issuer.at);
    ck_assert_int_eq(verified.expires_ms, INT64_MAX);
    verified_free(&verified);
    free(token);
    verifier_free(verifier);
}
END_TEST

/* HMAC: nothing of the claims is told before the MAC; others: claims first, they cost no key. */
START_TEST(the_order_depends_on_the_family)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    static const struct {
        enum jose_algorithm algorithm;
        enum jose_reason reason;
    } cases[] = {{JOSE_HS256, JOSE_SIGNATURE},
                 {JOSE_ES256, JOSE_EXPIRED},
                 {JOSE_EdDSA, JOSE_EXPIRED},
                 {JOSE_RS256, JOSE_EXPIRED},
                 {JOSE_PS256, JOSE_EXPIRED}};

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *token = maker_plain(cases[i].algorithm, NULL, "{\"exp\":1}");
        char *last = token + strlen(token) - 8;
        *last = *last == 'A' ? 'B' : 'A';
        ck_assert_reason(judge(verifier, &anything, token), cases[i].reason);
    }
    verifier_free(verifier);
}
END_TEST

/* ---- Keys ------------------------------------------------------------------------------ */

static void
add(struct keyset *keyset, EVP_PKEY *private, const char *kid)
{
    struct key_error error;
    char *pem = maker_pem(private);

    ck_assert(keyset_add(keyset, key_from_pem(str_of(pem), str_of(kid), 0, &error), &error));
    free(pem);
}

START_TEST(a_kid_chooses_the_key)
{
    struct keyset *keyset = keyset_new();

    add(keyset, maker()->p256_other, "old");
    add(keyset, maker()->p256, "new");
    add(keyset, maker()->rsa, "rsa");
    struct verifier *verifier = verifier_of(keyset);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "new", GOOD)), JOSE_OK);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "old", GOOD)),
                     JOSE_SIGNATURE);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "other", GOOD)),
                     JOSE_KEY_UNKNOWN);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "", GOOD)),
                     JOSE_KEY_UNKNOWN);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "rsa", GOOD)),
                     JOSE_KEY_UNKNOWN);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "ne", GOOD)),
                     JOSE_KEY_UNKNOWN);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "../../etc/passwd", GOOD)),
                     JOSE_KEY_UNKNOWN);
    /* Without one, every key of the algorithm is tried. */
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, NULL, GOOD)), JOSE_OK);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES384, NULL, GOOD)),
                     JOSE_KEY_UNKNOWN);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_HS256, NULL, GOOD)),
                     JOSE_KEY_UNKNOWN);
    verifier_free(verifier);
}
END_TEST

START_TEST(a_key_without_kid_fits_every_token)
{
    struct keyset *keyset = keyset_new();

    add(keyset, maker()->p256_other, "other");
    add(keyset, maker()->p256, NULL);
    struct verifier *verifier = verifier_of(keyset);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "any", GOOD)), JOSE_OK);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "other", GOOD)), JOSE_OK);
    verifier_free(verifier);
}
END_TEST

START_TEST(the_tries_are_bounded)
{
    struct keyset *keyset = keyset_new();
    char kid[16];

    for (int i = 0; i < CHECKER_TRIES_MAX; i++) {
        snprintf(kid, sizeof(kid), "%d", i);
        add(keyset, i == CHECKER_TRIES_MAX - 1 ? maker()->p256 : maker()->p256_other, kid);
    }
    keyset_ref(keyset);
    struct verifier *verifier = verifier_of(keyset);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, NULL, GOOD)), JOSE_OK);
    verifier_free(verifier);
    add(keyset, maker()->p256_other, "more");
    verifier = verifier_of(keyset);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, NULL, GOOD)),
                     JOSE_KEY_AMBIGUOUS);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, kid, GOOD)), JOSE_OK);
    verifier_free(verifier);
}
END_TEST

/* It may be worth a fetch, so nothing else may be wrong with the token, for HMAC too. */
START_TEST(an_unknown_key_is_the_last_complaint)
{
    const struct str wanted[] = {STR("chat")};
    const struct verify_policy policy = {.algorithms = JOSE_ALL_ALGORITHMS,
                                         .issuer = STR("i"),
                                         .audiences = wanted,
                                         .audience_count = 1,
                                         .require_expiration = true};
    static const struct {
        const char *payload;
        enum jose_reason reason;
    } cases[] = {
        {"{\"iss\":\"i\",\"aud\":\"chat\",\"exp\":1700000060}", JOSE_KEY_UNKNOWN},
        {"{\"iss\":\"j\",\"aud\":\"chat\",\"exp\":1700000060}", JOSE_ISSUER},
        {"{\"iss\":\"i\",\"aud\":\"talk\",\"exp\":1700000060}", JOSE_AUDIENCE},
        {"{\"iss\":\"i\",\"aud\":\"chat\",\"exp\":1699999999}", JOSE_EXPIRED},
        {"{\"iss\":\"i\",\"aud\":\"chat\"}", JOSE_NO_EXPIRY},
        {"[]", JOSE_MALFORMED},
    };
    struct verifier *verifier = verifier_of(maker_keyset(true));

    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        for (size_t i = 0; i < COUNT_OF(cases); i++)
            ck_assert_reason(judge(verifier, &policy, maker_plain(a, "none", cases[i].payload)),
                             cases[i].reason);
    verifier_free(verifier);
}
END_TEST

START_TEST(keys_can_be_exchanged)
{
    struct keyset *first = keyset_new(), *second = keyset_new();

    add(first, maker()->p256, "first");
    add(second, maker()->p256, "second");
    struct verifier *verifier = verifier_of(first);
    for (int round = 0; round < 3; round++) {
        ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "first", GOOD)),
                         round ? JOSE_KEY_UNKNOWN : JOSE_OK);
        ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "second", GOOD)),
                         round ? JOSE_OK : JOSE_KEY_UNKNOWN);
        ck_assert(verifier_set_keyset(verifier, second));
    }
    failing_memory_arm(1);
    ck_assert(!verifier_set_keyset(verifier, second));
    ck_assert(failing_memory_disarm());
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_ES256, "second", GOOD)), JOSE_OK);
    keyset_unref(second);
    verifier_free(verifier);
}
END_TEST

START_TEST(an_empty_set_verifies_nothing)
{
    struct verifier *verifier = verifier_of(keyset_new());

    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        ck_assert_reason(judge(verifier, &anything, maker_plain(a, NULL, GOOD)), JOSE_KEY_UNKNOWN);
    verifier_free(verifier);
    verifier_free(NULL);
}
END_TEST

/* ---- Header ------------------------------------------------------------------------------ */

START_TEST(only_accepted_algorithms_pass)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));

    for (enum jose_algorithm one = JOSE_HS256; one < JOSE_ALGORITHM_COUNT; one++) {
        const struct verify_policy policy = {.algorithms = JOSE_BIT(one)};
        for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
            ck_assert_reason(judge(verifier, &policy, maker_plain(a, NULL, GOOD)),
                             a == one ? JOSE_OK : JOSE_ALGORITHM);
    }
    verifier_free(verifier);
}
END_TEST

START_TEST(a_type_can_be_pinned)
{
    const struct verify_policy policy = {.algorithms = JOSE_ALL_ALGORITHMS,
                                         .type = STR("at+jwt")};
    struct verifier *verifier = verifier_of(maker_keyset(false));
    static const struct {
        const char *header;
        enum jose_reason reason;
    } cases[] = {
        {"{\"alg\":\"HS256\",\"typ\":\"at+jwt\"}", JOSE_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"application/AT+JWT\"}", JOSE_OK},
        {"{\"alg\":\"HS256\",\"typ\":\"JWT\"}", JOSE_TYPE},
        {"{\"alg\":\"HS256\"}", JOSE_TYPE},
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        ck_assert_reason(judge(verifier, &policy, maker_token(JOSE_HS256, cases[i].header, GOOD)),
                         cases[i].reason);
        ck_assert_reason(judge(verifier, &anything, maker_token(JOSE_HS256, cases[i].header, GOOD)),
                         JOSE_OK);
    }
    verifier_free(verifier);
}
END_TEST

/* The header that is kept is only ever used for the very same bytes. */
START_TEST(the_kept_header_is_not_another_one)
{
    struct verifier *verifier = verifier_of(maker_keyset(true));
    char long_header[1500], filler[1000];

    memset(filler, 'x', sizeof(filler) - 1);
    filler[sizeof(filler) - 1] = '\0';
    snprintf(long_header, sizeof(long_header), "{\"alg\":\"HS256\",\"x\":\"%s\"}", filler);
    for (int round = 0; round < 3; round++) {
        ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_HS256, "HS256", GOOD)),
                         JOSE_OK);
        ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_HS256, "HS257", GOOD)),
                         JOSE_KEY_UNKNOWN);
        ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_HS384, "HS384", GOOD)),
                         JOSE_OK);
        ck_assert_reason(judge(verifier, &anything, maker_token(JOSE_HS256, "{\"alg\":1}", GOOD)),
                         JOSE_MALFORMED);
        ck_assert_reason(judge(verifier, &anything, maker_token(JOSE_HS256, long_header, GOOD)),
                         JOSE_OK);
    }
    verifier_free(verifier);
}
END_TEST

/* ---- Attacks -------------------------------------------------------------------------------- */

static const struct {
    const char *header;
    enum jose_reason reason;
} header_attacks[] = {
    {"{\"alg\":\"none\"}", JOSE_ALGORITHM},
    {"{\"alg\":\"None\"}", JOSE_ALGORITHM},
    {"{\"alg\":\"NONE\"}", JOSE_ALGORITHM},
    {"{\"alg\":\"nOnE\"}", JOSE_ALGORITHM},
    {"{\"alg\":\"\"}", JOSE_ALGORITHM},
    {"{\"alg\":\"hs256\"}", JOSE_ALGORITHM},
    {"{\"alg\":\"HS256 \"}", JOSE_ALGORITHM},
    {"{\"alg\":\"HS256\",\"crit\":[\"exp\"],\"exp\":1}", JOSE_CRITICAL},
    {"{\"alg\":\"HS256\",\"crit\":[]}", JOSE_CRITICAL},
    {"{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", JOSE_CRITICAL},
    {"{\"alg\":\"HS256\",\"b64\":false}", JOSE_CRITICAL},
    {"{\"alg\":\"HS256\",\"alg\":\"none\"}", JOSE_MALFORMED},
    {"{\"alg\":\"HS256\"} ", JOSE_OK}, /* white space is JSON's own */
    {"{\"alg\":\"HS256\"}\v", JOSE_MALFORMED},
    {"{\"alg\":\"HS256\"}{\"alg\":\"none\"}", JOSE_MALFORMED},
    {"{\"alg\":\"HS256\",\"kid\":\"/dev/null\"}", JOSE_OK}, /* the keys here have no kid */
    {"{\"alg\":\"HS256\",\"kid\":\"' or '1'='1\"}", JOSE_OK},
    {"{\"alg\":\"HS256\",\"kid\":\"a\\u0000b\"}", JOSE_MALFORMED},
    {"{\"alg\":\"HS256\",\"zip\":\"DEF\"}", JOSE_OK}, /* means nothing in a JWS */
};

START_TEST(headers_that_attack)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));

    /* The MAC is right: only the header can be the reason. */
    ck_assert_reason(
        judge(verifier, &anything, maker_token(JOSE_HS256, header_attacks[_i].header, GOOD)),
        header_attacks[_i].reason);
    verifier_free(verifier);
}
END_TEST

/* alg none with the signature left out, which is how it comes. */
START_TEST(unsigned_tokens_are_malformed)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    char *h = maker_text("{\"alg\":\"none\"}"), *p = maker_text(GOOD);

    ck_assert_reason(judge(verifier, &anything, maker_join(h, p, "")), JOSE_MALFORMED);
    ck_assert_reason(judge(verifier, &anything, maker_join(h, p, "AA")), JOSE_ALGORITHM);
    free(h);
    free(p);
    verifier_free(verifier);
}
END_TEST

/* HS256 with the public key's PEM, or its DER, as the secret. */
START_TEST(a_public_key_is_no_secret)
{
    struct keyset *keyset = keyset_new();
    unsigned char mac[JOSE_SIGNATURE_MAX];
    char *pem = maker_pem(maker()->rsa), *h = maker_text("{\"alg\":\"HS256\"}");
    char *p = maker_text(GOOD), *text = maker_join(h, p, "");
    size_t len;

    add(keyset, maker()->rsa, NULL);
    struct verifier *verifier = verifier_of(keyset);
    ck_assert_ptr_nonnull(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, pem, strlen(pem),
                                    (unsigned char *)text, strlen(text) - 1, mac, sizeof(mac),
                                    &len));
    char *s = maker_bytes(mac, len);
    ck_assert_reason(judge(verifier, &anything, maker_join(h, p, s)), JOSE_KEY_UNKNOWN);
    free(s);
    free(text);
    free(p);
    free(h);
    free(pem);
    verifier_free(verifier);
}
END_TEST

/* A header that brings its own key, signed with that key. */
START_TEST(a_token_does_not_bring_its_key)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    static const char *const brought[] = {
        "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"}}",
        "{\"alg\":\"ES256\",\"jku\":\"https://evil.example/keys\"}",
        "{\"alg\":\"ES256\",\"x5u\":\"https://evil.example/cert\"}",
        "{\"alg\":\"ES256\",\"x5c\":[\"AAAA\"]}",
    };

    for (size_t i = 0; i < COUNT_OF(brought); i++) {
        unsigned char signature[JOSE_SIGNATURE_MAX];
        char *h = maker_text(brought[i]), *p = maker_text(GOOD), *text = maker_join(h, p, "");
        size_t len = maker_sign(maker()->p256_other, JOSE_ES256,
                                (struct str){text, strlen(text) - 1}, -1, signature);
        char *s = maker_bytes(signature, len);
        ck_assert_reason(judge(verifier, &anything, maker_join(h, p, s)), JOSE_SIGNATURE);
        /* With the right key they are only names that nobody looks at. */
        ck_assert_reason(judge(verifier, &anything, maker_token(JOSE_ES256, brought[i], GOOD)),
                         JOSE_OK);
        free(s);
        free(text);
        free(p);
        free(h);
    }
    verifier_free(verifier);
}
END_TEST

/* The token's text with something put in at a place, or taken out. */
static char *
edited(const char *token, size_t at, const char *insert, size_t remove)
{
    size_t size = strlen(token) + strlen(insert) + 1;
    char *text = malloc(size);

    snprintf(text, size, "%.*s%s%s", (int)at, token, insert, token + at + remove);
    return text;
}

START_TEST(base64url_has_one_spelling)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    static const char *const inserts[] = {"=", "==", " ", "\n", "\r\n", "\t", "+", "/", "%3D"};
    char *token = maker_plain(JOSE_HS256, NULL, GOOD);
    size_t len = strlen(token);

    for (size_t i = 0; i < COUNT_OF(inserts); i++) {
        size_t dot = (size_t)(strchr(token, '.') - token);
        ck_assert_int_ne(judge(verifier, &anything, edited(token, 0, inserts[i], 0)), JOSE_OK);
        ck_assert_int_ne(judge(verifier, &anything, edited(token, dot, inserts[i], 0)), JOSE_OK);
        ck_assert_int_ne(judge(verifier, &anything, edited(token, dot + 1, inserts[i], 0)),
                         JOSE_OK);
        ck_assert_int_ne(judge(verifier, &anything, edited(token, len, inserts[i], 0)), JOSE_OK);
    }
    /* 32 bytes are 43 characters: the last has two bits too many. Every one but the right one
     * decodes to other bytes or to none. */
    for (char c = '!'; c <= '~'; c++) {
        char insert[2] = {c, '\0'};
        ck_assert_int_eq(judge(verifier, &anything, edited(token, len - 1, insert, 1)) == JOSE_OK,
                         c == token[len - 1]);
    }
    free(token);
    verifier_free(verifier);
}
END_TEST

START_TEST(segments_are_three)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    char *token = maker_plain(JOSE_HS256, NULL, GOOD);
    size_t len = strlen(token), dot = (size_t)(strchr(token, '.') - token);

    ck_assert_reason(judge(verifier, &anything, edited(token, len, ".", 0)), JOSE_MALFORMED);
    ck_assert_reason(judge(verifier, &anything, edited(token, len, ".AA", 0)), JOSE_MALFORMED);
    ck_assert_reason(judge(verifier, &anything, edited(token, len, ".AA.AA", 0)), JOSE_MALFORMED);
    ck_assert_reason(judge(verifier, &anything, edited(token, dot, "", 1)), JOSE_MALFORMED);
    ck_assert_reason(judge(verifier, &anything, edited(token, 0, ".", 0)), JOSE_MALFORMED);
    ck_assert_reason(judge(verifier, &anything, strdup("")), JOSE_MALFORMED);
    ck_assert_reason(judge(verifier, &anything, strdup("{\"payload\":\"\",\"signatures\":[]}")),
                     JOSE_MALFORMED);
    free(token);
    verifier_free(verifier);
}
END_TEST

START_TEST(huge_and_deep_tokens_are_refused)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    char *payload = malloc(2 * JOSE_TOKEN_MAX);

    memset(payload, '[', 2 * JOSE_TOKEN_MAX);
    payload[2 * JOSE_TOKEN_MAX - 1] = '\0';
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_HS256, NULL, payload)),
                     JOSE_TOO_LONG);
    payload[12000] = '\0';
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_HS256, NULL, payload)),
                     JOSE_MALFORMED);
    memcpy(payload, "{\"a\":\"", 6);
    memset(payload + 6, 'x', 11000);
    strcpy(payload + 11006, "\"}");
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_HS256, NULL, payload)), JOSE_OK);
    ck_assert_reason(judge(verifier, &anything, maker_plain(JOSE_EdDSA, NULL, payload)), JOSE_OK);
    free(payload);
    verifier_free(verifier);
}
END_TEST

/* The token of an algorithm with that signature in place of its own. */
static enum jose_reason
with_signature(struct verifier *verifier, const char *alg, const void *signature, size_t len)
{
    char header[64], *h, *p = maker_text(GOOD), *s = maker_bytes(signature, len);

    snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", alg);
    h = maker_text(header);
    enum jose_reason reason = judge(verifier, &anything, maker_join(h, p, s));
    free(h);
    free(p);
    free(s);
    return reason;
}

START_TEST(psychic_and_misshapen_ecdsa_signatures_fail)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    unsigned char zeros[133] = {0}, der[JOSE_DER_MAX], raw[JOSE_SIGNATURE_MAX];
    char *h = maker_text("{\"alg\":\"ES256\"}"), *p = maker_text(GOOD);
    char *text = maker_join(h, p, "");

    ck_assert_reason(with_signature(verifier, "ES256", zeros, 64), JOSE_SIGNATURE); /* r = s = 0 */
    ck_assert_reason(with_signature(verifier, "ES384", zeros, 96), JOSE_SIGNATURE);
    ck_assert_reason(with_signature(verifier, "ES512", zeros, 132), JOSE_SIGNATURE);
    size_t len =
        maker_sign(maker()->p256, JOSE_ES256, (struct str){text, strlen(text) - 1}, -1, raw);
    ck_assert_reason(with_signature(verifier, "ES256", raw, len), JOSE_OK);
    /* 33 + 33 bytes, each with a zero before it */
    memcpy(zeros + 1, raw, 32);
    memcpy(zeros + 34, raw + 32, 32);
    ck_assert_reason(with_signature(verifier, "ES256", zeros, 66), JOSE_SIGNATURE);
    /* DER in place of r || s */
    size_t der_len = jose_ecdsa_to_der(JOSE_P256, raw, len, der);
    ck_assert_reason(with_signature(verifier, "ES256", der, der_len), JOSE_SIGNATURE);
    /* Another curve's key and length under this curve's name */
    len = maker_sign(maker()->p384, JOSE_ES384, (struct str){text, strlen(text) - 1}, -1, raw);
    ck_assert_reason(with_signature(verifier, "ES256", raw, len), JOSE_SIGNATURE);
    free(text);
    free(h);
    free(p);
    verifier_free(verifier);
}
END_TEST

START_TEST(the_salt_is_as_long_as_the_hash)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));
    static const int salts[] = {0, 1, 20, 31, 33, 64, 222};
    unsigned char signature[JOSE_SIGNATURE_MAX];
    char *h = maker_text("{\"alg\":\"PS256\"}"), *p = maker_text(GOOD);
    char *text = maker_join(h, p, "");
    struct str to_sign = {text, strlen(text) - 1};

    for (size_t i = 0; i < COUNT_OF(salts); i++) {
        size_t len = maker_sign(maker()->rsa, JOSE_PS256, to_sign, salts[i], signature);
        ck_assert_reason(with_signature(verifier, "PS256", signature, len), JOSE_SIGNATURE);
    }
    size_t len = maker_sign(maker()->rsa, JOSE_PS256, to_sign, 32, signature);
    ck_assert_reason(with_signature(verifier, "PS256", signature, len), JOSE_OK);
    ck_assert_reason(with_signature(verifier, "RS256", signature, len), JOSE_SIGNATURE);
    free(text);
    free(h);
    free(p);
    verifier_free(verifier);
}
END_TEST

/* An algorithm of the same family: the signature is over the header, and the hash differs. */
START_TEST(an_algorithm_cannot_be_swapped)
{
    struct verifier *verifier = verifier_of(maker_keyset(false));

    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        for (enum jose_algorithm named = JOSE_HS256; named < JOSE_ALGORITHM_COUNT; named++) {
            char header[64];
            snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", jose_algorithm(named)->name);
            ck_assert_reason(judge(verifier, &anything, maker_token(a, header, GOOD)),
                             a == named ? JOSE_OK : JOSE_SIGNATURE);
        }
    verifier_free(verifier);
}
END_TEST

Suite *
verify_suite(void)
{
    Suite *suite = suite_create("verify");
    TCase *each = tcase_create("algorithms"), *claims = tcase_create("claims");
    TCase *keys = tcase_create("keys"), *attacks = tcase_create("attacks");

    tcase_add_unchecked_fixture(each, maker_setup, NULL);
    tcase_set_timeout(each, 60);
    tcase_add_loop_test(each, good_and_bad_by_turns, JOSE_HS256, JOSE_ALGORITHM_COUNT);
    tcase_add_loop_test(each, no_prefix_of_a_token_verifies, JOSE_HS256, JOSE_ALGORITHM_COUNT);
    tcase_add_loop_test(each, signatures_of_other_lengths_never_verify, JOSE_HS256,
                        JOSE_ALGORITHM_COUNT);
    suite_add_tcase(suite, each);
    tcase_add_unchecked_fixture(claims, maker_setup, NULL);
    tcase_add_loop_test(claims, judges_claims, 0, (int)COUNT_OF(claims_cases));
    tcase_add_test(claims, says_who_and_until_when);
    tcase_add_test(claims, the_earlier_end_counts);
    tcase_add_test(claims, the_order_depends_on_the_family);
    suite_add_tcase(suite, claims);
    tcase_add_unchecked_fixture(keys, maker_setup, NULL);
    tcase_set_timeout(keys, 60);
    tcase_add_test(keys, a_kid_chooses_the_key);
    tcase_add_test(keys, a_key_without_kid_fits_every_token);
    tcase_add_test(keys, the_tries_are_bounded);
    tcase_add_test(keys, an_unknown_key_is_the_last_complaint);
    tcase_add_test(keys, keys_can_be_exchanged);
    tcase_add_test(keys, an_empty_set_verifies_nothing);
    tcase_add_test(keys, only_accepted_algorithms_pass);
    tcase_add_test(keys, a_type_can_be_pinned);
    tcase_add_test(keys, the_kept_header_is_not_another_one);
    suite_add_tcase(suite, keys);
    tcase_add_unchecked_fixture(attacks, maker_setup, NULL);
    tcase_set_timeout(attacks, 60);
    tcase_add_loop_test(attacks, headers_that_attack, 0, (int)COUNT_OF(header_attacks));
    tcase_add_test(attacks, unsigned_tokens_are_malformed);
    tcase_add_test(attacks, a_public_key_is_no_secret);
    tcase_add_test(attacks, a_token_does_not_bring_its_key);
    tcase_add_test(attacks, base64url_has_one_spelling);
    tcase_add_test(attacks, segments_are_three);
    tcase_add_test(attacks, huge_and_deep_tokens_are_refused);
    tcase_add_test(attacks, psychic_and_misshapen_ecdsa_signatures_fail);
    tcase_add_test(attacks, the_salt_is_as_long_as_the_hash);
    tcase_add_test(attacks, an_algorithm_cannot_be_swapped);
    suite_add_tcase(suite, attacks);
    return suite;
}
