/* file_place_test.c - one place in two spellings, and whether a file can be made there. */
#include "base/compiler.h"
#include "base/file_place.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[32], inner[64], link_[64];

static void
make(void)
{
    strcpy(root, "/tmp/wsgate-place-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(inner, sizeof(inner), "%s/in", root);
    snprintf(link_, sizeof(link_), "%s/link", root);
    ck_assert_int_eq(mkdir(inner, 0700), 0);
    ck_assert_int_eq(symlink(inner, link_), 0);
}

static void
clean(void)
{
    unlink(link_);
    rmdir(inner);
    rmdir(root);
}

static const struct {
    const char *a, *b; /* behind root */
    bool same;
} pairs[] = {
    {"/in/x", "/in/x", true},       {"/in/x", "/in//x", true},  {"/in/x", "/in/./x", true},
    {"/in/x", "/link/x", true},     {"/in/x", "/in/../in/x", true},
    {"/in/x", "/in/y", false},      {"/in/x", "/x", false},
    {"/gone/x", "/gone/x", true},   {"/gone/x", "/gone//x", false}, /* nobody can know */
    {"/gone/x", "/in/x", false},
};

START_TEST(spellings)
{
    char a[128], b[128];

    make();
    snprintf(a, sizeof(a), "%s%s", root, pairs[_i].a);
    snprintf(b, sizeof(b), "%s%s", root, pairs[_i].b);
    struct file_place one = file_place_of(a), other = file_place_of(b);
    ck_assert_int_eq(file_place_compare(&one, &other) == 0, pairs[_i].same);
    ck_assert_int_eq(file_place_compare(&one, &other), -file_place_compare(&other, &one));
    clean();
}
END_TEST

START_TEST(can_it_be_made)
{
    char path[6000];

    make();
    snprintf(path, sizeof(path), "%s/in/x", root);
    ck_assert(file_place_can_make(path));
    ck_assert_int_eq(access(path, F_OK), -1); /* it was not */
    snprintf(path, sizeof(path), "%s/gone/x", root);
    ck_assert(!file_place_can_make(path));
    ck_assert_int_eq(errno, ENOENT);
    memset(path, '/', sizeof(path));
    path[sizeof(path) - 1] = '\0';
    ck_assert(!file_place_can_make(path));
    ck_assert_int_eq(errno, ENAMETOOLONG);
    clean();
}
END_TEST

Suite *
file_place_suite(void)
{
    Suite *suite = suite_create("file_place");
    TCase *tc = tcase_create("file_place");

    tcase_add_loop_test(tc, spellings, 0, (int)COUNT_OF(pairs));
    tcase_add_test(tc, can_it_be_made);
    suite_add_tcase(suite, tc);
    return suite;
}
