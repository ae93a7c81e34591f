/* splice_pipe_test.c - bytes through a pipe, and what stands in its way. */
#include "base/compiler.h"
#include "net/splice_pipe.h"
#include "tcp_pair.h"
#include "unit.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BYTES = 300 * 1000 };

static struct splice_pipe tube;
static struct stream from, to;
static int sender, receiver; /* the peers' ends */
static char sent[BYTES], got[BYTES];

static void
open_pair(int family, int pair[2])
{
    if (family == AF_INET)
        tcp_pair(pair);
    else
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
}

static void
open_streams(int in, int out)
{
    int pair[2];

    open_pair(in, pair);
    sender = pair[0];
    from = (struct stream){pair[1], NULL};
    open_pair(out, pair);
    receiver = pair[0];
    to = (struct stream){pair[1], NULL};
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (char)(i * 131 + (i >> 8));
}

static void
setup(void)
{
    tube = SPLICE_PIPE_CLOSED;
    (void)signal(SIGPIPE, SIG_IGN); /* as the gateway does */
}

static void
teardown(void)
{
    splice_pipe_close(&tube);
    splice_pipe_close(&tube);
    stream_close(&from);
    stream_close(&to);
    close(sender);
    close(receiver);
}

/* Both kinds of sockets on both sides, in pieces of any size; what is left over is read. */
START_TEST(bytes_go_through)
{
    static const int families[][2] = {
        {AF_INET, AF_INET}, {AF_UNIX, AF_UNIX}, {AF_INET, AF_UNIX}, {AF_UNIX, AF_INET}};
    size_t written = 0, received = 0, piece = 1;
    static char left[BYTES];

    open_streams(families[_i][0], families[_i][1]);
    while (received < BYTES) {
        ssize_t n = send(sender, sent + written, BYTES - written, MSG_DONTWAIT | MSG_NOSIGNAL);
        written += n > 0 ? (size_t)n : 0;
        ck_assert(splice_pipe_ready(&tube, 1));
        struct stream_result in = splice_pipe_fill(&tube, &from, piece);
        ck_assert_uint_le(in.n, piece);
        if (in.status == STREAM_OK) {
            struct stream_result out = splice_pipe_drain(&tube, &to, in.n);
            size_t rest = splice_pipe_read(&tube, left, sizeof(left));
            ck_assert_uint_eq(out.n + rest, in.n);
            ck_assert_uint_eq(splice_pipe_read(&tube, left + rest, 1), 0);
            size_t here = 0;
            while (here < out.n) {
                n = recv(receiver, got + received + here, out.n - here, MSG_DONTWAIT);
                here += n > 0 ? (size_t)n : 0;
            }
            memcpy(got + received + out.n, left, rest);
            received += in.n;
        }
        piece = piece * 3 % 70001 + 1;
    }
    ck_assert_mem_eq(sent, got, BYTES);
    teardown();
}
END_TEST

START_TEST(nothing_is_there)
{
    open_streams(AF_INET, AF_INET);
    ck_assert(splice_pipe_ready(&tube, 1));
    ck_assert_int_eq(splice_pipe_fill(&tube, &from, 100).status, STREAM_AGAIN);
    close(sender);
    sender = -1;
    ck_assert_int_eq(splice_pipe_fill(&tube, &from, 100).status, STREAM_END);
    ck_assert(splice_pipe_ready(&tube, 1));
    stream_close(&from);
    from.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); /* not connected */
    ck_assert_int_eq(splice_pipe_fill(&tube, &from, 100).status, STREAM_ERROR);
    ck_assert(splice_pipe_ready(&tube, 1));
    teardown();
}
END_TEST

/* The kernel says no: then for some time there is none. */
START_TEST(a_stream_that_cannot_be_spliced)
{
    open_streams(AF_INET, AF_INET);
    stream_close(&from);
    from.fd = eventfd(0, EFD_NONBLOCK);
    ck_assert(splice_pipe_ready(&tube, 1000));
    ck_assert_int_eq(splice_pipe_fill(&tube, &from, 100).status, STREAM_AGAIN);
    ck_assert(!splice_pipe_ready(&tube, 1000));
    ck_assert(!splice_pipe_ready(&tube, 1000 + SPLICE_PIPE_RETRY_MS - 1));
    ck_assert(splice_pipe_ready(&tube, 1000 + SPLICE_PIPE_RETRY_MS));
    teardown();
}
END_TEST

START_TEST(a_peer_that_is_gone)
{
    open_streams(AF_INET, AF_UNIX);
    close(receiver);
    receiver = -1;
    ck_assert_int_eq(send(sender, sent, 1000, 0), 1000);
    ck_assert(splice_pipe_ready(&tube, 1));
    ck_assert_uint_eq(splice_pipe_fill(&tube, &from, 1000).n, 1000);
    ck_assert_int_eq(splice_pipe_drain(&tube, &to, 1000).status, STREAM_AGAIN);
    ck_assert_uint_eq(splice_pipe_read(&tube, got, sizeof(got)), 1000);
    ck_assert_mem_eq(sent, got, 1000);
    teardown();
}
END_TEST

START_TEST(no_descriptors)
{
    struct rlimit limit, none;

    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 3;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    ck_assert(!splice_pipe_ready(&tube, 500));
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(!splice_pipe_ready(&tube, 500));
    ck_assert(splice_pipe_ready(&tube, 500 + SPLICE_PIPE_RETRY_MS));
    splice_pipe_close(&tube);
    ck_assert(splice_pipe_ready(&tube, 0)); /* closed, not given up */
    splice_pipe_close(&tube);
}
END_TEST

Suite *
splice_pipe_suite(void)
{
    Suite *suite = suite_create("splice_pipe");
    TCase *tcase = tcase_create("all");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, bytes_go_through, 0, 4);
    tcase_add_test(tcase, nothing_is_there);
    tcase_add_test(tcase, a_stream_that_cannot_be_spliced);
    tcase_add_test(tcase, a_peer_that_is_gone);
    tcase_add_test(tcase, no_descriptors);
    suite_add_tcase(suite, tcase);
    return suite;
}
