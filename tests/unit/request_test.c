/* request_test.c - what is asked of a request once more before its tunnel, and what a module is
 * told of revocations. */
#include "base/clock.h"
#include "base/compiler.h"
#include "gateway/module_host.h"
#include "gateway/request.h"
#include "gateway/worker.h"
#include "token/revocations.h"
#include "unit.h"

static const struct {
    const char *issuer, *subject, *token_id, *sid;
    int64_t ends_in_ms;
    enum reason reason;
} rows[] = {
    {"i", "ann", "t", "s", 60000, REASON_NONE},
    {NULL, NULL, NULL, NULL, 60000, REASON_NONE},
    {"i", "ann", "t", "s", 0, REASON_EXPIRED_EARLY},
    {"i", "bob", "t", "s", 60000, REASON_REVOKED_EARLY},
    {"j", "bob", "t", "s", 60000, REASON_NONE},
    {"i", "ann", "t-1", NULL, 60000, REASON_REVOKED_EARLY},
    {NULL, NULL, NULL, "s-1", 60000, REASON_REVOKED_EARLY},
    {"i", "ann", "s-1", "t-1", 60000, REASON_NONE},
    {"i", "bob", "t", "s", -1, REASON_EXPIRED_EARLY},
};

static struct str
text(const char *at)
{
    return at ? str_of(at) : STR_NONE;
}

static struct revocations *
make(void)
{
    const struct revocation all[] = {
        {REVOCATION_SUBJECT, text("i"), text("bob"), INT64_MAX},
        {REVOCATION_TOKEN, STR_NONE, text("t-1"), INT64_MAX},
        {REVOCATION_SESSION, STR_NONE, text("s-1"), INT64_MAX},
    };
    struct revocations *revocations = revocations_new();

    for (size_t i = 0; i < COUNT_OF(all); i++)
        ck_assert_int_eq(revocations_add(revocations, &all[i], 0), REVOCATION_ADDED);
    return revocations;
}

START_TEST(before_the_tunnel)
{
    struct worker worker = {.revocations = make()};
    struct request request = {
        .worker = &worker,
        .who = {text(rows[_i].issuer), text(rows[_i].subject), text(rows[_i].token_id),
                text(rows[_i].sid)},
        .deadline_wall_ms = clock_wall_ms() + rows[_i].ends_in_ms,
    };

    ck_assert_int_eq(request_still_holds(&request), rows[_i].reason == REASON_NONE);
    ck_assert_int_eq(request.answer.reason, rows[_i].reason);
    ck_assert_int_eq(request.answer.challenge.at != NULL, rows[_i].reason != REASON_NONE);
    revocations_free(worker.revocations);
    worker.revocations = NULL; /* where there is no list, nothing is revoked */
    request.answer = (struct answer){.reason = REASON_NONE};
    ck_assert_int_eq(request_still_holds(&request), rows[_i].reason != REASON_EXPIRED_EARLY);
}
END_TEST

static struct mw_str
mw(const char *at)
{
    return (struct mw_str){at, at ? strlen(at) : 0};
}

START_TEST(a_module_asks)
{
    struct host_functions host = {.revocations = make()};
    const struct mw_host *public = &host.public;

    host_fill(&host);
    ck_assert_int_eq(public->is_revoked(public, mw(rows[_i].issuer), mw(rows[_i].subject),
                                        mw(rows[_i].token_id), mw(rows[_i].sid)),
                     rows[_i].reason == REASON_REVOKED_EARLY ||
                         (rows[_i].subject && strcmp(rows[_i].subject, "bob") == 0 &&
                          strcmp(rows[_i].issuer, "i") == 0));
    revocations_free(host.revocations);
    host.revocations = NULL;
    ck_assert(!public->is_revoked(public, mw("i"), mw("bob"), mw("t-1"), mw("s-1")));
}
END_TEST

Suite *
request_suite(void)
{
    Suite *suite = suite_create("request");
    TCase *tc = tcase_create("request");

    tcase_add_loop_test(tc, before_the_tunnel, 0, (int)COUNT_OF(rows));
    tcase_add_loop_test(tc, a_module_asks, 0, (int)COUNT_OF(rows));
    suite_add_tcase(suite, tc);
    return suite;
}
