/*
 * bulk_test.c - a direction that is spliced says the same as one that is copied: every byte, every
 * fault, every end; whatever splice(2) does.
 */
#include "gateway/bulk.h"
#include "base/compiler.h"
#include "gateway/tunnel_parts.h"
#include "tunnel_rig.h"
#include "failing_memory.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STREAM_BYTES = 24 << 20 };

/* ---- splice(2) ------------------------------------------------------------------ */

/* What is wrong with it, now and then. */
enum trouble { NONE, SHORT, AGAIN, UNFIT, SMALL, TROUBLES };

static enum trouble trouble;
static unsigned calls, spliced; /* calls, and those that moved something */
static uint64_t spliced_bytes;
static uint64_t dice;

ssize_t __real_splice(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags);
ssize_t __wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags);

static uint64_t throw(uint64_t sides)
{
    dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407U;
    return (dice >> 33) % sides;
}

ssize_t
__wrap_splice(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags)
{
    calls++;
    if (trouble == UNFIT && calls > 40) {
        errno = EINVAL;
        return -1;
    }
    if (trouble == AGAIN && throw(3) == 0) {
        errno = EAGAIN;
        return -1;
    }
    if (trouble == SHORT && throw(2) == 0)
        len = 1 + throw(len);
    ssize_t n = __real_splice(in, in_at, out, out_at, len, flags);
    spliced += n > 0;
    spliced_bytes += n > 0 ? (uint64_t)n : 0;
    return n;
}

/* ---- Streams of frames ------------------------------------------------------------- */

static char *sent, *got;
static size_t sent_len, got_len;

static void
add_header(unsigned first, size_t len, bool masked)
{
    uint8_t *at = (uint8_t *)sent + sent_len;
    uint8_t mask = masked ? 0x80 : 0;
    size_t size = 2;

    at[0] = (uint8_t)first;
    at[1] = (uint8_t)(len < 126 ? len : len < 65536 ? 126 : 127) | mask;
    for (int i = len < 126 ? 0 : len < 65536 ? 2 : 8; i > 0; i--)
        at[size++] = (uint8_t)((uint64_t)len >> 8 * (i - 1));
    if (masked)
        memcpy(at + size, "mask", 4);
    sent_len += size + (masked ? 4 : 0);
}

static void
add_frame(unsigned first, size_t len, bool masked)
{
    add_header(first, len, masked);
    for (size_t i = 0; i < len; i++)
        sent[sent_len + i] = (char)(i * 131 + (i >> 8) + sent_len);
    sent_len += len;
}

/* Long ones, mostly; now and then some of every other kind. */
static void
make_stream(bool masked)
{
    static const size_t sizes[] = {65536, 65535, 65537, 131072, 16384, 16383, 1 << 20, 200000};
    static const size_t small[] = {0, 1, 5, 125, 126, 4000};

    sent_len = 0;
    for (unsigned i = 0; sent_len < STREAM_BYTES - (2 << 20); i++) {
        add_frame(0x82, i % 7 < 5 ? 65536 : sizes[throw(COUNT_OF(sizes))], masked);
        if (throw(9) == 0)
            add_frame(0x82, small[throw(COUNT_OF(small))], masked);
        if (throw(20) == 0)
            add_frame(throw(2) ? 0x89 : 0x8A, throw(126), masked); /* a ping, a pong */
        if (throw(10) == 0) {                                      /* a message of three */
            add_frame(0x01, 70000, masked);
            add_frame(0x00, throw(100000), masked);
            add_frame(0x80, 70000, masked);
        }
    }
}

/* As much as goes in, and what has come out. */
static void
pump(int from, size_t *fed, size_t until, bool read)
{
    ssize_t n = 1;

    while (*fed < until && n > 0) {
        n = send(peers[from], sent + *fed, until - *fed, MSG_DONTWAIT | MSG_NOSIGNAL);
        *fed += n > 0 ? (size_t)n : 0;
    }
    event_base_loop(base, EVLOOP_NONBLOCK);
    for (n = 1; read && n > 0 && got_len < STREAM_BYTES;) {
        n = recv(peers[tunnel_other(from)], got + got_len, STREAM_BYTES - got_len, MSG_DONTWAIT);
        got_len += n > 0 ? (size_t)n : 0;
    }
}

static void
transfer(int from, size_t until)
{
    size_t fed = 0;

    for (unsigned i = 0; got_len < until && over == REASON_NONE; i++) {
        pump(from, &fed, until, true);
        ck_assert_uint_lt(i, 2000000);
    }
}

static void
setup(void)
{
    rig_local = false;
    rig_bulk = true;
    rig_setup();
    rules.terms.checked = true;
    rules.terms.frames = (struct frames_rules){.allow = FRAMES_ALLOW_TEXT | FRAMES_ALLOW_BINARY};
    rules.terms.times.close = 5000;
    ck_assert(tunnel_begin(&tunnel, &rules, false, 7, 1000));
    sent = malloc(STREAM_BYTES);
    got = malloc(STREAM_BYTES);
    got_len = calls = spliced = 0;
    spliced_bytes = 0;
    trouble = NONE;
    dice = 42;
}

static void
teardown(void)
{
    struct tunnel_rules *none = NULL;

    rig_bulk = false;
    tunnel.rules = NULL; /* they are not in a list */
    tunnel_end(&tunnel, &none);
    rig_teardown();
    free(sent);
    free(got);
}

/* ---- Tests ------------------------------------------------------------------------ */

/* Under valgrind (WSGATE_FEW) a flow is too slow to be one, and is copied. */
static void
check_spliced(uint64_t so_many, uint64_t more_than)
{
    if (!failing_memory_is_sampled())
        ck_assert_uint_gt(so_many, more_than);
}

/* Either direction, followed or not, in any trouble: what comes out is what went in. */
START_TEST(every_byte_arrives)
{
    int from = _i % 2;

    trouble = (enum trouble)(_i / 2 % TROUBLES);
    rules.terms.checked = _i / 2 / TROUBLES == 0;
    if (trouble == SMALL) { /* a pipe of one page, as where the user has no more */
        ck_assert(splice_pipe_ready(&rig_pipe, 1));
        ck_assert_int_eq(fcntl(rig_pipe.in, F_SETPIPE_SZ, 4096), 4096);
    }
    make_stream(from == CLIENT);
    transfer(from, sent_len);
    ck_assert_int_eq(over, REASON_NONE);
    ck_assert_uint_eq(got_len, sent_len);
    ck_assert_mem_eq(got, sent, sent_len);
    ck_assert_uint_eq(tunnel.bytes[from], sent_len);
    if (trouble == NONE || trouble == SHORT)
        check_spliced(spliced_bytes, sent_len); /* into the pipe and out of it, mostly */
    check_spliced(spliced, 0);
}
END_TEST

/* The same messages are counted as where all is copied. */
START_TEST(messages_are_counted)
{
    uint64_t messages;

    make_stream(true);
    transfer(CLIENT, sent_len);
    messages = tunnel.frames[CLIENT].messages;
    check_spliced(spliced_bytes, 0);
    teardown();
    setup();
    rig_bulk = false;
    make_stream(true);
    transfer(CLIENT, sent_len);
    ck_assert_uint_eq(tunnel.frames[CLIENT].messages, messages);
    ck_assert_uint_eq(spliced_bytes, 0);
}
END_TEST

/* A reader that stops: what is held is bounded; when it goes on all is there. */
START_TEST(a_slow_reader)
{
    size_t fed = 0, most = 0, stalls = 0;

    make_stream(true);
    for (unsigned i = 0; got_len < sent_len; i++) {
        pump(CLIENT, &fed, sent_len, i % 50 == 49);
        size_t waiting = side_waiting(&tunnel.sides[BACKEND]);
        most = waiting > most ? waiting : most;
        stalls += waiting > 0;
        ck_assert_uint_lt(i, 2000000);
    }
    ck_assert_mem_eq(got, sent, sent_len);
    ck_assert_uint_gt(stalls, 0);
    ck_assert_uint_le(most, BULK_HELD_MAX);
    check_spliced(spliced_bytes, 0);
}
END_TEST

/* A frame that breaks the rules, behind a flow: all before it arrives, nothing of it. */
START_TEST(a_fault_behind_a_flow)
{
    static const struct {
        unsigned first;
        size_t len;
        enum reason reason;
        unsigned code;
    } faults[] = {
        {0x83, 70000, REASON_CLIENT_PROTOCOL, 1002}, /* a reserved opcode */
        {0xC2, 70000, REASON_CLIENT_PROTOCOL, 1002}, /* RSV1 */
        {0x80, 70000, REASON_CLIENT_PROTOCOL, 1002}, /* nothing to continue */
        {0x82, 300000, REASON_CLIENT_FRAME, 1009},
    };
    size_t good, fed = 0;

    rules.terms.frames.max_frame = 250000;
    sent_len = 0;
    for (int i = 0; i < 60; i++)
        add_frame(0x82, 65536, true);
    good = sent_len;
    add_frame(faults[_i].first, faults[_i].len, true);
    for (unsigned i = 0; i < 3000 && !tunnel.closing; i++)
        pump(CLIENT, &fed, sent_len, true);
    ck_assert(tunnel.closing);
    ck_assert_int_eq(tunnel.first_end, faults[_i].reason);
    for (int i = 0; i < 200; i++)
        pump(CLIENT, &fed, sent_len, true);
    ck_assert_uint_ge(got_len, good);
    ck_assert_mem_eq(got, sent, good);
    ck_assert_uint_le(got_len - good, FRAME_CONTROL_MAX); /* our Close */
    ck_assert_uint_eq((uint8_t)got[good], 0x88);
    check_spliced(spliced_bytes, 0);
    char close[4];
    ck_assert_int_eq(recv(peers[CLIENT], close, 4, MSG_DONTWAIT), 4);
    ck_assert_uint_eq((unsigned)(uint8_t)close[2] << 8 | (uint8_t)close[3], faults[_i].code);
}
END_TEST

/* Ended within a frame that is being spliced: its rest still passes and then comes the Close; or,
 * after a revocation, it is cut. */
START_TEST(ended_within_a_frame)
{
    bool revoked = _i == 1;
    size_t fed = 0, half;

    sent_len = 0;
    for (int i = 0; i < 40; i++)
        add_frame(0x82, 65536, true);
    half = sent_len + 400000;
    add_frame(0x82, 1 << 20, true);
    for (unsigned i = 0; i < 100000 && got_len < half; i++)
        pump(CLIENT, &fed, half, true);
    ck_assert_uint_eq(got_len, half);
    check_spliced(spliced_bytes, 0);
    ck_assert_uint_gt(tunnel.frames[CLIENT].left, 0);
    enum reason ended = tunnel_finish(&tunnel, revoked ? REASON_REVOKED : REASON_EXPIRED, 1000);
    ck_assert_int_eq(ended, REASON_NONE);
    for (unsigned i = 0; i < 3000; i++)
        pump(CLIENT, &fed, sent_len, true);
    ck_assert_mem_eq(got, sent, half);
    if (revoked) {
        ck_assert_uint_eq(got_len, half);
        return;
    }
    ck_assert_mem_eq(got, sent, sent_len);
    ck_assert_uint_gt(got_len, sent_len);
    ck_assert_uint_eq((uint8_t)got[sent_len], 0x88);
}
END_TEST

/* Either side goes in the middle of it. */
START_TEST(somebody_leaves)
{
    int who = _i % 2;
    bool reset = _i / 2 != 0;
    size_t fed = 0;

    sent_len = 0;
    for (int i = 0; i < 60; i++)
        add_frame(0x82, 65536, true);
    for (unsigned i = 0; i < 100000 && got_len < sent_len / 2; i++)
        pump(CLIENT, &fed, sent_len, true);
    check_spliced(spliced_bytes, 0);
    leave(who, reset);
    for (unsigned i = 0; i < 3000 && over == REASON_NONE; i++) {
        event_base_loop(base, EVLOOP_NONBLOCK);
        char drop[4096];
        if (peers[CLIENT] != -1)
            (void)!recv(peers[CLIENT], drop, sizeof(drop), MSG_DONTWAIT);
        ssize_t n = peers[BACKEND] == -1
                        ? 0
                        : recv(peers[BACKEND], got + got_len, STREAM_BYTES - got_len, MSG_DONTWAIT);
        got_len += n > 0 ? (size_t)n : 0;
    }
    ck_assert_mem_eq(got, sent, got_len < sent_len ? got_len : sent_len);
    ck_assert(over != REASON_NONE || tunnel.fin_ms != 0);
    if (who == CLIENT && !reset)
        ck_assert_uint_ge(got_len, fed); /* what it had sent has arrived */
}
END_TEST

/* Full buffers of them are no flow to splice: a look costs more than it saves. */
START_TEST(small_messages_are_left_alone)
{
    sent_len = 0;
    for (int i = 0; i < 2000; i++)
        add_frame(0x82, 1000, true);
    transfer(CLIENT, sent_len);
    ck_assert_mem_eq(got, sent, sent_len);
    ck_assert_uint_eq(spliced_bytes, 0);
}
END_TEST

/* Text that is judged byte by byte is never spliced. */
START_TEST(judged_text_is_copied)
{
    rules.terms.frames.validate_utf8 = true;
    sent_len = 0;
    for (int i = 0; i < 60; i++) {
        add_header(0x81, 65536, false);
        memset(sent + sent_len, 'x', 65536);
        sent_len += 65536;
    }
    transfer(BACKEND, sent_len);
    ck_assert_mem_eq(got, sent, sent_len);
    ck_assert_uint_eq(spliced_bytes, 0);
}
END_TEST

Suite *
bulk_suite(void)
{
    Suite *suite = suite_create("bulk");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, every_byte_arrives, 0, 2 * TROUBLES * 2);
    tcase_add_test(tcase, messages_are_counted);
    tcase_add_test(tcase, a_slow_reader);
    tcase_add_loop_test(tcase, a_fault_behind_a_flow, 0, 4);
    tcase_add_loop_test(tcase, ended_within_a_frame, 0, 2);
    tcase_add_loop_test(tcase, somebody_leaves, 0, 4);
    tcase_add_test(tcase, small_messages_are_left_alone);
    tcase_add_test(tcase, judged_text_is_copied);
    suite_add_tcase(suite, tcase);
    return suite;
}
