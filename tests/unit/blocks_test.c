/* blocks_test.c - blocks of one size: aligned, zeroed, in slabs that go when they are empty. */
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
    char *again = blocks_take(&blocks);
    ck_assert_ptr_eq(again, first);
    ck_assert_int_eq(memcmp(again, zeroes, SIZE), 0);
    blocks_give(&blocks, again);
    blocks_give(&blocks, second);
    blocks_give(&blocks, NULL);
    ck_assert_uint_eq(blocks.slab_count, 1);
    blocks_free(&blocks);
    ck_assert_uint_eq(blocks.slab_count, 0);
}
END_TEST

enum { MANY = 5000 };

static void
check_apart(char *const *taken, size_t count)
{
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < SIZE; k++)
            wrong += taken[i][k] != (char)i;
    ck_assert_uint_eq(wrong, 0);
}

/* Blocks of several slabs do not touch each other; what is empty goes, and the others stay. */
START_TEST(slabs_come_and_go)
{
    static char *taken[MANY];
    struct blocks blocks;

    blocks_init(&blocks, SIZE, ALIGNMENT);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < MANY; i++) {
            ck_assert_ptr_nonnull(taken[i] = blocks_take(&blocks));
            ck_assert_uint_eq((uintptr_t)taken[i] % ALIGNMENT, 0);
            memset(taken[i], (char)i, SIZE);
        }
        ck_assert_uint_eq(blocks.slab_count, (MANY + 339) / 340); /* of 64 KiB, less a line */
        check_apart(taken, MANY);
        for (size_t i = 0; i < MANY; i += 2)
            blocks_give(&blocks, taken[i]);
        for (size_t i = 0; i < MANY; i += 2) {
            ck_assert_ptr_nonnull(taken[i] = blocks_take(&blocks));
            memset(taken[i], (char)i, SIZE);
        }
        check_apart(taken, MANY);
        for (size_t i = 0; i < MANY; i++)
            blocks_give(&blocks, taken[(i * 7) % MANY]);
        ck_assert_uint_eq(blocks.slab_count, 1);
    }
    blocks_free(&blocks);
}
END_TEST

Suite *
blocks_suite(void)
{
    Suite *suite = suite_create("blocks");
    TCase *tc = tcase_create("blocks");

    tcase_add_test(tc, what_was_given_is_taken_again);
    tcase_add_test(tc, slabs_come_and_go);
    suite_add_tcase(suite, tc);
    return suite;
}
