/* module_table_test.c - modules that the gateway cannot use, and one that it can. */
#include "config/module_table.h"

#include "fake_modules.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>

enum { ABI_SIZE = offsetof(struct mw_module, revalidate) + sizeof(void (*)(void)) };

/* Each row makes a copy of a good module worse. */
static void
no_abi(struct mw_module *module)
{
    module->size = offsetof(struct mw_module, abi);
}

static void
other_abi(struct mw_module *module)
{
    module->abi = WSGATE_MIDDLEWARE_ABI + 1;
}

static void
short_struct(struct mw_module *module)
{
    module->size = ABI_SIZE - 1;
}

static void
longer_struct(struct mw_module *module)
{
    module->size = ABI_SIZE + 64;
}

static void
no_name(struct mw_module *module)
{
    module->name = NULL;
}

static void
bad_name(struct mw_module *module)
{
    module->name = "a\" b";
}

static void
taken_name(struct mw_module *module)
{
    module->name = "dry_run";
}

static void
no_setup(struct mw_module *module)
{
    module->setup = NULL;
}

static void
no_teardown(struct mw_module *module)
{
    module->teardown = NULL;
}

static void
no_decide(struct mw_module *module)
{
    module->decide = NULL;
}

static void *
start(const void *instance, struct mw_worker *worker)
{
    (void)instance, (void)worker;
    return NULL;
}

static void
half_a_worker(struct mw_module *module)
{
    module->worker_start = start;
}

static const struct mw_option unknown[] = {{"x", (enum mw_option_type)99}, {0}},
                              no_choices[] = {{"x", MW_WORD}, {0}},
                              inside[] = {{"a", MW_BOOL},
                                          {"b", MW_OBJECTS, .members = unknown},
                                          {0}},
                              endless[] = {{"x", MW_NAMED, .members = endless}, {0}};

static const struct mw_option *const tables[] = {unknown, no_choices, inside, endless};

static void
same_name(struct mw_module *module)
{
    module->name = fake_modules[0]->name;
}

static const struct {
    void (*worsen)(struct mw_module *module);
    const char *said; /* a part of it; NULL: it is good */
} rows[] = {
    {longer_struct, NULL},
    {no_abi, "too short to say what it is"},
    {other_abi, "built for ABI 2 of <wsgate/middleware.h>; this is ABI 1"},
    {short_struct, "module `plain`: its struct has"},
    {no_name, "a module has no name"},
    {bad_name, "a module has no name of letters"},
    {taken_name, "a module has no name of letters"},
    {no_setup, "module `plain`: it needs both `setup` and `teardown`"},
    {no_teardown, "module `plain`: it needs both `setup` and `teardown`"},
    {no_decide, "module `plain`: it needs `decide`"},
    {half_a_worker, "module `plain`: it needs both `worker_start` and `worker_stop`"},
    {same_name, "module `every`: there is another one of that name"},
};

START_TEST(are_judged_before_they_run)
{
    struct mw_module module = *fake_modules[1];
    const struct mw_module *const modules[] = {fake_modules[0], &module, NULL};
    char *said;
    size_t len;
    FILE *out = open_memstream(&said, &len);

    rows[_i].worsen(&module);
    bool good = module_table_check(modules, out);

    fclose(out);
    ck_assert_int_eq(good, rows[_i].said == NULL);
    if (rows[_i].said == NULL) {
        ck_assert_str_eq(said, "");
    } else {
        ck_assert_msg(strstr(said, rows[_i].said) != NULL, "%s", said);
        ck_assert_ptr_eq(strchr(said, '\n'), said + len - 1);
    }
    free(said);
}
END_TEST

/* No memory behind the size that it says is read. */
START_TEST(a_short_one_is_not_read_beyond_its_end)
{
    for (size_t size = sizeof(size_t); size < ABI_SIZE; size++) {
        struct mw_module *module = malloc(size);
        const struct mw_module *const modules[] = {module, NULL};
        char *said;
        size_t len;
        FILE *out = open_memstream(&said, &len);

        memcpy((void *)module, fake_modules[1], size);
        memcpy((void *)module, &size, sizeof(size));
        ck_assert(!module_table_check(modules, out));
        fclose(out);
        ck_assert_uint_gt(len, 0);
        free(said);
        free(module);
    }
}
END_TEST

/* What a later header may know. */
START_TEST(has_options_that_can_be_read)
{
    struct mw_module module = *fake_modules[1];
    const struct mw_module *const modules[] = {&module, NULL};
    char *said;
    size_t len;
    FILE *out = open_memstream(&said, &len);

    module.options = tables[_i];
    ck_assert(!module_table_check(modules, out));
    fclose(out);
    ck_assert_str_eq(said, "module `plain`: its option `x` has a type, choices or depth that "
                           "cannot be read\n");
    free(said);
}
END_TEST

Suite *
module_table_suite(void)
{
    Suite *suite = suite_create("module_table");
    TCase *tc = tcase_create("module_table");

    tcase_add_loop_test(tc, has_options_that_can_be_read, 0, COUNT_OF(tables));

    tcase_add_loop_test(tc, are_judged_before_they_run, 0, COUNT_OF(rows));
    tcase_add_test(tc, a_short_one_is_not_read_beyond_its_end);
    suite_add_tcase(suite, tc);
    return suite;
}
