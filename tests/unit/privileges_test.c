/* privileges_test.c - what is handed over is the socket that we made, and nothing behind a link. */
#include "gateway/privileges.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/wsgate-test-XXXXXX";
static struct address address;

static const char *
path_of(const char *name)
{
    static char path[sizeof(address.local.sun_path)];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

/* As nobody, where root runs the tests: else it would be no change. */
static bool
give(const char *name)
{
    uid_t uid = geteuid() == 0 ? 65534 : geteuid();

    return privileges_give_socket(path_of(name), uid, getegid());
}

static uid_t
owner_of(const char *name)
{
    struct stat status;

    ck_assert_int_eq(stat(path_of(name), &status), 0);
    return status.st_uid;
}

START_TEST(only_sockets_change_hands)
{
    ck_assert_ptr_nonnull(mkdtemp(directory));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    address.local.sun_family = AF_UNIX;
    strcpy(address.local.sun_path, path_of("socket"));
    ck_assert_int_eq(bind(fd, &address.any, sizeof(address.local)), 0);
    close(open(path_of("file"), O_CREAT | O_WRONLY, 0600));
    ck_assert_int_eq(symlink("file", path_of("to-file")), 0);
    ck_assert_int_eq(symlink("socket", path_of("to-socket")), 0);

    ck_assert(!give("file"));
    ck_assert_int_eq(errno, ENOTSOCK);
    ck_assert(!give("to-file"));
    ck_assert(!give("to-socket"));
    ck_assert(!give("none"));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_uint_eq(owner_of("file"), geteuid());
    ck_assert_uint_eq(owner_of("socket"), geteuid());
    ck_assert(give("socket"));
    ck_assert_uint_eq(owner_of("socket"), geteuid() == 0 ? 65534 : geteuid());

    static const char *const names[] = {"socket", "file", "to-file", "to-socket"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        unlink(path_of(names[i]));
    rmdir(directory);
    close(fd);
}
END_TEST

Suite *
privileges_suite(void)
{
    Suite *suite = suite_create("privileges");
    TCase *tc = tcase_create("privileges");

    tcase_add_test(tc, only_sockets_change_hands);
    suite_add_tcase(suite, tc);
    return suite;
}
