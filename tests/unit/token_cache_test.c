/* token_cache_test.c - verified tokens remembered: the cache, and what verify_token makes of it. */
#include "token/token_cache.h"

#include "token/verify.h"
#include "token_maker.h"
#include "unit.h"

#include <openssl/evp.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_MS INT64_C(1700000000000)
#define SOON_MS (NOW_MS + 10) /* when names in capitals expire */
#define MIB ((size_t)1 << 20)

/* ---- Entries by name ---------------------------------------------------------------- */

static const struct key a_key = {.thumbprint = "which key"};

static void
digest_of(const char *name, unsigned char *digest)
{
    ck_assert_int_eq(EVP_Q_digest(NULL, "SHA256", NULL, name, strlen(name), digest, NULL), 1);
}

/* Its claims are {"name": name}, and a filler of so many bytes. */
static struct token_entry *
entry_of(const char *name, size_t filler, int64_t expires_ms)
{
    unsigned char digest[TOKEN_DIGEST_LEN];
    char *text = malloc(strlen(name) + filler + 64);
    int len = sprintf(text, "{\"name\":\"%s\",\"filler\":\"%*s\"}", name, (int)filler, "");
    struct claims *claims = claims_of_text((struct str){text, (size_t)len});

    free(text);
    digest_of(name, digest);
    struct token_entry *entry = token_entry_new(digest, &a_key, 0, claims, expires_ms);
    ck_assert_ptr_nonnull(entry);
    return entry;
}

static void
put(struct token_cache *cache, const char *name, size_t filler, int64_t expires_ms, int64_t now_ms)
{
    struct token_entry *entry = entry_of(name, filler, expires_ms);

    token_cache_put(cache, entry, now_ms);
    token_entry_unref(entry);
}

/* The entry of that name, looked at in full. */
static struct token_entry *
get(struct token_cache *cache, const char *name, int64_t now_ms)
{
    unsigned char digest[TOKEN_DIGEST_LEN];

    digest_of(name, digest);
    struct token_entry *entry = token_cache_get(cache, digest, now_ms);
    if (entry) {
        ck_assert(str_equal(json_node_text(json_node_member(entry->claims->all, STR("name"))),
                            str_of(name)));
        ck_assert_mem_eq(entry->thumbprint, a_key.thumbprint, KEY_THUMBPRINT_LEN);
    }
    return entry;
}

static bool
has(struct token_cache *cache, const char *name, int64_t now_ms)
{
    struct token_entry *entry = get(cache, name, now_ms);

    token_entry_unref(entry);
    return entry != NULL;
}

static void
drop(struct token_cache *cache, const char *name)
{
    struct token_entry *entry = get(cache, name, 0);

    token_cache_drop(cache, entry);
    token_cache_drop(cache, entry); /* once more does no harm */
    token_entry_unref(entry);
}

/* ---- What stays and what goes --------------------------------------------------------- */

/* "+a" puts a, "?a" uses it, "-a" drops it, "!" lets the names in capitals expire. */
static const struct {
    size_t entries;
    const char *steps, *left;
} orders[] = {
    {3, "", ""},
    {3, "+a +b +c", "abc"},
    {3, "+a +b +c +d", "bcd"},
    {3, "+a +b +c +d +e +f +g", "efg"},
    {3, "+a +b +c ?a +d", "acd"},
    {3, "+a +b +c ?a ?b +d +e", "bde"},
    {3, "+a +b +c ?c ?b ?a +d", "abd"},
    {3, "+a +b +a +c +d", "acd"}, /* again is used last */
    {3, "+a +a +a +a", "a"},
    {3, "+a +b +c -b +d", "acd"},
    {3, "+a -a +a", "a"},
    {3, "+a -a", ""},
    {1, "+a +b", "b"},
    {1, "+a +b +b -b +c ?c", "c"},
    /* What expired goes before what was used longest ago, */
    {3, "+a +B +c ! +d", "acd"},
    {3, "+a +b +C ! +d +e", "bde"},
    {4, "+a +B +C +d ! +e +f +g", "efgd"},
    {3, "+A +B +C ! +d", "d"},
    /* but not before it expired. */
    {3, "+A +b +c +d", "bcd"},
    {3, "+a +B +c +d", "Bcd"},
    /* Where there is room, four go at a time. */
    {9, "+a +B ! +c", "ac"},
    {9, "+A +B +C +D ! +e", "e"},
    {9, "+A +B +C +D +E +F ! +g +h", "gh"},
};

static struct token_cache *
take_steps(size_t entries, const char *steps, int64_t *now_ms)
{
    struct token_cache *cache = token_cache_new(entries, MIB);

    for (; *steps; steps++) {
        char name[] = {steps[1], '\0'};

        if (*steps == '+')
            put(cache, name, 0, *name < 'a' ? SOON_MS : INT64_MAX, *now_ms);
        else if (*steps == '?')
            ck_assert(has(cache, name, *now_ms));
        else if (*steps == '-')
            drop(cache, name);
        else if (*steps == '!')
            *now_ms = SOON_MS;
        steps += strchr("+?-", *steps) != NULL;
    }
    return cache;
}

START_TEST(the_right_one_goes)
{
    int64_t now_ms = NOW_MS;
    struct token_cache *cache = take_steps(orders[_i].entries, orders[_i].steps, &now_ms);
    const char *left = orders[_i].left;

    ck_assert_uint_eq(token_cache_size(cache).entries, strlen(left));
    for (; *left; left++) {
        char name[] = {*left, '\0'};
        ck_assert_msg(has(cache, name, now_ms), "%s: no %s", orders[_i].steps, name);
    }
    token_cache_free(cache);
}
END_TEST

START_TEST(an_expired_one_is_not_found)
{
    struct token_cache *cache = token_cache_new(10, MIB);

    put(cache, "a", 0, NOW_MS, NOW_MS - 1);
    put(cache, "b", 0, INT64_MAX, NOW_MS - 1);
    ck_assert(has(cache, "a", NOW_MS - 1));
    ck_assert(!has(cache, "a", NOW_MS));
    ck_assert_uint_eq(token_cache_size(cache).entries, 1);
    ck_assert(!has(cache, "a", NOW_MS - 1)); /* it is gone */
    ck_assert(has(cache, "b", INT64_MAX - 1));
    token_cache_free(cache);
}
END_TEST

/* Many expiries in no order: what is left is always what expires last. */
START_TEST(those_go_first_that_expire_first)
{
    struct token_cache *cache = token_cache_new(1000, MIB);
    char name[16];

    for (int i = 0; i < 200; i++) {
        int expires = i * 37 % 200; /* each of 0 to 199, once */
        snprintf(name, sizeof(name), "%d", expires);
        put(cache, name, 0, NOW_MS + expires, 0);
    }
    for (int i = 0; i < 200; i += 3) { /* holes in the middle */
        snprintf(name, sizeof(name), "%d", i);
        drop(cache, name);
    }
    for (int now = 0; now < 200; now++) {
        put(cache, "new", 0, INT64_MAX, NOW_MS + now);
        int left = 0;
        for (int i = now + 1; i < 200; i++)
            left += i % 3 != 0;
        ck_assert_uint_eq(token_cache_size(cache).entries, (size_t)left + 1);
    }
    token_cache_free(cache);
}
END_TEST

/* ---- Bounds --------------------------------------------------------------------------------- */

START_TEST(bytes_are_bounded)
{
    struct token_entry *one = entry_of("a", 10000, INT64_MAX);
    size_t bytes = one->bytes;
    struct token_cache *cache = token_cache_new(100, 3 * bytes);

    ck_assert_uint_gt(bytes, 10000);
    token_cache_put(cache, one, NOW_MS);
    token_entry_unref(one);
    put(cache, "b", 10000, INT64_MAX, NOW_MS);
    put(cache, "c", 10000, INT64_MAX, NOW_MS);
    ck_assert_uint_eq(token_cache_size(cache).bytes, 3 * bytes);
    put(cache, "d", 10000, INT64_MAX, NOW_MS);
    ck_assert_uint_eq(token_cache_size(cache).entries, 3);
    ck_assert(!has(cache, "a", NOW_MS));
    /* One that needs more room makes several go, */
    put(cache, "e", 19000, INT64_MAX, NOW_MS);
    ck_assert_uint_eq(token_cache_size(cache).entries, 2);
    ck_assert(has(cache, "d", NOW_MS) && has(cache, "e", NOW_MS));
    /* one that can never have it none, */
    put(cache, "f", 3 * bytes, INT64_MAX, NOW_MS);
    ck_assert_uint_eq(token_cache_size(cache).entries, 2);
    ck_assert(!has(cache, "f", NOW_MS));
    /* and what takes the place of a smaller one counts anew. */
    put(cache, "d", 19000, INT64_MAX, NOW_MS);
    ck_assert_uint_eq(token_cache_size(cache).entries, 1);
    drop(cache, "d");
    ck_assert_uint_eq(token_cache_size(cache).bytes, 0);
    token_cache_free(cache);
}
END_TEST

/* Over all shards, however many there are; and not far below where there was enough to fill it. */
START_TEST(the_whole_is_bounded)
{
    static const struct {
        size_t entries, bytes, filler;
    } cases[] = {{10000, 16 * MIB, 0}, {1000, 16 * MIB, 0},  {64, 16 * MIB, 0},
                 {7, 16 * MIB, 0},     {100000, MIB, 0},     {100000, 2 * MIB, 4000},
                 {100000, 65536, 0},   {3000, 3 * MIB, 3000}};
    size_t step = getenv("WSGATE_FEW") != NULL ? 3 : 1;
    char name[16];

    for (size_t i = 0; i < COUNT_OF(cases); i += step) {
        struct token_cache *cache = token_cache_new(cases[i].entries, cases[i].bytes);
        struct token_cache_size size = {0, 0};
        for (int n = 0; n < 12000; n++) {
            snprintf(name, sizeof(name), "%d", n);
            put(cache, name, cases[i].filler, INT64_MAX, NOW_MS);
            size = token_cache_size(cache);
            ck_assert_uint_le(size.entries, cases[i].entries);
            ck_assert_uint_le(size.bytes, cases[i].bytes);
        }
        ck_assert(size.entries * 10 > cases[i].entries * 9 ||
                  size.bytes * 10 > cases[i].bytes * 9);
        token_cache_free(cache);
    }
}
END_TEST

/* Digests that differ in the last byte alone stand in one bucket of one shard. */
START_TEST(one_bucket_holds_many)
{
    struct token_cache *cache = token_cache_new(10000, 16 * MIB);
    unsigned char digest[TOKEN_DIGEST_LEN] = {0};

    for (unsigned char i = 0; i < 100; i++) {
        digest[TOKEN_DIGEST_LEN - 1] = i;
        char text[16];
        int len = snprintf(text, sizeof(text), "{\"i\":%d}", i);
        struct token_entry *entry =
            token_entry_new(digest, &a_key, i, claims_of_text((struct str){text, (size_t)len}),
                            INT64_MAX);
        token_cache_put(cache, entry, NOW_MS);
        token_entry_unref(entry);
    }
    for (int round = 0; round < 2; round++) {
        for (unsigned char i = 0; i < 101; i++) {
            digest[TOKEN_DIGEST_LEN - 1] = i;
            struct token_entry *entry = token_cache_get(cache, digest, NOW_MS);
            ck_assert_int_eq(entry != NULL, i < 100 && (round == 0 || i % 2 != 0));
            if (!entry)
                continue;
            ck_assert_int_eq(json_node_member(entry->claims->all, STR("i"))->as.integer, i);
            ck_assert_uint_eq(entry->key_place, i);
            if (i % 2 == 0)
                token_cache_drop(cache, entry);
            token_entry_unref(entry);
        }
    }
    token_cache_free(cache);
}
END_TEST

/* ---- Holders ---------------------------------------------------------------------------- */

START_TEST(what_is_held_stays_whole)
{
    struct token_cache *cache = token_cache_new(1, MIB);

    put(cache, "a", 100, SOON_MS, NOW_MS);
    struct token_entry *evicted = get(cache, "a", NOW_MS);
    put(cache, "b", 100, SOON_MS, NOW_MS);
    struct token_entry *replaced = get(cache, "b", NOW_MS);
    put(cache, "b", 200, SOON_MS, NOW_MS);
    token_cache_drop(cache, replaced); /* not the one that took its place */
    struct token_entry *expired = get(cache, "b", NOW_MS);
    ck_assert_ptr_nonnull(expired);
    ck_assert(!has(cache, "b", SOON_MS));
    put(cache, "c", 100, SOON_MS, NOW_MS);
    struct token_entry *last = get(cache, "c", NOW_MS);
    token_cache_free(cache);

    struct token_entry *const held[] = {evicted, replaced, expired, last};
    static const char *const names[] = {"a", "b", "b", "c"};
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        ck_assert(str_equal(json_node_text(json_node_member(held[i]->claims->all, STR("name"))),
                            str_of(names[i])));
        token_entry_unref(held[i]);
    }
}
END_TEST

enum { THREADS = 4, ROUNDS = 20000, NAMES = 64 };

/* Everything at once on a cache that is too small, with times that run apart. */
static void *
use_it(void *arg)
{
    struct token_cache *cache = arg;
    unsigned state = (unsigned)(uintptr_t)pthread_self() | 1;
    char name[16];

    for (int i = 0; i < ROUNDS; i++) {
        state = state * 1103515245u + 12345u;
        unsigned number = state >> 16;
        int64_t now_ms = NOW_MS + i / 100;
        snprintf(name, sizeof(name), "%u", number % NAMES);
        struct token_entry *entry = get(cache, name, now_ms);
        if (!entry)
            put(cache, name, number % 100, now_ms + number % 20, now_ms);
        else if (number / NAMES % 8 == 0)
            token_cache_drop(cache, entry);
        token_entry_unref(entry);
    }
    return NULL;
}

START_TEST(workers_share_it)
{
    struct token_cache *cache = token_cache_new(NAMES / 4, MIB);
    pthread_t threads[THREADS];

    for (size_t i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, use_it, cache), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_uint_le(token_cache_size(cache).entries, NAMES / 4);
    token_cache_free(cache);
}
END_TEST

/* ---- verify_token with a cache ---------------------------------------------------------- */

#define GOOD "{\"iss\":\"i\",\"aud\":\"a\",\"sub\":\"s\",\"nbf\":1700000000,\"exp\":1700000060}"
#define WORD(reason) jose_reason(reason)->word

static const struct str audiences[] = {{"a", 1}};

static struct verify_policy
policy_with(struct token_cache *cache)
{
    return (struct verify_policy){.algorithms = JOSE_ALL_ALGORITHMS,
                                  .issuer = STR("i"),
                                  .audiences = audiences,
                                  .audience_count = 1,
                                  .require_expiration = true,
                                  .cache = cache};
}

static struct verifier *
verifier_of(struct keyset *keyset)
{
    struct verifier *verifier = verifier_new(keyset);

    keyset_unref(keyset);
    ck_assert_ptr_nonnull(verifier);
    return verifier;
}

/* Judges token, and demands this verdict and this lookup. */
static void
expect(struct verifier *verifier, const struct verify_policy *policy, const char *token,
       int64_t now_ms, enum jose_reason reason, enum verify_lookup lookup)
{
    struct verified verified;
    enum jose_reason got = verify_token(verifier, policy, str_of(token), now_ms, &verified);

    ck_assert_str_eq(WORD(got), WORD(reason));
    ck_assert_int_eq(verified.lookup, lookup);
    ck_assert_int_eq(verified.claims != NULL, reason == JOSE_OK);
    ck_assert_int_eq(verified.key != NULL, reason == JOSE_OK);
    if (reason == JOSE_OK) {
        ck_assert(str_equal(json_node_text(json_node_member(verified.claims, STR("sub"))),
                            STR("s")));
        ck_assert_int_eq(verified.expires_ms, INT64_C(1700000060000));
        ck_assert_ptr_eq(verified.claims, verified.entry->claims->all);
    }
    verified_free(&verified);
}

START_TEST(a_token_seen_before_is_known)
{
    enum jose_algorithm a = (enum jose_algorithm)_i;
    struct token_cache *cache = token_cache_new(100, MIB);
    struct verify_policy policy = policy_with(cache);
    struct verifier *one = verifier_of(maker_keyset(true));
    struct verifier *other = verifier_of(maker_keyset(true));
    char *token = maker_plain(a, jose_algorithm(a)->name, GOOD);

    expect(one, &policy, token, NOW_MS, JOSE_OK, VERIFY_MISS);
    expect(one, &policy, token, NOW_MS, JOSE_OK, VERIFY_HIT);
    expect(other, &policy, token, NOW_MS, JOSE_OK, VERIFY_HIT);
    policy.cache = NULL;
    struct verified verified;
    ck_assert(verify_token(one, &policy, str_of(token), NOW_MS, &verified) == JOSE_OK);
    ck_assert_int_eq(verified.lookup, VERIFY_NO_LOOKUP);
    ck_assert_ptr_null(verified.entry);
    verified_free(&verified);
    free(token);
    verifier_free(one);
    verifier_free(other);
    token_cache_free(cache);
}
END_TEST

START_TEST(time_and_policy_are_judged_at_every_use)
{
    static const struct str others[] = {{"b", 1}};
    struct token_cache *cache = token_cache_new(100, MIB);
    const struct verify_policy policy = policy_with(cache);
    struct verify_policy other = policy;
    struct verifier *verifier = verifier_of(maker_keyset(false));
    char *token = maker_plain(JOSE_HS256, NULL, GOOD);

    expect(verifier, &policy, token, NOW_MS, JOSE_OK, VERIFY_MISS);
    expect(verifier, &policy, token, NOW_MS - 1, JOSE_NOT_YET_VALID, VERIFY_HIT);
    other.issuer = STR("j");
    expect(verifier, &other, token, NOW_MS, JOSE_ISSUER, VERIFY_HIT);
    other = policy;
    other.audiences = others;
    expect(verifier, &other, token, NOW_MS, JOSE_AUDIENCE, VERIFY_HIT);
    expect(verifier, &policy, token, NOW_MS + 59999, JOSE_OK, VERIFY_HIT);
    expect(verifier, &policy, token, NOW_MS + 60000, JOSE_EXPIRED, VERIFY_MISS);
    ck_assert_uint_eq(token_cache_size(cache).entries, 0);
    expect(verifier, &policy, token, NOW_MS, JOSE_OK, VERIFY_MISS);
    free(token);
    verifier_free(verifier);
    token_cache_free(cache);
}
END_TEST

/* Nothing that was refused is remembered, and no token that is like a good one is taken for it. */
START_TEST(a_refusal_is_never_remembered)
{
    static const enum jose_algorithm both[] = {JOSE_HS256, JOSE_ES256};
    struct token_cache *cache = token_cache_new(100, MIB);
    const struct verify_policy policy = policy_with(cache);
    struct verifier *verifier = verifier_of(maker_keyset(false));

    for (size_t i = 0; i < COUNT_OF(both); i++) {
        char *token =
            maker_plain(both[i], NULL, "{\"iss\":\"j\",\"aud\":\"a\",\"exp\":1700000060}");
        for (int round = 0; round < 2; round++)
            expect(verifier, &policy, token, NOW_MS, JOSE_ISSUER, VERIFY_MISS);
        free(token);
        token = maker_plain(both[i], NULL, GOOD);
        for (int round = 0; round < 2; round++)
            expect(verifier, &policy, token, NOW_MS - 1, JOSE_NOT_YET_VALID, VERIFY_MISS);
        ck_assert_uint_eq(token_cache_size(cache).entries, i);
        expect(verifier, &policy, token, NOW_MS, JOSE_OK, VERIFY_MISS);
        char *signature = strrchr(token, '.') + 1;
        for (size_t at = 0; at < 40; at++) {
            char was = signature[at];
            signature[at] = was == 'A' ? 'B' : 'A';
            expect(verifier, &policy, token, NOW_MS, JOSE_SIGNATURE, VERIFY_MISS);
            signature[at] = was;
        }
        expect(verifier, &policy, token, NOW_MS, JOSE_OK, VERIFY_HIT);
        ck_assert_uint_eq(token_cache_size(cache).entries, i + 1);
        free(token);
    }
    expect(verifier, &policy, "x", NOW_MS, JOSE_MALFORMED, VERIFY_NO_LOOKUP);
    expect(verifier, &policy, "x.x.x", NOW_MS, JOSE_MALFORMED, VERIFY_MISS);
    verifier_free(verifier);
    token_cache_free(cache);
}
END_TEST

/* A set of public keys by kid; NULL ends it. */
struct named {
    EVP_PKEY *key;
    const char *kid;
};

static struct verifier *
verifier_with(const struct named *keys)
{
    struct keyset *keyset = keyset_new();
    struct key_error error;

    for (; keys->key; keys++) {
        char *pem = maker_pem(keys->key);
        ck_assert(keyset_add(keyset, key_from_pem(str_of(pem), str_of(keys->kid), 0, &error),
                             &error));
        free(pem);
    }
    return verifier_of(keyset);
}

START_TEST(a_key_that_goes_takes_its_tokens_along)
{
    const struct maker *made = maker();
    const struct {
        struct named keys[4]; /* of the second set */
        enum jose_reason reason;
        enum verify_lookup lookup;
    } cases[] = {
        {{{made->p256, "k"}}, JOSE_OK, VERIFY_HIT},
        /* elsewhere in the set */
        {{{made->rsa, "r"}, {made->p256_other, "o"}, {made->p256, "k"}}, JOSE_OK, VERIFY_HIT},
        /* gone */
        {{{made->rsa, "r"}}, JOSE_KEY_UNKNOWN, VERIFY_MISS},
        {{{NULL, NULL}}, JOSE_KEY_UNKNOWN, VERIFY_MISS},
        /* another key under its name */
        {{{made->p256_other, "k"}}, JOSE_SIGNATURE, VERIFY_MISS},
        /* the same under another name */
        {{{made->p256, "l"}}, JOSE_KEY_UNKNOWN, VERIFY_MISS},
        {{{made->p256, NULL}}, JOSE_OK, VERIFY_MISS},
    };
    char *token = maker_plain(JOSE_ES256, "k", GOOD);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct token_cache *cache = token_cache_new(100, MIB);
        const struct verify_policy policy = policy_with(cache);
        struct verifier *before = verifier_with((const struct named[]){{made->p256, "k"}, {0}});
        struct verifier *after = verifier_with(cases[i].keys);

        expect(before, &policy, token, NOW_MS, JOSE_OK, VERIFY_MISS);
        expect(after, &policy, token, NOW_MS, cases[i].reason, cases[i].lookup);
        ck_assert_uint_eq(token_cache_size(cache).entries, cases[i].reason == JOSE_OK);
        /* A worker that still has the old set learns the new entry's fate from its own keys. */
        expect(before, &policy, token, NOW_MS, JOSE_OK, cases[i].lookup);
        verifier_free(before);
        verifier_free(after);
        token_cache_free(cache);
    }
    free(token);
}
END_TEST

static void
make_keys_once(void)
{
    maker();
}

Suite *
token_cache_suite(void)
{
    Suite *suite = suite_create("token_cache");
    TCase *cache = tcase_create("cache"), *verify = tcase_create("verify");

    tcase_add_loop_test(cache, the_right_one_goes, 0, (int)COUNT_OF(orders));
    tcase_add_test(cache, an_expired_one_is_not_found);
    tcase_add_test(cache, those_go_first_that_expire_first);
    tcase_add_test(cache, bytes_are_bounded);
    tcase_add_test(cache, the_whole_is_bounded);
    tcase_add_test(cache, one_bucket_holds_many);
    tcase_add_test(cache, what_is_held_stays_whole);
    tcase_add_test(cache, workers_share_it);
    suite_add_tcase(suite, cache);
    tcase_add_unchecked_fixture(verify, make_keys_once, NULL);
    tcase_add_loop_test(verify, a_token_seen_before_is_known, JOSE_HS256, JOSE_ALGORITHM_COUNT);
    tcase_add_test(verify, time_and_policy_are_judged_at_every_use);
    tcase_add_test(verify, a_refusal_is_never_remembered);
    tcase_add_test(verify, a_key_that_goes_takes_its_tokens_along);
    suite_add_tcase(suite, verify);
    return suite;
}
