/*
 * tunnel_frames_test.c - a tunnel that follows frames: what goes on and what does not, which Close
 * goes where, and that nothing comes after it.
 */
#include "failing_memory.h"
#include "frame_cases.h"
#include "tunnel_rig.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void
follow(const struct frame_case *row)
{
    rules.terms.checked = true;
    rules.terms.frames = frame_case_rules(row);
    rules.terms.times.close = 5000;
    ck_assert(tunnel_begin(&tunnel, &rules, row->deflate, 7, 1000));
}

static void
setup(void)
{
    static const struct frame_case plain = {.stream = ""};

    rig_setup();
    follow(&plain);
}

static void
teardown(void)
{
    struct tunnel_rules *none = NULL;

    tunnel.rules = NULL; /* they are not in a list */
    tunnel_end(&tunnel, &none);
    rig_teardown();
}

/* All that has come by now. */
static size_t
take(int peer, char *buffer, size_t room)
{
    ssize_t n = recv(peers[peer], buffer, room, 0);

    return n > 0 ? (size_t)n : 0;
}

/* Whatever the peer sends, until it stops coming. malloc'd. */
static char *
drink(int peer, size_t *len)
{
    enum { ROOM = 1 << 18 };
    char *got = malloc(ROOM);

    *len = 0;
    for (int quiet = 0; quiet < 3;) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        size_t n = take(peer, got + *len, ROOM - *len);
        *len += n;
        quiet = n > 0 ? 0 : quiet + 1;
    }
    return got;
}

static void
give(int peer, const char *bytes, size_t len)
{
    if (len > 0)
        (void)!send(peers[peer], bytes, len, MSG_NOSIGNAL);
    for (int i = 0; i < 3; i++)
        event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
send_words(int from, const char *stream)
{
    size_t len;
    char *bytes = frame_case_bytes(stream, SIZE_MAX, from == CLIENT, &len);

    give(from, bytes, len);
    free(bytes);
}

/* The last thing in `bytes` is a Close with that code; returns what stands before it. */
static size_t
before_close(const char *bytes, size_t len, bool masked, unsigned code, const char *what)
{
    char payload[FRAME_CONTROL_PAYLOAD_MAX];

    for (size_t at = 0; at + 2 <= len; at++) {
        size_t size = (masked ? 6U : 2U) + ((unsigned char)bytes[at + 1] & 0x7f);
        if ((unsigned char)bytes[at] != 0x88 || at + size != len || size < 4)
            continue;
        struct str opened = frame_payload(bytes + at, payload);
        if (opened.len < 2)
            continue;
        unsigned found = (unsigned)(unsigned char)opened.at[0] << 8 | (unsigned char)opened.at[1];
        if (found == code)
            return at;
    }
    ck_abort_msg("%s: no Close with %u at the end of %zu bytes", what, code, len);
    return 0;
}

static void
expect_words(int peer, const char *stream)
{
    size_t len, wanted_len;
    char *got = drink(peer, &len);
    char *wanted = frame_case_bytes(stream, SIZE_MAX, peer == BACKEND, &wanted_len);

    ck_assert_uint_eq(len, wanted_len);
    ck_assert_mem_eq(got, wanted, len);
    free(got);
    free(wanted);
}

/* `code` 0: no Close is there. */
static void
expect_close(int peer, unsigned code)
{
    size_t len;
    char *got = drink(peer, &len);

    if (code == 0)
        ck_assert_uint_eq(len, 0);
    else
        ck_assert_uint_eq(before_close(got, len, peer == BACKEND, code, "alone"), 0);
    free(got);
}

static void
expect_fin(int peer)
{
    char byte;

    ck_assert_int_eq(recv(peers[peer], &byte, 1, 0), 0);
}

/* ---- Every stream ------------------------------------------------------------------ */

static void
renew(const struct frame_case *row)
{
    teardown();
    rig_setup();
    follow(row);
}

/* What was good arrived; then 1001, unless a frame was cut: then nothing. */
static void
check_refused(const struct frame_case *row, int from, const char *bytes, const char *got,
              size_t got_len)
{
    static const unsigned codes[FRAMES_FOUND_COUNT] = {
        [FRAMES_PROTOCOL] = 1002,        [FRAMES_UTF8] = 1007,
        [FRAMES_TYPE] = 1003,            [FRAMES_FRAME_TOO_LARGE] = 1009,
        [FRAMES_MESSAGE_TOO_LARGE] = 1009,
    };
    size_t good = got_len, least;

    free(frame_case_bytes(row->stream, row->good, from == CLIENT, &least));
    if (frames_at_boundary(&tunnel.frames[from]))
        good = before_close(got, got_len, from == CLIENT, 1001, row->stream);
    ck_assert_msg(good >= least, "%s: %zu bytes of %zu", row->stream, good, least);
    ck_assert_mem_eq(got, bytes, good);
    expect_close(from, codes[row->found]);
    expect_fin(from);
    expect_fin(1 - from);
}

static void
run(const struct frame_case *row, int from, size_t split, const char *bytes, size_t len)
{
    size_t got_len;

    renew(row);
    give(from, bytes, split);
    give(from, bytes + split, len - split);
    char *got = drink(1 - from, &got_len);
    if (row->found != FRAMES_MORE) {
        check_refused(row, from, bytes, got, got_len);
    } else {
        ck_assert_msg(got_len == len && memcmp(got, bytes, len) == 0, "%s: %zu of %zu at split %zu",
                      row->stream, got_len, len, split);
        ck_assert_int_eq(over, REASON_NONE);
        ck_assert_uint_eq(tunnel.bytes[from], len);
    }
    free(got);
}

START_TEST(every_stream_both_ways_at_every_split)
{
    const struct frame_case *row = &frame_cases[_i];

    for (int from = CLIENT; from <= BACKEND; from++) {
        size_t len;
        char *bytes = frame_case_bytes(row->stream, SIZE_MAX, from == CLIENT, &len);
        size_t step = len / 40 + 1; /* in the long ones, not at each */

        for (size_t split = 0; split <= len; split += split < 20 ? 1 : step)
            run(row, from, split, bytes, len);
        free(bytes);
    }
}
END_TEST

/* ---- Who closes, and what follows ------------------------------------------------------ */

START_TEST(a_close_is_answered_by_the_other)
{
    int first = _i, second = 1 - _i;

    send_words(first, "T1 X=1000:bye T1");
    expect_words(second, "T1 X=1000:bye");
    send_words(second, "T2");
    expect_words(first, "T2"); /* it may finish what it has to say */
    send_words(second, "X=1000:bye");
    expect_words(first, "X=1000:bye");
    expect_fin(first);
    expect_fin(second);
    ck_assert_uint_eq(tunnel.close_code, 1000);
    leave(first, false);
    leave(second, false);
    turn();
    ck_assert_int_eq(over, first == CLIENT ? REASON_CLIENT_CLOSED : REASON_BACKEND_ENDED);
}
END_TEST

START_TEST(both_close_at_once)
{
    size_t len;
    char *bytes = frame_case_bytes("X=1001:", 1, true, &len);

    ck_assert_int_eq(send(peers[CLIENT], bytes, len, 0), (ssize_t)len);
    free(bytes);
    send_words(BACKEND, "X=1012:");
    expect_words(BACKEND, "X=1001:");
    expect_words(CLIENT, "X=1012:");
    expect_fin(CLIENT);
    expect_fin(BACKEND);
}
END_TEST

START_TEST(a_close_that_is_not_answered)
{
    int first = _i, second = 1 - _i;

    send_words(first, "X=4000:why");
    expect_words(second, "X=4000:why");
    ck_assert_uint_eq(tunnel_due(&tunnel, 1000, 0), 6000);
    ck_assert_int_eq(tunnel_tick(&tunnel, 5999, 0), REASON_NONE);
    enum reason reason = tunnel_tick(&tunnel, 6000, 0);
    ck_assert_int_eq(reason, first == CLIENT ? REASON_CLIENT_CLOSED : REASON_BACKEND_ENDED);
    expect_close(first, 4000);
    expect_fin(first);
}
END_TEST

/* Nothing that comes after a Close of the gateway's goes anywhere, not even the answer to it. */
START_TEST(nothing_follows_a_close_of_ours)
{
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_EXPIRED, 1000), REASON_NONE);
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_DRAIN, 1000), REASON_NONE); /* once */
    send_words(CLIENT, "T5 X=4401:");
    send_words(BACKEND, "T5 X=1001:");
    expect_close(CLIENT, 4401);
    expect_close(BACKEND, 1001);
    expect_fin(CLIENT);
    expect_fin(BACKEND);
    ck_assert_uint_eq(tunnel.close_code, 4401);
    ck_assert_uint_eq(tunnel.bytes[CLIENT] + tunnel.bytes[BACKEND], 0);
    leave(CLIENT, false);
    leave(BACKEND, false);
    turn();
    ck_assert_int_eq(over, REASON_EXPIRED);
}
END_TEST

START_TEST(ours_is_the_answer_to_a_close)
{
    send_words(CLIENT, "X=1000:");
    expect_words(BACKEND, "X=1000:");
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_EXPIRED, 1000), REASON_NONE);
    expect_close(CLIENT, 1000);
    expect_close(BACKEND, 0); /* one was there */
    expect_fin(BACKEND);
}
END_TEST

/* A frame on its way is waited for, and the Close stands behind it: nothing else. */
START_TEST(a_frame_that_has_begun_is_finished)
{
    int from = _i, to = 1 - _i;
    size_t len;
    char *bytes = frame_case_bytes("t9 T9", SIZE_MAX, from == CLIENT, &len);
    size_t frame = len / 2, size;

    give(from, bytes, frame - 5);
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_DRAIN, 1000), REASON_NONE);
    expect_close(from, from == CLIENT ? 1012 : 1001);
    give(from, bytes + frame - 5, 2);
    give(from, bytes + frame - 3, len - frame + 3);
    char *got = drink(to, &size);
    unsigned code = to == CLIENT ? 1012 : 1001;
    ck_assert_uint_eq(before_close(got, size, to == BACKEND, code, "finished"), frame);
    ck_assert_mem_eq(got, bytes, frame);
    expect_fin(to);
    free(got);
    free(bytes);
}
END_TEST

/* And where its rest does not come in time, it ends there: no Close in it. */
START_TEST(a_frame_whose_rest_does_not_come_is_cut)
{
    int from = _i, to = 1 - _i;
    size_t len, size;
    char *bytes = frame_case_bytes("T90", 1, from == CLIENT, &len);

    give(from, bytes, len - 1);
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_EXPIRED, 1000), REASON_NONE);
    ck_assert_int_eq(tunnel_tick(&tunnel, 5999, 0), REASON_NONE);
    ck_assert_int_eq(tunnel_tick(&tunnel, 6000, 0), REASON_EXPIRED);
    over = REASON_EXPIRED;
    close_if_over();
    char *got = drink(to, &size);
    ck_assert_uint_eq(size, len - 1);
    ck_assert_mem_eq(got, bytes, size);
    free(got);
    free(bytes);
}
END_TEST

static const struct {
    enum reason reason;
    unsigned code;
} revocations[] = {
    {REASON_CLOSED_BY_MODULE, 4403},
    {REASON_KILLED, 4403},
    {REASON_REVOKED, 4403},
    {REASON_REVALIDATION, 4403},
    {REASON_REVALIDATION_UNAUTHORIZED, 4401},
};

/* Leave that was taken away: what the client has begun is not finished. */
START_TEST(after_a_revocation_a_frame_of_the_client_is_cut)
{
    size_t len, size;
    char *bytes = frame_case_bytes("T90", 1, true, &len);

    give(CLIENT, bytes, len - 50);
    ck_assert_int_eq(tunnel_finish(&tunnel, revocations[_i].reason, 1000), REASON_NONE);
    give(CLIENT, bytes + len - 50, 50);
    char *got = drink(BACKEND, &size);
    ck_assert_uint_eq(size, len - 50);
    expect_fin(BACKEND);
    expect_close(CLIENT, revocations[_i].code);
    free(got);
    free(bytes);
}
END_TEST

START_TEST(the_beginning_of_a_header_is_not_passed_on)
{
    give(CLIENT, "\x81\xfe\x00", 3);
    ck_assert_ptr_nonnull(tunnel.rest[CLIENT]);
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_IDLE, 1000), REASON_NONE);
    expect_close(BACKEND, 1001);
    expect_fin(BACKEND);
}
END_TEST

START_TEST(a_backend_that_is_lost)
{
    bool reset = _i;

    send_words(BACKEND, "T5");
    leave(BACKEND, reset);
    turn();
    size_t size;
    char *got = drink(CLIENT, &size);
    ck_assert_uint_eq(before_close(got, size, false, 1011, "lost"), 7);
    free(got);
    expect_fin(CLIENT);
    leave(CLIENT, false);
    turn();
    ck_assert_int_eq(over, reset ? REASON_BACKEND_RESET : REASON_BACKEND_LOST);
    ck_assert_uint_eq(tunnel.close_code, 1011);
}
END_TEST

START_TEST(a_backend_that_is_lost_within_a_frame)
{
    give(BACKEND, "\x81\x05" "abc", 5);
    leave(BACKEND, false);
    turn();
    expect(CLIENT, "\x81\x05" "abc");
    expect_fin(CLIENT);
    leave(CLIENT, false);
    turn();
    ck_assert_int_eq(over, REASON_BACKEND_LOST);
    ck_assert_uint_eq(tunnel.close_code, 0);
}
END_TEST

/* Many backends hang up instead of answering: then the client gets its own code back. */
START_TEST(a_backend_that_hangs_up_at_a_close)
{
    send_words(CLIENT, "X=1000:bye");
    expect_words(BACKEND, "X=1000:bye");
    leave(BACKEND, false);
    turn();
    expect_close(CLIENT, 1000);
    expect_fin(CLIENT);
    leave(CLIENT, false);
    turn();
    ck_assert_int_eq(over, REASON_CLIENT_CLOSED);
}
END_TEST

START_TEST(a_client_that_is_lost)
{
    send_words(CLIENT, "T5");
    shutdown(peers[CLIENT], SHUT_WR);
    turn();
    expect_words(BACKEND, "T5");
    expect_fin(BACKEND);
    send_words(BACKEND, "T6");
    expect_words(CLIENT, "T6");
    send_words(BACKEND, "X=1000:");
    leave(BACKEND, false);
    turn();
    expect_words(CLIENT, "X=1000:");
    ck_assert_int_eq(over, REASON_CLIENT_LOST);
}
END_TEST

/* ---- Behind an outbox ------------------------------------------------------------------- */

/* Fills the way to the other side with frames; returns how many bytes of it have been read. */
static uint64_t
stuff(int from)
{
    static char chunk[65536 - 100];
    size_t len;
    char *head = frame_case_bytes("K82:/h%7f%00%00%00%00%3f%ff%ff%ff", 1, from == CLIENT, &len);

    rules.terms.frames.max_message = 0;
    ck_assert_int_eq(send(peers[from], head, len, 0), (ssize_t)len);
    free(head);
    for (int quiet = 0; quiet < 50;) {
        quiet = send(peers[from], chunk, sizeof(chunk), 0) > 0 ? 0 : quiet + 1;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_assert_ptr_nonnull(tunnel.sides[1 - from].out);
    ck_assert(!tunnel.sides[from].reading);
    return tunnel.bytes[from];
}

START_TEST(a_slow_reader_in_the_middle_of_a_frame)
{
    int from = _i, to = 1 - _i;
    uint64_t passed = stuff(from), got = 0;
    static char chunk[65536];
    ssize_t n;

    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_CLOSED_BY_MODULE, 1000), REASON_NONE);
    ck_assert(tunnel.sides[from].reading || from == BACKEND);
    if (from == BACKEND) /* the rest of that frame would still do: but not after the deadline */
        ck_assert_int_eq(tunnel_tick(&tunnel, 6000, 0), REASON_CLOSED_BY_MODULE);
    while (from == CLIENT && !tunnel.sides[to].shut) {
        n = recv(peers[to], chunk, sizeof(chunk), 0);
        got += n > 0 ? (uint64_t)n : 0;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    if (from == BACKEND)
        return;
    while ((n = recv(peers[to], chunk, sizeof(chunk), 0)) > 0)
        got += (uint64_t)n;
    ck_assert_int_eq(n, 0);
    ck_assert_uint_eq(got, passed); /* and no Close among it */
}
END_TEST

/* The Close waits behind what a slow reader has not taken. */
START_TEST(a_close_behind_an_outbox)
{
    static char chunk[65536];
    int from = _i, to = 1 - _i;
    size_t len, size = 0;
    char *frame = frame_case_bytes("B65000", 1, from == CLIENT, &len);
    char tail[FRAME_CONTROL_MAX] = {0};

    for (int quiet = 0; quiet < 50;) { /* whole frames alone */
        ssize_t n = tunnel.sides[to].out == NULL ? send(peers[from], frame, len, 0) : -1;
        for (size_t sent = n > 0 ? (size_t)n : len; sent < len;) {
            event_base_loop(base, EVLOOP_NONBLOCK);
            n = send(peers[from], frame + sent, len - sent, 0);
            sent += n > 0 ? (size_t)n : 0;
        }
        quiet = n > 0 ? 0 : quiet + 1;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_assert_ptr_nonnull(tunnel.sides[to].out);
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_DRAIN, 1000), REASON_NONE);
    uint64_t got = 0;
    for (ssize_t n = -1; n != 0;) {
        n = recv(peers[to], chunk, sizeof(chunk), 0);
        if (n >= (ssize_t)sizeof(tail))
            memcpy(tail, chunk + n - sizeof(tail), sizeof(tail));
        else if (n > 0) {
            memmove(tail, tail + n, sizeof(tail) - (size_t)n);
            memcpy(tail + sizeof(tail) - n, chunk, (size_t)n);
        }
        got += n > 0 ? (uint64_t)n : 0;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    size = to == CLIENT ? 2 + 2 + strlen("drain") : 6 + 2;
    if (tunnel.close_sent[to])
        ck_assert_uint_eq(before_close(tail, sizeof(tail), to == BACKEND,
                                       to == CLIENT ? 1012 : 1001, "outbox"),
                          sizeof(tail) - size);
    ck_assert_uint_eq(got, tunnel.bytes[from] + (tunnel.close_sent[to] ? size : 0));
    free(frame);
}
END_TEST

START_TEST(whoever_takes_nothing_is_given_up_and_the_other_told)
{
    int from = _i, to = 1 - _i;

    rules.terms.times.write = 500;
    (void)stuff(from);
    ck_assert_int_eq(tunnel_tick(&tunnel, 1499, 0), REASON_NONE);
    ck_assert_int_eq(tunnel_tick(&tunnel, 1500, 0), REASON_NONE);
    ck_assert_ptr_null(tunnel.sides[to].out);
    expect_close(from, 1001);
    expect_fin(from);
    ck_assert_int_eq(tunnel_tick(&tunnel, 6500, 0), REASON_WRITE_TIMEOUT);
}
END_TEST

/* ---- Memory ---------------------------------------------------------------------------- */

START_TEST(no_memory_for_what_must_wait)
{
    failing_memory_arm(1);
    give(CLIENT, "\x81", 1);
    ck_assert(failing_memory_disarm());
    ck_assert_int_eq(over, REASON_NO_MEMORY);
}
END_TEST

START_TEST(what_came_with_the_handshake_is_judged_too)
{
    char early[] = "HTTP/1.1 101\x81\x02okx\x83\x00";
    size_t len;

    ck_assert_int_eq(tunnel_give(&tunnel, BACKEND, early, sizeof(early) - 1 - 3, 12, 1000),
                     REASON_NONE);
    expect(CLIENT, "HTTP/1.1 101\x81\x02ok");
    ck_assert_uint_eq(tunnel.bytes[BACKEND], 4);
    char bad[] = "HTTP/1.1 101\x83\x00";
    ck_assert_int_eq(tunnel_give(&tunnel, BACKEND, bad, sizeof(bad) - 1, 12, 1000), REASON_NONE);
    char *got = drink(CLIENT, &len);
    ck_assert_uint_eq(before_close(got, len, false, 1001, "early"), 12);
    expect_close(BACKEND, 1002);
    free(got);
    char late[] = "late";
    ck_assert_int_eq(tunnel_give(&tunnel, CLIENT, late, 4, 0, 1000), REASON_NONE);
    expect_fin(BACKEND);
}
END_TEST

START_TEST(rules_are_kept_once)
{
    struct tunnel_rules *list = NULL;
    struct tunnel_terms terms, others;

    memset(&terms, 0, sizeof(terms));
    terms.times.idle = 5;
    memset(&others, 0, sizeof(others));
    others.checked = true;
    const struct tunnel_rules *first = tunnel_rules_hold(&list, &terms);
    const struct tunnel_rules *second = tunnel_rules_hold(&list, &others);
    ck_assert_ptr_eq(tunnel_rules_hold(&list, &terms), first);
    ck_assert_ptr_ne(first, second);
    ck_assert_uint_eq(first->tunnels, 2);
    tunnel_rules_drop(&list, first);
    tunnel_rules_drop(&list, second);
    ck_assert_ptr_eq(list, first);
    ck_assert_uint_eq(first->terms.times.idle, 5);
    tunnel_rules_drop(&list, first);
    ck_assert_ptr_null(list);
    failing_memory_arm(1);
    first = tunnel_rules_hold(&list, &terms);
    ck_assert(failing_memory_disarm());
    ck_assert_ptr_null(first);
}
END_TEST

static void
local_setup(void)
{
    rig_local = true;
    setup();
}

static void
tcp_setup(void)
{
    rig_local = false;
    setup();
}

Suite *
tunnel_frames_suite(void)
{
    Suite *suite = suite_create("tunnel_frames");
    TCase *streams = tcase_create("streams"), *tc = tcase_create("closes");

    tcase_add_checked_fixture(streams, local_setup, teardown);
    tcase_set_timeout(streams, 60);
    tcase_add_loop_test(streams, every_stream_both_ways_at_every_split, 0, (int)frame_case_count);
    suite_add_tcase(suite, streams);

    tcase_add_checked_fixture(tc, tcp_setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_close_is_answered_by_the_other, 0, 2);
    tcase_add_test(tc, both_close_at_once);
    tcase_add_loop_test(tc, a_close_that_is_not_answered, 0, 2);
    tcase_add_test(tc, nothing_follows_a_close_of_ours);
    tcase_add_test(tc, ours_is_the_answer_to_a_close);
    tcase_add_loop_test(tc, a_frame_that_has_begun_is_finished, 0, 2);
    tcase_add_loop_test(tc, a_frame_whose_rest_does_not_come_is_cut, 0, 2);
    tcase_add_loop_test(tc, after_a_revocation_a_frame_of_the_client_is_cut, 0,
                        sizeof(revocations) / sizeof(revocations[0]));
    tcase_add_test(tc, the_beginning_of_a_header_is_not_passed_on);
    tcase_add_loop_test(tc, a_backend_that_is_lost, 0, 2);
    tcase_add_test(tc, a_backend_that_is_lost_within_a_frame);
    tcase_add_test(tc, a_backend_that_hangs_up_at_a_close);
    tcase_add_test(tc, a_client_that_is_lost);
    tcase_add_loop_test(tc, a_slow_reader_in_the_middle_of_a_frame, 0, 2);
    tcase_add_loop_test(tc, a_close_behind_an_outbox, 0, 2);
    tcase_add_loop_test(tc, whoever_takes_nothing_is_given_up_and_the_other_told, 0, 2);
    tcase_add_test(tc, no_memory_for_what_must_wait);
    tcase_add_test(tc, what_came_with_the_handshake_is_judged_too);
    tcase_add_test(tc, rules_are_kept_once);
    suite_add_tcase(suite, tc);
    return suite;
}
