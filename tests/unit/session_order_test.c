/* session_order_test.c - the way of an order: every worker in turn, and home. */
#include "base/compiler.h"
#include "failing_memory.h"
#include "gateway/connection.h"
#include "gateway/session_order.h"
#include "unit.h"

#include <stdlib.h>

enum { WORKERS = 3, EACH = 200 };

static char buffer[WORKER_BUFFER_BYTES];
static const struct backend_settings backend = {.name = "chat"};
static const struct route_settings route = {.path = {"/chat", 5}, .backend = &backend};
static struct worker workers[WORKERS];
static struct mailbox home;
static struct request *requests[WORKERS][EACH];
static struct session_answer last;
static unsigned answers;
static uint64_t ids[WORKERS * EACH];
static size_t id_count;

static void
setup(void)
{
    ck_assert(mailbox_open(&home));
    answers = 0;
    for (size_t w = 0; w < WORKERS; w++) {
        workers[w].buffer = buffer;
        ck_assert(mailbox_open(&workers[w].mailbox));
        for (size_t i = 0; i < EACH; i++) {
            struct request *request = requests[w][i] = calloc(1, sizeof(*request));
            request->worker = &workers[w];
            request->route = &route;
            request->who.subject = i % 2 == 0 ? STR("even") : STR("odd");
            request->connection = aligned_alloc(CONNECTION_ALIGNMENT, sizeof(struct connection));
            memset(request->connection, 0, sizeof(struct connection));
            request->connection->id = (uint64_t)w << 56 | (i + 1);
            request->connection->worker = &workers[w];
            request->connection->peer.any.sa_family = AF_UNIX;
            request->connection->state = STATE_TUNNEL;
            request->connection->session = sessions_enter(&workers[w].sessions, request);
            ck_assert_ptr_nonnull(request->connection->session);
        }
    }
}

static void
teardown(void)
{
    for (size_t w = 0; w < WORKERS; w++) {
        for (size_t i = 0; i < EACH; i++) {
            sessions_leave(&workers[w].sessions, &requests[w][i]->connection->session);
            free(requests[w][i]->connection);
            free(requests[w][i]);
        }
        sessions_free(&workers[w].sessions);
        mailbox_close(&workers[w].mailbox);
        mailbox_destroy(&workers[w].mailbox);
    }
    mailbox_close(&home);
    mailbox_destroy(&home);
}

static void
on_answered(const struct session_answer *answer, void *arg)
{
    ck_assert_ptr_eq(arg, &last);
    answers++;
    last = *answer;
    id_count = 0;
    for (uint64_t i = 0; answer->records != NULL && i < answer->count; i++) {
        const struct session_record *record = answer->records[i];
        ck_assert_str_eq(record->state, "tunnel");
        ck_assert(str_equal(record->texts[SESSION_ROUTE], STR("/chat")));
        ck_assert(str_equal(record->texts[SESSION_BACKEND], STR("chat")));
        ids[id_count++] = record->id;
    }
}

/* All threads' loops, on one. Returns after how many turns all was quiet. */
static unsigned
run_all(void)
{
    unsigned turns = 0, before;

    do {
        before = answers;
        for (size_t w = 0; w < WORKERS; w++)
            mailbox_run(&workers[w].mailbox);
        mailbox_run(&home);
    } while (answers == before && ++turns < 100);
    return turns;
}

static void
send_order(const struct session_query *query)
{
    ck_assert(session_order_send((struct worker_list){workers, WORKERS}, query, &home, on_answered,
                                 &last));
}

START_TEST(it_counts_on_all_workers_a_piece_at_a_time)
{
    const struct session_query all = {.action = SESSIONS_COUNT};
    const struct session_query even = {.action = SESSIONS_COUNT,
                                       .filter.texts[SESSION_SUBJECT] = STR("even")};

    send_order(&all);
    ck_assert_uint_ge(run_all(), EACH / 64); /* it waited in between */
    ck_assert_uint_eq(last.count, WORKERS * EACH);
    ck_assert(!last.more && !last.partial);
    send_order(&even);
    run_all();
    ck_assert_uint_eq(last.count, WORKERS * EACH / 2);
    ck_assert_uint_eq(answers, 2);
}
END_TEST

/* Its texts need not outlive the call. */
START_TEST(the_filter_is_its_own)
{
    char subject[] = "even";
    const struct session_query query = {.action = SESSIONS_COUNT,
                                        .filter.texts[SESSION_SUBJECT] = str_of(subject)};

    send_order(&query);
    memset(subject, 'x', sizeof(subject));
    run_all();
    ck_assert_uint_eq(last.count, WORKERS * EACH / 2);
}
END_TEST

START_TEST(an_id_leads_to_its_worker)
{
    for (uint64_t w = 0; w < WORKERS + 1; w++) {
        const struct session_query query = {.action = SESSIONS_LIST, .filter.id = w << 56 | 7};
        send_order(&query);
        run_all();
        ck_assert_uint_eq(last.count, w < WORKERS);
        if (w < WORKERS)
            ck_assert_uint_eq(ids[0], w << 56 | 7);
    }
    ck_assert_uint_eq(answers, WORKERS + 1);
}
END_TEST

START_TEST(pages)
{
    static const size_t sizes[] = {1, 7, 255, 256, 0, 100000};
    size_t page = sizes[_i];
    struct session_query query = {.action = SESSIONS_LIST, .page = page};
    size_t most = page == 0 || page > SESSION_PAGE_MAX ? SESSION_PAGE_MAX : page, seen = 0;

    do {
        send_order(&query);
        run_all();
        ck_assert_uint_le(id_count, most);
        for (size_t i = 0; i < id_count; i++, seen++) /* in the order of their rows */
            ck_assert_uint_eq(ids[i], (uint64_t)(seen / EACH) << 56 | (seen % EACH + 1));
        query.from = last.next;
    } while (last.more);
    ck_assert_uint_eq(seen, WORKERS * EACH);
}
END_TEST

START_TEST(a_worker_that_has_ended_is_passed_over)
{
    const struct session_query query = {.action = SESSIONS_COUNT};

    mailbox_close(&workers[_i].mailbox);
    send_order(&query);
    run_all();
    ck_assert_uint_eq(last.count, (WORKERS - 1) * EACH);
    ck_assert(last.partial);
}
END_TEST

/* All are gone, or whoever asked: nothing is lost (AddressSanitizer looks). */
START_TEST(nobody_is_left)
{
    const struct session_query list = {.action = SESSIONS_LIST};

    mailbox_close(&home);
    send_order(&list);
    ck_assert_uint_eq(run_all(), 100);
    for (size_t w = 0; w < WORKERS; w++)
        mailbox_close(&workers[w].mailbox);
    send_order(&list);
    ck_assert(session_order_send((struct worker_list){NULL, 0}, &list, NULL, NULL, NULL));
    ck_assert_uint_eq(answers, 0);
}
END_TEST

START_TEST(no_memory)
{
    for (size_t n = 1; n <= 2; n++) {
        struct session_query query = {.action = SESSIONS_LIST,
                                      .filter.addresses = address_set_new()};
        failing_memory_arm(n);
        ck_assert(!session_order_send((struct worker_list){workers, WORKERS}, &query, &home,
                                      on_answered, &last));
        ck_assert(failing_memory_disarm());
    }
    ck_assert_uint_eq(answers, 0);
}
END_TEST

Suite *
session_order_suite(void)
{
    Suite *suite = suite_create("session_order");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, it_counts_on_all_workers_a_piece_at_a_time);
    tcase_add_test(tcase, the_filter_is_its_own);
    tcase_add_test(tcase, an_id_leads_to_its_worker);
    tcase_add_loop_test(tcase, pages, 0, 6);
    tcase_add_loop_test(tcase, a_worker_that_has_ended_is_passed_over, 0, WORKERS);
    tcase_add_test(tcase, nobody_is_left);
    tcase_add_test(tcase, no_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}
