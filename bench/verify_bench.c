/*
 * verify_bench.c - what a verification costs beside the cryptography in it.
 *
 *     verify_bench [ROUNDS]
 *
 * For each algorithm, in CPU time: `whole` is verify_token (header, JSON, claims, key, signature),
 * `hit` the same for a token that its cache knows, `miss` for one that is put into it; `bare` is
 * OpenSSL's call alone on the same bytes with a context that is ready (the digest included),
 * `libjwt` its jwt_decode, where it can. Then how often each allocates, OpenSSL, jansson and we.
 * They take turns, and the quickest of the rounds counts, so that other work on the machine does
 * not.
 */
#include "verify_subject.h"

#include <jansson.h>
#include <jwt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 200, ROUNDS = 40 };

static size_t allocations;

/* ---- The ways ------------------------------------------------------------------------ */

/* Judges the token once; the cache must have known this of it, and keeps it, or not. */
static void
judge(struct subject *subject, struct token_cache *cache, enum verify_lookup lookup, bool keep)
{
    static const struct str audiences[] = {{"chat", 4}};
    const struct verify_policy policy = {
        .algorithms = JOSE_BIT(subject->algorithm),
        .issuer = STR("https://id.example.com"),
        .audiences = audiences,
        .audience_count = 1,
        .require_expiration = true,
        .cache = cache,
    };
    struct verified verified;
    enum jose_reason reason = verify_token(subject->verifier, &policy, str_of(subject->token),
                                           INT64_C(1700000001000), &verified);

    subject_require(reason == JOSE_OK && verified.lookup == lookup, "verify_token");
    if (!keep)
        token_cache_drop(cache, verified.entry);
    verified_free(&verified);
}

static void
verify_whole(struct subject *subject)
{
    for (int i = 0; i < BATCH; i++)
        judge(subject, NULL, VERIFY_NO_LOOKUP, true);
}

static void
verify_hit(struct subject *subject)
{
    for (int i = 0; i < BATCH; i++)
        judge(subject, subject->warm, VERIFY_HIT, true);
}

static void
verify_miss(struct subject *subject)
{
    for (int i = 0; i < BATCH; i++)
        judge(subject, subject->cold, VERIFY_MISS, false);
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
        subject_require(ok, "OpenSSL's verification");
    }
}

static void
verify_libjwt(struct subject *subject)
{
    const char *key = subject->pem ? subject->pem : subject_secret;

    for (int i = 0; i < BATCH; i++) {
        jwt_t *jwt = NULL;
        subject_require(jwt_decode(&jwt, subject->token, (const unsigned char *)key,
                                   (int)strlen(key)) == 0,
                        "jwt_decode");
        jwt_free(jwt);
    }
}

static bool
libjwt_can(const struct jose_algorithm_row *row)
{
    return row->family == JOSE_HMAC || row->family == JOSE_RSA || row->family == JOSE_ECDSA;
}

static const struct way {
    const char *name;
    void (*verify)(struct subject *);
    bool (*can)(const struct jose_algorithm_row *row); /* NULL: all */
    int every;                                         /* so many rounds; the slow one has fewer */
} ways[] = {
    {"whole", verify_whole, NULL, 1},
    {"hit", verify_hit, NULL, 1},
    {"miss", verify_miss, NULL, 1},
    {"bare", verify_bare, NULL, 1},
    {"libjwt", verify_libjwt, libjwt_can, 8},
};

/* ---- Measuring ------------------------------------------------------------------------------ */

/* CPU microseconds a verification. */
static double
measure(const struct way *way, struct subject *subject)
{
    struct timespec before, after;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    way->verify(subject);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    return ((double)(after.tv_sec - before.tv_sec) * 1e9 +
            (double)(after.tv_nsec - before.tv_nsec)) /
           1e3 / BATCH;
}

static double
count_allocations(const struct way *way, struct subject *subject)
{
    allocations = 0;
    way->verify(subject);
    return (double)allocations / BATCH;
}

static bool
can(const struct way *way, const struct subject *subject)
{
    return !way->can || way->can(subject->row);
}

static void
print_column(bool is_there, double number)
{
    if (is_there)
        printf(" %9.2f", number);
    else
        printf(" %9s", "-");
}

static void
run(enum jose_algorithm algorithm, int rounds)
{
    static struct subject subject;
    double best[COUNT_OF(ways)];

    subject_make(&subject, algorithm);
    judge(&subject, subject.warm, VERIFY_MISS, true);
    for (size_t w = 0; w < COUNT_OF(ways); w++)
        best[w] = 1e9;
    for (int i = 0; i < rounds; i++) {
        for (size_t w = 0; w < COUNT_OF(ways); w++) {
            if (!can(&ways[w], &subject) || i % ways[w].every != 0)
                continue;
            double took = measure(&ways[w], &subject);
            best[w] = took < best[w] ? took : best[w];
        }
    }
    printf("%-6s", subject.row->name);
    for (size_t w = 0; w < COUNT_OF(ways); w++)
        print_column(can(&ways[w], &subject), best[w]);
    for (size_t w = 0; w < COUNT_OF(ways); w++)
        print_column(can(&ways[w], &subject),
                     can(&ways[w], &subject) ? count_allocations(&ways[w], &subject) : 0);
    printf("\n");
    subject_free(&subject);
}

/* ---- Counting -------------------------------------------------------------------------------- */

/* Linked with --wrap: all of our own, and through the functions below the libraries'. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);

void *
__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

static void *
on_openssl_malloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return malloc(size);
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
    json_set_alloc_funcs(__wrap_malloc, free);
    printf("%-6s", "CPU us");
    for (size_t w = 0; w < COUNT_OF(ways); w++)
        printf(" %9s", ways[w].name);
    for (size_t w = 0; w < COUNT_OF(ways); w++)
        printf(" %9s", w == 0 ? "allocs" : ways[w].name);
    printf("\n");
    for (enum jose_algorithm a = JOSE_HS256; a < JOSE_ALGORITHM_COUNT; a++)
        run(a, rounds);
    return 0;
}
