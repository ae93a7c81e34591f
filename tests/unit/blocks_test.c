/* blocks_test.c - blocks of one size: aligned, zeroed, kept up to a bound. */
#include "base/blocks.h"
#include "unit.h"

#include <stdint.h>
#include <string.h>

enum { SIZE = 192, ALIGNMENT = 64 };

START_TEST(what_was_given_is_taken_again)
{
    static const char zeroes[SIZE];
    struct blocks blocks;

    blocks_init(&blocks, SIZE, ALIGNMENT);
    char *first = blocks_take(&blocks), *second = blocks_take(&blocks);
    ck_assert_ptr_ne(first, second);
    ck_assert_uint_eq((uintptr_t)first % ALIGNMENT, 0);
    ck_assert_int_eq(memcmp(first, zeroes, SIZE), 0);
    memset(first, 'x', SIZE);
    blocks_give(&blocks, first);
    ck_assert_uint_eq(blocks.kept_count, 1);
    char *again = blocks_take(&blocks);
    ck_assert_ptr_eq(again, first);
    ck_assert_int_eq(memcmp(again, zeroes, SIZE), 0);
    ck_assert_uint_eq(blocks.kept_count, 0);
    blocks_give(&blocks, again);
    blocks_give(&blocks, second);
    blocks_give(&blocks, NULL);
    ck_assert_uint_eq(blocks.kept_count, 2);
    blocks_free(&blocks);
    ck_assert_uint_eq(blocks.kept_count, 0);
}
END_TEST

START_TEST(so_many_are_kept)
{
    struct blocks blocks;
    void *taken[BLOCKS_KEPT_MAX + 3];

    blocks_init(&blocks, SIZE, ALIGNMENT);
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        ck_assert_ptr_nonnull(taken[i] = blocks_take(&blocks));
    for (size_t i = 0; i < COUNT_OF(taken); i++)
        blocks_give(&blocks, taken[i]);
    ck_assert_uint_eq(blocks.kept_count, BLOCKS_KEPT_MAX);
    blocks_free(&blocks);
}
END_TEST

Suite *
blocks_suite(void)
{
    Suite *suite = suite_create("blocks");
    TCase *tc = tcase_create("blocks");

    tcase_add_test(tc, what_was_given_is_taken_again);
    tcase_add_test(tc, so_many_are_kept);
    suite_add_tcase(suite, tc);
    return suite;
}
