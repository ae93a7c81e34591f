/* headers_test.c - the modules headers and subprotocol: verdicts, what is changed, faults. */
#include "fake_host.h"
#include "registry.h"
#include "unit.h"

#include <stdlib.h>

#define END              \
    {                    \
        NULL, NULL, NULL \
    }

static const struct {
    struct fake_row rows[4];
    struct fake_pair header;
    const char *word, *trace; /* word NULL: it passes */
} verdicts[] = {
    {{{"require", "X-A", NULL}, END}, {"x-a", ""}, NULL, ""},
    {{{"require", "X-A", NULL}, END}, {"x-b", "1"}, "header-missing", NULL},
    {{{"forbid", "X-A", NULL}, END}, {"x-b", "1"}, NULL, "strip header X-A\n"},
    {{{"forbid", "X-A", NULL}, END}, {"X-a", "1"}, "header-forbidden", NULL},
    {{{"remove", "X-A", NULL}, {"set", "X-B=1 2", NULL}, END},
     {0},
     NULL,
     "strip header X-A\nforward X-B: 1 2\n"},
    {{{"require", "X-A", NULL}, {"require", "X-B", NULL}, {"set", "X-C=", NULL}, END},
     {"X-A", "1"},
     "header-missing",
     NULL},
};

START_TEST(headers_are_judged_and_changed)
{
    void *instance = fake_setup(&headers_module, verdicts[_i].rows);
    struct mw_request request = {.headers = {verdicts[_i].header}};

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    (void)fake_decide(&headers_module, instance, &request);
    ck_assert_int_eq(request.status, verdicts[_i].word != NULL ? 403 : 0);
    if (verdicts[_i].word != NULL)
        ck_assert_str_eq(request.word, verdicts[_i].word);
    else
        ck_assert_str_eq(request.trace, verdicts[_i].trace);
    headers_module.teardown(instance);
}
END_TEST

START_TEST(an_answer_that_does_not_fit_refuses)
{
    static const struct fake_row rows[] = {{"remove", "X-A", NULL}, {"set", "X-B=1", NULL}, END};
    static const char *const broken[] = {"strip", "forward"};
    void *instance = fake_setup(&headers_module, rows);

    for (size_t i = 0; i < 2; i++) {
        struct mw_request request = {.broken = broken[i]};
        ck_assert_int_eq(headers_module.decide(instance, NULL, &request), MW_DENY);
    }
    headers_module.teardown(instance);
}
END_TEST

static const struct {
    struct fake_row row;
    const char *complaint;
    struct fake_row more;
} faults[] = {
    {END, "all absent"},
    {{"require", "a b", NULL}, "`a b` is no name of a header field"},
    {{"forbid", "", NULL}, "`` is no name of a header field"},
    {{"remove", "Host", NULL}, "`Host` belongs to the handshake itself"},
    {{"remove", "sec-websocket-Key", NULL}, "belongs to the handshake itself"},
    {{"set", "Connection=close", NULL}, "belongs to the handshake itself"},
    {{"set", "X-Forwarded-For=::1", NULL}, "`X-Forwarded-For` is the gateway's own"},
    {{"remove", "x_real_ip", NULL}, "`x_real_ip` is the gateway's own"},
    {{"set", "X-A=1", NULL}, "one header is set twice", {"set", "x_a=2", NULL}},
    {{"require", "X-A", NULL}, "`x-a` is required too", {"forbid", "x-a", NULL}},
    {{"set", "X-A=a\x01", NULL}, "a value holds a control character"},
    {{"set", "X-A=a\r\nX-B: 1", NULL}, "a value holds a control character"},
};

START_TEST(faults_are_told)
{
    const struct fake_row rows[] = {faults[_i].row, faults[_i].more, END};

    ck_assert_ptr_null(fake_setup(&headers_module, rows));
    const char *complaints = fake_complaints();
    ck_assert_msg(strstr(complaints, faults[_i].complaint) != NULL, "%s", complaints);
}
END_TEST

/* ---- subprotocol ---------------------------------------------------------------------------- */

static const struct {
    struct fake_row more;
    const char *offered[5];
    const char *word, *trace;
} offers[] = {
    {END, {0}, NULL, ""},
    {END, {"chat"}, NULL, ""},
    {END, {"v2", "chat"}, NULL, ""},
    {END, {"chat", "x"}, "subprotocol-not-allowed", NULL},
    {END, {"Chat"}, "subprotocol-not-allowed", NULL},
    {END, {"chat2"}, "subprotocol-not-allowed", NULL},
    {{"others", "remove", NULL},
     {"x", "chat", "y"},
     NULL,
     "strip subprotocol 0\nstrip subprotocol 2\n"},
    {{"required", "true", NULL}, {"chat"}, NULL, ""},
    {{"required", "true", NULL}, {0}, "subprotocol-missing", NULL},
    /* What carries a credential is none, and is the backend's neither. */
    {END, {"bearer", "a.b.c", "chat"}, NULL, "strip subprotocol 0\nstrip subprotocol 1\n"},
    {END, {"chat", "Bearer", "a.b.c"}, NULL, "strip subprotocol 1\nstrip subprotocol 2\n"},
    {END, {"chat", "bearer"}, NULL, "strip subprotocol 1\n"},
    {{"others", "remove", NULL},
     {"bearer", "x", "y", "chat"},
     NULL,
     "strip subprotocol 0\nstrip subprotocol 1\nstrip subprotocol 2\n"},
    {{"required", "true", NULL}, {"bearer", "chat"}, "subprotocol-missing", NULL},
    {END,
     {"base64url.bearer.authorization.k8s.io.YQ", "chat", "api-key.x"},
     NULL,
     "strip subprotocol 0\nstrip subprotocol 2\n"},
    {END, {"bearer", "a.b.c", "x"}, "subprotocol-not-allowed", NULL},
};

START_TEST(subprotocols_are_judged)
{
    const struct fake_row rows[] = {
        {"allow", "chat", NULL}, {"allow", "v2", NULL}, offers[_i].more, END};
    void *instance = fake_setup(&subprotocol_module, rows);
    struct mw_request request = {.status = 0};

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    memcpy(request.protocols, offers[_i].offered, sizeof(offers[_i].offered));
    (void)fake_decide(&subprotocol_module, instance, &request);
    ck_assert_int_eq(request.status, offers[_i].word != NULL ? 403 : 0);
    if (offers[_i].word != NULL)
        ck_assert_str_eq(request.word, offers[_i].word);
    else
        ck_assert_str_eq(request.trace, offers[_i].trace);
    subprotocol_module.teardown(instance);
}
END_TEST

START_TEST(faults_of_subprotocols_are_told)
{
    static const struct fake_row empty[] = {{"allow", NULL, NULL}, END},
                                 bad[] = {{"allow", "a b", NULL}, END},
                                 credential[] = {{"allow", "Bearer", NULL}, END};

    ck_assert_ptr_null(fake_setup(&subprotocol_module, empty));
    ck_assert_ptr_nonnull(strstr(fake_complaints(), "expected 1 to 32"));
    ck_assert_ptr_null(fake_setup(&subprotocol_module, bad));
    ck_assert_ptr_nonnull(strstr(fake_complaints(), "no name of a subprotocol"));
    ck_assert_ptr_null(fake_setup(&subprotocol_module, credential));
    ck_assert_ptr_nonnull(strstr(fake_complaints(), "`Bearer` stands for a credential"));
}
END_TEST

Suite *
headers_suite(void)
{
    Suite *suite = suite_create("headers");
    TCase *tests = tcase_create("headers");

    tcase_add_loop_test(tests, headers_are_judged_and_changed, 0, COUNT_OF(verdicts));
    tcase_add_test(tests, an_answer_that_does_not_fit_refuses);
    tcase_add_loop_test(tests, faults_are_told, 0, COUNT_OF(faults));
    tcase_add_loop_test(tests, subprotocols_are_judged, 0, COUNT_OF(offers));
    tcase_add_test(tests, faults_of_subprotocols_are_told);
    suite_add_tcase(suite, tests);
    return suite;
}
