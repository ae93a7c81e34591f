/*
 * wycheproof_test.c - Project Wycheproof's vectors for JWS and JWK.
 *
 * Every vector that concerns us runs; the others are counted by why they do not. Where the
 * verdict is not the one that the file has, a row of the table below says why that is right here;
 * an entry that is not needed any more fails the test, and the counts are fixed, so that nothing
 * drops out unseen.
 */
#include "token/jwks.h"
#include "token/verify.h"
#include "unit.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>

/* Why a vector is not for us. */
#define SKIPS(S)                                          \
    S(FORM, "not in the compact form (RFC 7515 7.2)")     \
    S(ALGORITHM, "a good one of an algorithm that is not ours")

enum skip {
#define S(name, text) SKIP_##name,
    SKIPS(S)
#undef S
        SKIP_COUNT
};

/* What a run came to; a table of it is printed. */
struct tally {
    int run, passed, excused, skipped[SKIP_COUNT];
};

enum file { SIGNATURES, KEYS };

static const char
    another_alg[] = "the key's alg is PS256, the token's PS384: alg must be the key's own",
    unregistered[] = "the key's alg ES521 is registered nowhere; such a key is left out",
    valid_twin[] = "byte for byte the token of 357, which is valid",
    no_base64url[] = "a character outside of base64url is refused, not passed over";

static const struct {
    enum file file;
    int id; /* tcId */
    const char *reason;
} excuses[] = {
    {SIGNATURES, 346, another_alg},
    {SIGNATURES, 347, unregistered},
    {SIGNATURES, 350, another_alg},
    {SIGNATURES, 351, unregistered},
    {SIGNATURES, 367, valid_twin},
    {SIGNATURES, 370, valid_twin},
    {SIGNATURES, 372, no_base64url},
    {SIGNATURES, 373, no_base64url},
    {KEYS, 1, "secrets and public keys may share a set: a key's kind binds its algorithms"},
    {KEYS, 7, "the keys are the operator's; nobody looks for ROCA in them here"},
};

static const char *
excuse_for(enum file file, int id)
{
    for (size_t i = 0; i < COUNT_OF(excuses); i++)
        if (excuses[i].file == file && excuses[i].id == id)
            return excuses[i].reason;
    return NULL;
}

/* One line for each reason, by its first row, with all that have it. */
static void
print_excuses(enum file file)
{
    for (size_t i = 0; i < COUNT_OF(excuses); i++) {
        int count = 0;
        bool is_first = true;
        for (size_t k = 0; k < COUNT_OF(excuses); k++)
            if (excuses[k].file == file && excuses[k].reason == excuses[i].reason) {
                count++;
                is_first = is_first && k >= i;
            }
        if (excuses[i].file != file || !is_first)
            continue;
        printf("  %4d judged otherwise: %s; tcId", count, excuses[i].reason);
        for (size_t k = i; k < COUNT_OF(excuses); k++)
            if (excuses[k].file == file && excuses[k].reason == excuses[i].reason)
                printf(" %d", excuses[k].id);
        printf("\n");
    }
}

static int
count_skipped(const struct tally *tally)
{
    int count = 0;

    for (int i = 0; i < SKIP_COUNT; i++)
        count += tally->skipped[i];
    return count;
}

static void
print_tally(enum file file, const char *path, const struct tally *tally)
{
    static const char *const skips[] = {
#define S(name, text) text,
        SKIPS(S)
#undef S
    };

    printf("%s: %d vectors, %d run, %d passed, %d judged otherwise, %d skipped\n",
           strrchr(path, '/') + 1, tally->run + count_skipped(tally), tally->run, tally->passed,
           tally->excused, count_skipped(tally));
    print_excuses(file);
    for (int i = 0; i < SKIP_COUNT; i++)
        printf("  %4d skipped: %s\n", tally->skipped[i], skips[i]);
    fflush(stdout); /* Check ends this process without */
}

static void
ignore(void *arg, const char *text)
{
    (void)arg;
    (void)text;
}

/* A verifier for a group's key or keys; NULL: the set is refused. */
static struct verifier *
verifier_for(const json_t *group)
{
    const struct jwks_report report = {ignore, ignore, NULL};
    json_t *key = json_object_get(group, "public");
    struct keyset *keyset = keyset_new();
    struct verifier *verifier = NULL;

    if (!key)
        key = json_object_get(group, "private");
    json_t *set =
        json_object_get(key, "keys") ? json_incref(key) : json_pack("{s:[O]}", "keys", key);
    char *text = json_dumps(set, 0);
    if (jwks_read(keyset, str_of(text), &report))
        verifier = verifier_new(keyset);
    keyset_unref(keyset);
    free(text);
    json_decref(set);
    return verifier;
}

static bool
is_algorithm_ours(struct str jws)
{
    struct jose_parts parts;
    struct jose_header header;
    static unsigned char scratch[JOSE_TOKEN_MAX];

    return jose_split(&parts, jws) != JOSE_OK ||
           jose_header_read(&header, parts.header, scratch) != JOSE_OK ||
           header.algorithm != JOSE_NO_ALGORITHM;
}

/* SKIP_COUNT: it is for us. A bad one must be refused, whatever it is. */
static enum skip
skip_for(const json_t *jws, bool wanted)
{
    if (!json_is_string(jws))
        return SKIP_FORM;
    return wanted && !is_algorithm_ours(str_of(json_string_value(jws))) ? SKIP_ALGORITHM
                                                                        : SKIP_COUNT;
}

static void
run_test(enum file file, struct verifier *verifier, const json_t *test, struct tally *tally)
{
    int id = (int)json_integer_value(json_object_get(test, "tcId"));
    const json_t *jws = json_object_get(test, "jws");
    bool wanted = strcmp(json_string_value(json_object_get(test, "result")), "valid") == 0;
    const char *excuse = excuse_for(file, id);
    const struct key *key;
    enum jose_reason reason = JOSE_KEY_UNKNOWN;

    enum skip skip = skip_for(jws, wanted);
    if (skip != SKIP_COUNT) {
        tally->skipped[skip]++;
        return;
    }
    if (verifier)
        reason = verify_signature(verifier, JOSE_ALL_ALGORITHMS, str_of(json_string_value(jws)),
                                  &key);
    tally->run++;
    if ((reason == JOSE_OK) == wanted) {
        ck_assert_msg(!excuse, "test %d needs no excuse", id);
        tally->passed++;
    } else {
        ck_assert_msg(excuse != NULL, "test %d is %s, wanted %s", id, jose_reason(reason)->word,
                      wanted ? "valid" : "invalid");
        tally->excused++;
    }
}

static struct tally
run_file(enum file file, const char *path)
{
    json_t *json = json_load_file(path, 0, NULL);
    struct tally tally = {0};
    json_t *group, *test;
    size_t i, j;

    ck_assert_msg(json != NULL, "%s cannot be read", path);
    json_array_foreach(json_object_get(json, "testGroups"), i, group) {
        struct verifier *verifier = verifier_for(group);
        json_array_foreach(json_object_get(group, "tests"), j, test)
            run_test(file, verifier, test, &tally);
        verifier_free(verifier);
    }
    ck_assert_int_eq(tally.run + count_skipped(&tally),
                     json_integer_value(json_object_get(json, "numberOfTests")));
    print_tally(file, path, &tally);
    json_decref(json);
    return tally;
}

START_TEST(signatures)
{
    struct tally tally =
        run_file(SIGNATURES, TEST_DATA "/vectors/wycheproof-jose/json_web_signature_test.json");

    ck_assert_int_eq(tally.run, 401);
    ck_assert_int_eq(tally.excused, 8);
}
END_TEST

START_TEST(keys)
{
    struct tally tally =
        run_file(KEYS, TEST_DATA "/vectors/wycheproof-jose/json_web_key_test.json");

    ck_assert_int_eq(tally.run, 26);
    ck_assert_int_eq(tally.excused, 2);
}
END_TEST

Suite *
wycheproof_suite(void)
{
    Suite *suite = suite_create("wycheproof");
    TCase *tc = tcase_create("vectors");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, signatures);
    tcase_add_test(tc, keys);
    suite_add_tcase(suite, tc);
    return suite;
}
