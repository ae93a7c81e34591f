/* arena_test.c - the memory of one request: alignment, limit, pool, wiping. */
#include "base/arena.h"
#include "unit.h"

#include <stdint.h>
#include <stdlib.h>

static struct arena_pool pool;

START_TEST(allocations_are_aligned_and_apart)
{
    static const size_t sizes[] = {0, 1, 15, 16, 17, 100, 4000, 8000, 9000, 70000, 1};
    struct arena arena;
    unsigned char *got[COUNT_OF(sizes)];

    arena_init(&arena, &pool, 1 << 20);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        got[i] = arena_alloc(&arena, sizes[i]);
        ck_assert_ptr_nonnull(got[i]);
        ck_assert_uint_eq((uintptr_t)got[i] % 16, 0);
        memset(got[i], (int)i + 1, sizes[i]);
        for (size_t j = 0; j < i; j++)
            ck_assert_ptr_ne(got[i], got[j]);
    }
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t j = 0; j < sizes[i]; j++)
            ck_assert_uint_eq(got[i][j], i + 1);
    arena_free(&arena);
    arena_pool_free(&pool);
}
END_TEST

START_TEST(limit_counts_rounding)
{
    struct arena arena;

    arena_init(&arena, NULL, 64);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 1));
    ck_assert_uint_eq(arena.used_bytes, 16);
    ck_assert_ptr_null(arena_alloc(&arena, 49));
    ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
    ck_assert_ptr_nonnull(arena_zalloc(&arena, 48));
    ck_assert_ptr_null(arena_alloc(&arena, 0));
    ck_assert_ptr_null(arena_zalloc(&arena, 1));
    ck_assert_ptr_null(arena_copy(&arena, STR("x")).at);
    arena_free(&arena);
    ck_assert_uint_eq(arena.used_bytes, 0);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 64));
    arena_free(&arena);

    arena_init(&arena, NULL, 40); /* not a multiple of the alignment */
    ck_assert_ptr_null(arena_alloc(&arena, 40));
    ck_assert_ptr_nonnull(arena_alloc(&arena, 32));
    arena_free(&arena);
    arena_free(&arena);
}
END_TEST

START_TEST(sizes_that_cannot_be_had_are_refused)
{
    struct arena arena;

    arena_init(&arena, &pool, SIZE_MAX);
    ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
    ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX - 15));
    ck_assert_ptr_null(arena_copy(&arena, (struct str){"x", SIZE_MAX}).at);
    arena_free(&arena);
}
END_TEST

START_TEST(copy_has_a_nul_behind)
{
    struct arena arena;

    arena_init(&arena, &pool, 4096);
    struct str copy = arena_copy(&arena, (struct str){"abcdef", 3});
    struct str empty = arena_copy(&arena, STR(""));

    ck_assert_str_eq(copy.at, "abc");
    ck_assert_uint_eq(copy.len, 3);
    ck_assert_str_eq(empty.at, "");
    ck_assert_ptr_null(arena_copy(&arena, STR_NONE).at);
    arena_free(&arena);
    arena_pool_free(&pool);
}
END_TEST

START_TEST(zalloc_gives_zeros_from_used_chunks)
{
    struct arena arena;

    for (int round = 0; round < 3; round++) {
        arena_init(&arena, &pool, 1 << 16);
        unsigned char *memory = arena_zalloc(&arena, 500);

        for (size_t i = 0; i < 500; i++)
            ck_assert_uint_eq(memory[i], 0);
        memset(memory, 0xff, 500);
        arena_free(&arena);
    }
    arena_pool_free(&pool);
}
END_TEST

/* A second request gets the first one's chunk; what the first wrote must be gone. */
START_TEST(freed_memory_is_wiped)
{
    struct arena arena;

    arena_init(&arena, &pool, 1 << 16);
    char *secret = arena_alloc(&arena, 6000);

    memset(secret, 'S', 6000);
    arena_free(&arena);
    ck_assert_uint_eq(pool.free_count, 1);

    arena_init(&arena, &pool, 1 << 16);
    char *again = arena_alloc(&arena, 6000);

    ck_assert_ptr_eq(again, secret);
    for (size_t i = 0; i < 6000; i++)
        ck_assert_int_eq(again[i], 0);
    arena_free(&arena);
    arena_pool_free(&pool);
    ck_assert_ptr_null(pool.free);
}
END_TEST

/* Plain memory lies at a chunk's other end: no secret is left beside it, and it costs no wiping. */
START_TEST(plain_memory_is_not_wiped)
{
    struct arena arena;

    arena_init(&arena, &pool, 1 << 16);
    char *plain = arena_alloc_plain(&arena, 1000), *secret = arena_alloc(&arena, 3000);
    char *more = arena_alloc_plain(&arena, 24);

    ck_assert_uint_eq((uintptr_t)plain % 16, 0);
    ck_assert_uint_eq((uintptr_t)more % 16, 0);
    ck_assert_ptr_eq(more, plain - 32);
    ck_assert_uint_eq(arena.used_bytes, 1008 + 3008 + 32);
    memset(plain, 'P', 1000);
    memset(secret, 'S', 3000);
    memset(more, 'P', 24);
    arena_free(&arena);
    ck_assert_uint_eq(pool.free_count, 1);

    arena_init(&arena, &pool, 1 << 16);
    char *again = arena_alloc(&arena, 7000), *plain_again = arena_alloc_plain(&arena, 1000);
    ck_assert_ptr_eq(again, secret);
    ck_assert_ptr_eq(plain_again, plain);
    for (size_t i = 0; i < 3000; i++)
        ck_assert_int_eq(again[i], 0);
    for (size_t i = 0; i < 1000; i++)
        ck_assert_int_eq(plain_again[i], 'P');
    ck_assert_ptr_nonnull(arena_alloc_plain(&arena, 200)); /* the two ends never meet */
    arena_free(&arena);
    arena_pool_free(&pool);
}
END_TEST

START_TEST(pool_keeps_chunks_up_to_a_bound)
{
    struct arena arena;

    arena_init(&arena, &pool, SIZE_MAX);
    for (int i = 0; i < 100; i++)
        ck_assert_ptr_nonnull(arena_alloc(&arena, 8000));
    ck_assert_ptr_nonnull(arena_alloc(&arena, 100000)); /* never pooled */
    arena_free(&arena);
    ck_assert_uint_eq(pool.free_count, 64);
    ck_assert_ptr_nonnull(arena_alloc(&arena, 8000));
    ck_assert_uint_eq(pool.free_count, 63);
    arena_free(&arena);
    arena_pool_free(&pool);
    ck_assert_uint_eq(pool.free_count, 0);
}
END_TEST

START_TEST(large_ones_leave_the_first_chunk_in_use)
{
    struct arena arena;

    arena_init(&arena, NULL, SIZE_MAX);
    char *large_first = arena_alloc(&arena, 20000);
    char *small = arena_alloc(&arena, 16);
    char *large = arena_alloc(&arena, 20000);
    char *next = arena_alloc(&arena, 16);

    ck_assert_ptr_nonnull(large_first);
    ck_assert_ptr_nonnull(large);
    ck_assert_ptr_eq(next, small + 16);
    arena_free(&arena);
}
END_TEST

Suite *
arena_suite(void)
{
    Suite *suite = suite_create("arena");
    TCase *tc = tcase_create("arena");

    tcase_add_test(tc, allocations_are_aligned_and_apart);
    tcase_add_test(tc, limit_counts_rounding);
    tcase_add_test(tc, sizes_that_cannot_be_had_are_refused);
    tcase_add_test(tc, copy_has_a_nul_behind);
    tcase_add_test(tc, zalloc_gives_zeros_from_used_chunks);
    tcase_add_test(tc, freed_memory_is_wiped);
    tcase_add_test(tc, plain_memory_is_not_wiped);
    tcase_add_test(tc, pool_keeps_chunks_up_to_a_bound);
    tcase_add_test(tc, large_ones_leave_the_first_chunk_in_use);
    suite_add_tcase(suite, tc);
    return suite;
}
