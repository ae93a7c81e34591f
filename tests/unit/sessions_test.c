/* sessions_test.c - the registry: filters, walks that are broken off, memory. */
#include "base/compiler.h"
#include "failing_memory.h"
#include "gateway/connection.h"
#include "gateway/sessions.h"
#include "unit.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static char buffer[WORKER_BUFFER_BYTES];
static struct worker worker = {.buffer = buffer};
static const struct backend_settings backend = {.name = "chat"};
static const struct route_settings route = {.host = {".example", 8},
                                            .host_wildcard = true,
                                            .path = {"/chat/", 6},
                                            .match = PATH_BELOW,
                                            .backend = &backend};

static struct request *
request_of(uint64_t id, const char *subject)
{
    struct request *request = calloc(1, sizeof(*request));

    request->worker = &worker;
    request->route = &route;
    request->connection = aligned_alloc(CONNECTION_ALIGNMENT, sizeof(struct connection));
    memset(request->connection, 0, sizeof(struct connection));
    request->connection->id = id;
    request->connection->peer.v4 = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC0000200 + (uint32_t)id % 256)};
    request->who.issuer = STR("https://id.example");
    request->who.subject = str_of(subject);
    return request;
}

static void
request_drop(struct request *request)
{
    free(request->connection);
    free(request);
}

static struct session *
enter(struct sessions *sessions, struct request *request)
{
    struct session *session = sessions_enter(sessions, request);

    ck_assert_ptr_nonnull(session);
    return session;
}

/* How many there are, looking at `step` rows at a time. */
static unsigned
count(const struct sessions *sessions, const struct session_filter *filter, size_t step)
{
    uint64_t signature = session_filter_signature(filter);
    uint32_t place = 0;
    unsigned found = 0;

    for (;;) {
        size_t rows = step;
        const struct session *session;
        while ((session = sessions_next(sessions, filter, signature, &place, &rows)) != NULL)
            found += session_matches(session, filter);
        if (rows > 0)
            return found;
    }
}

static const struct {
    struct session_filter filter;
    bool holds;
} rows[] = {
    {{.id = 0}, true},
    {{.id = 7}, true},
    {{.id = 8}, false},
    {{.texts[SESSION_ISSUER] = {"https://id.example", 18}}, true},
    {{.texts[SESSION_ISSUER] = {"https://id.exampl", 17}}, false},
    {{.texts[SESSION_SUBJECT] = {"ann", 3}}, true},
    {{.texts[SESSION_SUBJECT] = {"an", 2}}, false},
    {{.texts[SESSION_SUBJECT] = {"", 0}}, false},
    {{.texts[SESSION_SID] = {"ann", 3}}, false},  /* another facet with the same text */
    {{.texts[SESSION_SID] = {"", 0}}, false},     /* absent is not empty */
    {{.texts[SESSION_TOKEN_ID] = {"", 0}}, true}, /* and this one is empty */
    {{.texts[SESSION_ROUTE] = {"*.example/chat/*", 16}}, true},
    {{.texts[SESSION_BACKEND] = {"chat", 4}}, true},
    {{.texts = {[SESSION_BACKEND] = {"chat", 4}, [SESSION_SUBJECT] = {"bob", 3}}}, false},
    {{.label = {{"room", 4}, {"7", 1}}}, true},
    {{.label = {{"room", 4}, {NULL, 0}}}, true},
    {{.label = {{"room", 4}, {"8", 1}}}, false},
    {{.label = {{"room", 4}, {"", 0}}}, false},
    {{.label = {{"tier", 4}, {"7", 1}}}, false},
    {{.label = {{"tier", 4}, {"", 0}}}, true},
    {{.label = {{"roo", 3}, {"m7", 2}}}, false},
    {{.no_issuer = true}, false},
    {{.no_issuer = true, .texts[SESSION_SUBJECT] = {"ann", 3}}, false},
};

START_TEST(filters)
{
    struct sessions sessions = {0};
    struct request *request = request_of(7, "ann");
    const struct session_filter *filter = &rows[_i].filter;

    request->who.token_id = STR("");
    request->labels[0] = (struct header){STR("room"), STR("7")};
    request->labels[1] = (struct header){STR("tier"), STR("")};
    request->label_count = 2;
    struct session *session = enter(&sessions, request);
    ck_assert_int_eq(session_matches(session, filter), rows[_i].holds);
    if (rows[_i].holds) { /* the signature lets everything through that holds */
        uint64_t signature = session_filter_signature(filter);
        ck_assert_uint_eq(session_signature(session) & signature, signature);
    }
    ck_assert_uint_eq(count(&sessions, filter, 1000), rows[_i].holds);
    ck_assert(str_equal(session_label(session, 1).name, STR("tier")));
    sessions_leave(&sessions, &session);
    ck_assert_uint_eq(count(&sessions, filter, 1000), 0);
    sessions_free(&sessions);
    request_drop(request);
}
END_TEST

/* A subject without an issuer is somebody else than the same subject of any issuer. */
START_TEST(no_issuer)
{
    static const struct session_filter cases[] = {
        {.no_issuer = true, .texts[SESSION_SUBJECT] = {"ann", 3}},
        {.texts = {[SESSION_ISSUER] = {"https://id.example", 18}, [SESSION_SUBJECT] = {"ann", 3}}},
    };
    struct sessions sessions = {0};
    struct request *request = request_of(7, "ann");

    request->who.issuer = STR_NONE;
    struct session *session = enter(&sessions, request);
    ck_assert_uint_eq(count(&sessions, &cases[0], 1000), 1);
    ck_assert_uint_eq(count(&sessions, &cases[1], 1000), 0);
    sessions_leave(&sessions, &session);
    sessions_free(&sessions);
    request_drop(request);
}
END_TEST

START_TEST(addresses)
{
    static const struct {
        const char *prefix;
        bool holds;
    } prefixes[] = {
        {"192.0.2.7", true}, {"192.0.2.0/24", true}, {"192.0.3.0/24", false}, {"::/0", false}};
    struct sessions sessions = {0};
    struct request *request = request_of(7, "ann");
    struct session *session = enter(&sessions, request);
    const char *error;

    for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
        struct session_filter filter = {.addresses = address_set_new()};
        ck_assert(address_set_add(filter.addresses, str_of(prefixes[i].prefix), &error));
        ck_assert(address_set_seal(filter.addresses));
        ck_assert_uint_eq(count(&sessions, &filter, 1000), prefixes[i].holds);
        address_set_free(filter.addresses);
    }
    sessions_leave(&sessions, &session);
    sessions_free(&sessions);
    request_drop(request);
}
END_TEST

/* A few turns' worth, at every size of a turn; each is found by its own subject alone. */
START_TEST(walks)
{
    enum { COUNT = 700 };
    static struct request *requests[COUNT];
    static struct session *entered[COUNT];
    static char subjects[COUNT][8];
    struct sessions sessions = {0};

    for (int i = 0; i < COUNT; i++) {
        snprintf(subjects[i], sizeof(subjects[i]), "u%d", i);
        requests[i] = request_of((uint64_t)i + 1, subjects[i]);
        entered[i] = enter(&sessions, requests[i]);
    }
    ck_assert_uint_eq(sessions.count, COUNT);
    for (int i = 0; i < COUNT; i += 7) {
        struct session_filter filter = {.texts[SESSION_SUBJECT] = str_of(subjects[i])};
        ck_assert_uint_eq(count(&sessions, &filter, 1 + (size_t)i), 1);
    }
    for (size_t step = 1; step < 1100; step = step * 3 + 1)
        ck_assert_uint_eq(count(&sessions, &rows[0].filter, step), COUNT);
    for (int i = 0; i < COUNT; i++) {
        sessions_leave(&sessions, &entered[i]);
        request_drop(requests[i]);
    }
    sessions_leave(&sessions, &entered[0]); /* again: it does no harm */
    ck_assert_uint_eq(sessions.count, 0);
    sessions_free(&sessions);
}
END_TEST

/* Between two steps of a walk some leave and others come: who stays is met once. */
START_TEST(a_walk_while_others_come_and_go)
{
    enum { COUNT = 600, EVERY = 3 };
    static struct request *requests[COUNT], *others[COUNT];
    static struct session *entered[COUNT], *late[COUNT];
    static int met[2 * COUNT + 1];
    struct sessions sessions = {0};
    const struct session_filter all = {.id = 0};
    const struct session *session;
    uint32_t place = 0;
    int come = 0;

    for (int i = 0; i < COUNT; i++) {
        requests[i] = request_of((uint64_t)i + 1, "stays");
        entered[i] = enter(&sessions, requests[i]);
    }
    for (size_t more = 1; more > 0;) {
        size_t step = 7;
        while ((session = sessions_next(&sessions, &all, 0, &place, &step)) != NULL)
            met[session->connection->id]++;
        more = step == 0;
        for (int i = 0; i < 4 && come < COUNT; i++, come++) {
            if (come % EVERY == 0) {
                sessions_leave(&sessions, &entered[come]);
            }
            others[come] = request_of((uint64_t)(COUNT + come) + 1, "late");
            late[come] = enter(&sessions, others[come]);
        }
    }
    for (int i = 0; i < COUNT; i++)
        if (i % EVERY != 0)
            ck_assert_int_eq(met[i + 1], 1);
    for (int i = 0; i < 2 * COUNT + 1; i++)
        ck_assert_int_le(met[i], 1);
    for (int i = 0; i < COUNT; i++) {
        sessions_leave(&sessions, &entered[i]);
        request_drop(requests[i]);
        if (i < come) {
            sessions_leave(&sessions, &late[i]);
            request_drop(others[i]);
        }
    }
    ck_assert_uint_eq(sessions.count, 0);
    sessions_free(&sessions);
}
END_TEST

/* A tunnel's share of TARGETS' 768 bytes, with an identity as jwt gives: a row of 16 bytes, and
 * the block: 48 bytes, the subject and a UUID for the token, each behind two bytes; malloc rounds
 * up, and splits nothing off that is less than it could use. */
START_TEST(a_session_is_small)
{
    struct sessions sessions = {0};
    struct request *request = request_of(7, "user-12345");

    request->who.token_id = STR("0f8fad5b-d9cb-469f-a165-70867728950e");
    struct session *session = enter(&sessions, request);
    ck_assert_uint_le(malloc_usable_size(session), 48 + 2 + 10 + 2 + 36 + 2 + 12 + 16);
    sessions_leave(&sessions, &session);
    sessions_free(&sessions);
    request_drop(request);
}
END_TEST

START_TEST(a_text_that_is_too_long)
{
    struct sessions sessions = {0};
    struct request *request = request_of(7, NULL);
    char *text = malloc(SESSION_TEXT_MAX + 1);

    memset(text, 'x', SESSION_TEXT_MAX + 1);
    request->who.session_id = (struct str){text, SESSION_TEXT_MAX + 1};
    ck_assert_ptr_null(sessions_enter(&sessions, request));
    request->who.session_id.len--;
    struct session *session = enter(&sessions, request);
    ck_assert_uint_eq(session_text(session, SESSION_SID).len, SESSION_TEXT_MAX);
    ck_assert_ptr_null(session_text(session, SESSION_SUBJECT).at);
    sessions_leave(&sessions, &session);
    sessions_free(&sessions);
    free(text);
    request_drop(request);
}
END_TEST

START_TEST(no_memory)
{
    struct request *request = request_of(7, "ann");
    bool failed = true;

    for (size_t n = 1; failed; n++) {
        struct sessions sessions = {0};
        failing_memory_arm(n);
        struct session *session = sessions_enter(&sessions, request);
        failed = failing_memory_disarm();
        ck_assert_int_eq(session == NULL, failed);
        sessions_leave(&sessions, &session);
        ck_assert_uint_eq(sessions.count, 0);
        for (size_t i = 0; i < NAMES_BUCKETS; i++)
            ck_assert_ptr_null(sessions.names.buckets[i]);
        sessions_free(&sessions);
    }
    request_drop(request);
}
END_TEST

Suite *
sessions_suite(void)
{
    Suite *suite = suite_create("sessions");
    TCase *tcase = tcase_create("all");

    tcase_add_loop_test(tcase, filters, 0, COUNT_OF(rows));
    tcase_add_test(tcase, no_issuer);
    tcase_add_test(tcase, addresses);
    tcase_add_test(tcase, walks);
    tcase_add_test(tcase, a_walk_while_others_come_and_go);
    tcase_add_test(tcase, a_session_is_small);
    tcase_add_test(tcase, a_text_that_is_too_long);
    tcase_add_test(tcase, no_memory);
    suite_add_tcase(suite, tcase);
    return suite;
}
