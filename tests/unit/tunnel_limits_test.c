/*
 * tunnel_limits_test.c - token buckets, and what a tunnel does with them; pings of our own, and
 * who answers them.
 */
#include "frame_cases.h"
#include "tunnel_rig.h"
#include "unit.h"

#include <stdlib.h>
#include <sys/socket.h>

/* ---- Buckets ------------------------------------------------------------------- */

START_TEST(a_bucket_fills_and_is_spent)
{
    struct rates_terms terms = {.messages = {10, 20}, .of = {true, false}};
    struct rates *rates = rates_new(&terms, 1000);

    ck_assert_uint_eq(rates_budget(rates, &terms, 0, 1000), 20);
    ck_assert(rates_spend(rates, &terms, 0, 20, 1 << 30, 1000));
    ck_assert_uint_eq(rates_budget(rates, &terms, 0, 1099), 0);
    ck_assert_uint_eq(rates_budget(rates, &terms, 0, 1100), 1);
    ck_assert_uint_eq(rates_budget(rates, &terms, 0, 2000), 10);
    ck_assert_uint_eq(rates_budget(rates, &terms, 0, UINT64_MAX), 20); /* never more than that */
    ck_assert_uint_gt(rates_budget(rates, &terms, 1, 1000), UINT32_MAX);
    ck_assert(rates_spend(rates, &terms, 1, 1 << 30, 0, 1000)); /* not of that direction */
    free(rates);
}
END_TEST

START_TEST(a_debt_is_paid_in_time)
{
    struct rates_terms terms = {.bytes = {1000, 0}, .of = {true, true}, .delay = true};
    struct rates *rates = rates_new(&terms, 1000);

    ck_assert(rates_spend(rates, &terms, 1, 5, 1000, 1000)); /* a second's worth at once */
    ck_assert(!rates_spend(rates, &terms, 1, 5, 500, 1000));
    ck_assert_uint_eq(rates_due(rates, &terms, 1), 1500);
    ck_assert_uint_eq(rates_due(rates, &terms, 0), 1000); /* each for itself */
    ck_assert(!rates_spend(rates, &terms, 1, 0, 0, 1499));
    ck_assert(rates_spend(rates, &terms, 1, 0, 0, 1500));
    free(rates);
}
END_TEST

START_TEST(the_largest_rates_do_not_overflow)
{
    struct rates_terms terms = {.bytes = {RATE_MAX, RATE_MAX}, .of = {true, true}};
    struct rates *rates = rates_new(&terms, 0);

    ck_assert(rates_spend(rates, &terms, 0, 0, RATE_MAX, UINT64_MAX / 2));
    ck_assert(!rates_spend(rates, &terms, 0, 0, 65536, UINT64_MAX / 2));
    ck_assert(rates_spend(rates, &terms, 0, 0, RATE_MAX, UINT64_MAX - 1));
    free(rates);
}
END_TEST

/* ---- In a tunnel ----------------------------------------------------------------- */

static void
begin(void)
{
    struct tunnel_rules *none = NULL;

    tunnel.rules = NULL;
    tunnel_end(&tunnel, &none);
    rules.terms.checked = true;
    rules.terms.frames.allow = FRAMES_ALLOW_TEXT | FRAMES_ALLOW_BINARY;
    rules.terms.times.close = 5000;
    ck_assert(tunnel_begin(&tunnel, &rules, false, 7, 1000));
}

static void
teardown(void)
{
    struct tunnel_rules *none = NULL;

    tunnel.rules = NULL;
    tunnel_end(&tunnel, &none);
    rig_teardown();
}

static void
send_words(int from, const char *stream)
{
    size_t len;
    char *bytes = frame_case_bytes(stream, SIZE_MAX, from == CLIENT, &len);

    ck_assert_int_eq(send(peers[from], bytes, len, 0), (ssize_t)len);
    free(bytes);
    turn();
}

/* What has come begins with the stream. Returns how much there is behind it; `rest` has room for
 * that. */
static size_t
take_words(int peer, const char *stream, char *rest)
{
    char got[4096];
    size_t len;
    char *wanted = frame_case_bytes(stream, SIZE_MAX, peer == BACKEND, &len);
    ssize_t n = recv(peers[peer], got, sizeof(got), 0);

    n = n < 0 ? 0 : n;
    ck_assert_int_ge(n, (ssize_t)len);
    ck_assert_mem_eq(got, wanted, len);
    free(wanted);
    memcpy(rest, got + len, (size_t)n - len);
    return (size_t)n - len;
}

static unsigned
close_code(const char *frame)
{
    char buffer[FRAME_CONTROL_PAYLOAD_MAX];
    struct str payload = frame_payload(frame, buffer);

    ck_assert_uint_eq((unsigned char)frame[0], 0x88);
    return (unsigned)(unsigned char)payload.at[0] << 8 | (unsigned char)payload.at[1];
}

START_TEST(a_message_too_many)
{
    int from = _i, to = 1 - _i;
    char rest[4096];

    rules.terms.rates = (struct rates_terms){.messages = {2, 3}, .of = {true, true}};
    begin();
    send_words(from, "T1 t1 P1 C1 T2 T3");
    ck_assert_uint_gt(take_words(to, "T1 t1 P1 C1", rest), 0);
    ck_assert_uint_eq(close_code(rest), 1001);
    ck_assert_uint_gt(take_words(from, "", rest), 0);
    ck_assert_uint_eq(close_code(rest), 4429);
}
END_TEST

START_TEST(bytes_too_many)
{
    int from = _i, to = 1 - _i;
    char rest[4096];

    rules.terms.rates = (struct rates_terms){.bytes = {100, 0}, .of = {true, true}};
    begin();
    send_words(from, "T90");
    ck_assert_uint_eq(take_words(to, "T90", rest), 0);
    send_words(from, "T90");
    ck_assert_uint_gt(take_words(to, "T90", rest), 0); /* paid for afterwards */
    ck_assert_uint_eq(close_code(rest), 1001);
    ck_assert_uint_gt(take_words(from, "", rest), 0);
    ck_assert_uint_eq(close_code(rest), 4429);
}
END_TEST

START_TEST(bytes_that_have_to_wait)
{
    char rest[4096];

    rules.terms.checked = _i;
    rules.terms.rates = (struct rates_terms){.bytes = {100, 0}, .of = {true, false}, .delay = true};
    begin();
    rules.terms.checked = _i;
    send_words(CLIENT, "T94"); /* and a header of six */
    send_words(CLIENT, "T94");
    ck_assert_uint_eq(take_words(BACKEND, "T94 T94", rest), 0);
    ck_assert(!tunnel.sides[CLIENT].reading);
    send_words(CLIENT, "T1");
    ck_assert_uint_eq(take_words(BACKEND, "", rest), 0);
    ck_assert_uint_eq(tunnel_due(&tunnel, 1000, 0), 2000);
    ck_assert_int_eq(tunnel_tick(&tunnel, 1999, 0), REASON_NONE);
    ck_assert(!tunnel.sides[CLIENT].reading);
    ck_assert_int_eq(tunnel_tick(&tunnel, 2000, 0), REASON_NONE);
    turn();
    ck_assert_uint_eq(take_words(BACKEND, "T1", rest), 0);
    send_words(BACKEND, "T200"); /* the other way is not meant */
    ck_assert_uint_eq(take_words(CLIENT, "T200", rest), 0);
    ck_assert_int_eq(over, REASON_NONE);
}
END_TEST

/* An end does not wait for debts. */
START_TEST(a_paused_tunnel_ends)
{
    char rest[4096];

    rules.terms.rates = (struct rates_terms){.bytes = {1, 0}, .of = {true, false}, .delay = true};
    begin();
    send_words(CLIENT, "T94");
    ck_assert(!tunnel.sides[CLIENT].reading);
    ck_assert_int_eq(tunnel_finish(&tunnel, REASON_EXPIRED, 1000), REASON_NONE);
    ck_assert_uint_gt(take_words(BACKEND, "T94", rest), 0);
    leave(CLIENT, false);
    leave(BACKEND, false);
    turn();
    ck_assert_int_eq(over, REASON_EXPIRED);
}
END_TEST

/* ---- Heartbeats -------------------------------------------------------------------- */

static void
beats(void)
{
    rules.terms.times.ping = 1000;
    rules.terms.times.pong = 500;
    begin();
}

/* The next ping to that peer, as the pong that answers it. */
static size_t
answer_to_ping(int peer, char *pong)
{
    char got[4096], payload[FRAME_CONTROL_PAYLOAD_MAX];
    size_t len = take_words(peer, "", got);

    ck_assert_uint_gt(len, 0);
    ck_assert_uint_eq((unsigned char)got[0], 0x89);
    ck_assert_uint_eq((unsigned char)got[1] >> 7, peer == BACKEND); /* masked */
    return frame_control(pong, OPCODE_PONG, frame_payload(got, payload),
                         peer == CLIENT ? (const uint8_t *)"mask" : NULL);
}

START_TEST(pongs_to_our_pings_go_no_further)
{
    int peer = _i;
    char pong[FRAME_CONTROL_MAX], rest[4096], both[4096];

    beats();
    rules.terms.times.idle = 60000;
    uint64_t due = tunnel_due(&tunnel, 1000, 0);
    ck_assert(due >= 1500 && due <= 2000);
    ck_assert_int_eq(tunnel_tick(&tunnel, due - 1, 0), REASON_NONE);
    ck_assert_int_eq(tunnel_tick(&tunnel, 2000, 0), REASON_NONE);
    size_t len = answer_to_ping(peer, pong), more;
    /* Within other frames, one that is not ours, and one that we never sent. */
    char *before = frame_case_bytes("T1 O:12345678", SIZE_MAX, peer == CLIENT, &more);
    memcpy(both, before, more);
    memcpy(both + more, pong, len);
    memcpy(both + more + len, before, more);
    for (size_t i = 0; i < 2 * more + len; i += 5) {
        size_t piece = 2 * more + len - i < 5 ? 2 * more + len - i : 5;
        ck_assert_int_eq(send(peers[peer], both + i, piece, 0), (ssize_t)piece);
        turn();
    }
    ck_assert_uint_eq(tunnel.bytes[peer], 2 * more);
    free(before);
    char *wanted = frame_case_bytes("T1 O:12345678 T1 O:12345678", SIZE_MAX, peer == CLIENT, &more);
    rest[0] = 0;
    ssize_t n = recv(peers[1 - peer], rest, sizeof(rest), 0);
    size_t skip = (size_t)n - more; /* that side's own ping stands in front */
    ck_assert_mem_eq(rest + skip, wanted, more);
    ck_assert_uint_eq((unsigned char)rest[0], 0x89);
    free(wanted);
}
END_TEST

START_TEST(our_pongs_keep_nothing_from_being_idle)
{
    char pong[FRAME_CONTROL_MAX];

    beats();
    tunnel.active_ms = 5;
    ck_assert_int_eq(tunnel_tick(&tunnel, 2000, 0), REASON_NONE);
    size_t len = answer_to_ping(CLIENT, pong);
    ck_assert_int_eq(send(peers[CLIENT], pong, len, 0), (ssize_t)len);
    turn();
    ck_assert_uint_eq(tunnel.active_ms, 5);
    send_words(CLIENT, "O1");
    ck_assert_uint_eq(tunnel.active_ms, 1000);
}
END_TEST

START_TEST(whoever_is_silent_is_ended)
{
    static const enum reason silent[] = {REASON_CLIENT_SILENT, REASON_BACKEND_SILENT};
    int peer = _i, other = 1 - _i;
    char rest[4096], pong[FRAME_CONTROL_MAX];

    beats();
    ck_assert_int_eq(tunnel_tick(&tunnel, 2000, 0), REASON_NONE);
    size_t len = answer_to_ping(other, pong);
    ck_assert_int_eq(send(peers[other], pong, len, 0), (ssize_t)len);
    turn();
    ck_assert_int_eq(tunnel_tick(&tunnel, 2499, 0), REASON_NONE);
    ck_assert_int_eq(tunnel_tick(&tunnel, 2500, 0), REASON_NONE);
    ck_assert_int_eq(tunnel.first_end, silent[peer]);
    len = recv(peers[other], rest, sizeof(rest), 0) > 0;
    ck_assert_uint_eq(len, 1);
    ck_assert(tunnel.closing);
}
END_TEST

/* A side in the middle of a frame cannot answer, and what it sends shows that it is there. */
START_TEST(other_bytes_are_a_sign_of_life)
{
    beats();
    ck_assert_int_eq(tunnel_tick(&tunnel, 2000, 0), REASON_NONE);
    ck_assert_int_eq(send(peers[CLIENT], "\x81\xfe", 2, 0), 2);
    ck_assert_int_eq(send(peers[BACKEND], "\x81", 1, 0), 1);
    turn();
    ck_assert_int_eq(tunnel_tick(&tunnel, 2600, 0), REASON_NONE);
    ck_assert(!tunnel.closing);
}
END_TEST

START_TEST(no_ping_within_a_frame)
{
    char rest[4096];

    beats();
    ck_assert_int_eq(send(peers[BACKEND], "\x81\x05" "ab", 4, 0), 4);
    turn();
    ck_assert_uint_eq(take_words(CLIENT, "", rest), 4);
    ck_assert_int_eq(tunnel_tick(&tunnel, 2000, 0), REASON_NONE);
    ck_assert_uint_eq(take_words(CLIENT, "", rest), 0);
    ck_assert_int_eq(send(peers[BACKEND], "cde", 3, 0), 3);
    turn();
    ck_assert_int_eq(tunnel_tick(&tunnel, 3000, 0), REASON_NONE);
    ck_assert_uint_eq(take_words(CLIENT, "", rest), 3 + 10);
    ck_assert_uint_eq((unsigned char)rest[3], 0x89);
}
END_TEST

Suite *
tunnel_limits_suite(void)
{
    Suite *suite = suite_create("tunnel_limits");
    TCase *buckets = tcase_create("buckets"), *tc = tcase_create("tunnel");

    tcase_add_test(buckets, a_bucket_fills_and_is_spent);
    tcase_add_test(buckets, a_debt_is_paid_in_time);
    tcase_add_test(buckets, the_largest_rates_do_not_overflow);
    suite_add_tcase(suite, buckets);

    tcase_add_checked_fixture(tc, rig_setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, a_message_too_many, 0, 2);
    tcase_add_loop_test(tc, bytes_too_many, 0, 2);
    tcase_add_loop_test(tc, bytes_that_have_to_wait, 0, 2);
    tcase_add_test(tc, a_paused_tunnel_ends);
    tcase_add_loop_test(tc, pongs_to_our_pings_go_no_further, 0, 2);
    tcase_add_test(tc, our_pongs_keep_nothing_from_being_idle);
    tcase_add_loop_test(tc, whoever_is_silent_is_ended, 0, 2);
    tcase_add_test(tc, other_bytes_are_a_sign_of_life);
    tcase_add_test(tc, no_ping_within_a_frame);
    suite_add_tcase(suite, tc);
    return suite;
}
