/* api_key_test.c - lines of key files, the table of keys, and the module's verdicts. */
#include "api_key_table.h"
#include "fake_host.h"
#include "registry.h"
#include "temporary_file.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* And their SHA-256. */
#define KEY "test-test-test-test"
#define OTHER_KEY "other-other-other-"
#define TEST "4195ab5caafe2534eb6b9b2d31cb737b23e35e640b485922a6686c37cd45e80b"
#define OTHER "0ad2f6f158602986007e53a7aad92dce3513b4f47605b39269198a0b506df274"
/* Of "15-bytes-of-key". */
#define SHORT "9106962672db2310f80a68a4519f2365dfe4c988384158fb4affd19da8fb7540"

/* ---- Lines ------------------------------------------------------------------------------- */

static const struct {
    const char *line, *said; /* "identity label=value ..", "" for nothing, or what was expected */
} lines[] = {
    {TEST " ann", "ann"},
    {"  " TEST "\tann  team=red plan= ", "ann label_team=red label_plan="},
    {"4195AB5CAAFE2534EB6B9B2D31CB737B23E35E640B485922A6686C37CD45E80B ann", "ann"},
    {TEST " j\xc3\xb6rg@x a=b=c", "j\xc3\xb6rg@x label_a=b=c"},
    {"", ""},
    {"   \t", ""},
    {"# " TEST " ann", ""},
    {"ann", "expected the SHA-256"},
    {TEST "0 ann", "expected the SHA-256"},
    {"9f86 ann", "expected the SHA-256"},
    {"g" TEST " ann", "expected the SHA-256"},
    {TEST, "expected an identity"},
    {TEST "  ", "expected an identity"},
    {TEST " ann team", "expected NAME=VALUE"},
    {TEST " ann =red", "expected NAME=VALUE"},
    {TEST " ann Team=red", "expected NAME=VALUE"},
    {TEST " ann 9a=red", "expected NAME=VALUE"},
    {TEST " ann a=1 b=2 c=3 d=4 e=5", "expected at most 4 labels"},
    {TEST " ann a=1 b=2 a=3", "expected no label twice"},
    {TEST " a\x01n", "expected at most 4096 bytes"},
};

START_TEST(lines_are_read)
{
    struct str line = str_of(lines[_i].line);
    char *text = malloc(API_KEY_TEXT(line.len)), said[512];
    const char *error;
    struct api_key key;

    if (api_key_line_parse(&key, line, text, &error)) {
        size_t len = (size_t)snprintf(said, sizeof(said), "%s", key.identity);
        ck_assert_int_eq(key.digest[0], 0x41);
        ck_assert_int_eq(key.digest[31], 0x0b);
        for (size_t i = 0; i < key.label_count; i++)
            len += (size_t)snprintf(said + len, sizeof(said) - len, " %s=%s", key.labels[i].name,
                                    key.labels[i].value);
        ck_assert_str_eq(said, lines[_i].said);
    } else {
        const char *found = error != NULL ? error : "";
        ck_assert_int_eq(strncmp(found, lines[_i].said, strlen(lines[_i].said)), 0);
        ck_assert_int_eq(error == NULL, lines[_i].said[0] == '\0');
    }
    free(text);
}
END_TEST

START_TEST(identities_are_bounded)
{
    for (size_t len = API_KEY_IDENTITY_MAX; len <= API_KEY_IDENTITY_MAX + 1; len++) {
        struct api_key_table *table = api_key_table_new();
        char line[512];
        const char *error;

        snprintf(line, sizeof(line), TEST " %0*d", (int)len, 0);
        ck_assert_int_eq(api_key_table_add(table, str_of(line), &error),
                         len == API_KEY_IDENTITY_MAX);
        api_key_table_free(table);
    }
}
END_TEST

/* Keys "0", "1", .. are found, and nothing else is. */
START_TEST(keys_are_found)
{
    enum { MANY = 2000 };
    struct api_key_table *table = api_key_table_new();
    const struct api_key *twins[2];
    const char *error;
    char text[256];

    /* Only lines are read: the digests of two known keys, and many that are nobody's. */
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(text, sizeof(text), "%08x%056d u%u", i * 2654435761U, 0, i);
        ck_assert(api_key_table_add(table, str_of(text), &error));
    }
    ck_assert(api_key_table_add(table, STR(TEST " ann"), &error));
    ck_assert(api_key_table_add(table, STR(OTHER " bob"), &error));
    ck_assert(api_key_table_add(table, STR(SHORT " carl"), &error));
    ck_assert(api_key_table_seal(table, twins));
    ck_assert_uint_eq(api_key_table_count(table), MANY + 3);
    ck_assert_str_eq(api_key_table_find(table, STR(KEY))->identity, "ann");
    ck_assert_str_eq(api_key_table_find(table, STR(OTHER_KEY))->identity, "bob");
    ck_assert_ptr_null(api_key_table_find(table, STR("Test-test-test-test")));
    ck_assert_ptr_null(api_key_table_find(table, STR("")));
    ck_assert_ptr_null(api_key_table_find(table, STR("15-bytes-of-key")));
    ck_assert_ptr_null(api_key_table_find(table, STR(TEST)));
    api_key_table_free(table);
}
END_TEST

START_TEST(a_key_stands_there_once)
{
    struct api_key_table *table = api_key_table_new();
    const struct api_key *twins[2];
    const char *error;

    ck_assert(api_key_table_add(table, STR(TEST " ann"), &error));
    ck_assert(api_key_table_add(table, STR(TEST " bob"), &error));
    ck_assert(!api_key_table_seal(table, twins));
    ck_assert_str_eq(twins[0]->identity, "ann");
    ck_assert_str_eq(twins[1]->identity, "bob");
    api_key_table_free(table);
}
END_TEST

/* ---- The module ---------------------------------------------------------------------------- */

static void *
make(const char *text, const struct fake_row *more)
{
    char path[TEMPORARY_PATH_MAX];
    struct fake_row rows[12] = {{"files", path, NULL}};
    size_t count = 1;

    temporary_file(path, str_of(text));
    for (; more != NULL && more->word != NULL; more++)
        rows[count++] = *more;
    void *instance = fake_setup(&api_key_module, rows);
    unlink(path);
    return instance;
}

static const struct fake_row everywhere[] = {
    {"key_from", "header:X-Key", NULL},
    {"key_from", "query:key", NULL},
    {"key_from", "subprotocol", NULL},
    {"forward_identity", "X-Who", NULL},
    {"realm", "here", NULL},
    {NULL, NULL, NULL},
};

#define STRIPS "strip header X-Key\nstrip query key\n"
#define ANN "identify api_key ann\nlabel label_team red\nforward X-Who: ann\n"

static const struct {
    struct fake_pair header, second, argument;
    const char *protocols[3];
    int status;
    const char *word, *trace;
} requests[] = {
    {{"x-key", KEY}, {0}, {0}, {0}, 0, NULL, STRIPS ANN},
    {{0}, {0}, {"key", KEY}, {0}, 0, NULL, STRIPS ANN},
    {{0}, {0}, {0}, {"chat", "api-key." KEY}, 0, NULL, STRIPS "strip subprotocol 1\n" ANN},
    {{0}, {0}, {0}, {"api-key." KEY}, 400, "key-alone", NULL},
    {{0}, {0}, {0}, {"bearer", "api-key." KEY}, 400, "key-alone", NULL},
    {{0}, {0}, {0}, {0}, 401, "key-missing", NULL},
    {{"X-Api-Key", KEY}, {0}, {0}, {0}, 401, "key-missing", NULL},
    {{"x-key", "Test"}, {0}, {0}, {0}, 401, "key-unknown", NULL},
    {{"x-key", ""}, {0}, {0}, {0}, 401, "key-unknown", NULL},
    {{"x-key", TEST}, {0}, {0}, {0}, 401, "key-unknown", NULL},
    {{"x-key", KEY}, {"X-Key", KEY}, {0}, {0}, 400, "key-several", NULL},
    {{"x-key", KEY}, {0}, {"key", KEY}, {0}, 400, "key-several", NULL},
    {{"x-key", KEY}, {0}, {0}, {"chat", "api-key.x"}, 400, "key-several", NULL},
};

START_TEST(who_has_a_key_passes)
{
    void *instance = make(TEST " ann team=red\n# none\n\n" OTHER " bob\r\n", everywhere);
    struct mw_request request = {.headers = {requests[_i].header, requests[_i].second},
                                 .arguments = {requests[_i].argument}};

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    memcpy(request.protocols, requests[_i].protocols, sizeof(requests[_i].protocols));
    (void)fake_decide(&api_key_module, instance, &request);
    ck_assert_int_eq(request.status, requests[_i].status);
    if (requests[_i].status == 0)
        ck_assert_str_eq(request.trace, requests[_i].trace);
    else
        ck_assert_str_eq(request.word, requests[_i].word);
    if (request.status == 401)
        ck_assert_str_eq(request.challenge, "ApiKey realm=\"here\"");
    api_key_module.teardown(instance);
}
END_TEST

START_TEST(an_answer_that_does_not_fit_refuses)
{
    static const char *const broken[] = {"strip", "identify", "forward", "label"};
    void *instance = make(TEST " ann team=red\n", everywhere);

    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct mw_request request = {.headers = {{"X-Key", KEY}}, .broken = broken[i]};
        ck_assert_int_eq(api_key_module.decide(instance, NULL, &request), MW_DENY);
    }
    api_key_module.teardown(instance);
}
END_TEST

static const struct {
    const char *text;
    struct fake_row row;
    const char *complaint;
    struct fake_row more;
} faults[] = {
    {"", {NULL, NULL, NULL}, "files: there is no key in them"},
    {TEST " a\n" TEST " b\n", {NULL, NULL, NULL}, "files: one key stands there twice, for a and b"},
    {TEST " a\n", {"key_from", "cookie:x", NULL}, "key_from[0]: expected header:NAME"},
    {TEST " a\n",
     {"key_from", "header:X-A", NULL},
     "key_from[1]: `header:x-a` stands here twice",
     {"key_from", "header:x-a", NULL}},
    {TEST " a\n", {"key_from", "header:a b", NULL}, "key_from[0]: expected header:NAME"},
    {TEST " a\n", {"key_from", "query:", NULL}, "key_from[0]: expected header:NAME"},
    {TEST " a\n", {"realm", "a\"b", NULL}, "realm: expected printable"},
    {TEST " a\n",
     {"key_from", "header:sec-websocket-protocol", NULL},
     "key_from[0]: expected header"},
    {TEST " a\n", {"forward_identity", "a b", NULL}, "forward_identity: `a b` is no header that"},
    {TEST " a\n", {"forward_identity", "X_Request_Id", NULL}, "`X_Request_Id` is no header that"},
};

START_TEST(faults_are_told)
{
    const struct fake_row more[] = {faults[_i].row, faults[_i].more, {NULL, NULL, NULL}};

    ck_assert_ptr_null(make(faults[_i].text, more));
    ck_assert_ptr_nonnull(strstr(fake_complaints(), strchr(faults[_i].complaint, ' ')));
    fake_complaints();
}
END_TEST

Suite *
api_key_suite(void)
{
    Suite *suite = suite_create("api_key");
    TCase *tests = tcase_create("api_key");

    tcase_add_loop_test(tests, lines_are_read, 0, COUNT_OF(lines));
    tcase_add_test(tests, identities_are_bounded);
    tcase_add_test(tests, keys_are_found);
    tcase_add_test(tests, a_key_stands_there_once);
    tcase_add_loop_test(tests, who_has_a_key_passes, 0, COUNT_OF(requests));
    tcase_add_test(tests, an_answer_that_does_not_fit_refuses);
    tcase_add_loop_test(tests, faults_are_told, 0, COUNT_OF(faults));
    suite_add_tcase(suite, tests);
    return suite;
}
