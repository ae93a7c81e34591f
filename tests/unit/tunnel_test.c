/*
 * tunnel_test.c - two sides over real socket pairs: data, back-pressure, ends in every order,
 * deadlines. The loop is turned by hand.
 */
#include "base/compiler.h"
#include "gateway/connection.h"
#include "tunnel_rig.h"
#include "unit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

START_TEST(bytes_go_both_ways)
{
    ck_assert_int_eq(send(peers[CLIENT], "abc", 3, 0), 3);
    ck_assert_int_eq(send(peers[BACKEND], "defg", 4, 0), 4);
    turn();
    expect(BACKEND, "abc");
    expect(CLIENT, "defg");
    ck_assert_uint_eq(tunnel.bytes[CLIENT], 3);
    ck_assert_uint_eq(tunnel.bytes[BACKEND], 4);
    ck_assert_uint_eq(tunnel.active_ms, 1000);
    ck_assert_ptr_null(tunnel.sides[CLIENT].out);
    ck_assert_ptr_null(tunnel.sides[BACKEND].out);
}
END_TEST

START_TEST(an_end_is_passed_on_after_the_data)
{
    int first = _i, second = 1 - _i;

    ck_assert_int_eq(send(peers[first], "last", 4, 0), 4);
    shutdown(peers[first], SHUT_WR);
    turn();
    expect(second, "last");
    expect_end(second);
    ck_assert_int_eq(over, REASON_NONE); /* the other direction lives on */
    ck_assert_int_eq(send(peers[second], "still", 5, 0), 5);
    turn();
    expect(first, "still");
    leave(second, false);
    turn();
    expect_end(first);
    ck_assert_int_eq(over, first == CLIENT ? REASON_CLIENT_CLOSED : REASON_BACKEND_ENDED);
}
END_TEST

START_TEST(data_before_a_reset_arrives)
{
    int first = _i, second = 1 - _i;

    ck_assert_int_eq(send(peers[first], "last", 4, 0), 4);
    leave(first, true);
    turn();
    expect(second, "last");
    expect_end(second);
    ck_assert_int_eq(over, REASON_NONE); /* it is read to its end, too */
    leave(second, false);
    turn();
    ck_assert_int_eq(over, first == CLIENT ? REASON_CLIENT_RESET : REASON_BACKEND_RESET);
}
END_TEST

/* Sends until nothing more goes in, and returns how many bytes that were. */
static size_t
fill(int peer)
{
    static char chunk[65536];
    size_t sent = 0;

    for (int quiet = 0; quiet < 50;) {
        ssize_t n = send(peers[peer], chunk, sizeof(chunk), 0);
        sent += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    return sent;
}

/* All that comes until the end, while this peer sends, too. */
static size_t
drink(int peer, bool chatty)
{
    static char chunk[65536];
    size_t got = 0;

    for (int quiet = 0; quiet < 2000;) {
        ssize_t n = recv(peers[peer], chunk, sizeof(chunk), 0);
        if (n == 0 || (n == -1 && errno != EAGAIN))
            break;
        got += n > 0 ? (size_t)n : 0;
        quiet = n > 0 ? 0 : quiet + 1;
        if (chatty)
            (void)!send(peers[peer], "chat", 4, MSG_NOSIGNAL);
        if (n <= 0)
            usleep(200);
        if (over == REASON_NONE)
            event_base_loop(base, EVLOOP_NONBLOCK);
        close_if_over();
    }
    return got;
}

/* What was read of one that left, and its reset with it, arrives, though the other goes on
 * sending. */
START_TEST(nothing_is_lost_when_the_receiver_sends)
{
    int first = _i, second = 1 - _i;

    (void)fill(first);
    ck_assert_ptr_nonnull(tunnel.sides[second].out);
    ck_assert_int_eq(send(peers[second], "chat", 4, 0), 4);
    turn();
    leave(first, false); /* with an unread byte: a reset */
    size_t got = drink(second, true);
    ck_assert_uint_eq(got, tunnel.bytes[first]);
    ck_assert_uint_gt(got, 1 << 20);
}
END_TEST

/* An end of ours: FIN to both, and what still comes goes nowhere. */
START_TEST(a_finished_tunnel_says_goodbye)
{
    char byte;

    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_EXPIRED, 1000), REASON_NONE);
    ck_assert_int_eq(send(peers[CLIENT], "late", 4, 0), 4);
    ck_assert_int_eq(send(peers[BACKEND], "late", 4, 0), 4);
    turn();
    for (int i = CLIENT; i <= BACKEND; i++)
        ck_assert_int_eq(recv(peers[i], &byte, 1, 0), 0);
    ck_assert_uint_eq(tunnel.bytes[CLIENT] + tunnel.bytes[BACKEND], 0);
    leave(CLIENT, false);
    turn();
    ck_assert_int_eq(over, REASON_NONE);
    leave(BACKEND, false);
    turn();
    ck_assert_int_eq(over, REASON_EXPIRED);
}
END_TEST

/* What was read before goes out, then the end; and nobody can draw it out. */
START_TEST(a_finished_tunnel_flushes_and_has_a_deadline)
{
    size_t sent = fill(BACKEND);

    ck_assert_ptr_nonnull(tunnel.sides[CLIENT].out);
    rules.terms.times.close = 40;
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_DRAIN, 1000), REASON_NONE);
    ck_assert_uint_eq(tunnel_due(&tunnel, 1000, 0), 1040);
    ck_assert_int_eq(tunnel_tick(&tunnel, 1039, 0), REASON_NONE);
    uint64_t passed_on = tunnel.bytes[BACKEND];
    ck_assert_uint_le(passed_on, sent);
    ck_assert_uint_eq(drink(CLIENT, true), passed_on);
    ck_assert_int_eq(tunnel_tick(&tunnel, 1040, 0), REASON_DRAIN);
}
END_TEST

/* What tells of the reset is a failed write; the data is still there to read. */
START_TEST(data_before_a_reset_arrives_when_a_write_finds_it)
{
    int first = _i, second = 1 - _i;
    char bytes[] = "x";

    ck_assert_int_eq(send(peers[first], "last", 4, 0), 4);
    leave(first, true);
    usleep(2000);
    (void)!tunnel_give(&tunnel, second, bytes, 1, 0, 1000);
    (void)!tunnel_give(&tunnel, second, bytes, 1, 0, 1000);
    turn();
    expect(second, "last");
    leave(second, false);
    turn();
    ck_assert_int_eq(over, first == CLIENT ? REASON_CLIENT_RESET : REASON_BACKEND_RESET);
}
END_TEST

START_TEST(a_slow_reader_stops_the_writer)
{
    static char chunk[65536];
    int from = _i, to = 1 - _i;
    size_t sent = 0, got = 0, wrong = 0;
    unsigned char next_out = 0, next_in = 0;

    for (int quiet = 0; quiet < 50;) { /* until nothing more goes in */
        for (size_t i = 0; i < sizeof(chunk); i++)
            chunk[i] = (char)(unsigned char)(next_out + i);
        ssize_t n = send(peers[from], chunk, sizeof(chunk), 0);
        if (n > 0) {
            sent += (size_t)n;
            next_out = (unsigned char)(next_out + n);
            quiet = 0;
        } else {
            quiet++;
        }
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_assert(!tunnel.sides[from].reading);
    ck_assert_uint_le(side_waiting(&tunnel.sides[to]), RIG_BUFFER);
    ck_assert_uint_gt(side_waiting(&tunnel.sides[to]), 0);
    shutdown(peers[from], SHUT_WR);
    for (int quiet = 0; quiet < 200;) {
        ssize_t n = recv(peers[to], chunk, sizeof(chunk), 0);
        for (ssize_t i = 0; i < n; i++)
            wrong += (unsigned char)chunk[i] != next_in++; /* an assertion a byte takes minutes */
        if (n > 0)
            got += (size_t)n;
        else if (n == 0)
            break;
        else
            quiet++, usleep(500);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_assert_uint_eq(got, sent);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_ptr_null(tunnel.sides[to].out);
}
END_TEST

START_TEST(deadlines)
{
    const int64_t wall = 1700000000000;

    rules.terms.times = (struct tunnel_times){.idle = 600, .write = 30, .fin = 20};
    tunnel.active_ms = 5000;
    ck_assert_uint_eq(tunnel_due(&tunnel, 5000, wall), 5600);
    ck_assert_int_eq(tunnel_overdue(&tunnel, 5599, wall), REASON_NONE);
    ck_assert_int_eq(tunnel_overdue(&tunnel, 5600, wall), REASON_IDLE);

    tunnel.expiry_wall_ms = wall + 100;
    ck_assert_uint_eq(tunnel_due(&tunnel, 5000, wall), 5100);
    ck_assert_uint_eq(tunnel_due(&tunnel, 5000, wall + 200), 5000); /* past: at once */
    ck_assert_int_eq(tunnel_overdue(&tunnel, 5000, wall + 99), REASON_NONE);
    ck_assert_int_eq(tunnel_overdue(&tunnel, 5000, wall + 100), REASON_EXPIRED);
    tunnel.expiry_wall_ms = INT64_MAX;

    tunnel.lifetime_due_ms = 5050;
    ck_assert_uint_eq(tunnel_due(&tunnel, 5000, wall), 5050);
    ck_assert_int_eq(tunnel_overdue(&tunnel, 5050, wall), REASON_LIFETIME);
    tunnel.lifetime_due_ms = WHEEL_NEVER;

    tunnel.fin_ms = 5000;
    ck_assert_uint_eq(tunnel_due(&tunnel, 5000, wall), 5020);
    ck_assert_int_eq(tunnel_overdue(&tunnel, 5020, wall), REASON_FIN_TIMEOUT);
    tunnel.fin_ms = 0;

    rules.terms.times = (struct tunnel_times){0};
    ck_assert_uint_eq(tunnel_due(&tunnel, 5000, wall), WHEEL_NEVER);
    ck_assert_int_eq(tunnel_overdue(&tunnel, WHEEL_NEVER - 1, wall), REASON_NONE);
}
END_TEST

START_TEST(a_tunnel_that_lasts_is_kept_alive)
{
    int on;
    socklen_t len = sizeof(on);

    tunnel.keep_alive_ms = 11000;
    ck_assert_uint_eq(tunnel_due(&tunnel, 1000, 0), 11000);
    for (uint64_t now = 10999; now <= 11000; now++) {
        tunnel_keep_alive(&tunnel, now);
        ck_assert_int_eq(
            getsockopt(tunnel.sides[BACKEND].stream.fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len), 0);
        ck_assert_int_eq(on, now == 11000);
    }
    ck_assert_uint_eq(tunnel_due(&tunnel, 11000, 0), WHEEL_NEVER);
}
END_TEST

/* A direction that flows does not hide one that stands. */
START_TEST(each_direction_has_its_own_write_deadline)
{
    static char chunk[65536];
    const int64_t wall = 1700000000000;

    rules.terms.times.write = 500; /* the backend reads nothing: its outbox was filled at 1000 */
    for (int i = 0; i < 300 && tunnel.sides[BACKEND].out == NULL; i++) {
        (void)!send(peers[CLIENT], chunk, sizeof(chunk), 0);
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    ck_assert_ptr_nonnull(tunnel.sides[BACKEND].out);
    tunnel.progress_ms[CLIENT] = 1400; /* the other way, bytes go on */
    ck_assert_uint_eq(tunnel_due(&tunnel, 1400, wall), 1500);
    ck_assert_int_eq(tunnel_overdue(&tunnel, 1499, wall), REASON_NONE);
    ck_assert_int_eq(tunnel_overdue(&tunnel, 1500, wall), REASON_WRITE_TIMEOUT);
}
END_TEST

/* A reader that takes little is no reader that takes nothing, nor is the tunnel idle. */
START_TEST(a_slow_reader_is_no_dead_one)
{
    static char chunk[200000];
    const int64_t wall = 1700000000000;

    (void)fill(BACKEND);
    ck_assert_ptr_nonnull(tunnel.sides[CLIENT].out);
    rules.terms.times = (struct tunnel_times){.idle = 700, .write = 500, .fin = 20, .close = 20};
    ck_assert_int_gt(recv(peers[CLIENT], chunk, sizeof(chunk), 0), 0);
    usleep(20000); /* the kernel tells the sender's side */
    ck_assert_int_eq(tunnel_tick(&tunnel, 1500, wall), REASON_NONE);
    ck_assert_uint_eq(tunnel.progress_ms[CLIENT], 1500);
    ck_assert_uint_eq(tunnel_due(&tunnel, 1500, wall), 2000);
    ck_assert_int_eq(tunnel_tick(&tunnel, 1999, wall), REASON_NONE);
    ck_assert_int_eq(tunnel_tick(&tunnel, 2000, wall), REASON_WRITE_TIMEOUT);
}
END_TEST

/*
 * What a tunnel costs, in bytes: two sides of 40, two directions' frames of 32 and what of each
 * waits for more (8); counters and times that each message touches, and pointers to what only some
 * have, 56; what only deadlines and the end ask for, 80. What each message touches stands in front.
 */
START_TEST(is_small)
{
    ck_assert_uint_le(sizeof(struct side), 40);
    ck_assert_uint_le(sizeof(struct frames), 32);
    ck_assert_uint_le(sizeof(struct tunnel), 280);
    ck_assert_uint_eq(offsetof(struct tunnel, fin_ms), 104);
    ck_assert_uint_eq(offsetof(struct connection, worker) % CONNECTION_ALIGNMENT, 0);
    ck_assert_uint_le(offsetof(struct connection, tunnel.progress_ms) -
                          offsetof(struct connection, worker),
                      4 * CONNECTION_ALIGNMENT);
    ck_assert_uint_eq(offsetof(struct connection, tunnel.frames) % CONNECTION_ALIGNMENT, 0);
    ck_assert_uint_le(sizeof(struct connection),
                      704); /* two events of 128 bytes are the most of it */
}
END_TEST

Suite *
tunnel_suite(void)
{
    Suite *suite = suite_create("tunnel");
    TCase *tc = tcase_create("tunnel");
    tcase_add_checked_fixture(tc, rig_setup, rig_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, bytes_go_both_ways);
    tcase_add_loop_test(tc, an_end_is_passed_on_after_the_data, 0, 2);
    tcase_add_loop_test(tc, data_before_a_reset_arrives, 0, 2);
    tcase_add_loop_test(tc, data_before_a_reset_arrives_when_a_write_finds_it, 0, 2);
    tcase_add_loop_test(tc, a_slow_reader_stops_the_writer, 0, 2);
    tcase_add_test(tc, deadlines);
    tcase_add_test(tc, each_direction_has_its_own_write_deadline);
    tcase_add_test(tc, a_tunnel_that_lasts_is_kept_alive);
    tcase_add_loop_test(tc, nothing_is_lost_when_the_receiver_sends, 0, 2);
    tcase_add_test(tc, a_finished_tunnel_says_goodbye);
    tcase_add_test(tc, a_finished_tunnel_flushes_and_has_a_deadline);
    tcase_add_test(tc, a_slow_reader_is_no_dead_one);
    tcase_add_test(tc, is_small);
    suite_add_tcase(suite, tc);
    return suite;
}
