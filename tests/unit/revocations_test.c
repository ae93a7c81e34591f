/* revocations_test.c - what is revoked until when, how many there can be, and lines of a file. */
#include "base/compiler.h"
#include "failing_memory.h"
#include "temporary_file.h"
#include "token/revocation_file.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define NOW_MS INT64_C(1700000000000)

/* ---- The table --------------------------------------------------------------------------- */

static void
add(struct revocations *revocations, enum revocation_kind kind, const char *issuer,
    const char *value, int64_t until_ms)
{
    struct revocation revocation = {kind, issuer ? str_of(issuer) : STR_NONE, str_of(value),
                                    until_ms};

    ck_assert_int_eq(revocations_add(revocations, &revocation, NOW_MS), REVOCATION_ADDED);
}

static const struct {
    const char *issuer, *subject, *token_id, *session_id;
    int64_t now_ms;
    bool held;
} asked[] = {
    {"https://id", "ann", NULL, NULL, NOW_MS, true},
    {"https://id", "ann", "other", "other", NOW_MS, true},
    {"https://id", "bob", NULL, NULL, NOW_MS, false},
    {"https://other", "ann", NULL, NULL, NOW_MS, false},
    {NULL, "ann", NULL, NULL, NOW_MS, false},
    {"https://ida", "nn", NULL, NULL, NOW_MS, false}, /* where one ends counts */
    {NULL, "nobody's", NULL, NULL, NOW_MS, true},
    {"", "nobody's", NULL, NULL, NOW_MS, false},
    {"https://id", "bob", "t1", NULL, NOW_MS, true},
    {NULL, NULL, "t1", NULL, NOW_MS, true},
    {"https://id", "t1", NULL, "t1", NOW_MS, false}, /* each kind is its own */
    {NULL, NULL, NULL, "s1", NOW_MS, true},
    {NULL, NULL, "s1", NULL, NOW_MS, false},
    {NULL, NULL, "soon", NULL, NOW_MS + 999, true},
    {NULL, NULL, "soon", NULL, NOW_MS + 1000, false},
    {NULL, NULL, "over", NULL, NOW_MS, false},
    {NULL, NULL, "twice", NULL, NOW_MS + 5000, true},
    {NULL, NULL, NULL, NULL, NOW_MS, false},
};

static struct str
text_or_none(const char *text)
{
    return text ? str_of(text) : STR_NONE;
}

START_TEST(who_is_revoked)
{
    struct revocations *revocations = revocations_new();

    const struct token_identity who = {
        text_or_none(asked[_i].issuer), text_or_none(asked[_i].subject),
        text_or_none(asked[_i].token_id), text_or_none(asked[_i].session_id)};

    ck_assert_ptr_nonnull(revocations);
    ck_assert(!revocations_hold(revocations, &who, NOW_MS)); /* while it is empty */
    add(revocations, REVOCATION_SUBJECT, "https://id", "ann", INT64_MAX);
    add(revocations, REVOCATION_SUBJECT, NULL, "nobody's", INT64_MAX);
    add(revocations, REVOCATION_TOKEN, NULL, "t1", INT64_MAX);
    add(revocations, REVOCATION_SESSION, "not looked at", "s1", INT64_MAX);
    add(revocations, REVOCATION_TOKEN, NULL, "soon", NOW_MS + 1000);
    add(revocations, REVOCATION_TOKEN, NULL, "over", NOW_MS);
    add(revocations, REVOCATION_TOKEN, NULL, "twice", NOW_MS + 9000);
    add(revocations, REVOCATION_TOKEN, NULL, "twice", NOW_MS + 1000);
    ck_assert_uint_eq(revocations_count(revocations), 6);
    ck_assert_int_eq(revocations_hold(revocations, &who, asked[_i].now_ms),
                     asked[_i].held);
    ck_assert(!revocations_hold(NULL, &who, NOW_MS));
    revocations_free(revocations);
}
END_TEST

static enum revocation_result
add_number(struct revocations *revocations, int n, int64_t until_ms, int64_t now_ms)
{
    char text[16];
    struct revocation revocation = {.kind = REVOCATION_TOKEN, .until_ms = until_ms};

    snprintf(text, sizeof(text), "%d", n);
    revocation.value = str_of(text);
    return revocations_add(revocations, &revocation, now_ms);
}

static bool
holds_number(struct revocations *revocations, int n, int64_t now_ms)
{
    char text[16];
    struct token_identity who = {.token_id = STR_NONE};

    snprintf(text, sizeof(text), "%d", n);
    who.token_id = str_of(text);
    return revocations_hold(revocations, &who, now_ms);
}

/* None is forgotten for another; those that are over make room. */
START_TEST(they_are_bounded)
{
    struct revocations *revocations = revocations_new();
    int64_t later_ms = NOW_MS + 1000;

    for (int i = 0; i < REVOCATIONS_MAX; i++)
        ck_assert_int_eq(add_number(revocations, i, i % 2 ? INT64_MAX : later_ms, NOW_MS),
                         REVOCATION_ADDED);
    ck_assert_int_eq(add_number(revocations, -1, INT64_MAX, NOW_MS), REVOCATION_FULL);
    for (int i = 0; i < REVOCATIONS_MAX; i += 97)
        ck_assert(holds_number(revocations, i, NOW_MS));
    ck_assert(!holds_number(revocations, -1, NOW_MS));
    ck_assert_int_eq(add_number(revocations, -1, INT64_MAX, later_ms), REVOCATION_ADDED);
    ck_assert_uint_le(revocations_count(revocations), REVOCATIONS_MAX / 2 + 1);
    ck_assert(holds_number(revocations, -1, later_ms));
    for (int i = 0; i < REVOCATIONS_MAX; i += 97)
        ck_assert_int_eq(holds_number(revocations, i, later_ms), i % 2);
    revocations_free(revocations);
}
END_TEST

/* Without memory nothing that should be is let in. */
START_TEST(memory_may_fail)
{
    bool starved = true;

    for (size_t n = 1; starved; n++) {
        struct revocations *revocations = revocations_new();
        add(revocations, REVOCATION_TOKEN, NULL, "here", INT64_MAX);
        failing_memory_arm(n);
        enum revocation_result result = REVOCATION_ADDED;
        int i = 0;
        for (; i < 100 && result == REVOCATION_ADDED; i++)
            result = add_number(revocations, i, INT64_MAX, NOW_MS);
        bool held = holds_number(revocations, i - 1, NOW_MS);
        starved = failing_memory_disarm();
        ck_assert(starved || (result == REVOCATION_ADDED && i == 100));
        ck_assert(held || result != REVOCATION_ADDED);
        for (int k = 0; k < i - 1; k++)
            ck_assert(holds_number(revocations, k, NOW_MS));
        revocations_free(revocations);
        ck_assert_uint_lt(n, 20000);
    }
}
END_TEST

/* ---- Lines -------------------------------------------------------------------------------- */

static const struct {
    const char *line;
    enum revocation_kind kind;
    const char *issuer, *value; /* no value: nothing is there */
    int64_t until_ms;
    const char *error;
} lines[] = {
    {"", 0, NULL, NULL, 0, NULL},
    {"  \t\r", 0, NULL, NULL, 0, NULL},
    {"# jti x", 0, NULL, NULL, 0, NULL},
    {"jti abc", REVOCATION_TOKEN, NULL, "abc", INT64_MAX, NULL},
    {"\tjti  abc \r", REVOCATION_TOKEN, NULL, "abc", INT64_MAX, NULL},
    {"sid a+b/c=", REVOCATION_SESSION, NULL, "a+b/c=", INT64_MAX, NULL},
    {"jti a%20b%25%c3%A4", REVOCATION_TOKEN, NULL, "a b%\xc3\xa4", INT64_MAX, NULL},
    {"jti abc 1700000000", REVOCATION_TOKEN, NULL, "abc", NOW_MS, NULL},
    {"jti abc 0", REVOCATION_TOKEN, NULL, "abc", 0, NULL},
    {"jti abc 999999999999",
     REVOCATION_TOKEN, NULL, "abc", INT64_C(999999999999000), NULL},
    {"sub https://id ann",
     REVOCATION_SUBJECT, "https://id", "ann", INT64_MAX, NULL},
    {"sub - ann 5", REVOCATION_SUBJECT, NULL, "ann", 5000, NULL},
    {"sub %2D ann", REVOCATION_SUBJECT, "-", "ann", INT64_MAX, NULL},
    {"jti", 0, NULL, NULL, 0, "expected an id"},
    {"sid ", 0, NULL, NULL, 0, "expected an id"},
    {"sub https://id", 0, NULL, NULL, 0, "expected an issuer and a subject"},
    {"jti a 5 b", 0, NULL, NULL, 0, "too many words; a space in one is written %20"},
    {"sub i s 5 b", 0, NULL, NULL, 0, "too many words; a space in one is written %20"},
    {"jti a 12x", 0, NULL, NULL, 0, "expected the end in seconds since 1970"},
    {"jti a -5", 0, NULL, NULL, 0, "expected the end in seconds since 1970"},
    {"jti a 9999999999999", 0, NULL, NULL, 0, "expected the end in seconds since 1970"},
    {"jti a%2", 0, NULL, NULL, 0, "expected two hexadecimal digits behind %"},
    {"jti a%", 0, NULL, NULL, 0, "expected two hexadecimal digits behind %"},
    {"jti a%2g", 0, NULL, NULL, 0, "expected two hexadecimal digits behind %"},
    {"sub %x s", 0, NULL, NULL, 0, "expected two hexadecimal digits behind %"},
    {"JTI a", 0, NULL, NULL, 0, "expected jti, sid or sub"},
    {"a", 0, NULL, NULL, 0, "expected jti, sid or sub"},
};

START_TEST(a_line)
{
    struct revocation made;
    char text[64];
    const char *error;
    bool good =
        revocation_line_read(&made, str_of(lines[_i].line), text, &error);

    ck_assert_int_eq(good, lines[_i].error == NULL);
    if (lines[_i].error)
        ck_assert_str_eq(error, lines[_i].error);
    if (!good)
        return;
    struct str issuer = text_or_none(lines[_i].issuer), value = text_or_none(lines[_i].value);
    ck_assert(made.value.at ? str_equal(made.value, value) : !value.at);
    if (!made.value.at)
        return;
    ck_assert(made.issuer.at ? str_equal(made.issuer, issuer) : !issuer.at);
    ck_assert_int_eq(made.kind, lines[_i].kind);
    ck_assert_int_eq(made.until_ms, lines[_i].until_ms);
}
END_TEST

static const struct {
    const char *text, *error;
    size_t count;
} files[] = {
    {"", NULL, 0},
    {"jti a\nsid b\r\n\n# no more\nsub i s", NULL, 3},
    {"jti a\njti a\njti old 5\n", NULL, 1},
    {"jti a\nsid\njti c\n", "line 2: expected an id", 1},
};

START_TEST(a_file)
{
    struct revocations *revocations = revocations_new();
    char path[TEMPORARY_PATH_MAX];
    struct key_error error;

    temporary_file(path, str_of(files[_i].text));
    bool good = revocation_file_read(revocations, path, NOW_MS, &error);
    ck_assert_int_eq(good, files[_i].error == NULL);
    if (!good)
        ck_assert_str_eq(error.text, files[_i].error);
    ck_assert_uint_eq(revocations_count(revocations), files[_i].count);
    remove(path);
    ck_assert(!revocation_file_read(revocations, path, NOW_MS, &error));
    ck_assert_str_eq(error.text, "No such file or directory");
    revocations_free(revocations);
}
END_TEST

Suite *
revocations_suite(void)
{
    Suite *suite = suite_create("revocations");
    TCase *tc = tcase_create("revocations");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, who_is_revoked, 0, (int)COUNT_OF(asked));
    tcase_add_test(tc, they_are_bounded);
    tcase_add_test(tc, memory_may_fail);
    tcase_add_loop_test(tc, a_line, 0, (int)COUNT_OF(lines));
    tcase_add_loop_test(tc, a_file, 0, (int)COUNT_OF(files));
    suite_add_tcase(suite, tc);
    return suite;
}
