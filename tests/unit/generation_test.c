/* generation_test.c - what goes on from one configuration to the next, and what ends. */
#include "gateway/generation.h"

#include "failing_memory.h"
#include "fake_modules.h"
#include "temporary_file.h"
#include "unit.h"

#include <stdlib.h>
#include <unistd.h>

enum { WORKERS = 3 };

#define REST                                \
    "listeners: [{address: 127.0.0.1:1}]\n" \
    "routes: [{path: /, require: [], backend: b}]\n"
#define SERVERS "backends: {b: {servers: [127.0.0.1:2]}}\n"

static struct mw_host host = {.size = sizeof(host)};

static struct generation *
make(const char *middleware, const char *backends, const struct generation *before)
{
    char text[1024];

    (void)snprintf(text, sizeof(text), REST "%s%s", middleware, backends);
    settings_fill_host(&host);
    struct settings *settings = settings_load_text("/f", str_of(text), fake_modules, &host, stderr);
    ck_assert_ptr_nonnull(settings);
    struct generation *generation = generation_new(settings, WORKERS, before);
    ck_assert_ptr_nonnull(generation);
    return generation;
}

/* Every worker has let go. */
static void
leave(struct generation *generation)
{
    for (int i = 0; i < WORKERS; i++)
        generation_drop(generation);
    generation_drop(generation);
}

static const struct {
    const char *before, *after;
    bool goes_on;
} alike[] = {
    {"middleware: {a: {plain: {}}}\n", "middleware: {a: {plain: {}}}\n", true},
    {"middleware: {a: {plain: {}}}\n", "middleware:\n  b: {plain: {}}\n  a: {plain: {}}\n", true},
    {"middleware: {a: {plain: {}}}\n", "middleware: {b: {plain: {}}}\n", false},
    {"middleware: {a: {origin: {allow: [x]}}}\n", "middleware: {a: {origin: {allow: [x]}}}\n",
     true},
    {"middleware: {a: {origin: {allow: [x]}}}\n", "middleware: {a: {origin: {allow: [\"x\"]}}}\n",
     true},
    {"middleware: {a: {origin: {allow: [x]}}}\n", "middleware: {a: {origin: {allow: [y]}}}\n",
     false},
    {"middleware: {a: {origin: {allow: [x]}}}\n", "middleware: {a: {origin: {allow: [x, x]}}}\n",
     false},
    {"middleware: {a: {origin: {allow: [x]}}}\n",
     "middleware: {a: {origin: {allow: [x], missing: allow}}}\n", false},
    {"middleware: {a: {origin: {allow: [x]}}}\n", "middleware: {a: {ip_allowlist: {allow: [x]}}}\n",
     false},
    {"middleware: {a: {jwt: {leeway: 60s}}}\n", "middleware: {a: {jwt: {leeway: 1m}}}\n", false},
    {"middleware: {a: {jwt: {keys: [{kid: x}]}}}\n", "middleware: {a: {jwt: {keys: [{kid: x}]}}}\n",
     true},
    {"middleware: {a: {jwt: {keys: [{kid: x}]}}}\n", "middleware: {a: {jwt: {keys: [{kid: y}]}}}\n",
     false},
    {"middleware: {a: {jwt: {forward_claims: {a: b}}}}\n",
     "middleware: {a: {jwt: {forward_claims: {c: b}}}}\n", false},
};

START_TEST(an_instance_goes_on_where_it_is_defined_alike)
{
    struct generation *before = make(alike[_i].before, SERVERS, NULL);
    struct generation *after = make(alike[_i].after, SERVERS, before);
    struct instance *last = after->instances[after->settings->instance_count - 1];
    struct instance *old = before->instances[0];

    ck_assert_int_eq(last == before->instances[0], alike[_i].goes_on);
    ck_assert_ptr_eq(after->settings->instances[after->settings->instance_count - 1].instance,
                     last->instance);
    int living = fake_instances;
    leave(before);
    /* Its states have not ended: nobody told the control thread. */
    ck_assert_int_eq(fake_instances, living);
    for (int i = 0; i < WORKERS; i++)
        instance_resident_ended(last);
    ck_assert_int_eq(fake_instances, living);
    for (size_t i = after->settings->instance_count; i-- > 1;)
        for (int k = 0; k < WORKERS && after->instances[i - 1] != last; k++)
            instance_resident_ended(after->instances[i - 1]);
    leave(after);
    /* An old one that did not go on was left, for its residents. */
    ck_assert_int_eq(fake_instances, alike[_i].goes_on ? 0 : 1);
    for (int i = 0; i < WORKERS && !alike[_i].goes_on; i++)
        instance_resident_ended(old);
    ck_assert_int_eq(fake_instances, 0);
}
END_TEST

START_TEST(what_is_in_its_files_counts)
{
    char path[TEMPORARY_PATH_MAX], text[256];

    temporary_file(path, STR("one"));
    (void)snprintf(text, sizeof(text), "middleware: {a: {ip_allowlist: {allow: [x], files: %s}}}\n",
                   path);
    struct generation *one = make(text, SERVERS, NULL), *same = make(text, SERVERS, one);
    FILE *file = fopen(path, "w");
    fputs("two", file);
    fclose(file);
    struct generation *other = make(text, SERVERS, same);
    ck_assert_ptr_eq(one->instances[0], same->instances[0]);
    ck_assert_ptr_ne(same->instances[0], other->instances[0]);
    ck_assert_int_eq(fake_instances, 2);
    generation_end(one);
    generation_end(same);
    generation_end(other);
    ck_assert_int_eq(fake_instances, 0);
    unlink(path);
}
END_TEST

START_TEST(an_instance_ends_after_its_residents)
{
    struct generation *one = make("middleware: {a: {plain: {}}}\n", SERVERS, NULL);
    struct generation *two = make("", SERVERS, one);
    struct instance *instance = one->instances[0];

    leave(one);
    for (int i = 0; i < WORKERS; i++) {
        ck_assert_int_eq(fake_instances, 1);
        instance_resident_ended(instance);
    }
    ck_assert_int_eq(fake_instances, 0);
    leave(two);
}
END_TEST

/* A hundred generations, of which nothing but the last one is left. */
START_TEST(many_leave_nothing)
{
    struct generation *present = make("middleware: {a: {plain: {}}}\n", SERVERS, NULL);

    for (int i = 0; i < 100; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text),
                       "middleware: {a: {plain: {}}, b: {every: {needed: n%d}}}\n", i / 2);
        struct generation *next = make(text, SERVERS, present);
        for (size_t k = 0; k < present->settings->instance_count; k++)
            if (next->instances[k] != present->instances[k])
                for (int w = 0; w < WORKERS; w++)
                    instance_resident_ended(present->instances[k]);
        leave(present);
        present = next;
        ck_assert_int_eq(fake_instances, 2);
    }
    generation_end(present);
    ck_assert_int_eq(fake_instances, 0);
}
END_TEST

/* Without memory there is no generation, and that which runs is as it was. */
START_TEST(want_of_memory_changes_nothing)
{
    static const char *const file = "middleware: {a: {plain: {}}, b: {origin: {allow: [x]}}}\n";
    struct generation *before = make(file, SERVERS, NULL), *after = NULL;

    settings_fill_host(&host);
    for (size_t n = 1; after == NULL; n++) {
        struct settings *settings =
            settings_load_text("/f",
                               STR(REST "middleware: {a: {plain: {}}, b: {origin: {allow: [y]}}}\n"
                                        SERVERS),
                               fake_modules, &host, stderr);
        failing_memory_arm(n);
        after = generation_new(settings, WORKERS, before);
        ck_assert_int_ne(failing_memory_disarm(), after != NULL);
        ck_assert_int_eq(fake_instances, after != NULL ? 3 : 2);
        ck_assert_uint_eq(before->instances[0]->generations, after != NULL ? 2 : 1);
    }
    generation_end(after);
    generation_end(before);
    ck_assert_int_eq(fake_instances, 0);
}
END_TEST

START_TEST(loads_go_on_by_name_and_address)
{
    struct generation *one =
        make("", "backends: {b: {servers: [127.0.0.1:2, 127.0.0.1:3]}}\n", NULL);
    struct pool_tries tries = {0};
    struct load *load = pool_take(&one->pools[0], &tries)->load;
    bool first = load == one->pools[0].servers[0].load;
    struct generation *two = make("",
                                  "backends: {c: {servers: [127.0.0.1:2]}, b: {servers: "
                                  "[127.0.0.1:4, 127.0.0.1:3, 127.0.0.1:2]}}\n",
                                  one);
    struct server *servers = two->pools[1].servers;

    ck_assert_uint_eq(load_connections(two->pools[0].servers[0].load), 0);
    ck_assert_uint_eq(load_connections(servers[0].load), 0);
    ck_assert_ptr_eq(servers[first ? 2 : 1].load, load);
    ck_assert_uint_eq(load_connections(load), 1);
    leave(one);
    ck_assert_uint_eq(load_connections(load), 1);
    leave(two);
    ck_assert_uint_eq(load_connections(load), 1); /* the connection still has it */
    pool_give(load);
}
END_TEST

Suite *
generation_suite(void)
{
    Suite *s = suite_create("generation");
    TCase *tc = tcase_create("generation");

    tcase_add_loop_test(tc, an_instance_goes_on_where_it_is_defined_alike, 0, COUNT_OF(alike));
    tcase_add_test(tc, what_is_in_its_files_counts);
    tcase_add_test(tc, an_instance_ends_after_its_residents);
    tcase_add_test(tc, many_leave_nothing);
    tcase_add_test(tc, want_of_memory_changes_nothing);
    tcase_add_test(tc, loads_go_on_by_name_and_address);
    suite_add_tcase(s, tc);
    return s;
}
