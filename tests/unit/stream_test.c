/* stream_test.c - bytes that wait for what follows them at once go out in one segment with it. */
#include "base/compiler.h"
#include "net/stream.h"
#include "tcp_pair.h"
#include "unit.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* In place of netinet/tcp.h, whose struct tcp_info ends before what is asked here. */
static unsigned
segments(int fd)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof(info);

    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
    return info.tcpi_segs_in;
}

/* How many segments bring an answer in two writes, and FIN. */
static unsigned
segments_of_an_answer(bool more)
{
    int pair[2];
    char got[8];

    tcp_pair(pair);
    struct stream stream = {pair[1], NULL};
    unsigned before = segments(pair[0]);
    ck_assert_uint_eq(stream_write(&stream, "head", 4, more).n, 4);
    ck_assert_uint_eq(stream_write(&stream, "body", 4, more).n, 4);
    ck_assert_int_eq(stream_shutdown(&stream), STREAM_OK);
    unsigned came = segments(pair[0]) - before;
    ck_assert_int_eq(recv(pair[0], got, sizeof(got), 0), 8);
    ck_assert_mem_eq(got, "headbody", 8);
    ck_assert_int_eq(recv(pair[0], got, sizeof(got), 0), 0);
    stream_close(&stream);
    close(pair[0]);
    return came;
}

/* The kernel holds bytes back for 200 ms at most: a pause at the wrong place splits them. */
START_TEST(more_waits_for_the_end)
{
    unsigned least = segments_of_an_answer(true);

    for (int i = 0; i < 10 && least > 1; i++)
        least = segments_of_an_answer(true);
    ck_assert_uint_eq(least, 1);
}
END_TEST

START_TEST(nothing_waits_without_it)
{
    ck_assert_uint_eq(segments_of_an_answer(false), 3);
}
END_TEST

Suite *
stream_suite(void)
{
    Suite *suite = suite_create("stream");
    TCase *tcase = tcase_create("more");

    tcase_add_test(tcase, more_waits_for_the_end);
    tcase_add_test(tcase, nothing_waits_without_it);
    suite_add_tcase(suite, tcase);
    return suite;
}
