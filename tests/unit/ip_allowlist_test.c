/* ip_allowlist_test.c - prefixes in lists and files, deny before allow, Unix peers, faults. */
#include "fake_host.h"
#include "registry.h"
#include "temporary_file.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A NULL list is absent; one that begins with NULL is empty. */
static void *
make(const char *const *allow, const char *const *deny, const char *const *files)
{
    struct fake_row rows[3 * FAKE_LIST_MAX], *end = rows;

    end = fake_list(end, "allow", allow);
    end = fake_list(end, "deny", deny);
    end = fake_list(end, "files", files);
    *end = (struct fake_row){NULL, NULL, NULL};
    return fake_setup(&ip_allowlist_module, rows);
}

static bool
passes(const void *instance, const char *ip)
{
    struct address peer = {.len = sizeof(sa_family_t)};

    peer.any.sa_family = AF_UNIX;
    if (strcmp(ip, "unix") != 0)
        ck_assert_msg(address_parse_ip(&peer, str_of(ip)), "%s", ip);
    struct mw_request request = {.peer = &peer.any};
    bool passed = fake_decide(&ip_allowlist_module, instance, &request) == MW_PASS;

    if (!passed) {
        ck_assert_int_eq(request.status, 403);
        ck_assert_str_eq(request.word, "address-not-allowed");
    }
    return passed;
}

static const struct {
    const char *allow[FAKE_LIST_MAX], *deny[FAKE_LIST_MAX];
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

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
    ck_assert_msg(passes(instance, rules[_i].ip) == rules[_i].passes, "%s", rules[_i].ip);
    ip_allowlist_module.teardown(instance);
}
END_TEST

START_TEST(no_address_is_refused)
{
    void *instance = make(FAKE_LIST("unix", "0.0.0.0/0"), NULL, NULL);
    struct mw_request request = {.peer = NULL};
    struct address odd = {.len = sizeof(odd.any)};

    ck_assert_int_eq(fake_decide(&ip_allowlist_module, instance, &request), MW_DENY);
    odd.any.sa_family = AF_UNSPEC;
    request.peer = &odd.any;
    ck_assert_int_eq(fake_decide(&ip_allowlist_module, instance, &request), MW_DENY);
    ip_allowlist_module.teardown(instance);
    instance = make(NULL, FAKE_LIST("192.0.2.1"), NULL);
    ck_assert_int_eq(fake_decide(&ip_allowlist_module, instance, &request), MW_DENY);
    ip_allowlist_module.teardown(instance);
}
END_TEST

/* ---- Files ---------------------------------------------------------------------- */

static char path[TEMPORARY_PATH_MAX];

START_TEST(files_hold_a_prefix_a_line)
{
    temporary_file(path, STR("# the office\n"
                             "192.0.2.1\n"
                             "\n"
                             "  198.51.100.0/24\t# and more\r\n"
                             "\t\r\n"
                             "2001:db8::/32#x\n"
                             "203.0.113.7"));
    void *instance = make(FAKE_LIST("10.0.0.1"), FAKE_LIST("198.51.100.66"), FAKE_LIST(path));

    ck_assert_msg(instance != NULL, "%s", fake_complaints());
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

/* Allowed would be who stands in it, and that is nobody: whatever made the file has failed. */
START_TEST(an_empty_file_is_a_fault)
{
    temporary_file(path, STR("# none yet\n"));
    ck_assert_ptr_null(make(NULL, NULL, FAKE_LIST(path)));
    fake_expect_complaints(1, "files[0]: there is no prefix in them: nobody could pass");
    ck_assert_ptr_null(make(NULL, FAKE_LIST("10.0.0.0/8"), FAKE_LIST(path)));
    fake_expect_complaints(1, "files[0]: there is no prefix in them: nobody could pass");
    void *instance = make(FAKE_LIST("192.0.2.1"), NULL, FAKE_LIST(path));

    ck_assert_ptr_nonnull(instance);
    unlink(path);
    ck_assert(passes(instance, "192.0.2.1"));
    ck_assert(!passes(instance, "192.0.2.2"));
    ip_allowlist_module.teardown(instance);
}
END_TEST

START_TEST(faults_in_files_name_file_line_and_column)
{
    static const struct {
        const char *text, *at;
        size_t faults;
    } files[] = {
        {"192.0.2.1\n  !192.0.2.2\n", ":2:3: ", 1},
        {"192.0.2.1 192.0.2.2\n", ":1:1: ", 1},
        {"# a\n\nunix\n", ":3:1: ", 1},
        {"10.0.0.1/8\nlocalhost\n10.0.0.0/33", ":3:1: ", 3},
        {"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n", ":10:1: ", 10},
        {"\t192.0.2.1,\n", ":1:2: ", 1},
    };

    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char expected[100];

        temporary_file(path, str_of(files[i].text));
        ck_assert_ptr_null(make(FAKE_LIST("10.0.0.1"), NULL, FAKE_LIST("/dev/null", path)));
        unlink(path);
        snprintf(expected, sizeof(expected), "files[1]: %s%s", path, files[i].at);
        fake_expect_complaints(files[i].faults, expected);
    }
}
END_TEST

START_TEST(files_that_cannot_be_read_are_faults)
{
    ck_assert_ptr_null(make(NULL, NULL, FAKE_LIST("/nonexistent/allow")));
    ck_assert_ptr_nonnull(strstr(fake_complaints(), "/nonexistent/allow"));
    ck_assert_ptr_null(make(NULL, NULL, FAKE_LIST("/tmp")));
    ck_assert_ptr_nonnull(strstr(fake_complaints(), "directory"));
}
END_TEST

/* ---- Faults in the lists ---------------------------------------------------------- */

START_TEST(lists_are_checked_to_the_end)
{
    ck_assert_ptr_null(make(FAKE_LIST("10.0.0.0/8", "10.0.0.1/8", "x"), FAKE_LIST("y"), NULL));
    fake_expect_complaints(3, "deny[0]: ");
    ck_assert_ptr_null(make(FAKE_LIST("192.0.2.1"), FAKE_LIST("unix"), NULL));
    fake_expect_complaints(1, "deny[0]: ");
    ck_assert_ptr_null(make(FAKE_LIST("UNIX"), NULL, NULL));
}
END_TEST

START_TEST(absent_and_empty_are_not_the_same)
{
    ck_assert_ptr_null(make(NULL, NULL, NULL));
    fake_expect_complaints(1, "");
    ck_assert_ptr_null(make(FAKE_LIST(NULL), NULL, NULL));
    ck_assert_ptr_null(make(FAKE_LIST(NULL), FAKE_LIST("192.0.2.1"), NULL));
    ck_assert_ptr_null(make(FAKE_LIST("192.0.2.1"), FAKE_LIST(NULL), NULL));
    ck_assert_ptr_null(make(FAKE_LIST("192.0.2.1"), NULL, FAKE_LIST(NULL)));
    fake_expect_complaints(1, "");
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
    tcase_add_test(tc, an_empty_file_is_a_fault);
    tcase_add_test(tc, faults_in_files_name_file_line_and_column);
    tcase_add_test(tc, files_that_cannot_be_read_are_faults);
    tcase_add_test(tc, lists_are_checked_to_the_end);
    tcase_add_test(tc, absent_and_empty_are_not_the_same);
    suite_add_tcase(suite, tc);
    return suite;
}
