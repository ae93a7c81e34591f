/* crowd_test.c - the limits on connections and unfinished handshakes. */
#include "base/address.h"
#include "gateway/crowd.h"
#include "unit.h"

static struct address
ip(const char *text)
{
    struct address address;

    ck_assert(address_parse_ip(&address, str_of(text)));
    return address;
}

START_TEST(connections_and_handshakes_have_limits)
{
    const struct crowd_limits limits = {.connections = 3, .handshakes = 2};
    struct crowd *crowd = crowd_new();
    struct address a = ip("192.0.2.1");

    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_HANDSHAKES);
    crowd_handshake_over(crowd, &limits, &a.any);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
    crowd_handshake_over(crowd, &limits, &a.any);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_OVERLOAD);
    crowd_leave(crowd);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
    crowd_free(crowd);
}
END_TEST

START_TEST(zero_is_no_limit)
{
    const struct crowd_limits limits = {0};
    struct crowd *crowd = crowd_new();
    struct address a = ip("192.0.2.1");

    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
    crowd_free(crowd);
}
END_TEST

START_TEST(an_address_has_its_own_limit)
{
    const struct crowd_limits limits = {.handshakes_per_address = 2};
    struct crowd *crowd = crowd_new();
    struct address a = ip("192.0.2.1"), b = ip("192.0.2.2");
    struct address six = ip("2001:db8::1"), same = ip("2001:db8::ffff"),
                   apart = ip("2001:db8:0:1::1");

    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
        ck_assert_int_eq(crowd_enter(crowd, &limits, &b.any), REASON_NONE);
    }
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_ADDRESS_HANDSHAKES);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &six.any), REASON_NONE);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &same.any), REASON_NONE);
    /* One /64. */
    ck_assert_int_eq(crowd_enter(crowd, &limits, &same.any), REASON_ADDRESS_HANDSHAKES);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &apart.any), REASON_NONE);
    for (int i = 0; i < 2; i++) {
        crowd_handshake_over(crowd, &limits, &a.any);
        crowd_handshake_over(crowd, &limits, &b.any);
        crowd_handshake_over(crowd, &limits, &six.any);
    }
    crowd_handshake_over(crowd, &limits, &apart.any);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
    crowd_handshake_over(crowd, &limits, &a.any);
    crowd_free(crowd); /* under LeakSanitizer: no tally is left */
}
END_TEST

START_TEST(peers_on_a_unix_socket_are_no_single_address)
{
    const struct crowd_limits limits = {.handshakes_per_address = 1};
    struct crowd *crowd = crowd_new();
    const struct sockaddr peer = {.sa_family = AF_UNIX};

    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(crowd_enter(crowd, &limits, &peer), REASON_NONE);
    for (int i = 0; i < 10; i++)
        crowd_handshake_over(crowd, &limits, &peer);
    crowd_free(crowd);
}
END_TEST

START_TEST(a_client_counts_once_he_is_known)
{
    const struct crowd_limits limits = {.handshakes = 3, .handshakes_per_address = 1};
    struct crowd *crowd = crowd_new();
    struct address a = ip("192.0.2.1");
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(crowd_enter(crowd, &limits, NULL), REASON_NONE);
    ck_assert_int_eq(crowd_enter(crowd, &limits, NULL), REASON_HANDSHAKES);
    ck_assert_int_eq(crowd_count(crowd, &limits, &a.any), REASON_NONE);
    ck_assert_int_eq(crowd_count(crowd, &limits, &a.any), REASON_ADDRESS_HANDSHAKES);
    ck_assert_int_eq(crowd_count(crowd, &limits, &nobody), REASON_NONE);
    ck_assert_int_eq(crowd_count(crowd, &limits, &nobody), REASON_NONE);
    crowd_handshake_over(crowd, &limits, NULL);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_ADDRESS_HANDSHAKES);
    crowd_handshake_over(crowd, &limits, &a.any);
    ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
    crowd_handshake_over(crowd, &limits, &a.any);
    crowd_handshake_over(crowd, &limits, &nobody);
    crowd_free(crowd);
}
END_TEST

START_TEST(many_addresses_come_and_go)
{
    const struct crowd_limits limits = {.handshakes_per_address = 1};
    struct crowd *crowd = crowd_new();
    struct address a = ip("10.0.0.0");

    for (uint32_t i = 0; i < 20000; i++) {
        a.v4.sin_addr.s_addr = htonl(0x0A000000 + i);
        ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_NONE);
        ck_assert_int_eq(crowd_enter(crowd, &limits, &a.any), REASON_ADDRESS_HANDSHAKES);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        a.v4.sin_addr.s_addr = htonl(0x0A000000 + i);
        crowd_handshake_over(crowd, &limits, &a.any);
    }
    crowd_free(crowd);
}
END_TEST

Suite *
crowd_suite(void)
{
    Suite *suite = suite_create("crowd");
    TCase *tc = tcase_create("crowd");
    tcase_add_test(tc, connections_and_handshakes_have_limits);
    tcase_add_test(tc, zero_is_no_limit);
    tcase_add_test(tc, an_address_has_its_own_limit);
    tcase_add_test(tc, peers_on_a_unix_socket_are_no_single_address);
    tcase_add_test(tc, a_client_counts_once_he_is_known);
    tcase_add_test(tc, many_addresses_come_and_go);
    suite_add_tcase(suite, tc);
    return suite;
}
