/* key_cache_test.c - the file in which key sets are kept. */
#include "base/compiler.h"
#include "failing_memory.h"
#include "token/key_cache.h"
#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], path[128];

static void
make_directory(void)
{
    strcpy(directory, "/tmp/wsgate-cache-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/keys.json", directory);
}

/* How many files there are in it. */
static int
count_files(void)
{
    DIR *open = opendir(directory);
    int count = 0;

    for (const struct dirent *entry; (entry = readdir(open)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(open);
    return count;
}

static void
remove_directory(void)
{
    (void)unlink(path);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void
write_file(const char *text, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    ck_assert_int_eq(fchmod(fd, mode), 0);
    close(fd);
}

static const struct key_cache_set two[] = {
    {"https://a/keys", {"{\"keys\":[\"\\u00e4\"]}", 19}, 1700000000},
    {"https://b/keys?x=y", {"{}", 2}, 5},
};

START_TEST(what_was_written_is_read)
{
    struct key_error error;
    struct key_cache_set set;
    struct stat status;

    ck_assert(key_cache_write(path, two, 2, &error));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0600);
    ck_assert_int_eq(count_files(), 1);
    struct key_cache *cache = key_cache_read(path, &error);
    ck_assert_msg(cache != NULL, "%s", error.text);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(key_cache_find(cache, two[i].url, &set));
        ck_assert(str_equal(set.text, two[i].text));
        ck_assert_int_eq(set.fetched_s, two[i].fetched_s);
    }
    ck_assert(!key_cache_find(cache, "https://a", &set));
    key_cache_free(cache);
    ck_assert(key_cache_write(path, two + 1, 1, &error)); /* in its place */
    cache = key_cache_read(path, &error);
    ck_assert_ptr_nonnull(cache);
    ck_assert(!key_cache_find(cache, two[0].url, &set));
    ck_assert(key_cache_find(cache, two[1].url, &set));
    key_cache_free(cache);
}
END_TEST

static const struct {
    const char *text;
    mode_t mode;
    const char *error; /* NULL: it is read */
} files[] = {
    {"{\"format\":\"wsgate key sets 1\",\"sets\":{}}", 0600, NULL},
    {"{\"format\":\"wsgate key sets 1\",\"sets\":{}}", 0644, NULL},
    {"{\"format\":\"wsgate key sets 1\",\"sets\":{}}", 0620, "others can write to it"},
    {"{\"format\":\"wsgate key sets 1\",\"sets\":{}}", 0602, "others can write to it"},
    {"{\"format\":\"wsgate key sets 2\",\"sets\":{}}", 0600, "not a file of key sets"},
    {"{\"format\":5,\"sets\":{}}", 0600, "not a file of key sets"},
    {"{\"format\":\"wsgate key sets 1\",\"sets\":[]}", 0600, "not a file of key sets"},
    {"{\"format\":\"wsgate key sets 1\"}", 0600, "not a file of key sets"},
    {"{\"keys\":[]}", 0600, "not a file of key sets"},
    {"", 0600, "not a file of key sets"},
    {"\x01\x02", 0600, "not a file of key sets"},
};

START_TEST(a_foreign_file_is_not_read)
{
    struct key_error error;

    write_file(files[_i].text, files[_i].mode);
    struct key_cache *cache = key_cache_read(path, &error);
    ck_assert_str_eq(error.text, files[_i].error ? files[_i].error : "");
    ck_assert_int_eq(cache != NULL, files[_i].error == NULL);
    key_cache_free(cache);
}
END_TEST

START_TEST(an_odd_set_is_not_found)
{
    struct key_error error;
    struct key_cache_set set;

    write_file("{\"format\":\"wsgate key sets 1\",\"sets\":{\"a\":5,\"b\":{\"jwks\":\"x\"},"
               "\"c\":{\"jwks\":5,\"fetched\":1},\"d\":{\"jwks\":\"x\",\"fetched\":\"1\"},"
               "\"n\":{\"jwks\":\"x\",\"fetched\":-1},"
               "\"e\":{\"jwks\":\"x\",\"fetched\":1}}}", 0600);
    struct key_cache *cache = key_cache_read(path, &error);
    ck_assert_ptr_nonnull(cache);
    for (size_t i = 0; i < 5; i++)
        ck_assert(!key_cache_find(cache, (const char *[]){"a", "b", "c", "d", "n"}[i], &set));
    ck_assert(key_cache_find(cache, "e", &set));
    key_cache_free(cache);
}
END_TEST

START_TEST(what_is_no_file_is_not_read)
{
    struct key_error error;

    ck_assert_ptr_null(key_cache_read(path, &error));
    ck_assert_str_eq(error.text, ""); /* there is none yet */
    ck_assert_ptr_null(key_cache_read(directory, &error));
    ck_assert_str_eq(error.text, "not a regular file");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_ptr_null(key_cache_read(path, &error)); /* and it does not wait */
    ck_assert_str_eq(error.text, "not a regular file");
}
END_TEST

static const struct {
    uid_t file, directory;
    mode_t mode; /* the directory's */
    bool trusted;
} owners[] = {
    {0, 65534, 0777, true},
    {65534, 65534, 0755, true},
    {65534, 0, 0755, false},
    {65534, 0, 01777, false},
    {65534, 65534, 0775, false},
    {65534, 65534, 0757, false},
    {65534, 65533, 0755, false},
};

/* Root would read everything; only some of it was written by who may. */
START_TEST(a_file_of_anybody_is_not_read)
{
    struct key_error error;

    if (geteuid() != 0)
        return;
    ck_assert(key_cache_write(path, two, 2, &error));
    ck_assert_int_eq(chown(path, owners[_i].file, 0), 0);
    ck_assert_int_eq(chown(directory, owners[_i].directory, 0), 0);
    ck_assert_int_eq(chmod(directory, owners[_i].mode), 0);
    struct key_cache *cache = key_cache_read(path, &error);
    ck_assert_str_eq(error.text, owners[_i].trusted ? "" : "it belongs to another user");
    ck_assert_int_eq(cache != NULL, owners[_i].trusted);
    key_cache_free(cache);
}
END_TEST

START_TEST(a_link_is_not_followed)
{
    struct key_error error;
    char other[160];

    snprintf(other, sizeof(other), "%s.other", path);
    ck_assert(key_cache_write(other, two, 2, &error));
    ck_assert_int_eq(symlink(other, path), 0);
    ck_assert_ptr_null(key_cache_read(path, &error));
    ck_assert_str_eq(error.text, "a symbolic link");
    ck_assert_int_eq(unlink(other), 0);
}
END_TEST

START_TEST(what_cannot_be_written_leaves_the_old_one)
{
    struct key_error error;
    struct key_cache_set bad = {"https://a", {"\xff", 1}, 0};
    char elsewhere[160];

    ck_assert(key_cache_write(path, two, 2, &error));
    ck_assert(!key_cache_write(path, &bad, 1, &error));
    ck_assert_int_eq(count_files(), 1);
    struct key_cache *cache = key_cache_read(path, &error);
    ck_assert_ptr_nonnull(cache);
    key_cache_free(cache);
    snprintf(elsewhere, sizeof(elsewhere), "%s/none/keys.json", directory);
    ck_assert(!key_cache_write(elsewhere, two, 2, &error));
    ck_assert_str_eq(error.text, "No such file or directory");
    ck_assert(!key_cache_is_writable(elsewhere, &error));
    ck_assert_str_eq(error.text, "No such file or directory");
    ck_assert(!key_cache_write(directory, two, 2, &error)); /* beside it, but not over it */
    ck_assert_int_eq(count_files(), 1);
    ck_assert(key_cache_is_writable(path, &error));
}
END_TEST

START_TEST(memory_may_fail)
{
    struct key_error error;
    bool starved = true;

    for (size_t n = 1; starved; n = failing_memory_next(n)) {
        failing_memory_arm(n);
        bool written = key_cache_write(path, two, 2, &error);
        struct key_cache *cache = written ? key_cache_read(path, &error) : NULL;
        starved = failing_memory_disarm();
        ck_assert(starved || cache);
        key_cache_free(cache);
        ck_assert_uint_lt(n, 10000);
    }
}
END_TEST

Suite *
key_cache_suite(void)
{
    Suite *suite = suite_create("key_cache");
    TCase *tc = tcase_create("key_cache");

    tcase_add_checked_fixture(tc, make_directory, remove_directory);
    tcase_add_test(tc, what_was_written_is_read);
    tcase_add_loop_test(tc, a_foreign_file_is_not_read, 0, (int)COUNT_OF(files));
    tcase_add_test(tc, an_odd_set_is_not_found);
    tcase_add_test(tc, what_is_no_file_is_not_read);
    tcase_add_loop_test(tc, a_file_of_anybody_is_not_read, 0, (int)COUNT_OF(owners));
    tcase_add_test(tc, a_link_is_not_followed);
    tcase_add_test(tc, what_cannot_be_written_leaves_the_old_one);
    tcase_add_test(tc, memory_may_fail);
    suite_add_tcase(suite, tc);
    return suite;
}
