/* ip_allowlist_test.c - prefixes in lists and files, deny before allow, Unix peers, faults. */
#include "fake_gateway.h"
#include "registry.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LIST_MAX = 8 };

#define LIST(...) ((const char *const[LIST_MAX]){__VA_ARGS__})

/* A NULL list is absent; one that begins with NULL is empty. */
static void *
make(const char *const *allow, const char *const *deny, const char *const *files)
{
    struct fake_option rows[4];
    size_t count = 0;

    if (allow != NULL)
        rows[count++] = (struct fake_option){"allow", allow, 0};
    if (deny != NULL)
        rows[count++] = (struct fake_option){"deny", deny, 0};
    if (files != NULL)
        rows[count++] = (struct fake_option){"files", files, 0};
    rows[count] = (struct fake_option){NULL, NULL, 0};
    return fake_gateway_setup(&ip_allowlist_module, rows);
}

static bool
passes(const void *instance, const char *ip)
{
    struct address peer = {.len = sizeof(sa_family_t)};

    peer.any.sa_family = AF_UNIX;
    if (strcmp(ip, "unix") != 0)
        ck_assert_msg(address_parse_ip(&peer, str_of(ip)), "%s", ip);
    struct mw_request request = {.peer = &peer.any};
    bool passed = fake_gateway_decide(&ip_allowlist_module, instance, &request) == MW_PASS;

    if (!passed) {
        ck_assert_int_eq(request.status, 403);
        ck_assert_str_eq(request.word, "address-not-allowed");
    }
    return passed;
}

static const struct {
    const char *allow[LIST_MAX], *deny[LIST_MAX];
    const char *ip;
    bool passes;
} rules[] = {
    {{"192.0.2.0/24", "2001:db8::/32"}, {NULL}, "192.0.2.9", true},
    {{"192.0.2.0/24", "2001:db8::/32"}, {NULL}, "2001:db8::1", true},
    {{"192.0.2.0/24", "2001:db8::/32"}, {NULL}, "198.51.100.1", false},
    {{"192.0.2.0/24", "2001:db8::/32"}, {NULL}, "2001:db9::1", false},
    {{"192.0.2.0/24"}, {"192.0.2.66"}, "192.0.2.65", true},
    {{"192.0.2.0/24"}, {"192.0.2.66"}, "192.0.2.66", false},
    {{"192.0.2.66"}, {"192.0.2.0/24"}, "192.0.2.66", false},
    {{NULL}, {"192.0.2.0/24"}, "192.0.2.1", false},
    {{NULL}, {"192.0.2.0/24"}, "192.0.3.1", true},
    {{NULL}, {"192.0.2.0/24"}, "::1", true},
    {{NULL}, {"192.0.2.0/24"}, "unix", false},
    {{"0.0.0.0/0", "::/0"}, {NULL}, "unix", false},
    {{"unix"}, {NULL}, "unix", true},
    {{"unix"}, {NULL}, "127.0.0.1", false},
    {{"unix", "127.0.0.1"}, {"127.0.0.1"}, "unix", true},
    {{"::/0"}, {NULL}, "127.0.0.1", false},
    {{"10.0.0.0/8"}, {NULL}, "::ffff:10.1.1.1", true},
    {{"10.0.0.0/8"}, {"::ffff:10.1.0.0/112"}, "10.1.1.1", false},
};

START_TEST(deny_wins_and_absent_allow_is_everyone)
{
    void *instance = make(rules[_i].allow[0] ? rules[_i].allow : NULL,
                          rules[_i].deny[0] ? rules[_i].deny : NULL, NULL);

    ck_assert_msg(instance != NULL, "%s", fake_gateway_fault());
    ck_assert_msg(passes(instance, rules[_i].ip) == rules[_i].passes, "%s", rules[_i].ip);
    ip_allowlist_module.teardown(instance);
}
END_TEST

START_TEST(no_address_is_refused)
{
    void *instance = make(LIST("unix", "0.0.0.0/0"), NULL, NULL);
    struct mw_request request = {.peer = NULL};
    struct address odd = {.len = sizeof(odd.any)};

    ck_assert_int_eq(fake_gateway_decide(&ip_allowlist_module, instance, &request), MW_DENY);
    odd.any.sa_family = AF_UNSPEC;
    request.peer = &odd.any;
    ck_assert_int_eq(fake_gateway_decide(&ip_allowlist_module, instance, &request), MW_DENY);
    ip_allowlist_module.teardown(instance);
    instance = make(NULL, LIST("192.0.2.1"), NULL);
    ck_assert_int_eq(fake_gateway_decide(&ip_allowlist_module, instance, &request), MW_DENY);
    ip_allowlist_module.teardown(instance);
}
END_TEST

/* ---- Files ---------------------------------------------------------------------- */

static char path[64];

static void
write_file(const char *text)
{
    snprintf(path, sizeof(path), "/tmp/wsgate-allow-XXXXXX");
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

START_TEST(files_hold_a_prefix_a_line)
{
    write_file("# the office\n"
               "192.0.2.1\n"
               "\n"
               "  198.51.100.0/24\t# and more\r\n"
               "\t\r\n"
               "2001:db8::/32#x\n"
               "203.0.113.7");
    void *instance = make(LIST("10.0.0.1"), LIST("198.51.100.66"), LIST(path));

    ck_assert_msg(instance != NULL, "%s", fake_gateway_fault());
    unlink(path);
    ck_assert(passes(instance, "192.0.2.1"));
    ck_assert(passes(instance, "198.51.100.65"));
    ck_assert(!passes(instance, "198.51.100.66"));
    ck_assert(passes(instance, "2001:db8::1"));
    ck_assert(passes(instance, "203.0.113.7"));
    ck_assert(passes(instance, "10.0.0.1"));
    ck_assert(!passes(instance, "192.0.2.2"));
    ip_allowlist_module.teardown(instance);
}
END_TEST

/* Allowed is who stands in it, and that is nobody. */
START_TEST(an_empty_file_allows_nobody)
{
    write_file("# none yet\n");
    void *instance = make(NULL, NULL, LIST(path));

    ck_assert_ptr_nonnull(instance);
    unlink(path);
    ck_assert(!passes(instance, "192.0.2.1"));
    ck_assert(!passes(instance, "unix"));
    ip_allowlist_module.teardown(instance);
}
END_TEST

START_TEST(faults_in_files_name_file_and_line)
{
    static const struct {
        const char *text, *at;
        size_t faults;
    } files[] = {
        {"192.0.2.1\n!192.0.2.2\n", ":2: ", 1},
        {"192.0.2.1 192.0.2.2\n", ":1: ", 1},
        {"# a\n\nunix\n", ":3: ", 1},
        {"10.0.0.1/8\nlocalhost\n10.0.0.0/33", ":3: ", 3},
        {"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n", ":10: ", 10},
        {"192.0.2.1,\n", ":1: ", 1},
    };

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char expected[100];

        write_file(files[i].text);
        ck_assert_ptr_null(make(LIST("10.0.0.1"), NULL, LIST("/dev/null", path)));
        unlink(path);
        ck_assert_uint_eq(fake_gateway_fault_count(), files[i].faults);
        snprintf(expected, sizeof(expected), "files[1]: %s%s", path, files[i].at);
        ck_assert_msg(strncmp(fake_gateway_fault(), expected, strlen(expected)) == 0, "%s",
                      fake_gateway_fault());
    }
}
END_TEST

START_TEST(files_that_cannot_be_read_are_faults)
{
    ck_assert_ptr_null(make(NULL, NULL, LIST("/nonexistent/allow")));
    ck_assert_ptr_nonnull(strstr(fake_gateway_fault(), "/nonexistent/allow"));
    ck_assert_ptr_null(make(NULL, NULL, LIST("/tmp")));
    ck_assert_ptr_nonnull(strstr(fake_gateway_fault(), "directory"));
}
END_TEST

/* ---- Faults in the lists ---------------------------------------------------------- */

START_TEST(lists_are_checked_to_the_end)
{
    ck_assert_ptr_null(make(LIST("10.0.0.0/8", "10.0.0.1/8", "x"), LIST("y"), NULL));
    ck_assert_uint_eq(fake_gateway_fault_count(), 3);
    ck_assert_ptr_null(make(LIST("192.0.2.1"), LIST("unix"), NULL));
    ck_assert_int_eq(strncmp(fake_gateway_fault(), "deny[0]: ", 9), 0);
    ck_assert_ptr_null(make(LIST("UNIX"), NULL, NULL));
}
END_TEST

START_TEST(absent_and_empty_are_not_the_same)
{
    ck_assert_ptr_null(make(NULL, NULL, NULL));
    ck_assert_uint_eq(fake_gateway_fault_count(), 1);
    ck_assert_ptr_null(make(LIST(NULL), NULL, NULL));
    ck_assert_ptr_null(make(LIST(NULL), LIST("192.0.2.1"), NULL));
    ck_assert_ptr_null(make(LIST("192.0.2.1"), LIST(NULL), NULL));
    ck_assert_ptr_null(make(LIST("192.0.2.1"), NULL, LIST(NULL)));
    ck_assert_uint_eq(fake_gateway_fault_count(), 1);
    ip_allowlist_module.teardown(NULL);
}
END_TEST

Suite *
ip_allowlist_suite(void)
{
    Suite *suite = suite_create("ip_allowlist");
    TCase *tc = tcase_create("ip_allowlist");

    tcase_add_loop_test(tc, deny_wins_and_absent_allow_is_everyone, 0, (int)COUNT_OF(rules));
    tcase_add_test(tc, no_address_is_refused);
    tcase_add_test(tc, files_hold_a_prefix_a_line);
    tcase_add_test(tc, an_empty_file_allows_nobody);
    tcase_add_test(tc, faults_in_files_name_file_and_line);
    tcase_add_test(tc, files_that_cannot_be_read_are_faults);
    tcase_add_test(tc, lists_are_checked_to_the_end);
    tcase_add_test(tc, absent_and_empty_are_not_the_same);
    suite_add_tcase(suite, tc);
    return suite;
}
